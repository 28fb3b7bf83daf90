"""Estimators for scikit-learn: autoencoders in pipelines, grid searches and column transformers."""

from isthmus.sklearn.denoiser import AutoencoderDenoiser
from isthmus.sklearn.density import AutoencoderDensity
from isthmus.sklearn.detector import AutoencoderDetector
from isthmus.sklearn.imputer import AutoencoderImputer
from isthmus.sklearn.transformer import AutoencoderTransformer

__all__ = [
    "AutoencoderDenoiser",
    "AutoencoderDensity",
    "AutoencoderDetector",
    "AutoencoderImputer",
    "AutoencoderTransformer",
]

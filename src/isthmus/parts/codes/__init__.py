"""The codes: what the encoder's features become before the decoder sees them."""

from isthmus.parts.codes.code import Code, CodeKind
from isthmus.parts.codes.gaussian import DiagonalGaussian, GaussianCode
from isthmus.parts.codes.plain import Plain
from isthmus.parts.codes.quantised import Fsq, Rvq, Vq
from isthmus.parts.codes.top_k import TopK

__all__ = ["Code", "CodeKind", "DiagonalGaussian", "Fsq", "GaussianCode", "Plain", "Rvq", "TopK", "Vq"]

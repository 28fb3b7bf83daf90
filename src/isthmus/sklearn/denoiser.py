"""The denoiser: samples without their noise."""

from typing import Any, Self

from sklearn.base import OneToOneFeatureMixin, TransformerMixin

from isthmus.data import Data
from isthmus.sklearn.base import AutoencoderEstimator


class AutoencoderDenoiser(OneToOneFeatureMixin, TransformerMixin, AutoencoderEstimator):
    """Removes noise: the model learns to reconstruct the X in `fit` from damaged copies of it.

        clean = AutoencoderDenoiser().fit(X_clean).transform(X_noisy)

    recipe: one with a corruption. "auto" takes "denoising" for a table of numbers, whose noise has a standard deviation
        of 0.5 in units of the column's own (`options={"sigma": 0.2}`); "table" for a table with categories or missing
        values, which hides cells; "denoise" for pictures.

    The other parameters, and the attributes after `fit`, are those of `AutoencoderTransformer`.

    Source: Vincent et al., Stacked denoising autoencoders, JMLR 11 (2010).
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Train for one epoch on X, which is a part of the data; the scaling is learnt from the first part."""
        self._validate_params()
        self._learn_part(X, sample_weight)
        return self

    def transform(self, X: Any) -> Any:
        """X without its noise, in the form of X; missing values are filled in.

        A data frame with columns that aren't numbers stays a data frame; any other becomes an array.
        """
        return self._remade(self._ready(X), "reconstruct")

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """The share of the variance of X that the reconstruction explains: 1 is exact, 0 no better than the mean."""
        return self._explained(X, sample_weight)

    def _usual(self, data: Data) -> str:
        if data.kind == "pictures":
            return "denoise"
        usual = super()._usual(data)
        return "denoising" if usual == "deep" else usual

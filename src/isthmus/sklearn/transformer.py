"""The transformer: codes as features, and back."""

from typing import Any, Self

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from isthmus.sklearn.base import AutoencoderEstimator, numpy_of
from isthmus.sklearn.inputs import as_given, pieces


class AutoencoderTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, AutoencoderEstimator):
    """Codes of an autoencoder as features.

        features = AutoencoderTransformer(code=8).fit_transform(X)

    recipe: the name of a recipe (`isthmus.recipes()`), or a `Blueprint`. "auto" takes "table" for a table with
        categories or missing values, and "deep" otherwise.
    code: the number of latent dimensions. widths: of the hidden layers, from the input to the code. "auto" chooses from
        the data.
    epochs, batch_size, learning_rate, patience: settings of the training (`isthmus.training.Settings`). If the epochs
        are "auto", they and those of the others that are "auto" are chosen from model and data; otherwise the others
        have the defaults of `Settings`. patience=None: no early stopping.
    validation_fraction: the share of X on which early stopping and the best weights are decided.
    device: where to compute: "auto", "cpu", "cuda" or "mps".
    options: further options of the recipe, by name: `{"activation": "gelu", "corruption": "masking"}`.
    settings: further settings of the training, by name: `{"optimiser": "adamw", "weight_decay": 1e-4}`.
    reading: how X is read (`isthmus.data.Options`), by name: `{"types": {"zip": "category"}}`; and its `scaling`, as
        for `isthmus.open_data`.
    warm_start: whether `fit` continues the training of the fitted model.
    random_state: the seed of the division, the weights and all draws; None for a new one at each call of `fit`.
    verbose: whether to show a progress bar and the chosen settings.

    After `fit`:

    run_: the run, with everything that Isthmus can do with it (`run_.report()`). n_iter_: the trained epochs.
    n_features_in_: the number of columns of X. feature_names_in_: their names, if X was a data frame with names.

    Source: Hinton & Salakhutdinov, Reducing the dimensionality of data with neural networks, Science 313 (2006).
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Train for one epoch on X, which is a part of the data; the scaling is learnt from the first part.

        The arguments are those of `fit`.
        """
        self._validate_params()
        self._learn_part(X, sample_weight)
        return self

    def transform(self, X: Any) -> Any:
        """(n_samples, code) codes of X."""
        X = self._ready(X)
        run = self._fitted.precise
        codes = [numpy_of(run.encode(self._samples(part)).flatten(1)) for part in pieces(X)]
        return np.concatenate(codes).astype(as_given(X), copy=False)

    def inverse_transform(self, X: Any) -> Any:
        """(n_samples, code) codes back to samples in the units and the form of the X in `fit`."""
        check_is_fitted(self)
        codes = np.asarray(X, dtype=np.float64)
        return self._of_model(self.run_.decode(torch.from_numpy(codes).float()))

    def reconstruct(self, X: Any) -> Any:
        """X as the model reconstructs it, in the form of X.

        A data frame with columns that aren't numbers stays a data frame; any other becomes an array.
        """
        return self._remade(self._ready(X), "reconstruct")

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """The share of the variance of X that the reconstruction explains: 1 is exact, 0 no better than the mean."""
        return self._explained(X, sample_weight)

    @property
    def _n_features_out(self) -> int:
        return int(np.prod(self.run_.model.code_shape))

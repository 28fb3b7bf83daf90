"""The density: log-likelihoods of rows, and new rows."""

from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import DensityMixin
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from isthmus.data import Data
from isthmus.measures import log_density, log_likelihood
from isthmus.model.blueprint import Blueprint
from isthmus.sklearn.base import AutoencoderEstimator, Constraints, numpy_of, seed_of
from isthmus.sklearn.inputs import pieces
from isthmus.uses.sample import sample


class AutoencoderDensity(DensityMixin, AutoencoderEstimator):
    r"""The density of the data: log p(x) in nats, and new samples.

        density = AutoencoderDensity().fit(X)
        density.score_samples(X_new), density.sample(100)

    recipe: one with a likelihood. "auto" takes "table-vae" for tables and "vae" for other samples.
    n_draws: the draws of the code by which log p(x) is estimated (importance weighting). More draws make the estimate
        better; on average it is a lower bound.

    The other parameters, and the attributes after `fit`, are those of `AutoencoderTransformer`.

    Source: Kingma & Welling, Auto-encoding variational Bayes, ICLR (2014); Burda, Grosse & Salakhutdinov, Importance
    weighted autoencoders, ICLR (2016).
    """

    _parameter_constraints: ClassVar[Constraints] = {
        **AutoencoderEstimator._parameter_constraints,
        "n_draws": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        recipe: str | Blueprint = "auto",
        *,
        n_draws: int = 100,
        code: int | str = "auto",
        widths: Any = "auto",
        epochs: int | str = "auto",
        batch_size: int | str = "auto",
        learning_rate: float | str = "auto",
        patience: int | str | None = "auto",
        validation_fraction: float = 0.1,
        device: str = "auto",
        options: dict[str, Any] | None = None,
        settings: dict[str, Any] | None = None,
        reading: dict[str, Any] | None = None,
        warm_start: bool = False,
        random_state: Any = 0,
        verbose: bool | int = False,
    ) -> None:
        super().__init__(
            recipe,
            code=code,
            widths=widths,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            patience=patience,
            validation_fraction=validation_fraction,
            device=device,
            options=options,
            settings=settings,
            reading=reading,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
        )
        self.n_draws = n_draws

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Train for one epoch on X, which is a part of the data; the scaling is learnt from the first part."""
        self._validate_params()
        self._learn_part(X, sample_weight)
        return self

    def score_samples(self, X: Any) -> np.ndarray:
        """(n_samples,) log p(x) in nats.

        It is a density in the units of X. Categories count with their probability. A model of bytes, such as grey
        values from 0 to 255, gives a probability.
        """
        X = self._ready(X)
        model = self._fitted.precise.model
        found = []
        for part in pieces(X):
            samples = self._samples(part)
            nats = log_likelihood(model, samples, draws=self.n_draws, shared=True).per_sample
            found.append(numpy_of(log_density(model, nats, samples)))
        return np.concatenate(found)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:  # pyright: ignore[reportIncompatibleMethodOverride] the mixin returns nothing
        """The mean of `score_samples`."""
        return float(np.average(self.score_samples(X), weights=sample_weight))

    def sample(self, n_samples: int = 1, random_state: Any = 0) -> Any:
        """`n_samples` new samples in the form of the X in `fit`; the same `random_state` gives the same ones."""
        check_is_fitted(self)
        return self._of_model(sample(self.run_, n_samples, seed=seed_of(random_state)).values)

    def _usual(self, data: Data) -> str:
        return "table-vae" if data.kind == "table" else "vae"

"""What all estimators share: their parameters, how they learn, and how they read X as in training."""

import warnings
from dataclasses import replace
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted
from torch import Tensor

from isthmus.data import Data, Samples, open_data, read_samples
from isthmus.data.containers import is_table
from isthmus.data.frames import framed
from isthmus.data.missing import holed
from isthmus.errors import DataError, Remark, remark
from isthmus.fitting import fit
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.blueprint import Blueprint
from isthmus.model.recipes import recipe as named_recipe
from isthmus.model.recipes import usual_recipe
from isthmus.run import Run
from isthmus.sklearn.explained import explained_share
from isthmus.sklearn.fitted import Fitted
from isthmus.sklearn.frames import as_output, head_of, of_bytes, to_bytes
from isthmus.sklearn.inputs import as_given, channels_last, checked, laid_out, pieces
from isthmus.sklearn.moments import Moments
from isthmus.sklearn.saving import read, write
from isthmus.sklearn.weights import rows_for

COUNT = [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")]
NAMED = ("epochs", "batch_size", "learning_rate", "patience")
"""Parameters that are settings of `isthmus.fit`."""
LEAST_DIVIDED = 3
"""Samples from which some are held back for validation."""
Constraints = dict[str, list[Any]]


class AutoencoderEstimator(BaseEstimator):
    """The base of the estimators; see `AutoencoderTransformer` for the parameters."""

    _parameter_constraints: ClassVar[Constraints] = {
        "recipe": [str, Blueprint],
        "code": COUNT,
        "widths": [StrOptions({"auto"}), "array-like"],
        "epochs": COUNT,
        "batch_size": COUNT,
        "learning_rate": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "patience": [*COUNT, None],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "device": [str],
        "options": [dict, None],
        "settings": [dict, None],
        "reading": [dict, None],
        "warm_start": ["boolean"],
        "random_state": ["random_state", np.random.Generator],
        "verbose": ["verbose"],
    }

    run_: Run
    n_features_in_: int

    def __init__(
        self,
        recipe: str | Blueprint = "auto",
        *,
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
        self.recipe = recipe
        self.code = code
        self.widths = widths
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.device = device
        self.options = options
        self.settings = settings
        self.reading = reading
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from X.

        X: (n_samples, n_features) an array, a sparse matrix or a data frame; or pictures (n_samples, height, width) or
            (n_samples, height, width, channels).
        y: ignored.
        sample_weight: (n_samples,) weights; a sample with weight 2 counts as two samples.

        Raises:
            ValueError: X, a weight or a parameter is invalid.
            TrainingError: the loss is no longer finite.
        """
        self._validate_params()
        self._learn(X, sample_weight, goes_on=self.warm_start)
        return self

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Save the fitted estimator in a folder, and return the folder; no pickle is involved.

        The folder is that of a run, too: `isthmus.load` and every command take it.

        overwrite: replace a run that is there.

        Raises:
            RunError: the folder has a run already; or a parameter is an object that can't be saved.
        """
        check_is_fitted(self)
        params = self.get_params(deep=False)
        if not isinstance(self.random_state, Integral | None):
            params["random_state"] = self.run_.settings.seed
        learnt = {name: value for name, value in vars(self).items() if name in self._saved or _is_learnt(name)}
        learnt = {name: value for name, value in learnt.items() if name != "run_"}
        if self._frame is not None:
            learnt |= to_bytes(self._frame)
        name = type(self).__name__
        return write(path, name, self.run_, params, learnt, data=self._keeps_data, overwrite=overwrite)

    @classmethod
    def load(cls, path: str | Path, *, device: str = "auto") -> Self:
        """Load an estimator that `save` wrote.

        device: where to compute from now on.

        Raises:
            RunError: the folder has no estimator of this class, or a damaged one.
        """
        run, params, learnt = read(path, cls.__name__, device)
        made = cls(**params)
        made._frame = of_bytes(learnt)
        vars(made).update(learnt)
        made.run_, made._fitted = run, made._made(run)
        return made

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "run_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        tags.input_tags.three_d_array = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        own: Any = super().__getstate__()
        state: dict[str, Any] = dict(own)
        if "run_" in state:  # only a detector needs the data after fit
            run = state["run_"] if self._keeps_data else replace(state["run_"], data=None)
            state |= {"run_": run, "_fitted": replace(self._fitted, run=run)}
        return state

    _keeps_data: ClassVar[bool] = False
    """Whether the data are saved and pickled with the estimator."""
    _saved: ClassVar[tuple[str, ...]] = ("_last", "_sklearn_output_config")
    """Further attributes that are saved."""
    _fitted: Fitted

    def _usual(self, data: Data) -> str:
        """The name of the recipe for recipe="auto"."""
        return usual_recipe(data)

    def _own_options(self) -> dict[str, Any]:
        """Options of the recipe that this estimator needs."""
        return {}

    def _made(self, run: Run) -> Fitted:
        """The fitted part of the estimator."""
        return Fitted(run)

    def _learn(
        self,
        X: Any,
        sample_weight: Any = None,
        *,
        goes_on: bool = False,
        settings: dict[str, Any] | None = None,
        moments: Moments | None = None,
    ) -> tuple[Samples, np.ndarray]:
        """Train, and set `run_` and `n_iter_`; return the samples of X in order, and the rows that were learnt.

        goes_on: continue the training of a fitted model. settings: instead of those of the parameters. moments: carries
        the optimiser's state from one part of the data to the next; all of a part is then trained on.
        """
        before = self.run_ if goes_on and hasattr(self, "run_") else None
        X = self._given(X, reset=before is None, least=2)
        X, sample_weight = self._learnable(X, sample_weight)
        seed = seed_of(self.random_state)
        samples = self._samples(X) if before is not None else read_samples(X, **self._reading())
        if len(samples) != _rows(X):
            raise DataError(
                f"X has {_rows(X)} rows, but is read as {len(samples)} samples: expected one for each row. Leave out "
                "options in reading= that drop rows or cut them into windows."
            )
        rows = rows_for(samples, X, sample_weight, seed)
        settings = settings or self._settings()
        validation = self.validation_fraction if moments is None else 0.0
        data = self._divided(samples.take(rows), validation, seed)
        model = self._built(data, seed) if before is None else before.model
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Remark)
            carried = [] if moments is None else [moments]
            seed += 0 if before is None else len(before.history)
            run = fit(model, data, progress=bool(self.verbose), callbacks=carried, **settings, seed=seed)
        if run.status == "interrupted":
            remark(f"Training was interrupted after {len(run.history)} epochs. The best weights so far are kept.")
        if before is not None:
            done = len(before.history)
            rest = [row | {"epoch": row["epoch"] + done} for row in run.history]
            run = replace(run, description=before.description, history=[*before.history, *rest])
        self.run_, self.n_iter_, self._fitted = run, len(run.history), self._made(run)
        if before is None:
            self._frame = head_of(X) if is_table(X) else None
            self._last = isinstance(X, np.ndarray) and channels_last(X, samples)
        return samples, rows

    def _learn_part(self, X: Any, sample_weight: Any) -> None:
        """Train for one epoch on X."""
        kept = getattr(self, "_moments", None) or Moments()
        settings = self._settings() | {"epochs": 1, "patience": None}
        self._learn(X, sample_weight, goes_on=True, settings=settings, moments=kept)
        self._moments = kept

    def _given(self, X: Any, *, reset: bool, least: int = 1) -> Any:
        """X after scikit-learn's checks."""
        return checked(self, X, reset=reset, least=least)

    def _reading(self) -> dict[str, Any]:
        """How X is read: with its missing values."""
        return {"kind": "pictures" if hasattr(self, "sample_shape_") else None} | self._reading_again()

    def _learnable(self, X: Any, sample_weight: Any) -> tuple[Any, Any]:
        """The rows of X from which the model learns, and their weights."""
        return X, sample_weight

    def _settings(self) -> dict[str, Any]:
        """The settings of `isthmus.fit` that are given."""
        given = {name: getattr(self, name) for name in NAMED}
        return {name: value for name, value in given.items() if value != "auto"} | self._always()

    def _always(self) -> dict[str, Any]:
        return {"device": self.device} | (self.settings or {})

    def _divided(self, samples: Samples, validation: float, seed: int) -> Data:
        """The samples in a training and a validation part."""
        validation = validation if len(samples) >= LEAST_DIVIDED else 0.0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Remark)  # repeated samples are in both parts
            scaling = (self.reading or {}).get("scaling", "auto")
            return open_data(samples, validation=validation, test=0.0, seed=seed, scaling=scaling, **self._reading())

    def _built(self, data: Data, seed: int) -> Autoencoder:
        given = {name: getattr(self, name) for name in ("code", "widths")}
        options = {name: value for name, value in given.items() if not _is_auto(value)}
        options = self._own_options() | options | (self.options or {})
        blueprint = self.recipe
        if not isinstance(blueprint, Blueprint):
            blueprint = named_recipe(self._usual(data) if blueprint == "auto" else blueprint)
        return blueprint.with_options(**options).build(data, seed=seed, remarks=False)

    def _ready(self, X: Any) -> Any:
        """X after the checks of a fitted estimator."""
        check_is_fitted(self)
        return self._given(X, reset=False)

    def _remade(self, X: Any, use: str, **words: Any) -> Any:
        """Reconstructions of X, or X filled in, in the form of X. use: the method of the run, with its `words`."""
        run = self._fitted.precise

        def made(source: Any, **reading: Any) -> Any:
            found = getattr(run, use)(source, **words, **reading)
            return found[0] if isinstance(found, list) else found

        if is_table(X):
            self._samples(X)
            return as_output(made(X, **self._reading_again()), self)
        parts = [numpy_of(made(self._samples(part))) for part in pieces(X)]
        return self._laid_out(np.concatenate(parts)).astype(as_given(X), copy=False)

    def _of_model(self, values: Tensor) -> Any:
        """(N, *shape) samples of the model in the form of the X in fit."""
        if self._frame is not None:
            return as_output(framed(values, self._frame, like=self.run_.description), self)
        return self._laid_out(numpy_of(values)).astype(np.float64)

    def _laid_out(self, values: np.ndarray) -> np.ndarray:
        shape = getattr(self, "sample_shape_", (self.n_features_in_,))
        return laid_out(values, shape, last=self._last)

    def _explained(self, X: Any, sample_weight: Any) -> float:
        """The share of the variance of X that the reconstruction explains."""
        X = self._ready(X)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        return explained_share(self._fitted.precise.model, self._samples(X), weights)

    def _reading_again(self) -> dict[str, Any]:
        """How X is read for a fitted model, in addition to what is known from training."""
        given = {name: value for name, value in (self.reading or {}).items() if name != "scaling"}
        return {"missing": "keep"} | given

    def _samples(self, X: Any) -> Samples:
        """The samples of X as in training.

        Raises:
            ValueError: they have missing values, and the model takes none.
        """
        samples = read_samples(X, like=self.run_.description, **self._reading_again())
        if not self.run_.model.conditioning.mask and (count := holed(samples)):
            raise DataError(
                f"X has missing values (NaN) in {count} of {len(samples)} rows, but there were none in fit, so "
                f"{type(self).__name__} was built without them. Set options={{'missing': 'mask'}} and fit again, or "
                "fill them first, for example with AutoencoderImputer."
            )
        return samples


def seed_of(random_state: Any) -> int:
    """The seed of a run: a whole number as it is, a draw of a generator, or a new one for None."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0]) % 2**31
    if isinstance(random_state, Integral):
        return int(random_state)
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31))
    return int(check_random_state(random_state).randint(2**31 - 1))


def _rows(X: Any) -> int:
    return X.shape[0] if hasattr(X, "shape") else len(X)


def _is_auto(value: Any) -> bool:
    return isinstance(value, str) and value == "auto"


def _is_learnt(name: str) -> bool:
    return name.endswith("_") and not name.startswith("_")


def numpy_of(made: Tensor) -> np.ndarray:
    """A result as an array."""
    return made.detach().cpu().numpy()

"""The imputer: missing values, filled in by a model of whole rows."""

import math
from numbers import Integral, Number
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import torch
from sklearn.base import TransformerMixin
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from isthmus.data import Data, Samples
from isthmus.data.arrays import is_sparse
from isthmus.data.arrow_tables import arrow_table
from isthmus.data.containers import is_table
from isthmus.data.frames import as_frame
from isthmus.data.schema.column import is_number
from isthmus.data.tables import without_index
from isthmus.model.blueprint import Blueprint
from isthmus.sklearn.base import AutoencoderEstimator, Constraints, seed_of
from isthmus.sklearn.frames import cells_of


class AutoencoderImputer(TransformerMixin, AutoencoderEstimator):
    """Fills in missing values; each is predicted from the other columns of its row.

        whole = AutoencoderImputer().fit_transform(X)
        several = AutoencoderImputer().fit(X).draw(X, 20)   # multiple imputation

    recipe: "auto" takes "table" for tables; for pictures and series the usual one, with a mask of the missing values.
    missing_values: the sign of a missing value. NaN, None and pandas' NA always count as missing, too.
    add_indicator: whether to add columns of true and false that mark the missing values, for the columns with missing
        values in `fit`.
    keep_empty_features: whether a column without any value in `fit` is kept, filled with 0; otherwise it is left out.

    The other parameters, and the attributes after `fit`, are those of `AutoencoderTransformer`.

    Source: Gondara & Wang, MIDA: multiple imputation using denoising autoencoders, PAKDD (2018).
    """

    _parameter_constraints: ClassVar[Constraints] = {
        **AutoencoderEstimator._parameter_constraints,
        "missing_values": [Number, str, None],
        "add_indicator": ["boolean"],
        "keep_empty_features": ["boolean"],
    }
    _empty: np.ndarray
    """(n_features_in_,) which columns had no value in fit."""
    _holed: np.ndarray
    """(n_features_in_,) which columns had missing values in fit, and are kept."""
    _saved: ClassVar[tuple[str, ...]] = (*AutoencoderEstimator._saved, "_empty", "_holed")

    def __init__(
        self,
        recipe: str | Blueprint = "auto",
        *,
        missing_values: Any = np.nan,
        add_indicator: bool = False,
        keep_empty_features: bool = False,
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
        self.missing_values = missing_values
        self.add_indicator = add_indicator
        self.keep_empty_features = keep_empty_features

    def transform(self, X: Any) -> Any:
        """X with its missing values filled in, in the form of X; other values are unchanged.

        A data frame with columns that aren't numbers stays a data frame; any other becomes an array.
        """
        return self._filled(self._ready(X))

    def draw(self, X: Any, n_draws: int = 20, random_state: Any = 0) -> list[Any]:
        """X filled in `n_draws` times, each missing value drawn from its distribution given the rest of the row.

        This is multiple imputation: the results differ by as much as the missing values are uncertain. The same
        `random_state` gives the same draws.

        Raises:
            ValueError: `n_draws` is less than 1.
            UseError: X has no rows of a table.
        """
        X = self._ready(X)
        if not isinstance(n_draws, Integral) or n_draws < 1:
            raise ValueError(f"n_draws is {n_draws!r}: expected a whole number from 1.")
        generator = torch.Generator().manual_seed(seed_of(random_state))
        return [self._filled(X, draws=1, seed=generator) for _ in range(n_draws)]

    def _filled(self, X: Any, **words: Any) -> Any:
        made = self._with_given(self._remade(X, "fill", **words), X)
        if self.keep_empty_features and self._empty.any():
            made = self._with_empty(made)
        return self._with_indicator(made, X) if self.add_indicator else made

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """(n_features_out,) the names of the columns, then those of the indicators.

        input_features: names for an X that had none in `fit`.
        """
        check_is_fitted(self)
        names: Any = _check_feature_names_in(self, input_features)
        kept = names if self.keep_empty_features else names[~self._empty]
        added = [f"missingindicator_{name}" for name in names[self._holed]] if self.add_indicator else []
        return np.array([*kept, *added], dtype=object)

    def _given(self, X: Any, *, reset: bool, least: int = 1) -> Any:
        """X without the columns that are empty in fit, and with NaN for the sign of a missing value."""
        X = self._marked(super()._given(X, reset=reset, least=least))
        if len(np.shape(X)) > 2:
            self._empty = self._holed = np.zeros(self.n_features_in_, dtype=bool)
            return X
        if reset:
            mask: Any = _missing(X, self._codes())
            self._empty = mask.all(0)
            self._holed = mask.any(0) & (~self._empty | self.keep_empty_features)
            if self._empty.all():
                raise ValueError("X has no value in any column: expected some to learn from.")
        return X if not self._empty.any() else _columns(X, np.flatnonzero(~self._empty))

    def _learnable(self, X: Any, sample_weight: Any) -> tuple[Any, Any]:
        """X and the weights without rows that have no value, from which there is nothing to learn."""
        if len(np.shape(X)) > 2 or is_sparse(X):
            return X, sample_weight
        empty = _missing(X, self._codes()).all(1)
        if not empty.any():
            return X, sample_weight
        rows = np.flatnonzero(~empty)
        return _rows(X, rows), None if sample_weight is None else np.asarray(sample_weight)[rows]

    def _reading_again(self) -> dict[str, Any]:
        codes = {"na_values": tuple(map(str, self._codes()))} if self._codes() else {}
        return super()._reading_again() | codes

    def _learn(self, X: Any, sample_weight: Any = None, **words: Any) -> tuple[Samples, np.ndarray]:
        made = super()._learn(X, sample_weight, **words)
        self.run_.fill(self.run_.open().train.take([0]))  # what filling needs is learnt while the data are here
        return made

    def _usual(self, data: Data) -> str:
        return "table" if data.kind == "table" else super()._usual(data)

    def _own_options(self) -> dict[str, Any]:
        return {"missing": "mask"}

    def _laid_out(self, values: np.ndarray) -> np.ndarray:
        return super()._laid_out(values) if hasattr(self, "sample_shape_") else values

    def _codes(self) -> tuple[Any, ...]:
        """Signs of missing values other than NaN and None."""
        value = self.missing_values
        return () if value is None or (isinstance(value, float) and math.isnan(value)) else (value,)

    def _marked(self, X: Any) -> Any:
        """An array with NaN for the sign of a missing value; a data frame as it is."""
        if is_table(X) or is_sparse(X) or not self._codes() or isinstance(self.missing_values, str):
            return X
        return np.where(np.asarray(X) == self.missing_values, np.nan, X)

    def _with_given(self, made: Any, X: Any) -> Any:
        """With the known numbers of X as they are, which the model takes as float32."""
        if is_sparse(X):
            X = X.toarray()
        if not is_table(X):
            return np.where(np.isnan(X), made, X) if np.asarray(X).dtype.kind == "f" else made
        given, codes = without_index(arrow_table(X, "X")), self._codes()
        if isinstance(made, np.ndarray) and made.dtype == object:
            return np.where(_missing(X, codes), made, cells_of(given))
        if isinstance(made, np.ndarray):
            known = [_numbers(given[place], codes) for place in range(given.num_columns)]
            return np.column_stack([_over(own, each) for own, each in zip(known, made.T, strict=True)])
        table = without_index(arrow_table(made, "X"))
        for place, name in enumerate(table.column_names):
            own = given[name]
            if pa.types.is_floating(table.schema.types[place]) and is_number(own.type):
                values = _over(_numbers(own, codes), table[name].to_numpy())
                table = table.set_column(place, name, pa.array(values, from_pandas=True))
        return as_frame(table, made)

    def _with_empty(self, made: Any) -> Any:
        """With the columns that were empty in fit, filled with 0."""
        places = np.flatnonzero(~self._empty)
        if isinstance(made, np.ndarray):
            whole = np.zeros((len(made), len(self._empty)), made.dtype)
            whole[:, places] = made
            return whole
        table = without_index(arrow_table(made, "X"))
        names: Any = _check_feature_names_in(self)
        zeros = pa.array(np.zeros(len(made)))
        return as_frame(pa.table({n: zeros if e else table[n] for n, e in zip(names, self._empty, strict=True)}), made)

    def _with_indicator(self, made: Any, X: Any) -> Any:
        """With a column of true and false for each column that had missing values in fit."""
        mask = np.zeros((len(made), self.n_features_in_), dtype=bool)
        mask[:, ~self._empty] = _missing(X, self._codes())
        mask[:, self._empty] = self.keep_empty_features
        mask = mask[:, self._holed]
        if isinstance(made, np.ndarray):
            return np.hstack([made, mask.astype(made.dtype)])
        table = without_index(arrow_table(made, "X"))
        names: Any = _check_feature_names_in(self)
        for name, column in zip(names[self._holed], mask.T, strict=True):
            table = table.append_column(f"missingindicator_{name}", pa.array(column))
        return as_frame(table, made)


def _missing(X: Any, codes: tuple[Any, ...]) -> np.ndarray:
    """(rows, columns) True where a value is missing."""
    if is_sparse(X):
        X = X.tocsc()
        mask = np.zeros(X.shape, dtype=bool)
        rows, columns = X.nonzero()
        holed = np.isnan(np.asarray(X[rows, columns]).ravel())
        mask[rows[holed], columns[holed]] = True
        return mask
    if not is_table(X):
        return np.isnan(X) if np.asarray(X).dtype.kind == "f" else np.zeros(np.shape(X), dtype=bool)
    table = without_index(arrow_table(X, "X"))
    return np.column_stack([_missing_cells(column, codes) for column in table.columns])


def _missing_cells(column: pa.ChunkedArray, codes: tuple[Any, ...]) -> np.ndarray:
    mask = np.asarray(column.is_null(nan_is_null=True))
    if codes:
        mask = mask | np.isin(np.asarray(column.to_pylist(), dtype=object), codes)
    return mask


def _numbers(column: pa.ChunkedArray, codes: tuple[Any, ...]) -> np.ndarray:
    """(rows,) a column's numbers, NaN for missing ones."""
    numbers = column.cast(pa.float64(), safe=False).to_numpy().copy()
    numbers[_missing_cells(column, codes)] = np.nan
    return numbers


def _over(known: np.ndarray, made: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(known), made.astype(np.float64), known)


def _columns(X: Any, places: np.ndarray) -> Any:
    """These columns of X."""
    if isinstance(X, pa.Table):
        return X.select(places.tolist())
    return _safe_indexing(X, places, axis=1)


def _rows(X: Any, rows: np.ndarray) -> Any:
    return X.take(rows) if isinstance(X, pa.Table) else _safe_indexing(X, rows)

"""The rivals of the benchmark of imputation: each fills the holes of a data frame of numbers and categories."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer

TREES, ROUNDS = 100, 10
"""Of the forests: those of missForest."""

Imputer = Callable[[pd.DataFrame, int], pd.DataFrame]
"""A data frame with holes, and a seed, to the same without holes. Columns that aren't numbers are categories."""


def mean(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The mean of a number, the most frequent category."""
    return frame.fillna({str(name): _usual(column) for name, column in frame.items()})


def iterative(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """scikit-learn's `IterativeImputer`: Bayesian ridge regressions of each column on the others."""
    return _as_numbers(frame, IterativeImputer(random_state=seed))


def knn(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """scikit-learn's `KNNImputer`: the mean of the five nearest rows."""
    return _as_numbers(frame, KNNImputer())


def forest(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """missForest: a random forest for each column, again and again until the filled values stop settling.

    Source: Stekhoven & Bühlmann, MissForest: non-parametric missing value imputation for mixed-type data,
    Bioinformatics 28 (2012), with its defaults: 100 trees, the root of the columns at each split, 10 rounds.
    R's nodes of 5 rows that aren't split any more are about as large as leaves of 3 rows.
    """
    filled = mean(frame, seed)
    order = frame.isna().sum().sort_values(kind="stable").index
    before, last = filled, (np.inf, np.inf)
    for round_ in range(ROUNDS):
        before, filled = filled, filled.copy()
        for name in order:
            if not (hidden := frame[name].isna().to_numpy()).any():
                continue
            others = pd.get_dummies(filled.drop(columns=name), dtype=float).to_numpy()
            own = {"n_estimators": TREES, "max_features": "sqrt", "random_state": seed + round_}
            numeric = _numeric(frame[name])
            trees = RandomForestRegressor(min_samples_leaf=3, **own) if numeric else RandomForestClassifier(**own)
            trees.fit(others[~hidden], frame[name][~hidden])
            filled.loc[hidden, name] = trees.predict(others[hidden])
        change = _change(before, filled, frame)
        if change[0] >= last[0] and change[1] >= last[1]:
            return before
        last = (change[0] if change[0] < last[0] else last[0], change[1] if change[1] < last[1] else last[1])
    return filled


RIVALS: dict[str, Imputer] = {"mean/mode": mean, "iterative": iterative, "knn": knn, "forest": forest}


def _as_numbers(frame: Any, imputer: "IterativeImputer | KNNImputer") -> pd.DataFrame:
    """Filled by an imputer of numbers: standardised columns, and an indicator for each category but the first.

    With an indicator for the first one as well, each would follow from the others, and regressions learn only that.
    """
    centre, scale = frame.mean(numeric_only=True), frame.std(numeric_only=True).replace(0, 1)
    numbers = (frame[centre.index] - centre) / scale
    others = [name for name in frame if name not in centre.index]
    dummies = [pd.get_dummies(frame[name], dtype=float) for name in others]
    parts = [numbers, *(each.where(frame[name].notna(), np.nan) for name, each in zip(others, dummies, strict=True))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        given = pd.concat([numbers, *(each.iloc[:, 1:] for each in parts[1:])], axis=1)
        made: Any = imputer.fit_transform(given.to_numpy())
    filled, start = frame.copy(), len(numbers.columns)
    values = pd.DataFrame(made[:, :start], frame.index, numbers.columns) * scale + centre
    filled[values.columns] = frame[values.columns].fillna(values)
    for name, indicators in zip(others, parts[1:], strict=True):
        own = made[:, start : start + indicators.shape[1] - 1]
        chosen = indicators.columns[np.column_stack([1 - own.sum(1), own]).argmax(1)]
        filled[name] = frame[name].fillna(pd.Series(chosen, frame.index))
        start += own.shape[1]
    return filled


def _change(before: pd.DataFrame, after: pd.DataFrame, frame: pd.DataFrame) -> tuple[float, float]:
    """How much two rounds differ: in numbers, and in categories (infinite if there are none), as in missForest."""
    numbers = [name for name in frame if _numeric(frame[name])]
    others = [name for name in frame if name not in numbers]
    squares = float(((after[numbers] - before[numbers]) ** 2).sum().sum() / (after[numbers] ** 2).sum().sum())
    holes = int(frame[others].isna().sum().sum())
    return squares, float((after[others] != before[others]).sum().sum() / holes) if holes else np.inf


def _numeric(column: Any) -> bool:
    return pd.api.types.is_numeric_dtype(column)


def _usual(column: Any) -> "float | str":
    return column.mean() if _numeric(column) else column.mode().iloc[0]

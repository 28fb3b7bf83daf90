"""Tables of odd sizes and contents train with the defaults alone, and tables that can't be learnt from are refused."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import isthmus as ist
from isthmus.errors import DataError, Remark
from isthmus.training import choice


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """So that a training by default takes a moment."""
    monkeypatch.setattr(choice, "LEAST_TABLE_SECONDS", 0.02)
    monkeypatch.setattr(choice, "TABLE_SECONDS", 0.02)


def drawn(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def fitted(values: Any, recipe: str = "deep", **options: Any) -> tuple[ist.Run, list[str]]:
    """The run, and the remarks on the way there."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", Remark)
        data = ist.open_data(values, kind="table", **options)
        run = ist.fit(ist.recipe(recipe).build(data), data, progress=False)
    return run, [str(one.message) for one in found]


def with_equal_columns(count: int) -> np.ndarray:
    values = drawn(count, 6)
    values[:, 3] = values[:, 2]
    return values


def with_equal_rows(count: int) -> np.ndarray:
    values = drawn(count, 4)
    values[1] = values[0]
    return values


@pytest.mark.parametrize("recipe", ["deep", "table", "vae", "table-vae"])
@pytest.mark.parametrize(
    "values",
    [drawn(10, 2), drawn(4, 3), drawn(12, 300), drawn(2000, 2), with_equal_columns(50), with_equal_rows(10)],
    ids=["10x2", "4x3", "12x300", "2000x2", "equal columns", "equal rows"],
)
def test_a_table_of_any_size_trains_without_a_remark(values, recipe):
    run, remarks = fitted(values, recipe)
    assert remarks == []
    assert run.model.code_shape[0] < values.shape[1]
    assert run.model.code_shape[0] <= max(1, len(run.open().train) // 4)
    assert np.isfinite(run.evaluate()["test"]["mse"]["model"])


@pytest.mark.parametrize("recipe", ["deep", "table", "vae", "table-vae"])
def test_equal_rows_and_constant_columns_train_with_one_remark_that_names_them(recipe):
    values = np.tile(np.arange(1, 5, dtype=np.float32), (50, 1))
    assert fitted(values, recipe)[1][0].startswith("Constant in the training part: columns 0, 1, 2, 3.")
    assert np.isfinite(fitted(values * 0, recipe)[0].evaluate()["test"]["mse"]["model"])
    mixed = drawn(50, 4)
    mixed[:, 2] = 7
    assert [words.split(".")[0] for words in fitted(mixed, recipe)[1]] == ["Constant in the training part: column 2"]


def test_a_single_training_row_is_not_a_table_of_constant_columns():
    remarks = fitted(drawn(3, 3))[1]
    assert remarks == ["The training part has only 1 row, so no column varies there. Give more rows."]


@pytest.mark.filterwarnings("ignore::isthmus.errors.Remark")
@pytest.mark.parametrize("values", [drawn(1, 3), pd.DataFrame({"a": [1.0], "b": [2.0]})], ids=["array", "frame"])
def test_a_table_of_one_row_is_refused(values):
    with pytest.raises(DataError, match=r"only 1 row \(1 sample\).*Give 2 or more"):
        fitted(values)


def test_a_table_whose_columns_are_all_left_out_is_refused():
    people = pd.DataFrame({"id": [f"user-{number:06d}" for number in range(200)]})
    with (
        pytest.warns(Remark, match="left out 'id'"),
        pytest.raises(DataError, match=r"no columns left to learn from\. Change columns="),
    ):
        ist.open_data(people)
    with pytest.raises(DataError, match="no columns left to learn from"):
        ist.open_data(pd.DataFrame({"a": np.arange(50.0)}), exclude=["a"])


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e39])
def test_infinite_values_are_named_with_the_ways_that_help(value):
    values = drawn(50, 4).astype(np.float64)
    values[3, 1] = value
    with pytest.raises(DataError) as error:
        ist.open_data(pd.DataFrame(values, columns=list("abcd")))
    assert "has infinite values in 1 of 50 samples (column 'b')" in str(error.value)
    assert "missing='drop'" in str(error.value)
    assert "'keep'" not in str(error.value)
    values[3, 1], values[4, 2] = np.nan, np.inf
    with pytest.raises(DataError, match="has NaN or infinite values in 2 of 50 samples"):
        ist.open_data(pd.DataFrame(values, columns=list("abcd")))

"""Columns of categories: numbers for their names, and names again."""

import numpy as np
import pyarrow as pa
import pytest
import torch

from isthmus.data import Samples, Scaling, open_data, read_samples, write_samples
from isthmus.errors import DataError, Remark


def pets(**columns) -> pa.Table:
    generator = np.random.default_rng(0)
    kinds = np.array(["dog", "cat", "eel"])[generator.integers(0, 3, 40)]
    given = {
        "kind": kinds,
        "weight": generator.normal(5, 2, 40),
        "tame": kinds != "eel",
        "legs": 4.0 * (kinds != "eel"),
    }
    return pa.table(given | columns)


def test_text_with_few_different_names_is_read_as_categories():
    assert read_samples(pets()).categories == read_samples(pets(), categorical="kind").categories


def test_text_and_truth_become_numbers_in_the_order_of_the_alphabet():
    table = pets()
    samples = read_samples(table, categorical="auto")
    assert samples.categories == (("cat", "dog", "eel"), (), ("false", "true"), ())
    names = [samples.categories[0][int(number)] for number in samples.tensor()[:, 0]]
    assert names == table["kind"].to_pylist()


def test_numbers_are_categories_where_they_are_named():
    samples = read_samples(pets(), categorical="kind,legs,tame")
    assert samples.categories[3] == ("0", "4")
    with pytest.raises(DataError, match=r"categorical='lags'.*Did you mean 'legs'"):
        read_samples(pets(), categorical=["lags"])


def test_dictionaries_of_pandas_and_arrow_are_text():
    kinds = pets()["kind"].dictionary_encode()
    assert read_samples(pets(kind=kinds), categorical="auto").categories[0] == ("cat", "dog", "eel")


def test_what_is_missing_stays_missing():
    kinds = pa.array([None, *pets()["kind"].to_pylist()[1:]])
    data = open_data(pets(kind=kinds), categorical="auto", missing="keep")
    assert data.description["holed"] != {"train": 0, "validation": 0, "test": 0}
    with pytest.raises(DataError, match="column 'kind'"):
        open_data(pets(kind=kinds), categorical="auto")


def test_filling_takes_the_most_frequent_category():
    kinds = pa.array([None] * 5 + ["dog"] * 20 + ["cat"] * 15)
    data = open_data(pets(kind=kinds), categorical="auto", missing="fill")
    assert data.description["fill"][0] == 1


def test_further_data_get_the_same_numbers():
    description = open_data(pets(), categorical="auto").description
    few = pa.table({"tame": [True], "legs": [4], "kind": ["eel"], "weight": [1.0]})
    assert read_samples(few, like=description).tensor()[0].tolist() == [2, 1, 1, 4]


def test_an_unknown_category_is_refused_or_a_number_of_its_own():
    description = open_data(pets(), categorical="auto").description
    with pytest.raises(DataError, match=r"'yak'.*does not know .it knows 'cat', 'dog', 'eel'.*missing='keep'"):
        read_samples(pets(kind=["yak"] * 40), like=description)
    with pytest.warns(Remark, match="'yak'.*treated as unknown"):
        samples = read_samples(pets(kind=["yak", *["cat"] * 39]), like=description, missing="keep")
    assert samples.tensor()[:2, 0].tolist() == [3, 0], "behind those of the three that are known"


def test_values_without_names_must_be_numbers_of_categories():
    description = open_data(pets(), categorical="auto").description
    values = np.array([[1.0, 5.0, 0.0, 4.0]])
    assert read_samples(values, like=description).categories == (("cat", "dog", "eel"), (), ("false", "true"), ())
    for wrong in (3.0, 0.5, -1.0):
        with pytest.raises(DataError, match="other values in column 0 than the numbers of the model's 3 categories"):
            read_samples(values + np.array([wrong - 1, 0, 0, 0]), like=description)


def test_too_many_categories_are_refused():
    with pytest.raises(DataError, match="2000 categories: expected 1 to 1000"):
        open_data(pa.table({"id": [f"{i}" for i in range(2000)], "x": range(2000)}), categorical="id")


@pytest.mark.parametrize("name", ["pets.csv", "pets.parquet"])
def test_files_get_the_names_again(tmp_path, name):
    kinds = pa.array([None, *pets()["kind"].to_pylist()[1:]])
    table = pets(kind=kinds)
    data = open_data(table, categorical="auto", missing="keep", validation=0, test=0)
    path = write_samples(tmp_path / name, data.train.tensor(), like=data.description)
    again = read_samples(path, categorical="auto", missing="keep")
    assert again.categories == data.train.categories
    assert torch.equal(again.tensor().nan_to_num(-1), data.train.tensor().nan_to_num(-1))


@pytest.mark.parametrize("kind", ["auto", "standardise", "minmax", "none"])
def test_categories_are_not_scaled(kind):
    samples = read_samples(pets(), categorical="auto")
    scaling = Scaling.learn(kind, samples)
    assert scaling.levels == (3, 0, 2, 0)
    assert scaling.range is None
    assert torch.equal(scaling(samples.tensor())[:, [0, 2]], samples.tensor()[:, [0, 2]])
    again = Scaling.from_json(scaling.to_json())
    assert again.levels == scaling.levels


def test_a_constant_category_is_no_constant_column_of_numbers():
    samples = Samples(torch.tensor([[0.0, 1.0], [0.0, 2.0]]), categories=(("only",), ()))
    assert Scaling.learn("standardise", samples).levels == (1, 0)


def test_a_column_that_tells_rows_apart_is_left_out_unless_it_is_named():
    table = pets(id=[f"n{row}" for row in range(40)])
    with pytest.warns(Remark) as said:
        data = open_data(table, categorical="auto")
    (words,) = [str(one.message) for one in said]  # and nothing of the others
    assert "left out 'id' (40 different names in 40 rows)" in words
    assert "id" not in data.columns
    assert "id" in open_data(table, categorical="id").columns

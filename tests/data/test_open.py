import json
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isthmus.data import Data, open_data, read_samples, reopen, write_samples
from isthmus.errors import DataError, Remark


def same(one: Data, other: Data) -> bool:
    return all(torch.equal(part.tensor(), other.parts[name].tensor()) for name, part in one.parts.items())


@pytest.fixture
def file(tmp_path, table):
    np.savez(tmp_path / "x.npz", X=table, y=np.arange(40) % 3)
    return tmp_path / "x.npz"


def test_parts_share_no_sample_and_leave_none_out(table):
    data = open_data(table)
    together = torch.cat([part.tensor() for part in data.parts.values()])
    assert [len(part) for part in data.parts.values()] == [32, 4, 4]
    assert sorted(map(tuple, together.tolist())) == sorted(map(tuple, table.tolist()))


def test_fractions_can_be_chosen(table):
    data = open_data(table, validation=0.25, test=0.5)
    assert [len(part) for part in data.parts.values()] == [10, 10, 20]


def test_labels_stay_with_their_samples(table):
    data = open_data(table, labels=[f"{row[0]:.4f}" for row in table])
    for part in data.parts.values():
        assert part.labels is not None
        names = [part.label_names[label] for label in part.labels]
        assert names == [f"{row[0]:.4f}" for row in part.tensor().tolist()]


def test_scaling_is_learnt_from_the_training_part_alone(table):
    data = open_data(table)
    train = data.train.tensor().double()
    assert torch.allclose(data.scaling.shift.double(), train.mean(0), atol=1e-6)
    assert not torch.allclose(data.scaling.shift, torch.from_numpy(table).mean(0), atol=1e-6)


def test_scaling_can_be_chosen(table):
    assert open_data(table, scaling="minmax").scaling.range == (0, 1)
    with pytest.raises(DataError, match="'minmax'"):
        open_data(table, scaling="min-max")


def test_one_sample_alone_is_data_to_train_on():
    with pytest.warns(Remark):
        data = open_data(np.ones((1, 2, 2), np.uint8))
    assert [len(part) for part in data.parts.values()] == [1, 0, 0]
    assert data.validation.tensor().shape == (0, 1, 2, 2)


def test_own_test_part_is_not_to_be_divided_again(tmp_path, table):
    np.savez(tmp_path / "x.npz", x_train=table, x_test=table)
    with pytest.raises(DataError, match=r"already has a test part \(40 samples\)"):
        open_data(tmp_path / "x.npz", test=0.2)


def test_parts_of_different_shapes_are_refused(tmp_path, table):
    np.savez(tmp_path / "x.npz", x_train=table, x_test=table[:, :3])
    with pytest.raises(DataError, match="different shapes"):
        open_data(tmp_path / "x.npz")


def test_description_is_json(file):
    description = open_data(file).description
    assert json.loads(json.dumps(description, allow_nan=False)) == description


@given(st.integers(0, 1000), st.floats(0.05, 0.4), st.floats(0.05, 0.4))
def test_reopened_data_are_the_very_same(tmp_path_factory, seed, validation, test):
    path = tmp_path_factory.mktemp("reopen") / "x.npy"
    np.save(path, np.arange(60, dtype=np.float32).reshape(20, 3))
    data = open_data(path, seed=seed, validation=validation, test=test)
    again = reopen(json.loads(json.dumps(data.description)))
    assert same(data, again)
    assert again.description == data.description


def test_reopening_keeps_every_option(tmp_path):
    frame = pd.DataFrame({"a": np.arange(9.0), "b": [1.0, None, *range(7)], "c": list("xyzxyzxyz"), "d": 1})
    frame.to_csv(tmp_path / "x.csv", index=False)
    data = open_data(tmp_path / "x.csv", label="c", exclude="d", missing="fill", scaling="minmax", seed=5)
    again = reopen(data.description)
    assert same(data, again)
    assert again.description == data.description


def test_what_was_remarked_on_is_not_said_again_on_reopening(tmp_path):
    rows = [f"p{number},{number}" for number in range(30)]
    (tmp_path / "a.csv").write_text("\n".join(["name of it,x", *rows]))
    with pytest.warns(Remark, match="different names"):
        data = open_data(tmp_path / "a.csv", categorical="auto")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reopen(data.description)


def test_reopening_works_from_another_folder(file, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(file.parent)
    data = open_data("x.npz")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert same(data, reopen(data.description))


def test_own_parts_are_reopened(tmp_path, table):
    np.savez(tmp_path / "x.npz", x_train=table, x_test=table[:9])
    data = open_data(tmp_path / "x.npz")
    assert same(data, reopen(data.description))


def test_changed_source_is_told(file, table):
    description = open_data(file).description
    table[7, 2] += 0.001
    np.savez(file, X=table, y=np.arange(40) % 3)
    with pytest.raises(DataError, match="has changed"):
        reopen(description)


def test_changed_labels_are_told(file, table):
    description = open_data(file).description
    np.savez(file, X=table, y=np.arange(40) % 4)
    with pytest.raises(DataError, match="has changed"):
        reopen(description)


def test_large_source_is_known_by_rows_spread_over_it(file, table, monkeypatch):
    monkeypatch.setattr("isthmus.data.describe.HASHED_WHOLE", 100)
    monkeypatch.setattr("isthmus.data.describe.SPREAD", 8)
    description = open_data(file).description
    assert same(open_data(file), reopen(description))
    np.savez(file, X=table + 1, y=np.arange(40) % 3)
    with pytest.raises(DataError, match="has changed"):
        reopen(description)


def test_source_that_is_gone_is_told(file):
    description = open_data(file).description
    file.unlink()
    with pytest.raises(DataError, match="does not exist"):
        reopen(description)


def test_object_in_memory_can_not_be_reopened(table):
    with pytest.raises(DataError, match="object in memory"):
        reopen(open_data(table).description)


@pytest.mark.parametrize("damaged", [{}, {"source": "digits"}, {"source": "digits", "fingerprint": "", "split": 3}])
def test_damaged_description_is_refused(damaged):
    with pytest.raises(DataError, match="isn't a description of data"):
        reopen(damaged)


def test_data_and_samples_can_be_opened(table):
    data = open_data(table)
    assert open_data(data) is data
    assert len(open_data(data.train)) == 32


def test_samples_are_never_turned_again(pictures):
    samples = read_samples(pictures[:, :, :3, :1], channels="first")
    assert read_samples(samples).shape == samples.shape == (3, 3, 1)


def test_written_set_can_be_trained_on(tmp_path, pictures):
    write_samples(tmp_path / "set", pictures)
    assert open_data(tmp_path / "set").shape == (3, 6, 5)


@pytest.mark.data
@pytest.mark.filterwarnings("ignore::isthmus.errors.Remark")
def test_every_real_table_opens_and_reopens(real_data):
    paths = sorted((real_data / "adbench").glob("*.npz"))
    assert paths
    for path in paths:
        data = open_data(path)
        assert data.kind == "table"
        assert data.label_names == ("0", "1")
        assert reopen(data.description).description == data.description


@pytest.mark.parametrize("options", [{"columns": ["a"]}, {"exclude": ["a"]}])
def test_columns_of_what_has_none_are_refused(options):
    with pytest.raises(DataError, match="choose a table's columns"):
        open_data("digits", **options)


def test_samples_of_a_table_keep_what_its_columns_hold():
    table = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=30), "kind": ["a", "b", "c"] * 10})
    samples = read_samples(table)
    assert open_data(samples).description["schema"] == open_data(table).description["schema"]


@pytest.mark.parametrize(("column", "values"), [("kind", [1.5, 2.5] * 15), ("paid", [0.5] * 30)])
def test_a_column_that_changed_its_type_is_refused(column, values):
    table = pd.DataFrame({"kind": ["a", "b", "c"] * 10, "paid": [True, False] * 15, "size": range(30)})
    like = open_data(table).description
    with pytest.raises(DataError, match=f"olumn '{column}'.*has values of type double"):
        read_samples(table.assign(**{column: values}), like=like)

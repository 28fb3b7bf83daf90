"""A use for batches of a table: what each engine sends to its workers."""

import pickle
import sys

import cloudpickle
import numpy as np
import pyarrow as pa
import pytest
from tests.engines.conftest import HOW

import isthmus as ist
from isthmus.engines.cells import lists_of, values_of
from isthmus.engines.scoring import Scoring
from isthmus.errors import DataError, UseError
from isthmus.extras import MissingPackageError
from isthmus.trained.rows import dated


def test_results_are_those_of_the_run_whatever_the_batches(run, rows):
    table = pa.Table.from_pandas(rows)
    for use in ("encode", "reconstruct", "fill"):
        scoring = Scoring.of(run, use, table.column_names, keep="key")
        parts = pa.concat_tables([scoring(table[:25]), scoring(table[25:]), scoring(table[:0])])
        whole = getattr(dated(run), use)(table.select(scoring.needed))
        assert parts["key"].equals(table["key"])
        for name in scoring.results.names:
            own, other = (each[name].to_pandas() for each in (parts, whole))
            if own.dtype.kind == "f":
                np.testing.assert_allclose(own, other, rtol=1e-5, atol=1e-5)
            elif name == "colour":
                assert own.tolist() == other.tolist()


def test_scores_are_those_of_the_detector(run, rows):
    table = pa.Table.from_pandas(rows)
    made = Scoring.of(run, "detect", table.column_names, keep=["key", "a"], by="error")(table)
    found = ist.detect(run, table.drop_columns("key"), "error")
    assert made.column_names == ["key", "a", "score", "anomalous"]
    np.testing.assert_allclose(made["score"].to_numpy(), found.scores.numpy(), rtol=1e-5)
    assert made["anomalous"].to_pylist() == found.anomalous.tolist()


def test_a_compressed_batch_can_be_decompressed(digits, tmp_path):
    run, samples = digits
    values = samples.tensor().numpy()
    table = pa.table({"id": range(6), "image": lists_of(values)})
    (row,) = Scoring.of(run, "compress", table.column_names, keep="id", lossless=True)(table).to_pylist()
    (tmp_path / "batch.isth").write_bytes(row["content"])
    assert (row["id"], row["rows"]) == ([0, 1, 2, 3, 4, 5], 6)
    assert ist.decompress(tmp_path / "batch.isth", run=run).tensor().equal(samples.tensor())


def test_samples_are_lists_or_tensors_of_one_column(digits):
    run, samples = digits
    values = samples.tensor().numpy()
    whole = run.reconstruct(samples).numpy()
    for column in (lists_of(values), lists_of(values[:, 0]), pa.FixedShapeTensorArray.from_numpy_ndarray(values)):
        table = pa.table({"id": range(6), "image": column})
        made = Scoring.of(run, "reconstruct", table.column_names, keep="id")(table)
        np.testing.assert_array_equal(values_of(made["sample"], "sample"), whole)


def test_the_schema_is_known_before_any_row(run, rows):
    table = pa.Table.from_pandas(rows, preserve_index=False)
    for use in ("encode", "reconstruct", "fill", "detect"):
        scoring = Scoring.of(run, use, table.column_names, keep="key")
        assert scoring(table).schema == scoring(table[:0]).schema == scoring.schema(table.schema)


def test_the_training_data_stay_here(rows):
    many = ist.open_data(np.random.default_rng(0).normal(size=(20_000, 8)).astype(np.float32))
    run = ist.fit(ist.recipe("vae", widths=[8], code=2).build(many, remarks=False), many, **HOW)
    for by in ("error", "likelihood", "distance", "neighbours"):
        scoring = Scoring.of(run, "detect", ["vector"], by=by)
        assert len(cloudpickle.dumps(scoring)) < 200_000


def test_another_version_is_refused(run):
    scoring = Scoring.of(run, "encode", run.description["columns"])
    sent = cloudpickle.dumps(scoring)
    assert pickle.loads(sent).results == scoring.results
    scoring.version = "9.9"
    with pytest.raises(UseError, match=r"A worker has Isthmus .*, but this program has 9.9: expected the same version"):
        pickle.loads(cloudpickle.dumps(scoring))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"use": "enkode"}, "There is no use 'enkode'. Did you mean 'encode'?"),
        ({"keep": "kye"}, "keep: there is no column 'kye'. Did you mean 'key'?"),
        ({"use": "reconstruct", "keep": "a"}, "The result of reconstruct has a column 'a' too."),
        ({"column": "a"}, "This model takes rows of a table, not one column."),
        ({"given": ["key", "a", "b", "when"]}, "The dataset lacks the column 'colour' of the model."),
        ({"quantile": 0.5}, "encode has no option 'quantile'."),
        ({"run": "runs/table"}, "Got a value of type str: expected a run"),
    ],
)
def test_a_mistake_is_named_before_anything_is_sent(run, words, message):
    given = {"run": run, "use": "encode", "given": ["key", "a", "b", "colour", "when"]} | words
    with pytest.raises((UseError, DataError)) as error:
        Scoring.of(given.pop("run"), given.pop("use"), given.pop("given"), **given)
    assert str(error.value).startswith(message)


def test_a_column_of_samples_must_be_named_and_whole(digits):
    run, _ = digits
    with pytest.raises(DataError, match="This model takes samples from one column, and there are 'id', 'image'"):
        Scoring.of(run, "encode", ["id", "image"])
    with pytest.raises(UseError, match="This model fills no missing values"):
        Scoring.of(run, "fill", ["image"])
    scoring = Scoring.of(run, "encode", ["image"])
    for cells, message in (
        ([[1, 2], [3]], "has samples of different lengths"),
        ([[1.0], None], "has 1 missing samples"),
        ([b"png", b"png"], "has cells of type binary: expected lists or tensors of numbers, or text"),
    ):
        with pytest.raises(DataError, match=message):
            scoring(pa.table({"image": cells}))


def test_recordings_are_refused():
    time = np.arange(400) / 8
    data = ist.open_data(np.sin(time)[:, None], window=16)
    run = ist.fit(ist.recipe("vanilla", code=2).build(data, remarks=False), data, **HOW)
    with pytest.raises(UseError, match="This model takes windows of recordings"):
        Scoring.of(run, "encode", ["x0"])


@pytest.mark.parametrize(("engine", "package"), [("ray", "ray"), ("spark", "pyspark"), ("dask", "dask")])
def test_a_missing_engine_is_named_with_its_extra(engine, package, run, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError) as error:
        getattr(ist, engine).map(run, None)
    message = f"ist.{engine} needs {package}, which is not installed here. Install it: pip install 'isthmus[{engine}]'."
    assert str(error.value) == message

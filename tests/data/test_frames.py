"""A data frame in gives a data frame out."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import isthmus as ist

ROWS = 40


def frame() -> pd.DataFrame:
    generator = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "customer": [f"c{row}" for row in range(ROWS)],
            "x": generator.normal(size=ROWS),
            "y": generator.normal(size=ROWS),
            "place": pd.Categorical(["Rome", "Oslo"] * (ROWS // 2), ["Oslo", "Rome", "Bern"]),
        },
        index=pd.Index(np.arange(ROWS) * 10, name="number"),
    )


@pytest.fixture(scope="module")
def run() -> ist.Run:
    data = ist.open_data(frame(), id="customer")
    return ist.fit(ist.recipe("table", code=2).build(data), data, epochs=1, progress=False)


def test_reconstructions_have_the_columns_categories_and_index_of_pandas(run):
    made = run.reconstruct(frame())
    assert list(made.columns) == list(frame().columns)
    assert made.index.equals(frame().index)
    assert made["customer"].tolist() == frame()["customer"].tolist()
    assert made["place"].dtype == frame()["place"].dtype
    np.testing.assert_array_equal(made["x"], run.reconstruct(ist.read_samples(frame(), like=run.description))[:, 0])


def test_codes_are_a_frame_that_decodes_to_a_frame(run):
    codes = run.encode(frame())
    assert list(codes.columns) == ["z0", "z1"]
    assert codes.index.equals(frame().index)
    back = run.decode(codes)
    assert list(back.columns) == ["x", "y", "place"]
    assert back.index.equals(frame().index)
    np.testing.assert_allclose(back["x"], run.reconstruct(frame())["x"], rtol=1e-5)


@pytest.mark.parametrize("kind", [pl.DataFrame, pa.Table])
def test_polars_and_arrow_get_their_own_kind_back(run, kind):
    given = pl.from_pandas(frame())
    source = given if kind is pl.DataFrame else given.to_arrow()
    assert isinstance(run.encode(source), kind)
    made = run.reconstruct(source)
    assert isinstance(made, kind)
    assert made["place"].to_pylist() if kind is pa.Table else made["place"].to_list()


def test_filled_in_frames_keep_what_was_there():
    holed = frame().assign(x=lambda one: one["x"].where(np.arange(ROWS) % 4 > 0))
    data = ist.open_data(holed, missing="keep", id="customer")
    run = ist.fit(ist.recipe("table", code=2).build(data), data, epochs=1, progress=False)
    filled = run.fill(holed)
    assert not filled["x"].isna().any()
    known = holed["x"].notna()
    np.testing.assert_allclose(filled["x"][known], holed["x"][known], rtol=1e-6)


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_unused_columns_pass_through_into_files(run, tmp_path, name):
    with ist.open_writer(tmp_path / name) as put:
        for piece, codes in run.stream(frame()).through(run.encode):
            put(codes, piece.names, piece.unused)
    table = pd.read_csv(tmp_path / name) if name.endswith("csv") else pd.read_parquet(tmp_path / name)
    assert list(table.columns) == ["customer", "z0", "z1"]
    assert table["customer"].tolist() == frame()["customer"].tolist()


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_identifiers_pass_through_without_rounding(tmp_path, suffix):
    table = pd.DataFrame({"customer_id": np.arange(ROWS) + 16_777_217_000_001, "x": np.arange(ROWS) % 7.0})
    table = table.assign(y=np.sqrt(np.arange(ROWS)), further=np.arange(ROWS) * 3 + 123_456_789)
    path = tmp_path / f"a.{suffix}"
    table.to_csv(path, index=False) if suffix == "csv" else table.to_parquet(path)
    with pytest.warns(ist.Remark, match="customer_id"):
        data = ist.open_data(table, exclude="further")
    run = ist.fit(ist.recipe("deep", code=1).build(data), data, epochs=1, progress=False)
    samples = ist.read_samples(path, like=run.description)
    for name in ("customer_id", "further"):
        assert [int(value) for value in samples.unused[name].to_pylist()] == table[name].tolist()

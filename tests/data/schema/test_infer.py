"""What the columns of a table hold: found, corrected by options, saved, and applied to new data."""

import datetime as dt
import re
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import isthmus as ist
from isthmus.data import open_data, read_samples
from isthmus.data.schema import KINDS, Column, Schema
from isthmus.errors import DataError, Remark

ROWS = 60
G = np.random.default_rng(0)
NUMBERS = G.normal(size=ROWS)
COLUMNS = {
    "number": NUMBERS,
    "comma": [f"{value:.2f}".replace(".", ",") for value in NUMBERS],
    "money": [f"{1000 * abs(value):,.2f} €" for value in NUMBERS],
    "share": [f"{value:.1f}%" for value in NUMBERS],
    "place": (["Rome", "Oslo", "Bern"] * ROWS)[:ROWS],
    "yes": [value > 0 for value in NUMBERS],
    "when": pd.date_range("2020-02-01 10:30", periods=ROWS, freq="13D7h"),
    "day": [f"{1 + row % 28:02d}.{1 + row // 28:02d}.2021" for row in range(ROWS)],
    "at": [f"{row % 24:02d}:{row % 60:02d}" for row in range(ROWS)],
    "took": pd.to_timedelta(np.arange(ROWS) * 7, unit="s"),
    "row_id": np.arange(ROWS) + 5,
    "code": [f"x{row}" for row in range(ROWS)],
    "note": [f"what was said about it in row {row}" for row in range(ROWS)],
    "nothing": [None] * ROWS,
}
FRAME = pd.DataFrame(COLUMNS)


def quietly(*args, **words):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Remark)
        return read_samples(*args, **words)


def schema_of(source, **words) -> dict[str, Column]:
    found = quietly(source, missing="keep", **words).schema
    assert found is not None
    return {column.name: column for column in found.columns}


@pytest.fixture(scope="module")
def found() -> dict[str, Column]:
    return schema_of(FRAME)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("number", "number"),
        ("comma", "number"),
        ("money", "number"),
        ("share", "number"),
        ("place", "category"),
        ("yes", "boolean"),
        ("when", "date"),
        ("day", "date"),
        ("at", "time"),
        ("took", "duration"),
        ("row_id", "id"),
        ("code", "id"),
        ("note", "text"),
        ("nothing", "empty"),
    ],
)
def test_the_kind_of_each_column_is_found(found, name, kind):
    assert found[name].kind == kind
    assert found[name].used is (kind not in ("id", "text", "empty"))


def test_what_is_left_out_is_said_with_the_way_to_overrule_it():
    with pytest.warns(Remark, match=r"left out 'row_id' \(identifies rows\), 'code'.*'note' \(free text\).*types="):
        read_samples(FRAME)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_files_and_frames_have_the_same_numbers(tmp_path, suffix):
    frame = FRAME.drop(columns=["nothing", "took"])
    path = tmp_path / f"a{suffix}"
    frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
    one, other = quietly(frame, missing="keep"), quietly(path, missing="keep")
    assert one.columns == other.columns
    np.testing.assert_allclose(one.tensor(), other.tensor(), rtol=1e-6)


def test_a_date_becomes_seconds_and_its_place_in_day_week_and_year():
    samples = quietly(FRAME[["when"]])
    values = dict(zip(samples.columns, samples.tensor().double().T.numpy(), strict=True))
    when = FRAME["when"]
    np.testing.assert_allclose(values["when"], when.astype("datetime64[s]").astype(np.int64), rtol=1e-7)
    day = 2 * np.pi * (when.dt.hour * 60 + when.dt.minute) / 1440
    np.testing.assert_allclose(values["when.day.sin"], np.sin(day), atol=1e-6)
    np.testing.assert_allclose(values["when.day.cos"], np.cos(day), atol=1e-6)
    week = 2 * np.pi * (when.dt.day_of_week / 7) + day / 7
    np.testing.assert_allclose(values["when.week.sin"], np.sin(week), atol=1e-6)
    year = 2 * np.pi * (when.dt.day_of_year - 1) / 365.25
    assert np.abs(values["when.year.cos"] - np.cos(year)).max() < 0.03


def test_places_in_the_day_are_those_of_the_time_zone():
    zoned = pd.DataFrame({"when": FRAME["when"].dt.tz_localize("Europe/Berlin")})
    plain, local = quietly(FRAME[["when"]]), quietly(zoned)
    at = plain.columns.index("when.day.sin")
    np.testing.assert_allclose(plain.tensor()[:, at], local.tensor()[:, at], atol=1e-5)


@pytest.mark.parametrize("missing", ["?", "-", "NA", "unknown", "n/a"])
def test_codes_for_missing_numbers_are_missing_and_remarked_on(missing):
    table = pa.table({"x": [*map(str, range(40)), missing], "y": range(41)})
    if missing == "NA":
        values = read_samples(table, missing="keep").tensor()
    else:
        with pytest.warns(Remark, match=f"'x': '{re.escape(missing)}' read as missing"):
            values = read_samples(table, missing="keep").tensor()
    assert values[:, 0].isnan().tolist() == [False] * 40 + [True]


def test_sentinel_numbers_are_missing_only_where_they_stand_apart():
    apart = np.where(np.arange(200) % 20 == 0, -999.0, G.uniform(0, 90, 200))
    near = np.where(np.arange(200) % 20 == 0, 99.0, G.uniform(0, 90, 200))
    table = pa.table({"apart": apart, "near": near})
    with pytest.warns(Remark, match=r"'apart': -999 read as missing \(10 rows\).*na_values='none'"):
        data = open_data(table, missing="keep")
    values = quietly(table, missing="keep").tensor()
    assert values.isnan().sum(0).tolist() == [10, 0]
    again = read_samples(pa.table({"apart": [-999.0, 5], "near": [99.0, 1]}), like=data.description)
    assert again.tensor().isnan().tolist() == [[True, False], [False, False]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not read_samples(table, missing="keep", na_values="none").tensor().isnan().any()


def test_codes_for_missing_values_can_be_given():
    table = pa.table({"x": ["1", "x", "3"], "y": [7.0, 8.0, -5.0], "c": ["a", "b", "x"]})
    samples = read_samples(table, missing="keep", na_values="x,-5")
    assert samples.tensor().isnan().tolist() == [[False] * 3, [True, False, False], [False, True, True]]


def test_types_can_be_corrected():
    table = pa.table(
        {"zip": [8001, 3011, 8001] * 10, "day": ["1/2/2021", "3/4/2021", "5/6/2021"] * 10, "free": ["a", "b", "c"] * 10}
    )
    found = schema_of(table, types={"zip": "category", "day": "%d/%m/%Y", "free": "text"})
    assert [column.kind for column in found.values()] == ["category", "date", "text"]
    samples = quietly(table, types="zip=category,day=%d/%m/%Y,free=id")
    assert samples.columns[:2] == ("zip", "day")
    first = dt.datetime(2021, 2, 1, tzinfo=dt.UTC).timestamp()
    assert samples.tensor()[0, :2].tolist() == pytest.approx([1, first], rel=1e-6)


@pytest.mark.parametrize(
    ("types", "said"),
    [
        ("zip", r"types='zip': expected the name of a column and its type"),
        ("zap=category", r"types='zap'.*Did you mean 'zip'"),
        ("zip=catgory", r"the type 'catgory'. Did you mean 'category'\?"),
        ("zip=date", r"holds values of type int64"),
        ("zip=%d/%m/%Y", r"holds values of type int64"),
        ("free=date", r"no format of dates fits its cells, such as 'a'"),
        ("free=number", r"column 'free', row 1 and 2 more: 'a' is not a number"),
    ],
)
def test_wrong_types_are_refused(types, said):
    with pytest.raises(DataError, match=said):
        read_samples(pa.table({"zip": [1, 2, 3], "free": ["a", "b", "c"]}), types=types)


def test_text_in_a_column_of_numbers_is_named_by_row_and_column():
    cells = [*map(str, range(100))]
    cells[70] = "broken"
    table = pa.table({"x": cells, "y": range(100)})
    with pytest.raises(
        DataError, match=r"column 'x', row 71: 'broken' is not a number.*na_values='broken'.*exclude='x'"
    ):
        read_samples(table)
    assert quietly(table, missing="drop", na_values="broken").shape == (2,)
    assert quietly(table, exclude="x").columns == ("y",)


def test_true_and_false_are_read_from_text_too():
    like = open_data(pd.DataFrame({"member": [True, False] * 15, "x": range(30)})).description
    samples = read_samples(pd.DataFrame({"member": ["True", "false", "0"], "x": [1, 2, 3]}), like=like)
    assert samples.tensor()[:, 0].tolist() == [1.0, 0.0, 0.0]
    with pytest.raises(DataError, match="column 'member', row 2: 'maybe' is not a boolean"):
        read_samples(pd.DataFrame({"member": ["True", "maybe"], "x": [1, 2]}), like=like)


def test_dates_of_a_type_are_read_from_text_too():
    like = open_data(pd.DataFrame({"when": pd.date_range("2024-01-01", periods=30), "x": range(30)})).description
    samples = read_samples(pd.DataFrame({"when": ["2024-01-02", "2024-01-03"], "x": [1, 2]}), like=like)
    assert samples.tensor()[:, 0].tolist() == [1704153600.0, 1704240000.0]


def test_a_column_that_has_changed_its_type_is_refused():
    like = open_data(FRAME[["number", "when", "comma"]]).description
    for name, cells, said in (
        ("number", ["a"] * 3, "'a' is not a number"),
        ("when", [1, 2, 3], "has values of type int64: expected dates"),
        ("comma", [FRAME["when"][0]] * 3, "expected numbers"),
    ):
        changed = FRAME[["number", "when", "comma"]].head(3).assign(**{name: cells})
        with pytest.raises(DataError, match=rf"column '{name}'.*{said}|{said}"):
            read_samples(changed, like=like)


def test_new_data_are_read_like_the_training_data_whatever_they_look_like():
    frame = FRAME[["comma", "day", "place"]]
    data = open_data(frame)
    few = frame.head(2)
    expected = quietly(frame, missing="keep").tensor()[:2]
    assert read_samples(few, like=data.description).tensor().tolist() == expected.tolist()
    whole = frame.head(1).assign(comma="3")
    assert read_samples(whole, like=data.description).tensor()[0, 0] == 3


def test_the_schema_survives_json_and_a_damaged_one_is_refused():
    schema = quietly(FRAME, missing="keep").schema
    assert schema is not None
    assert Schema.from_json(schema.to_json()) == schema
    with pytest.raises(DataError, match="does not describe the columns"):
        Schema.from_json({"columns": [{"kind": "number"}]})


def test_every_used_column_comes_back_in_its_own_type_and_form(found):
    samples = quietly(FRAME, missing="keep")
    assert samples.schema is not None
    table = samples.schema.table(samples.tensor().double().numpy(), samples.categories)
    assert table["place"].to_pylist() == COLUMNS["place"]
    assert table["yes"].to_pylist() == COLUMNS["yes"]
    assert table["at"].to_pylist() == COLUMNS["at"]
    assert table["took"].to_pandas().tolist() == COLUMNS["took"].tolist()
    assert table.schema.field("when").type == pa.table(FRAME[["when"]]).schema.field("when").type
    np.testing.assert_allclose(table["comma"].to_numpy(), [float(one.replace(",", ".")) for one in COLUMNS["comma"]])


def test_missing_dates_stay_missing():
    when = pa.array([dt.datetime(2020, 1, 1), None, dt.datetime(2021, 1, 1)])
    samples = read_samples(pa.table({"when": when, "x": [1, 2, 3]}), missing="keep")
    assert samples.tensor()[:, 0].isnan().tolist() == [False, True, False]
    assert samples.schema is not None
    assert samples.schema.table(samples.tensor().numpy())["when"].is_null().to_pylist() == [False, True, False]


def test_mostly_missing_and_equal_columns_are_remarked_on():
    x = pa.array(NUMBERS)
    rare = pa.array([1.0, 2.0, 3.0] + [None] * (ROWS - 3))
    with pytest.warns(Remark) as said:
        read_samples(
            pa.table({"x": x, "rare": rare, "again": x, "one": [1.0] * ROWS, "eins": [1.0] * ROWS}), missing="keep"
        )
    words = " ".join(str(one.message) for one in said)
    assert "mostly missing: 'rare'" in words
    assert "'again' is 'x'" in words
    assert "eins" not in words


def test_numbers_that_are_never_negative_come_back_as_such():
    table = pd.DataFrame({"income": np.exp(3 * NUMBERS), "change": NUMBERS})
    samples = quietly(table)
    assert samples.schema is not None
    made = samples.schema.table(np.array([[-5.0, -5.0], [2.0, 2.0]]))
    assert made.to_pydict() == {"income": [0.0, 2.0], "change": [-5.0, 2.0]}


def test_types_that_are_no_columns_of_values_are_named():
    with pytest.raises(DataError, match=r"'lists' \(list.*exclude='lists'"):
        open_data(pa.table({"lists": [[1], [2, 3]], "x": [1, 2]}))


def test_mixed_columns_of_pandas_are_text():
    frame = pd.DataFrame({"v": NUMBERS, "note": [1, "a"] * (ROWS // 2)})
    assert read_samples(frame, exclude="note").columns == ("v",)
    assert read_samples(frame).categories == ((), ("1", "a"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_words(kind):
    from isthmus.data.schema.column import KIND_WORDS

    assert KIND_WORDS[kind]


def test_a_model_of_a_messy_table_trains_and_gives_it_back(tmp_path):
    frame = FRAME.drop(columns="nothing").set_index(pd.Index([f"r{row}" for row in range(ROWS)]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Remark)
        data = open_data(frame)
        run = ist.fit(ist.recipe("table", code=2).build(data), data, epochs=1, progress=False, out=tmp_path / "run")
        run = ist.load(tmp_path / "run")
        made = run.reconstruct(frame)
    assert list(made.columns) == list(frame.columns)
    assert list(made.index) == list(frame.index)
    assert made["note"].tolist() == frame["note"].tolist()
    assert made["when"].dtype == frame["when"].dtype
    assert set(made["place"]) <= set(COLUMNS["place"])

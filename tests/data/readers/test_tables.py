"""Files of tables: each is written by the library of its format, and read."""

import bz2
import gzip
import json
import lzma
import sqlite3
import zipfile
from functools import partial
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import feather, ipc, orc
from sklearn.datasets import dump_svmlight_file

from isthmus.data import open_data, read_samples, reopen, stream_samples
from isthmus.data.readers import databases
from isthmus.errors import DataError, Remark

FRAME = pd.DataFrame({"a": np.arange(12) / 4, "b": range(12), "k": ["u", "v", "w"] * 4})
TABLE = pa.Table.from_pandas(FRAME, preserve_index=False)


def message_of(source, **options) -> str:
    with pytest.raises(DataError) as caught:
        read_samples(source, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def sqlite(path):
    with sqlite3.connect(path) as database:
        FRAME.to_sql("samples", database, index=False)
    database.close()


def arrow_stream(path):
    with ipc.new_stream(str(path), TABLE.schema) as writer:
        writer.write_table(TABLE)


def zstd(path):
    with pa.CompressedOutputStream(str(path), "zstd") as file:
        file.write(FRAME.to_csv(index=False).encode())


def arff(path):
    rows = "\n".join(f"{a},{b},{k}" for a, b, k in FRAME.itertuples(index=False))
    path.write_text(
        f"% made\n@relation r\n@attribute a real\n@ATTRIBUTE 'b' numeric\n@attribute k {{u,v,w}}\n@data\n{rows}\n"
    )


WRITE = {
    "x.xlsx": lambda path: FRAME.to_excel(path, index=False),
    "x.feather": partial(feather.write_feather, TABLE),
    "x.arrow": arrow_stream,
    "x.orc": lambda path: orc.write_table(TABLE, path),
    "records.json": lambda path: FRAME.to_json(path, orient="records"),
    "columns.json": lambda path: path.write_text(json.dumps(FRAME.to_dict("list"))),
    "pandas.json": FRAME.to_json,
    "split.json": lambda path: FRAME.to_json(path, orient="split"),
    "answer.json": lambda path: path.write_text(json.dumps({"count": 12, "rows": FRAME.to_dict("records")})),
    "x.jsonl": lambda path: FRAME.to_json(path, orient="records", lines=True),
    "x.arff": arff,
    "x.db": sqlite,
    "x.csv.bz2": lambda path: path.write_bytes(bz2.compress(FRAME.to_csv(index=False).encode())),
    "x.csv.xz": lambda path: path.write_bytes(lzma.compress(FRAME.to_csv(index=False).encode())),
    "x.csv.zst": zstd,
    "x.jsonl.gz": lambda path: FRAME.to_json(path, orient="records", lines=True, compression="gzip"),
    "x.parquet.gz": lambda path: path.write_bytes(gzip.compress(FRAME.to_parquet())),
}


@pytest.mark.filterwarnings("ignore:.*is read as a table")
@pytest.mark.parametrize("name", WRITE)
def test_each_format_is_the_same_table(name, tmp_path):
    path = tmp_path / name
    WRITE[name](path)
    samples = read_samples(path, categorical="k")
    assert samples.columns == ("a", "b", "k")
    assert samples.categories[2] == ("u", "v", "w")
    assert np.array_equal(samples.tensor()[:, :2].numpy(), FRAME[["a", "b"]].to_numpy(np.float32))
    labelled = read_samples(path, label="k")
    assert (labelled.columns, labelled.label_names) == (("a", "b"), ("u", "v", "w"))


@pytest.mark.filterwarnings("ignore:.*is read as a table")
@pytest.mark.parametrize("name", WRITE)
def test_a_damaged_file_of_each_format_is_refused_in_one_line(name, tmp_path):
    path = tmp_path / name
    WRITE[name](path)
    path.write_bytes(path.read_bytes()[: 60 if "json" in name or "csv" in name else 150])
    assert str(path) in message_of(path, kind="table", exclude="k")


@pytest.mark.parametrize("name", ["x.feather", "x.arrow", "x.orc", "x.db"])
def test_tables_are_read_in_pieces(name, tmp_path):
    WRITE[name](tmp_path / name)
    pieces = list(stream_samples(tmp_path / name, rows=5, exclude="k"))
    assert len(pieces) > 1
    assert np.array_equal(np.concatenate([piece.tensor().numpy() for piece in pieces])[:, 1], np.arange(12))


def test_a_sheet_is_chosen_and_others_are_named(tmp_path):
    with pd.ExcelWriter(tmp_path / "x.xlsx") as writer:
        FRAME[["a", "b"]].to_excel(writer, sheet_name="first", index=False)
        FRAME[["b"]].to_excel(writer, sheet_name="second", index=False)
    with pytest.warns(Remark, match=r"'first' is read; 1 other sheet \(second\).*array="):
        assert read_samples(tmp_path / "x.xlsx").columns == ("a", "b")
    assert read_samples(tmp_path / "x.xlsx", array="second").columns == ("b",)
    assert "Did you mean 'second'" in message_of(tmp_path / "x.xlsx", array="secnd")


def test_cells_of_a_workbook_without_a_value_are_missing(tmp_path):
    book = openpyxl.Workbook()
    sheet: Any = book.active
    for row in (["a", None, "b"], [1, None, 2], [], [3, None, None]):
        sheet.append(row)
    book.save(tmp_path / "x.xlsx")
    samples = read_samples(tmp_path / "x.xlsx", missing="keep")
    assert samples.columns == ("a", "b")
    assert samples.tensor().nan_to_num(-1).tolist() == [[1, 2], [3, -1]]


def test_a_workbook_with_a_password_is_named(tmp_path):
    content = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000) + "EncryptedPackage".encode("utf-16-le") + bytes(1000)
    (tmp_path / "x.xlsx").write_bytes(content)
    assert "protected by a password" in message_of(tmp_path / "x.xlsx")


def test_an_empty_sheet_is_refused(tmp_path):
    openpyxl.Workbook().save(tmp_path / "x.xlsx")
    assert "has no cells" in message_of(tmp_path / "x.xlsx")


def test_addresses_of_databases_are_read_and_opened_again(tmp_path, monkeypatch):
    sqlite(tmp_path / "x.db")
    monkeypatch.chdir(tmp_path)
    for address in (
        "sqlite:///x.db?table=samples",
        "sqlite:///x.db",
        "sqlite:///x.db?query=select a, b, k from samples",
    ):
        data = open_data(address, label="k")
        assert data.columns == ("a", "b")
        monkeypatch.chdir(tmp_path.parent)
        assert len(reopen(data.description)) == 12
        monkeypatch.chdir(tmp_path)
    pieces = list(stream_samples("sqlite:///x.db?query=select b from samples order by b desc", rows=5))
    assert [len(piece) for piece in pieces] == [5, 5, 2]


@pytest.mark.parametrize(
    ("address", "match"),
    [
        ("?query=select a from samples where b > 99", "returns no rows"),
        ("?query=delete from samples", "begins with 'delete'"),
        ("?query=with x as (select 1) delete from samples", "readonly|read-only|query_only"),
        ("?query=select z from samples", "no such column"),
        ("?table=sample", "Did you mean 'samples'"),
        ("?table=samples&query=select 1", "expected one of them"),
    ],
)
def test_wrong_queries_are_refused(address, match, tmp_path):
    sqlite(tmp_path / "x.db")
    with pytest.raises(DataError, match=match):
        open_data(f"sqlite:///{tmp_path}/x.db{address}")
    assert len(read_samples(tmp_path / "x.db", exclude="k")) == 12


def test_a_database_with_several_tables_asks_which(tmp_path):
    sqlite(tmp_path / "x.db")
    with sqlite3.connect(tmp_path / "x.db") as database:
        FRAME[["a"]].to_sql("others", database, index=False)
    database.close()
    assert "2 tables (samples, others)" in message_of(tmp_path / "x.db")
    assert read_samples(tmp_path / "x.db", array="others").columns == ("a",)


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        (["measured", None, "person"], ["height", "weight", "city"], ("height", "weight", "city")),
        (["height", "weight", "city"], ["m", "kg", "name"], ("height", "weight", "city")),
    ],
)
def test_of_two_rows_of_names_in_a_spreadsheet_one_is_left_out(tmp_path, first, second, names):
    rows = [[1.7 + place / 100, 60.5 + place, "Rome" if place % 2 else "Oslo"] for place in range(30)]
    pd.DataFrame([first, second, *rows]).to_excel(tmp_path / "x.xlsx", index=False, header=False)
    with pytest.warns(Remark, match=r"row \('.*'\) is left out"):
        samples = read_samples(tmp_path / "x.xlsx", categorical="city")
    assert samples.columns == names
    assert len(samples) == 30


def test_rows_above_the_names_of_a_spreadsheet_are_left_out_on_request(tmp_path):
    pd.DataFrame([["a title", None], ["x", "y"], [1.0, 2.0], [3.0, 5.0]]).to_excel(
        tmp_path / "x.xlsx", index=False, header=False
    )
    assert read_samples(tmp_path / "x.xlsx", skip=1).columns == ("x", "y")
    assert "has no rows after the first 9" in message_of(tmp_path / "x.xlsx", skip=9)


def test_a_locked_database_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(databases, "WAIT_SECONDS", 0.01)
    sqlite(tmp_path / "x.db")
    other = sqlite3.connect(tmp_path / "x.db")
    try:
        other.execute("begin exclusive")
        assert "is locked by another process" in message_of(tmp_path / "x.db")
    finally:
        other.close()


def test_a_corrupt_database_is_named(tmp_path):
    sqlite(tmp_path / "x.db")
    content = bytearray((tmp_path / "x.db").read_bytes())
    content[100:2000] = bytes(1900)
    (tmp_path / "x.db").write_bytes(content)
    assert "is damaged or encrypted" in message_of(tmp_path / "x.db")
    (tmp_path / "y.db").write_bytes(b"something else" * 100)
    assert "is no SQLite file" in message_of(tmp_path / "y.db")
    assert "does not exist" in message_of(f"sqlite:///{tmp_path}/none.db")


def test_databases_by_sqlalchemy_are_read_without_their_password_in_messages(monkeypatch, tmp_path):
    sqlite(tmp_path / "x.db")
    rows = databases._engine_rows(f"sqlite:///{tmp_path}/x.db", "", "", "the database")
    assert [(names, len(some)) for names, some in rows(9)] == [(["a", "b", "k"], 9), (["a", "b", "k"], 3)]
    said = message_of("postgresql://me:secret@localhost:1/db?table=t")
    assert "secret" not in said
    assert "postgresql://me@localhost:1/db" in said


def test_json_lines_of_text_stay_text(tmp_path):
    path = tmp_path / "x.jsonl"
    for row in ({"text": "a word", "n": 1}, {"review": "some words in a line", "stars": 5}, {"only": "word"}):
        path.write_text(f"{json.dumps(row)}\n" * 20)
        assert read_samples(path).kind == "tokens"
    path.write_text("".join(f'{{"review": "some words in a line", "n": {n}}}\n' for n in range(9)))
    assert "n" in read_samples(path, kind="table").columns


def test_json_lines_of_several_fields_are_a_table_with_a_remark(tmp_path):
    FRAME.to_json(tmp_path / "x.jsonl", orient="records", lines=True)
    with pytest.warns(Remark, match="is read as a table.*kind='text'"):
        read_samples(tmp_path / "x.jsonl", exclude="k")
    assert read_samples(tmp_path / "x.jsonl", kind="text", columns="k").kind == "tokens"
    (tmp_path / "n.jsonl").write_text("[1, 2]\n[3, 4.5]\n")
    assert read_samples(tmp_path / "n.jsonl").tensor().tolist() == [[1, 2], [3, 4.5]]


def test_a_json_that_may_be_notes_or_rows_is_decided_by_the_kind(tmp_path):
    (tmp_path / "x.json").write_text(json.dumps([[60, 62], [64, 65]] * 8))
    with pytest.warns(Remark, match="is read as notes.*kind='table'"):
        assert read_samples(tmp_path / "x.json").kind == "tokens"
    assert read_samples(tmp_path / "x.json", kind="table").shape == (2,)
    (tmp_path / "y.json").write_text(json.dumps([[0.5, 1.5], [2.5, 3.5]]))
    assert read_samples(tmp_path / "y.json").tensor().tolist() == [[0.5, 1.5], [2.5, 3.5]]


def test_quotes_and_sparse_rows_of_arff_are_read(tmp_path):
    head = "@relation r\n@attribute 'a b' numeric\n@attribute n integer\n@attribute k {'u v', w}\n@data\n"
    (tmp_path / "x.arff").write_text(f"{head}1.5, 2, 'u v'\n?, 3, w\n")
    samples = read_samples(tmp_path / "x.arff", missing="keep")
    assert samples.columns == ("a b", "n", "k")
    assert samples.categories[2] == ("u v", "w")
    assert samples.tensor().nan_to_num(-1).tolist() == [[1.5, 2, 0], [-1, 3, 1]]
    (tmp_path / "s.arff").write_text(f"{head}{{0 1.5, 2 w}}\n{{1 3}}\n")
    assert read_samples(tmp_path / "s.arff").tensor().tolist() == [[1.5, 0, 1], [0, 3, 0]]
    (tmp_path / "x.arff").write_text(f"{head}1.5, 2\n")
    assert "line 6 has 2 values where 3 were expected" in message_of(tmp_path / "x.arff")


@pytest.mark.parametrize("name", ["x.libsvm", "x.txt", "x.svmlight.bz2"])
def test_libsvm_is_read_with_its_labels(name, tmp_path):
    values = np.where(FRAME[["a", "b"]] > 1, FRAME[["a", "b"]], 0)
    dump_svmlight_file(values, np.arange(12) % 2, str(tmp_path / "x"))
    content = (tmp_path / "x").read_bytes()
    (tmp_path / name).write_bytes(bz2.compress(content) if name.endswith("bz2") else content)
    samples = read_samples(tmp_path / name)
    assert np.allclose(samples.tensor().numpy(), values)
    assert samples.label_names == ("0", "1")


def shards(folder):
    folder.mkdir()
    for place, number in enumerate((1, 2, 10)):
        FRAME.iloc[4 * place : 4 * place + 4].to_csv(folder / f"part{number}.csv", index=False)


def test_shards_are_one_table_in_the_natural_order_of_their_names(tmp_path):
    shards(tmp_path / "x")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for file in sorted((tmp_path / "x").iterdir()):
            archive.write(file, f"data/{file.name}")
    for path in (tmp_path / "x", tmp_path / "x.zip"):
        samples = read_samples(path, categorical="k")
        assert samples.tensor()[:, 1].tolist() == list(range(12))
        assert samples.categories[2] == ("u", "v", "w")
    pieces = list(stream_samples(tmp_path / "x", rows=3, exclude="k"))
    assert np.concatenate([piece.tensor()[:, 1].numpy() for piece in pieces]).tolist() == list(range(12))


def test_files_next_to_shards_are_counted(tmp_path):
    shards(tmp_path / "x")
    (tmp_path / "x" / "diagram.png").write_bytes(b"x")
    with pytest.warns(Remark, match=r"1 other file is not read \(1 of type .png\)"):
        assert len(read_samples(tmp_path / "x", exclude="k")) == 12
    assert len(read_samples(tmp_path / "x", array="part2.csv", exclude="k")) == 4


def test_files_named_after_parts_are_parts(tmp_path):
    FRAME.to_csv(tmp_path / "train.csv", index=False)
    FRAME.iloc[:5].to_csv(tmp_path / "test.csv", index=False)
    data = open_data(tmp_path, exclude="k", validation=0.0)
    assert (len(data.train), len(data.test)) == (12, 5)


def test_folders_of_partitions_become_columns(tmp_path):
    for year in (2020, 2021):
        (tmp_path / f"year={year}").mkdir()
        FRAME.to_parquet(tmp_path / f"year={year}" / "part-0.parquet")
    (tmp_path / "_SUCCESS").touch()
    samples = read_samples(tmp_path, exclude="k")
    assert samples.columns == ("a", "b", "year")
    assert samples.tensor()[:, 2].unique().tolist() == [2020, 2021]


def test_shards_with_other_columns_are_refused_with_advice(tmp_path):
    shards(tmp_path / "x")
    FRAME[["a"]].to_csv(tmp_path / "x" / "part3.csv", index=False)
    said = message_of(tmp_path / "x", exclude="k")
    assert "part3.csv has other columns than part1.csv ('b', 'k')" in said
    assert len(read_samples(tmp_path / "x", array="part1.csv", exclude="k")) == 4


def test_messages_about_packed_files_name_them(tmp_path):
    (tmp_path / "x.csv.bz2").write_bytes(bz2.compress(b"a,b\n1,2\n3\n"))
    assert message_of(tmp_path / "x.csv.bz2").startswith(f"{tmp_path}/x.csv.bz2: ")
    (tmp_path / "y.csv.xz").write_bytes(lzma.compress(b"1,2\n" * 10_000))
    assert "unpacks to more than max_bytes=1000" in message_of(tmp_path / "y.csv.xz", max_bytes=1000)

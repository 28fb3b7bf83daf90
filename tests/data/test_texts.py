"""Reading texts: files, folders, tables and lists, each with its mistakes."""

import contextlib
import json
import zipfile

import numpy as np
import polars as pl
import pytest

import isthmus as ist
from isthmus.data import reopen
from isthmus.data.media import Text
from isthmus.errors import DataError, Remark
from vocabularies import SENTENCES

WINES = "caf\u00e9\nth\u00e9\nvin\n"


def words(data):
    parts = [part for part in data.parts.values() if len(part)]
    return sorted(text for part in parts for text in data.medium.words(part.tensor()))


def test_lines_of_a_file_become_samples_of_tokens(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("\n".join(SENTENCES) + "\n\n")
    with pytest.warns(Remark, match="read as text"):
        data = ist.open_data(path)
    assert (data.kind, data.train.dtype, data.scaling.kind) == ("tokens", "uint8", "none")
    assert words(data) == sorted(SENTENCES)


def test_a_file_of_numbers_is_still_a_table(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("1 2\n3 4\n5 6\n7 8\n")
    assert ist.open_data(path).kind == "table"


def test_paragraphs_and_whole_files_are_samples_if_asked(tmp_path):
    path = tmp_path / "x.md"
    path.write_text("one\ntwo\n\nthree\n\n\nfour\n")
    assert words(ist.open_data(path, unit="paragraph", test=0, validation=0)) == ["four", "one two", "three"]
    whole = ist.open_data(path, unit="file", test=0, validation=0)
    assert words(whole) == ["one two three four"]


@pytest.mark.parametrize("source", ["list", "array", "csv", "parquet", "polars", "jsonl", "folder", "zip"])
def test_every_source_of_texts_gives_the_same_samples(source, tmp_path):
    frame = pl.DataFrame({"text": SENTENCES, "place": range(len(SENTENCES))})
    given = {"list": SENTENCES, "array": np.array(SENTENCES), "polars": frame}.get(source, tmp_path / f"x.{source}")
    if source == "csv":
        frame.write_csv(given)
    elif source == "parquet":
        frame.write_parquet(given)
    elif source == "jsonl":
        given.write_text("".join(json.dumps({"text": text}) + "\n" for text in SENTENCES))
    elif source == "folder":
        for side, half in (("a", SENTENCES[::2]), ("b", SENTENCES[1::2])):
            (given / side).mkdir(parents=True)
            (given / side / "x.txt").write_text("\n".join(half))
    elif source == "zip":
        with zipfile.ZipFile(given, "w") as archive:
            archive.writestr("x.txt", "\n".join(SENTENCES))
    with pytest.warns(Remark, match="only 2 places") if source == "folder" else contextlib.nullcontext():
        data = ist.open_data(given, kind="text")
    assert words(data) == sorted(SENTENCES)
    if source == "folder":
        assert data.label_names == ("a", "b")


def test_the_vocabulary_comes_from_the_training_part_alone():
    data = ist.open_data([*SENTENCES, *["a"] * 60], seed=1)
    assert isinstance(data.medium, Text)
    letters = set("".join(data.medium.words(data.train.tensor())))
    assert set(data.medium.symbols) == letters


def test_pieces_of_one_long_text_stay_in_one_part():
    with pytest.warns(Remark, match="cut into pieces"):
        data = ist.open_data(["zebra " * 60, *SENTENCES], window=20)
    assert isinstance(data.medium, Text)
    assert data.shape[0] <= 21
    zebras = ["".join(data.medium.decode(part.tensor())).count("zebra") for part in data.parts.values()]
    assert sorted(zebras) == [0, 0, 60]


def test_new_texts_are_read_in_the_models_vocabulary_and_length():
    data = ist.open_data(SENTENCES)
    with pytest.warns(Remark) as told:
        samples = ist.read_samples(["a cat sees 9 kings and a very long list of other things"], like=data.description)
    assert samples.shape == data.shape
    assert any("not in the vocabulary" in str(one.message) for one in told)
    assert any("ends are cut off" in str(one.message) for one in told)


def test_reading_again_gives_the_same_samples(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("\n".join(SENTENCES))
    data = ist.open_data(path, kind="text", pieces=280)
    again = reopen(data.description)
    assert again.medium == data.medium
    assert again.description == data.description


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (WINES.encode("latin-1"), "not utf-8: line 1 has the byte 0xe9"),
    ],
)
def test_files_without_readable_text_are_refused(content, match, tmp_path):
    path = tmp_path / "x.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=match):
        ist.open_data(path, kind="text")


def test_other_encodings_are_read_if_named_and_utf_16_by_its_mark(tmp_path):
    path = tmp_path / "x.txt"
    path.write_bytes((WINES * 9).encode("latin-1"))
    assert "caf\u00e9" in words(ist.open_data(path, kind="text", encoding="latin-1"))
    path.write_bytes((WINES * 9).encode("utf-16"))
    assert "caf\u00e9" in words(ist.open_data(path, kind="text"))
    with pytest.raises(DataError, match="encoding='klingon' is unknown"):
        ist.open_data(path, kind="text", encoding="klingon")


def test_unreadable_files_of_a_folder_are_named_and_left_out(tmp_path):
    for number, text in enumerate(SENTENCES[:5]):
        (tmp_path / f"{number}.txt").write_text(text)
    (tmp_path / "bad.txt").write_bytes(b"\xff\x00\xe9")
    (tmp_path / "table.csv").write_text("1,2")
    with pytest.warns(Remark) as told:
        data = ist.open_data(tmp_path, kind="text")
    assert len(data) == 5
    assert any("bad.txt" in str(one.message) for one in told)
    assert any("1 other file is not read (1 of type .csv)" in str(one.message) for one in told)


def test_a_line_of_a_megabyte_becomes_pieces_of_one_group(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("word " * 200_000 + "\n" + "\n".join(SENTENCES))
    with pytest.warns(Remark, match="1 of 37 texts are longer than 128"):
        data = ist.open_data(path, kind="text")
    assert data.shape[0] <= 129


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        (['{"a": 1}'], "fields of text"),
        (["{"], "line 1 is not JSON"),
        (['{"a": "x", "b": "y"}'], "2 fields of text"),
        (["[1]"], "line 1 has no text"),
    ],
)
def test_json_lines_without_texts_are_refused(rows, match, tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(rows))
    with pytest.raises(DataError, match=match):
        ist.open_data(path, kind="text")


def test_a_table_must_say_which_column_holds_the_texts():
    frame = pl.DataFrame({"one": SENTENCES, "two": SENTENCES, "class": ["a", "b"] * 18})
    with pytest.raises(DataError, match="3 columns of text"):
        ist.open_data(frame, kind="text")
    data = ist.open_data(frame, kind="text", columns="two", label="class")
    assert data.label_names == ("a", "b")
    with pytest.raises(DataError, match="Did you mean 'two'"):
        ist.open_data(frame, kind="text", columns="twoo")


def test_a_list_that_is_not_all_texts_is_refused():
    with pytest.raises(DataError, match="text 1 is NoneType"):
        ist.read_samples(["a", None, "b"], kind="text")


def test_a_model_of_text_given_numbers_says_so():
    data = ist.open_data(SENTENCES)
    with pytest.raises(DataError, match="expected whole numbers from 0"):
        ist.read_samples(np.full((2, data.shape[0]), 99), like=data.description)
    with pytest.raises(DataError):
        ist.read_samples(np.zeros((2, 5, 5), np.float32), like=data.description)

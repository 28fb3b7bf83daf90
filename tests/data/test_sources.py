import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from isthmus.data import open_data, read_samples
from isthmus.errors import DataError


def message_of(source, **options) -> str:
    with pytest.raises(DataError) as caught:
        open_data(source, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_missing_file_offers_the_nearest_beside_it(tmp_path):
    (tmp_path / "table.csv").write_text("1,2\n")
    assert "Did you mean 'table.csv'" in message_of(tmp_path / "tabel.csv")


def test_misspelt_name_offers_the_nearest():
    assert "Did you mean 'mnist'" in message_of("minst")


def test_empty_file_is_refused(tmp_path):
    for name in ("x.npy", "x.npz", "x.csv", "x.parquet", "x.idx", "x.idx.gz", "x.png", "x.zip"):
        (tmp_path / name).touch()
        assert "is empty" in message_of(tmp_path / name)


def test_unknown_type_offers_the_nearest(tmp_path):
    (tmp_path / "x.parq").write_bytes(b"x")
    assert "Did you mean '.parquet'" in message_of(tmp_path / "x.parq")
    (tmp_path / "x").write_bytes(b"x")
    assert "without a suffix" in message_of(tmp_path / "x")


@pytest.mark.parametrize("suffix", [".pkl", ".pt", ".joblib"])
def test_files_that_can_run_code_are_never_read(tmp_path, suffix):
    (tmp_path / f"x{suffix}").write_bytes(b"x")
    assert "can run code" in message_of(tmp_path / f"x{suffix}")


def test_address_given_as_a_path_is_told_from_one():
    assert "https://example.org/x.npy is an address" in message_of(Path("https://example.org/x.npy"))


def test_path_through_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    assert "does not exist" in message_of(tmp_path / "file" / "x.csv")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "x.csv")
    assert "is a pipe or a device" in message_of(tmp_path / "x.csv")


def test_failing_disk_is_told_in_one_line(tmp_path, monkeypatch):
    (tmp_path / "x.csv").write_text("1,2\n")

    def fail(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("pathlib.Path.open", fail)
    assert "Input/output error" in message_of(tmp_path / "x.csv")


def test_something_that_holds_no_samples_is_refused():
    for source in (None, 3, {}, object(), "", "\0"):
        message_of(source)


def test_suffix_may_have_capitals(tmp_path):
    (tmp_path / "X.CSV").write_text("1,2\n3,4\n")
    assert len(read_samples(tmp_path / "X.CSV")) == 2


def test_home_folder_is_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    np.save(tmp_path / "x.npy", np.eye(3))
    assert len(read_samples("~/x.npy")) == 3


def test_unknown_option_offers_the_nearest():
    words: dict = {"lable": "x"}
    assert "'label'" in message_of("digits", **words)


@pytest.mark.parametrize("options", [{"size": 14}, {"mode": "L"}, {"label": "kind"}])
def test_options_that_the_source_has_no_use_for_are_refused(tmp_path, options):
    np.save(tmp_path / "x.npy", np.zeros((5, 8, 8), np.uint8))
    name = next(iter(options))
    with pytest.raises(DataError, match=f"^{name}=.*Leave it out"):
        open_data(tmp_path / "x.npy", **options)


def test_a_label_is_refused_where_the_source_has_labels_of_its_own(tmp_path):
    for kind in ("cat", "dog"):
        (tmp_path / kind).mkdir()
        Image.new("L", (4, 4)).save(tmp_path / kind / "a.png")
    for source in ("digits", tmp_path):
        with pytest.raises(DataError, match=r"^label='kind' names a column .* has labels of its own\. Leave it out\.$"):
            open_data(source, label="kind")
    like = {"shape": [1, 8, 8], "options": {"label": "kind"}}
    assert read_samples("digits", like=like).labels is not None


def test_options_of_a_models_training_are_no_trouble_where_there_is_no_use_for_them():
    like = {"shape": [8, 8], "options": {"size": [8, 8], "mode": "L", "label": "kind"}}
    assert len(read_samples(np.zeros((5, 8, 8), np.uint8), like=like)) == 5
    with pytest.raises(DataError, match=r"size=.* is for picture files"):
        read_samples(np.zeros((5, 8, 8), np.uint8), like=like, size=9)


@pytest.mark.parametrize(
    ("name", "kind"), [("x.txt", "melody"), ("x.mid", "text"), ("x.txt", "waveform"), ("x.wav", "roll")]
)
def test_a_file_of_another_medium_than_asked_is_refused(name, kind, tmp_path):
    (tmp_path / name).write_text("a line\nanother line here\nand a third\n")
    with pytest.raises(DataError, match="can't be read as"):
        open_data(tmp_path / name, kind=kind)


def test_what_another_medium_made_does_not_reach_a_model_of_text(tmp_path):
    texts = open_data([f"line {number} of many" for number in range(30)])
    (tmp_path / "notes.json").write_text(str([[[60, -1]] * 40] * 3))
    with pytest.raises(DataError, match="trained on text"):
        read_samples(tmp_path / "notes.json", like=texts.description)
    np.save(tmp_path / "tokens.npy", texts.train.tensor().numpy())
    assert torch.equal(read_samples(tmp_path / "tokens.npy", like=texts.description).tensor(), texts.train.tensor())

"""What several commands share."""

from pathlib import Path

import pytest

from isthmus.cli.options import make_way
from isthmus.cli.train import free_folder, stem
from isthmus.errors import DataError


def test_two_results_are_not_written_into_one_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="two results"):
        make_way(Path("map.png"), tmp_path / "map.png", force=True)
    make_way(Path("map.png"), tmp_path / "map.html", force=False)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("digits", "digits"),
        ("/data/wine.csv", "wine"),
        ("train-images-idx3-ubyte.gz", "train-images"),
        ("my pictures.zip", "my-pictures"),
        ("photos/", "photos"),
        ("../data.v2.parquet", "data.v2"),
        ("/", "data"),
    ],
)
def test_a_run_is_named_for_its_source(source, name):
    assert stem(source) == name


def test_a_taken_folder_gets_a_number(tmp_path):
    folder = tmp_path / "digits-deep"
    assert free_folder(folder) == folder
    folder.mkdir()
    assert free_folder(folder).name == "digits-deep-2"
    (tmp_path / "digits-deep-2").mkdir()
    assert free_folder(folder).name == "digits-deep-3"

"""`isthmus search`."""

import csv
import json

import pytest


def test_matches_are_printed_written_and_told_as_json(isthmus, trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = isthmus("search", trained, "test:3", "test", "-k", "2")
    assert said.code == 0, said.err
    assert "The nearest of the test part" in said.out
    told = json.loads(isthmus("search", trained, "test:3", "test", "--k", "2", "--json").out)
    assert told["matches"]["sample"][0] == 3
    assert told["matches"]["distance"][0] == pytest.approx(0, abs=1e-4)
    words = ("--index", "a.safetensors", "--out", "a.csv", "--picture", "a.png")
    assert isthmus("search", trained, "test:3", "test", *words).out.split() == ["a.csv", "a.png"]
    assert (tmp_path / "a.png").stat().st_size > 0
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["rank"] for row in rows] == [str(rank) for rank in range(1, 11)]
    assert (tmp_path / "a.safetensors").exists()


def test_a_wrong_suffix_is_refused(isthmus, trained):
    said = isthmus("search", trained, "test:3", "--index", "a.npy")
    assert said.code == 2
    assert "expected a path that ends in .safetensors" in said.err

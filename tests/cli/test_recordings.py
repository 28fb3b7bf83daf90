"""A recording of two sensors with time stamps on the command line: trained, scored, reconstructed."""

import json

import numpy as np
import pandas as pd
import pyarrow.csv as arrow_csv
import pytest


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    turn, noise = 2 * np.pi * np.arange(900) / 30, 0.05 * np.random.default_rng(0).normal(size=(2, 900))
    given = pd.DataFrame(
        {
            "when": pd.date_range("2024-03-01", periods=900, freq="min"),
            "warm": 20 + np.sin(turn) + noise[0],
            "wet": 50 - 3 * np.cos(turn) + noise[1],
        }
    )
    given.drop(index=range(300, 400)).to_csv(folder / "a.csv", index=False)
    given.loc[600:603, "wet"] += 20
    given.to_csv(folder / "b.csv", index=False)
    return folder


@pytest.fixture
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def trained(isthmus, here):
    if not (here / "run").exists():
        said = isthmus("train", "a.csv", "--kind", "series", "--step", "10min", "--recipe", "pca", "--out", "run")
        assert said.code == 0, said.err
        assert "read as 1 recording of 800 steps, 1 min each, and 2 channels, cut into windows of 60 steps (1 h)" in (
            " ".join(said.err.split())
        )
        assert "--window" in said.err
    return "run"


def test_scores_are_written_for_each_time_step(isthmus, trained, here):
    said = isthmus("detect", trained, "b.csv", "scores.csv", "--force")
    assert said.code == 0, said.err
    assert "of 900 time steps are anomalous" in said.out
    assert "wet at 2024-03-01 10:0" in said.out
    table = arrow_csv.read_csv(here / "scores.csv")
    assert table.column_names == ["when", "score", "window_score", "anomalous", "error_warm", "error_wet"]
    assert len(table) == 900
    assert 600 <= int(np.argmax(table["score"].to_numpy())) <= 603


def test_scores_as_json_have_the_stretches(isthmus, trained):
    found = json.loads(isthmus("detect", trained, "b.csv", "--json", "--quiet").out)
    assert found["steps"]["count"] == found["steps"]["scored"] == 900
    assert found["steps"]["most_anomalous"][0]["first"].startswith("2024-03-01 ")


def test_reconstructions_keep_the_time_stamps(isthmus, trained, here):
    assert isthmus("reconstruct", trained, "a.csv", "back.csv", "--force").code == 0
    made, given = (arrow_csv.read_csv(here / name) for name in ("back.csv", "a.csv"))
    assert made.column_names == ["when", "warm", "wet"]
    assert made["when"] == given["when"]
    assert np.abs(made["wet"].to_numpy() - given["wet"].to_numpy()).mean() < 0.5


def test_codes_are_named_after_the_time_of_their_window(isthmus, trained, here):
    assert isthmus("encode", trained, "a.csv", "codes.csv", "--force").code == 0
    assert arrow_csv.read_csv(here / "codes.csv")["name"][1].as_py() == "a.csv@2024-03-01 00:10"


def test_the_channels_are_listed(isthmus, trained):
    assert "channels: warm, wet" in isthmus("info", trained).out


def test_groups_and_durations_are_options(isthmus, here):
    given = pd.read_csv("a.csv").assign(device=np.arange(800) // 100)
    given.to_csv("many.csv", index=False)
    said = isthmus(
        *("train", "many.csv", "--groups", "device", "--time", "when", "--window", "20min", "--recipe", "pca"),
        *("--out", "grouped", "--quiet"),
    )
    assert said.code == 0, said.err
    said = isthmus("train", "many.csv", "--window", "soon", "--out", "other")
    assert said.code != 0
    assert "expected a number above 0, or a duration such as '1h'" in " ".join(said.err.split())


def test_codes_are_decoded_to_windows(isthmus, trained, here):
    assert isthmus("encode", trained, "b.csv", "all.csv", "--force").code == 0
    said = isthmus("decode", trained, "all.csv", "windows.csv", "--force")
    assert said.code == 0, said.err
    table = arrow_csv.read_csv(here / "windows.csv")
    assert table.column_names == ["sample", "step", "warm", "wet"]
    assert len(table) == 60 * len(arrow_csv.read_csv(here / "all.csv"))

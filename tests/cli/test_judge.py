"""`isthmus evaluate` and `isthmus report`."""

import json
import webbrowser

import numpy as np
import pytest
from PIL import Image

import isthmus as ist
from isthmus.cli import judge


def test_evaluate_shows_each_part_beside_pca_and_the_mean(isthmus, trained):
    said = isthmus("evaluate", trained)
    assert said.code == 0, said.err
    for word in ("test", "validation", "train", "model", "PCA", "mean", "mse"):
        assert word in said.out


def test_evaluate_gives_json_in_the_promised_form(isthmus, trained):
    found = json.loads(isthmus("evaluate", trained, "--json").out)
    assert list(found) == ["test", "validation", "train"]
    assert found["test"]["sse"].keys() == {"model", "pca", "mean"}
    assert 0 < found["test"]["sse"]["model"] < found["test"]["sse"]["mean"] * 1.5


def test_evaluate_takes_other_data(isthmus, trained, tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, size=(10, 8, 8), dtype=np.uint8)
    np.save(tmp_path / "noise.npy", pictures)
    found = json.loads(isthmus("evaluate", trained, tmp_path / "noise.npy", "--json").out)
    assert list(found) == ["given"]


def test_unreadable_picture_is_left_out_named_and_told_by_the_exit_code(isthmus, trained, tmp_path):
    (tmp_path / "in").mkdir()
    for place in range(6):
        noise = np.random.default_rng(place).integers(0, 255, (8, 8), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / "in" / f"{place}.png")
    whole = json.loads(isthmus("evaluate", trained, tmp_path / "in", "--json").out)
    (tmp_path / "in" / "broken.png").write_bytes(b"no picture")
    said = isthmus("evaluate", trained, tmp_path / "in", "--json")
    assert said.code == 1
    assert "broken.png" in said.err
    assert json.loads(said.out) == whole


@pytest.mark.parametrize("words", [["nowhere"], ["."], ["nowhere", "digits"]])
def test_what_is_no_run_is_said_in_one_line(isthmus, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    for command in ("evaluate", "report", "info"):
        said = isthmus(command, *words[: 1 if command != "evaluate" else 2])
        assert (said.code, said.out) == (1, "")
        assert said.err.startswith("isthmus: ")
        assert said.err.count("\n") == 1


def test_data_that_do_not_fit_are_said_in_one_line(isthmus, trained, tmp_path):
    np.save(tmp_path / "wide.npy", np.zeros((4, 9, 9), dtype=np.uint8))
    said = isthmus("evaluate", trained, tmp_path / "wide.npy")
    assert said.code == 1
    assert said.err.count("\n") == 1
    assert "8" in said.err
    assert "9" in said.err


def test_report_prints_where_the_page_is(isthmus, trained, tmp_path):
    said = isthmus("report", trained, tmp_path / "page.html")
    assert said.code == 0, said.err
    assert said.out == f"{tmp_path / 'page.html'}\n"
    assert "<html" in (tmp_path / "page.html").read_text()


def test_a_report_is_written_as_html_alone(isthmus, trained, tmp_path):
    said = isthmus("report", trained, tmp_path / "page.txt")
    assert said.code == 2
    assert "expected a path that ends in .html" in " ".join(said.err.split())
    assert not (tmp_path / "page.txt").exists()


@pytest.mark.parametrize("screen", [True, False])
def test_report_opens_the_page_where_there_is_a_screen(isthmus, trained, tmp_path, monkeypatch, screen):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setattr(judge, "_desktop", lambda: screen)
    assert isthmus("report", trained, tmp_path / "page.html", "--open").code == 0
    assert opened == ([(tmp_path / "page.html").as_uri()] if screen else [])


def test_only_the_runs_own_page_is_written_anew_unasked(isthmus, trained, tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(ist.Run, "report", lambda run, path: written.append(path) or path or trained / "report.html")
    (tmp_path / "page.html").write_text("somebody's")
    (trained / "report.html").write_text("its own")
    assert "there already" in isthmus("report", trained, tmp_path / "page.html").err
    assert not written
    assert isthmus("report", trained).code == 0
    assert isthmus("report", trained, trained / "report.html").code == 0
    assert isthmus("report", trained, tmp_path / "page.html", "--force").code == 0
    (trained / "report.html").unlink()

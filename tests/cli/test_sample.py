"""The command `sample`: what it writes, what it prints, and what it refuses."""

import json

import numpy as np
import pytest
from PIL import Image

import isthmus as ist


@pytest.fixture(scope="module")
def vae(isthmus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "vae"
    words = ["--recipe", "vae", "--set", "code=4", "--epochs", 3, "--out", folder, "--quiet", "--compile", "no"]
    assert isthmus("train", "digits", *words).code == 0
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_sheet_of_pictures_is_written_into_the_run_by_default(isthmus, vae):
    said = isthmus("sample", vae)
    assert said.code == 0, said.err
    assert said.out.strip() == str(vae / "samples.png")
    with Image.open(vae / "samples.png") as sheet:
        assert sheet.size[0] == sheet.size[1] > 400
    assert isthmus("sample", vae).code == 1  # it is there now
    assert isthmus("sample", vae, "--force").code == 0
    (vae / "samples.png").unlink()


def test_every_format_holds_the_samples_themselves(isthmus, vae, here):
    expected = ist.sample(ist.load(vae), 7, seed=2).values.numpy().clip(0, 255)
    for name in ("new.npy", "new.csv", "new.zip", "new"):
        said = isthmus("sample", vae, name, "-n", 7, "--seed", 2)
        assert said.code == 0, said.err
        back = ist.read_samples(name).tensor().numpy().reshape(7, 1, 8, 8)
        assert np.abs(back - expected).max() <= 0.5 + 1e-5


def test_a_folder_that_is_not_there_yet_is_made(isthmus, vae, here):
    said = isthmus("sample", vae, "new/deep/one.png", "-n", 1)
    assert said.code == 0, said.err
    assert isthmus("reconstruct", vae, "digits", "other/deep").code == 0
    assert (here / "new/deep/one.png").exists()
    assert len(list((here / "other/deep").iterdir())) == 1797
    (here / "file").write_text("mine")
    assert "a part of its path is a file" in isthmus("sample", vae, "file/one.png").err


def test_a_class_that_is_not_there_is_named_before_a_target_that_is(isthmus, vae, here):
    (here / "a.png").write_text("mine")
    assert "There is no class '17' in the data." in isthmus("sample", vae, "a.png", "--label", 17).err
    assert "is there already" in isthmus("sample", vae, "a.png", "--label", 7).err


def test_one_sample_as_a_picture_is_that_picture(isthmus, vae, here):
    assert isthmus("sample", vae, "one.png", "-n", 1).code == 0
    with Image.open("one.png") as picture:
        assert picture.size == (8, 8)


def test_draws_are_judged_in_a_table_and_as_json(isthmus, vae, here):
    said = isthmus("sample", vae, "new.png", "--judge", "-q")
    assert said.code == 0, said.err
    for word in ("precision", "recall", "density", "coverage", "Fréchet distance", "log p(x)", "bits a number"):
        assert word in said.out
    assert "draws to judge by (prior) against" in said.out
    told = json.loads(isthmus("sample", vae, "new.png", "--judge", "--json", "--force").out)
    assert told["path"] == "new.png"
    assert told["way"] == "prior"
    assert 0 <= told["judgement"]["draws"]["precision"] <= 1
    assert told["judgement"]["log_likelihood"]["standard_error"] > 0
    assert json.loads(isthmus("sample", vae, "other.png", "--json").out).keys() == {"path", "count", "way", "label"}


def test_a_class_is_drawn_by_its_name(isthmus, trained, here):
    assert isthmus("sample", trained, "sevens.png", "--label", "7").code == 0
    said = isthmus("sample", trained, "none.png", "--label", "77")
    assert said.code == 1
    assert "no class '77'" in said.err


def test_a_model_without_a_prior_says_what_to_do(isthmus, trained, here):
    said = isthmus("sample", trained, "new.png")
    assert said.code == 1
    assert "--way mixture" in said.err
    assert said.err.count("\n") == 1
    assert not list(here.iterdir())
    assert isthmus("sample", trained, "new.png", "--way", "mixture").code == 0


def test_rows_of_a_table_come_with_their_columns_and_are_no_picture(isthmus, here):
    rows = np.random.default_rng(0).normal(size=(80, 3))
    lines = ["height,width,depth", *(",".join(map(str, row)) for row in rows)]
    (here / "table.csv").write_text("\n".join(lines))
    words = ["--set", "code=2", "--epochs", 1, "--compile", "no", "-q", "--out", "run"]
    assert isthmus("train", "table.csv", *words).code == 0
    said = isthmus("sample", "run", "--way", "gaussian", "-n", 5, "--judge")
    assert said.code == 0, said.err
    header, *drawn = (here / "run" / "samples.csv").read_text().splitlines()
    assert header.replace('"', "") == "height,width,depth"
    assert len(drawn) == 5
    said = isthmus("sample", "run", "rows.png", "--way", "gaussian")
    assert said.code == 1
    assert ".csv" in said.err
    assert not (here / "rows.png").exists()


def test_series_are_drawn_as_lines_in_a_sheet(isthmus, here):
    np.save("series.npy", np.sin(np.linspace(0, 9, 40) + np.arange(60)[:, None])[:, None])
    words = ["--recipe", "series", "--kind", "series", "--set", "code=2", "--epochs", 1, "--compile", "no", "-q"]
    assert isthmus("train", "series.npy", *words, "--out", "run").code == 0
    assert isthmus("sample", "run", "new.png", "--way", "mixture", "-n", 12).code == 0
    with Image.open("new.png") as sheet:
        assert min(sheet.size) > 100
    assert isthmus("sample", "run", "new.npy", "--way", "mixture", "-n", 12).code == 0
    assert np.load("new.npy").shape == (12, 1, 40)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nowhere"], "nowhere"),
        (["RUN", "new.docx"], ".docx"),
        (["RUN", "taken.png/new.png"], "a part of its path is a file"),
        (["RUN", "taken.png"], "--force"),
    ],
)
def test_wrong_input_is_said_in_one_line_and_leaves_nothing_behind(isthmus, vae, here, words, told):
    (here / "taken.png").write_text("mine")
    said = isthmus("sample", *(vae if word == "RUN" else word for word in words))
    assert said.code == 1
    assert told in said.err
    assert said.err.count("\n") == 1
    assert [path.name for path in here.iterdir()] == ["taken.png"]
    assert (here / "taken.png").read_text() == "mine"

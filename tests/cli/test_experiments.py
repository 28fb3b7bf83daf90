"""`isthmus sweep` and `isthmus compare`."""

import json

import numpy as np
import pytest

from isthmus.experiments import Study


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(120, 2)) @ generator.normal(size=(2, 8)) + 0.01 * generator.normal(size=(120, 8))
    path = tmp_path_factory.mktemp("data") / "two.npy"
    np.save(path, rows.astype(np.float32))
    return path


def test_sweep_says_how_many_numbers_and_where_the_page_is(isthmus, file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = isthmus("sweep", file, "--code", "1,2,3", "--recipe", "pca", "--quiet")
    assert said.code == 0, said.err
    assert "On the validation part, 2 latent dimensions explain" in said.out
    assert "two-sweep, validation part" in said.out
    head = next(line for line in said.out.splitlines() if "PCA's" in line)
    assert head.split() == ["explained", "PCA's", "explained", "mse", "PCA's", "mse"]
    assert said.out.splitlines()[-1] == "runs/two-sweep/report.html"  # and no advice
    assert (tmp_path / "runs" / "two-sweep" / "results.parquet").exists()


def test_sweep_gives_json(isthmus, file, tmp_path):
    said = isthmus("sweep", file, "--code", "1,2,3", "--recipe", "pca", "--out", tmp_path, "--json")
    found = json.loads(said.out)
    assert found["suggested"] == 2
    assert [entry["means"]["code"] for entry in found["entries"]] == [1, 2, 3]


def test_jobs_say_how_many_trainings_run_at_once(isthmus, file, tmp_path, monkeypatch):
    """`tests/experiments/test_workers.py` has the processes."""
    asked, alone = [], Study.run

    def run(study, *, jobs=1, **how):
        asked.append(jobs)
        alone(study, **how)

    monkeypatch.setattr(Study, "run", run)
    said = isthmus("sweep", file, "--code", "1,2", "--recipe", "pca", "--jobs", 2, "--out", tmp_path, "--quiet")
    assert said.code == 0, said.err
    assert asked == [2]


def test_compare_shows_a_row_each_and_options_of_one_recipe(isthmus, file, tmp_path):
    words = ["--set", "code=2", "--set", "deep:widths=8,", "--epochs", 1, "--seeds", 2, "--out", tmp_path]
    said = isthmus("compare", file, "--recipes", "deep,pca", *words)
    assert said.code == 0, said.err
    assert "PCA's mse" in said.out
    assert "±" in said.out
    assert max(map(len, said.out.split("PCA with")[0].splitlines()[:-1])) <= 80
    plan = json.loads((tmp_path / "plan.json").read_text())
    widths = [trial["asked"]["blueprint"]["network"]["widths"] for trial in plan["trials"]]
    assert widths == [[8], [8], [], []]


def test_a_run_that_fails_is_told_and_the_exit_code_says_so(isthmus, file, tmp_path):
    said = isthmus("compare", file, "--recipes", "pca,conv", "--set", "code=2", "--seeds", 1, "--out", tmp_path)
    assert said.code == 1
    assert "conv, seed 0 failed" in said.err
    assert "pca has the smallest error" in said.out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["sweep", "digits", "--code", "1,x"], 2, "--code 1,2,4,8"),
        (["sweep", "digits", "--code", "0"], 2, "1 or more"),
        (["sweep", "digits", "--price", "2"], 1, "share"),
        (["sweep", "nowhere.csv"], 1, "nowhere.csv"),
        (["compare", "digits"], 2, "no models"),
        (["compare", "digits", "vae@weight"], 2, "RECIPE@KEY=VALUE"),
        (["compare", "digits", "vae@wieght=1"], 2, "weight"),
        (["compare", "digits", "--recipes", "deep,deep"], 2, "twice"),
        (["compare", "digits", "--recipes", "depe"], 2, "deep"),
        (["compare", "digits", "--recipes", "deep", "--set", "conv:code=3"], 2, "conv"),
        (["compare", "digits", "--recipes", "deep", "--set", "kode=3"], 2, "code"),
    ],
)
def test_wrong_use_is_one_line_before_any_training(isthmus, tmp_path, monkeypatch, words, code, said):
    monkeypatch.chdir(tmp_path)
    found = isthmus(*words)
    assert found.code == code
    assert said in found.err
    assert found.err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_pretrain_shows_a_row_a_way_and_writes_beside_the_run(isthmus, trained):
    words = ["pretrain", trained, "--labels", "20", "--seeds", 1, "--epochs", 1]
    said = isthmus(*words, "--quiet")
    assert said.code == 0, said.err
    assert "from scratch" in said.out
    assert "With 20 labels" in said.out
    assert "Next" not in said.out
    assert (trained.with_name("digits-pretrain") / "report.html").exists()
    found = json.loads(isthmus(*words, "--json").out)
    assert found["accuracy"]["fine-tuned"]["20"]["spread"] is None


@pytest.mark.parametrize(("words", "code"), [(["--labels", "x"], 2), (["nowhere.csv"], 1)])
def test_pretrain_says_wrong_use_in_one_line(isthmus, trained, tmp_path, words, code):
    found = isthmus("pretrain", trained, *words, "--out", tmp_path / "out")
    assert found.code == code
    assert found.err.count("\n") == 1

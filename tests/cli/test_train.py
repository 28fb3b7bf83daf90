"""`isthmus train` and `isthmus resume`."""

import json
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import typer

import isthmus as ist
from isthmus.cli.train import conclude
from isthmus.training import Settings

QUICK = ["--epochs", 1, "--batch-size", 256, "--compile", "no"]


def one_line(text):
    return text.startswith("isthmus: ") and text.count("\n") == 1


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_training_ends_with_a_table_and_the_next_step(isthmus, here):
    said = isthmus("train", "digits", *QUICK)
    assert said.code == 0, said.err
    for word in ("model", "PCA", "mean", "mse", "test part", "isthmus report runs/digits-deep"):
        assert word in said.out
    assert (here / "runs/digits-deep/weights.safetensors").exists()


def test_a_second_run_without_a_name_gets_a_folder_of_its_own(isthmus, here):
    for _ in range(2):
        assert isthmus("train", "digits", *QUICK, "--recipe", "pca").code == 0
    assert sorted(path.name for path in (here / "runs").iterdir()) == ["digits-pca", "digits-pca-2"]


def test_every_option_reaches_the_run(isthmus, here):
    said = isthmus(
        *(
            "train",
            "digits",
            "--recipe",
            "multilayer",
            "--set",
            "code=5",
            "--set",
            "widths=20,",
            "-s",
            "activation=gelu",
        ),
        *("--epochs", 2, "--batch-size", 100, "--optimiser", "sgd", "--learning-rate", 0.01, "--momentum", 0.5),
        *("--weight-decay", 1e-4, "--schedule", "cosine", "--warmup", 1, "--clip", 2, "--precision", "bf16"),
        *("--compile", "no", "--device", "cpu", "--patience", 3, "--seed", 7, "--validation", 0.2, "--test", 0.3),
        *("--split-seed", 4, "--scaling", "bytes", "--out", "run"),
    )
    assert said.code == 0, said.err
    run = ist.load("run")
    settings = run.settings.to_json()
    expected = {
        "epochs": 2,
        "batch_size": 100,
        "optimiser": "sgd",
        "learning_rate": 0.01,
        "momentum": 0.5,
        "weight_decay": 1e-4,
        "schedule": "cosine",
        "warmup": 1.0,
        "clip": 2.0,
        "precision": "bfloat16",
        "compile": False,
        "device": "cpu",
        "patience": 3,
        "seed": 7,
    }
    assert {name: settings[name] for name in expected} == expected
    assert run.model.code_shape == (5,)
    assert run.model.blueprint is not None
    assert run.model.blueprint.network.to_json() | {"widths": [20], "activation": "gelu"} == (
        run.model.blueprint.network.to_json()
    )
    split = run.description["split"]
    assert (split["validation"], split["test"], split["seed"]) == (0.2, 0.3, 4)


def test_the_command_and_python_train_the_same_weights(isthmus, here):
    assert isthmus("train", "digits", "--set", "code=4", "--seed", 3, *QUICK, "--out", "command").code == 0
    data = ist.open_data("digits")
    model = ist.recipe("deep", code=4).build(data, seed=3)
    run = ist.fit(model, data, epochs=1, batch_size=256, compile=False, seed=3, progress=False)
    loaded = ist.load("command").model.state_dict()
    assert all((loaded[name] == value).all() for name, value in run.model.state_dict().items())


def test_json_is_all_there_is_on_stdout(isthmus, here):
    said = isthmus("train", "digits", *QUICK, "--json", "--out", "run")
    found = json.loads(said.out)
    assert found["run"] == "run"
    assert found["test"]["mse"].keys() == {"model", "pca", "mean"}


def test_a_blueprint_may_come_from_a_file(isthmus, here):
    (here / "small.json").write_text(
        json.dumps({"network": {"kind": "dense", "widths": [9]}, "code": {"kind": "plain"}})
    )
    said = isthmus("train", "digits", "--blueprint", "small.json", "--set", "code=3", *QUICK)
    assert said.code == 0, said.err
    assert ist.load("runs/digits-small").model.code_shape == (3,)


def test_a_table_is_trained_on_by_its_columns(isthmus, here):
    rows = np.random.default_rng(0).normal(size=(60, 3))
    lines = ["a,b,c,kind", *(f"{a},{b},{c},{'x' if a > 0 else 'y'}" for a, b, c in rows)]
    (here / "table.csv").write_text("\n".join(lines))
    said = isthmus("train", "table.csv", "--label", "kind", "--exclude", "c", "--set", "code=1", *QUICK)
    assert said.code == 0, said.err
    run = ist.load("runs/table-deep")
    assert run.description["columns"] == ["a", "b"]
    assert run.description["label_names"] == ["x", "y"]


def test_a_remark_is_a_note_on_stderr(isthmus, here):
    said = isthmus("train", "digits", "--set", "code=100", *QUICK, "-q")
    assert said.code == 0
    assert "PCA" in said.out.splitlines()[-1]  # the result, without advice
    assert "note: code=100 is larger than the data (64 numbers)" in said.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nowhere.csv"], "nowhere.csv"),
        (["empty"], "empty"),
        (["empty.csv"], "empty.csv"),
        (["object.npz"], "object.npz"),
        (["holes.npy"], "--missing drop"),
        (["digits", "--recipe", "depe"], "Did you mean 'deep'"),
        (["digits", "--set", "cod=3"], "Did you mean 'code'?"),
        (["digits", "--set", "activation=rellu"], "relu"),
        (["digits", "--set", "code=0"], "code"),
        (["digits", "--device", "warp"], "device"),
        (["digits", "--blueprint", "nowhere.json"], "nowhere.json"),
        (["digits", "--blueprint", "empty.csv"], "empty.csv"),
        (["digits", "--blueprint", "list.json"], "list.json"),
        (["digits", "--validation", "0.6", "--test", "0.6"], "validation"),
        (["flat.csv", "--columns", "d"], "column"),
        (["flat.csv", "--recipe", "conv"], "conv"),
    ],
)
def test_wrong_input_is_said_in_one_line_and_leaves_nothing_behind(isthmus, here, words, told):
    (here / "empty").mkdir()
    (here / "empty.csv").touch()
    (here / "list.json").write_text("[1]")
    (here / "flat.csv").write_text("a,b\n" + "1,2\n" * 20)
    np.savez(here / "object.npz", x=np.array([{}, {}], dtype=object))
    np.save(here / "holes.npy", np.full((20, 3), np.nan, dtype=np.float32))
    said = isthmus("train", *words, *QUICK)
    assert said.code == (2 if {"--recipe", "--set"} & set(words) and words[0] == "digits" else 1), said.err
    assert one_line(said.err.removeprefix(notes(said.err))), said.err
    assert told in said.err
    assert said.out == ""
    assert not (here / "runs").exists()


def notes(err):
    return "".join(line for line in err.splitlines(keepends=True) if line.startswith("note: "))


def test_a_taken_folder_is_left_alone_unless_it_is_forced(isthmus, here):
    assert isthmus("train", "digits", *QUICK, "--out", "run").code == 0
    before = (here / "run/weights.safetensors").read_bytes()
    said = isthmus("train", "digits", *QUICK, "--seed", 1, "--out", "run")
    assert said.code == 1
    assert "--force" in said.err
    assert (here / "run/weights.safetensors").read_bytes() == before
    assert isthmus("train", "digits", *QUICK, "--seed", 1, "--out", "run", "--force").code == 0
    assert (here / "run/weights.safetensors").read_bytes() != before


def test_a_finished_run_can_be_prolonged(isthmus, here):
    assert isthmus("train", "digits", *QUICK, "--out", "run").code == 0
    said = isthmus("resume", "run", "--epochs", 3)
    assert said.code == 0, said.err
    assert len(ist.load("run").history) == 3


def test_what_is_no_run_cannot_be_resumed(isthmus, here):
    said = isthmus("resume", "nowhere")
    assert said.code == 1
    assert one_line(said.err)


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process whatever the signal")
def test_ctrl_c_saves_everything_and_resume_goes_on(here):
    words = ["train", "digits", "--epochs", "3000", "--compile", "no", "--out", "run", "-q"]
    process = subprocess.Popen(
        [sys.executable, "-m", "isthmus", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 600
    while not (here / "run/history.json").exists() and time.monotonic() < deadline:  # written at an epoch's end
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 130
    at_once, at_the_end = err.splitlines()
    assert "Stopping after this step; the run is saved first" in at_once
    assert "isthmus resume run" in at_the_end
    assert 0 < len(ist.load("run").history) < 3000


def test_ctrl_c_under_force_says_that_the_old_run_is_still_there(tmp_path, capsys):
    stopped: Any = SimpleNamespace(
        status="interrupted", history=[{}], folder=tmp_path / ".new", settings=Settings(epochs=20)
    )
    with pytest.raises(typer.Exit):
        conclude(stopped, tmp_path, json=False, quiet=True)
    said = " ".join(capsys.readouterr().err.split())
    assert f"To go on: isthmus resume {tmp_path}. Until it has ended, {tmp_path} keeps the run" in said


def test_too_few_samples_of_music_are_remarked_on(isthmus, here):
    (here / "tune.json").write_text(json.dumps([[60 + place // 2 % 8] for place in range(64)]))
    words = ("--kind", "roll", "--recipe", "music-roll", "--set", "channels=[4,4]")
    said = isthmus("train", "tune.json", *words, *QUICK)
    assert said.code == 0, said.err
    assert "2 samples to train on, which a model learns by heart" in " ".join(said.err.split())


def test_a_table_with_categories_gets_the_recipe_for_it(isthmus, here):
    rows = [f"{row % 7},{'ab'[row % 2]}" for row in range(60)]
    (here / "a.csv").write_text("\n".join(["x,kind", *rows]))
    said = isthmus("train", "a.csv", "--epochs", "1", "--set", "code=1")
    assert said.code == 0, said.err
    assert "Recipe: table, by the data; change with --recipe." in said.err
    assert (here / "runs" / "a-table").is_dir()

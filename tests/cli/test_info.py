"""`isthmus recipes` and `isthmus info`."""

import json

import numpy as np
import pytest

import isthmus as ist
from isthmus.trained.choices import BY_HAND
from isthmus.training import choice


def test_recipes_are_listed_with_what_they_are(isthmus):
    said = isthmus("recipes")
    assert said.code == 0
    for name, row in ist.RECIPES.items():
        assert name in said.out
        assert row.summary in said.out


@pytest.fixture(scope="module")
def shown(isthmus):
    """What the command says of each recipe."""
    return {name: isthmus("recipes", name) for name in ist.RECIPES}


def test_a_recipe_tells_its_options_source_and_an_example(shown):
    for name, row in ist.RECIPES.items():
        said = shown[name]
        assert said.code == 0
        assert row.source in said.out
        assert f"--recipe {name}" in said.out
        for option in row.blueprint.options():
            assert option in said.out


@pytest.mark.parametrize(
    ("name", "example"),
    [
        ("deep", "isthmus train digits --recipe deep --set code=16"),
        ("denoise", "isthmus train photos/ --patches 1000 --size 32 --recipe denoise --set sigma=0.2"),
        ("upscale", "isthmus train photos/ --patches 1000 --size 32 --recipe upscale --set factor=4"),
        ("recolour", "isthmus train photos/ --patches 1000 --size 32 --recipe recolour\n"),
        ("table", "isthmus train people.csv --categorical auto --recipe table"),
    ],
)
def test_the_example_names_data_and_an_option_that_suit_the_recipe(shown, name, example):
    assert example in shown[name].out


def test_every_example_sets_an_option_of_its_recipe(shown):
    for said in shown.values():
        example = said.out.splitlines()[-1]
        if "--set " in example:
            key, _, value = example.split("--set ")[1].partition("=")
            name = example.split("--recipe ")[1].split()[0]
            ist.recipe(name, **{key.replace(".", "__"): json.loads(value)})


def test_the_defaults_that_a_recipe_shows_can_be_set(isthmus, tmp_path):
    shown = json.loads(isthmus("recipes", "deep", "--json").out)["options"]
    words = [word for name, value in shown.items() for word in ("--set", f"{name}={json.dumps(value)}")]
    said = isthmus("train", "digits", *words, "--epochs", 1, "--compile", "no", "-q", "--out", tmp_path / "run")
    assert said.code == 0, said.err


def test_recipes_give_json(isthmus):
    found = json.loads(isthmus("recipes", "--json").out)
    assert found.keys() == ist.RECIPES.keys()


def test_an_unknown_recipe_names_the_nearest(isthmus):
    said = isthmus("recipes", "vanila")
    assert (said.code, said.out) == (1, "")
    assert "Did you mean 'vanilla'?" in said.err


def test_a_purpose_gets_a_recipe_with_a_reason_figures_and_commands(isthmus, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    said = isthmus("recipes", "--for", "anomalies in a table")
    assert said.code == 0, said.err
    found = ist.recommend("anomalies in a table")
    words = " ".join(said.out.split())
    assert found.reason.replace("`", "") in words
    assert all(f"  {line}\n" in said.out for line in found.first.commands.splitlines())
    assert found.measured.made_by in words
    assert max(map(len, said.out.splitlines())) <= 80
    assert json.loads(isthmus("recipes", "--for", "anomalies in a table", "--json").out) == json.loads(
        json.dumps(found.to_json())
    )


def test_the_commands_for_a_purpose_work_as_printed(isthmus, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = json.loads(isthmus("recipes", "--for", "baseline", "digits", "--json").out)
    for line in found["choices"][0]["commands"].splitlines():
        said = isthmus(*line.split()[1:])
        assert said.code == 0, said.err


def test_an_unknown_purpose_lists_those_that_there_are(isthmus):
    said = isthmus("recipes", "--for", "xyzzy")
    assert (said.code, said.out) == (1, "")
    assert "Purposes: anomalies, " in said.err


def test_options_of_reading_need_a_purpose(isthmus):
    said = isthmus("recipes", "deep", "--kind", "table")
    assert said.code == 2
    assert "give --for PURPOSE with them" in said.err


def test_info_shows_model_data_training_and_files(isthmus, trained):
    said = isthmus("info", trained)
    assert said.code == 0, said.err
    for word in ("finished", "encoder.dense1", "8,320", "1×8×8", "1,437", "3 of 3 epochs", "weights.safetensors"):
        assert word in said.out


def test_info_names_the_columns_with_a_curve(isthmus, tmp_path):
    values = np.exp(1.5 * np.random.default_rng(0).normal(size=(300, 2)))
    np.savetxt(
        tmp_path / "a.csv",
        np.stack([values[:, 0], values[:, 1] % 1], 1),
        delimiter=",",
        header="income,rest",
        comments="",
    )
    how = ("--recipe", "deep", "--set", "code=1", "--epochs", 1, "--compile", "no", "--out", tmp_path / "run")
    said = isthmus("train", tmp_path / "a.csv", *how)
    assert said.code == 0, said.err
    assert "--scaling standardise" in " ".join(said.err.split())
    assert "scaling: standardise, after a curve: 'income'" in isthmus("info", tmp_path / "run").out


def test_info_gives_json(isthmus, trained):
    found = json.loads(isthmus("info", trained, "--json").out)
    assert found["code_shape"] == [8]
    assert len(found["history"]) == 3
    assert found["parameters"] == sum(layer["weights"] for layer in found["layers"])
    assert found["data"]["source"] == "digits"


def test_formats_are_listed_with_what_they_need(isthmus):
    said = isthmus("formats").out
    assert all(word in said for word in (".xlsx", "excel", ".parquet", ".png", ".mid", ".wav", "https://"))
    rows = json.loads(isthmus("formats", "--json").out)
    assert next(row for row in rows if row["name"] == "Parquet")["writes"] == [".parquet", ".pq"]


def test_a_run_of_the_command_states_what_was_chosen_and_why(isthmus, tmp_path, monkeypatch):
    monkeypatch.setattr(choice, "LEAST_TABLE_SECONDS", 0.03)
    draw = np.random.default_rng(0)
    np.save(tmp_path / "rows.npy", (draw.normal(size=(200, 2)) @ draw.normal(size=(2, 6))).astype(np.float32))
    trained = isthmus("train", tmp_path / "rows.npy", "--out", tmp_path / "run", "--recipe", "deep", "--quiet")
    assert trained.code == 0
    shown = isthmus("info", tmp_path / "run").out
    assert "as many principal components" in shown
    assert "batch_size=" in shown
    rows = {row["what"]: row["why"] for row in json.loads(isthmus("info", tmp_path / "run", "--json").out)["choices"]}
    chosen = ("Code", "Hidden layers", "Epochs", "Batch", "Learning rate")
    assert BY_HAND not in {rows[name] for name in chosen}

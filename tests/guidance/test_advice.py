"""Advice: recipes for a purpose, with reasons, figures and commands that work."""

import json
import shlex
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

import isthmus as ist
from isthmus.cli.main import app
from isthmus.errors import UseError
from isthmus.formatting import number
from isthmus.guidance import KINDS, PURPOSES, every_advice, measurements
from isthmus.shown import as_html

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def every():
    return list(every_advice())


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A table of numbers, as `measurements.csv` in the working directory."""
    monkeypatch.chdir(tmp_path)
    rows = np.random.default_rng(0).normal(size=(200, 3)).round(2)
    np.savetxt("measurements.csv", rows, delimiter=",", header="a,b,c", comments="", fmt="%.2f")
    return rows


def test_every_recipe_is_suggested_for_a_purpose(every):
    suggested = {choice.recipe for advice in every for choice in advice.choices}
    missing = ist.RECIPES.keys() - suggested
    assert not missing, f"{missing}: name them in a purpose, in src/isthmus/guidance/purposes/"


def test_every_suggestion_is_a_recipe_with_its_options(every):
    for advice in every:
        for choice in advice.choices:
            changed = dict(word.split("=", 1) for word in choice.options)
            ist.recipe(choice.recipe, **{key: _value(value) for key, value in changed.items()})
            assert choice.why


def _value(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def test_every_purpose_names_a_page_and_kinds_of_data():
    for purpose in PURPOSES.values():
        assert (DOCS / purpose.page).is_file()
        assert purpose.ways.keys() <= KINDS.keys()
        assert purpose.simpler.keys() <= {*purpose.ways, "any"}


def test_every_figure_is_in_the_survey(every):
    raw = json.loads(resources.files("isthmus.guidance").joinpath("measured.json").read_text())
    rows = {(row["recipe"], row["data"]): row["measures"] for row in raw["rows"] if not row["failed"]}
    for advice in every:
        for choice in advice.choices:
            for data, figures in choice.figures.items():
                assert figures.items() <= rows[choice.recipe, data].items()
        for recipe, *shown in advice.figures().rows:
            known = [number(value) for data in advice.sets for value in rows.get((recipe, data), {}).values()]
            assert set(shown) <= {*known, "–"}


def test_the_first_choice_is_none_that_another_one_clearly_beats(every):
    for advice in every:
        ranks = advice.measured.ranks([one.recipe for one in advice.choices], advice.purpose.measure, advice.sets)
        assert not ranks or ranks[advice.first.recipe] == min(ranks.values())


def test_every_command_has_the_options_that_it_names(every):
    group: Any = typer.main.get_command(app)
    for advice in every:
        for choice in advice.choices:
            for line in choice.commands.splitlines():
                program, name, *words = shlex.split(line)
                assert program == "isthmus"
                group.commands[name].make_context(name, words)


def test_the_code_of_a_suggestion_runs(table):
    found = ist.recommend("anomalies in a table")
    pca = next(one for one in found.choices if one.recipe == "pca")
    exec(pca.code, {"ist": ist})


def test_a_source_decides_the_kind_of_data(table):
    found = ist.recommend("anomalies", "measurements.csv")
    assert found.facts.kind.name == "table"
    assert not found.assumed
    assert "measurements.csv" in found.first.commands
    assert "160 training samples of shape 3" in str(found)
    Path("mixed.csv").write_text("a,b\n" + "\n".join(f"{n % 7},{'' if n % 5 else 'xyz'[n % 3]}" for n in range(60)))
    found = ist.recommend("anomalies", "mixed.csv")
    assert found.first.recipe in ("table", "table-vae")
    assert "--missing keep" in found.first.commands


def test_data_in_memory_get_code_with_a_name_for_them():
    found = ist.recommend("reduce", np.random.default_rng(0).normal(size=(60, 4)))
    assert found.first.code.startswith("data = ist.open_data(source")


def test_the_kind_that_the_text_names_says_how_a_source_is_read(tmp_path):
    np.save(tmp_path / "beats.npy", np.random.default_rng(0).normal(size=(40, 64)))
    found = ist.recommend("anomalies in series", tmp_path / "beats.npy")
    assert found.facts.kind.name == "series"
    assert "--kind series" in found.first.commands


def test_recipes_that_do_not_fit_the_data_are_left_out():
    of_several_lengths = [np.random.default_rng(length).random((1, 10 + length % 4)) for length in range(60)]
    found = ist.recommend("anomalies", of_several_lengths)
    assert found.left_out.keys() == {"pca"}
    assert "pca" not in [one.recipe for one in found.choices]
    assert "Not for these data: pca." in str(found)


def test_a_purpose_that_no_recipe_serves_on_the_data_is_refused():
    with pytest.raises(UseError, match="None of recolour fits these data"):
        ist.recommend("recolour", "digits")
    with pytest.raises(UseError, match="the data need labels"):
        ist.recommend("classes", np.random.default_rng(0).normal(size=(60, 4)))
    with pytest.raises(UseError, match="no recipe to fill missing cells"):
        ist.recommend("fill", "digits")


def test_activations_are_a_table_that_the_text_makes_activations():
    values = np.random.default_rng(0).normal(size=(80, 8)).astype(np.float32)
    assert ist.recommend("features of a network's activations", values).facts.kind.name == "activations"
    assert ist.recommend("dictionary", values).facts.kind.name == "activations"


def test_the_kind_can_be_named():
    assert ist.recommend("draw", "table").facts.kind.name == "table"


def test_it_shows_itself_and_says_where_its_figures_are_from():
    found = ist.recommend("anomalies in a table")
    assert measurements().made_by in str(found)
    assert found.first.code in str(found)
    shown = as_html(found._card(), "Advice")
    assert found.first.recipe in shown
    assert measurements().made_by in shown
    assert json.loads(json.dumps(found.to_json()))["choices"][0]["recipe"] == found.first.recipe

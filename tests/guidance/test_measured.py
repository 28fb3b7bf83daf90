"""The survey's table: how it is read, and the order of recipes that it gives."""

import json
from importlib import resources

from isthmus.guidance import KINDS, measurements
from isthmus.guidance.measured import Measurements


def table(**values):
    """Recipes by AUROC and seconds on the sets a and b."""
    return Measurements.model_validate(
        {
            "made_by": "a command",
            "machine": "a machine",
            "measures": {"auroc": {"means": "", "better": "larger"}, "nll": {"means": "", "better": "smaller"}},
            "data": {name: {"kind": "table", "shape": [4], "samples": count} for name, count in (("a", 10), ("b", 99))},
            "rows": [
                {"recipe": recipe, "data": data, "measures": dict(zip(("auroc", "nll", "seconds"), row, strict=True))}
                for recipe, rows in values.items()
                for data, row in zip("ab", rows, strict=False)
            ],
        }
    )


def order(ranks):
    return sorted(ranks, key=ranks.__getitem__)


def test_the_better_recipe_is_first():
    found = table(one=[(0.7, 90, 1)], two=[(0.9, 95, 9)])
    assert order(found.ranks(["one", "two"], "auroc", ["a"])) == ["two", "one"]
    assert order(found.ranks(["one", "two"], "nll", ["a"])) == ["one", "two"]


def test_of_level_recipes_the_faster_one_is_first():
    found = table(slow=[(0.905, 90.5, 9)], fast=[(0.9, 91, 1)], poor=[(0.6, 99, 0.1)])
    assert order(found.ranks(["slow", "fast", "poor"], "auroc", ["a"])) == ["fast", "slow", "poor"]
    assert order(found.ranks(["slow", "fast", "poor"], "nll", ["a"])) == ["fast", "slow", "poor"]


def test_a_recipe_that_was_not_measured_on_a_set_is_behind_the_others_there():
    found = table(both=[(0.8, 0, 1), (0.8, 0, 1)], half=[(0.9, 0, 1)], never=[])
    ranks = found.ranks(["both", "half", "never"], "auroc", ["a", "b"])
    assert (ranks["both"].place, ranks["half"].place) == (0.5, 0.5)
    assert "never" not in ranks


def test_data_sets_of_similar_size_come_first():
    assert table().nearest("ab", (4,), 80, 2) == ["b", "a"]
    assert table().nearest("ab", (4,), 12, 1) == ["a"]


def test_every_data_set_of_the_survey_is_of_a_known_kind():
    known = {kind.surveyed or kind.name for kind in KINDS.values()}
    assert {one.kind for one in measurements().data.values()} <= known


def test_the_table_that_ships_is_the_file():
    raw = json.loads(resources.files("isthmus.guidance").joinpath("measured.json").read_text())
    assert len(measurements().rows) == len(raw["rows"]) > 0
    assert measurements().made_by == raw["made_by"]

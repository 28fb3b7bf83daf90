"""Candidates by their words: recipes with options, and grids of them."""

import pytest

from isthmus.errors import BlueprintError
from isthmus.experiments.candidates import read_candidates


def test_a_grid_stands_for_each_combination_and_lists_may_have_commas():
    (deep, *grid) = read_candidates(["deep@code=8,network.widths=64,32", "vae@weight=1/4,code=8/16"])
    assert deep.options == {"code": 8, "network.widths": [64, 32]}
    assert read_candidates(["deep@network.widths=[64]"])[0].options == {"network.widths": [64]}
    assert [one.options for one in grid] == [{"weight": w, "code": c} for w in (1, 4) for c in (8, 16)]
    assert len({one.name for one in grid}) == 4


@pytest.mark.parametrize("words", [["vae@"], ["vae@weight"], ["@code=3"], ["vae@weight="], ["vae", "vae"]])
def test_words_that_name_no_model_are_refused_with_how_to_say_it(words):
    with pytest.raises(BlueprintError, match=r"RECIPE@KEY=VALUE|expected each model once"):
        read_candidates(words)

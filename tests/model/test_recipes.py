"""Recipes: what everybody may rely on, and the shapes that their descriptions promise."""

import math

import pytest
import torch
from torch import nn

from isthmus.errors import BlueprintError
from isthmus.model.recipes import RECIPES, find_recipe, recipe
from isthmus.parts.layers import TiedLinear
from vocabularies import SHAPES, samples_for, with_tokens


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_says_what_it_is_for_and_where_it_comes_from(name):
    row = find_recipe(name)
    assert row.name == name
    assert row.summary.endswith(".")
    assert row.advice.endswith(".")
    assert any(letter.isdigit() for letter in row.source), "a source has a year"


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_builds_and_steps_and_leaves_the_global_random_state_alone(name):
    shape, before = SHAPES.get(find_recipe(name).data, (1, 28, 28)), torch.random.get_rng_state()
    model = with_tokens(recipe(name, classes=3)).build(shape)
    draws = model.draw(3, torch.Generator().manual_seed(0))
    total, _ = model.loss(model(samples_for(model, 3), draws, torch.arange(3)))
    total.backward()
    assert all(weight.grad is not None for weight in model.parameters())
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("name", "options", "sizes"),
    [
        ("vanilla", {}, [784, 32, 784]),
        ("vanilla", {"code": 64}, [784, 64, 784]),
        ("multilayer", {}, [784, 128, 64, 128, 784]),
        ("deep", {}, [784, 128, 64, 32, 64, 128, 784]),
        ("pca", {}, [784, 32, 784]),
    ],
)
def test_dense_recipes_are_the_networks_that_they_say(name, options, sizes):
    model = recipe(name, **options).build((1, 28, 28))
    found = [784]
    for layer in [*model.encoder.modules(), *model.decoder.modules()]:
        if isinstance(layer, nn.Linear):
            found.append(layer.out_features)
        elif isinstance(layer, TiedLinear):
            found.append(layer.bias.numel())
    assert found == sizes


def test_the_conv_recipe_is_the_lectures_network():
    model = recipe("conv").build((1, 28, 28))
    assert model.code_shape == (8, 4, 4)
    assert sum(weight.numel() for weight in model.parameters()) == 4385


def test_pca_is_linear_tied_and_solved_in_closed_form():
    model = recipe("pca", code=3).build((1, 4, 5))
    assert model.blueprint is not None
    assert model.blueprint.solution == "closed form"
    assert sum(weight.numel() for weight in model.parameters()) == 3 * 20 + 3 + 20
    x = torch.rand(5, 1, 4, 5)
    middle = model(x / 2 + torch.flip(x, (0,)) / 2).output
    assert torch.allclose(middle, model(x).output / 2 + model(torch.flip(x, (0,))).output / 2, atol=1e-5)


def test_recipes_take_options():
    model = recipe("deep", code=16, widths=(256, 64), distance="bce").build((1, 28, 28))
    assert math.prod(model.code_shape) == 16
    assert model.distance.kind == "bce"


@pytest.mark.parametrize(("name", "near"), [("depe", "deep"), ("Vanila", "vanilla"), ("convolution", "conv")])
def test_an_unknown_recipe_is_answered_with_the_nearest(name, near):
    with pytest.raises(BlueprintError, match=f"There is no recipe '{name}'. Did you mean '{near}'"):
        recipe(name)


def test_an_unknown_option_is_answered_with_the_nearest():
    with pytest.raises(BlueprintError, match=r"no option 'cod' here\. Did you mean 'code'"):
        recipe("deep", cod=3)

"""Blueprints: JSON, options, and building the same model again."""

import json
import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus.data.samples import Samples
from isthmus.data.scaling import Scaling
from isthmus.errors import BlueprintError, Remark
from isthmus.model.blueprint import Blueprint
from isthmus.model.recipes import RECIPES, recipe
from isthmus.parts import L1, ActivationL1, Bce, Conv, Corruption, Dense, Gaussian, Mse, Plain, Sse

DEEP = Blueprint(network=Dense(widths=(12, 8)), code=Plain(size=4))
FULL = Blueprint(
    network=Dense(widths=(6,), tied=True, dropout=0.25),
    code=Plain(size=3, activation="relu"),
    distance=Gaussian(scale=0.1),
    penalties=(ActivationL1(weight=1e-3, warmup=2), ActivationL1(layer="encoder.dense1")),
)


def bits(model) -> list[torch.Tensor]:
    return list(model.state_dict().values())


@pytest.mark.parametrize("blueprint", [FULL, DEEP, *(row.blueprint for row in RECIPES.values())], ids=str)
def test_blueprint_comes_back_from_json(blueprint):
    text = json.dumps(blueprint.to_json(), allow_nan=False)
    assert Blueprint.from_json(json.loads(text)) == blueprint


def test_json_names_the_kinds():
    assert FULL.to_json()["penalties"][1] == {
        "kind": "activation-l1",
        "weight": 1e-5,
        "warmup": 0.0,
        "cycle": 0.0,
        "layer": "encoder.dense1",
    }


def test_same_seed_gives_the_same_bits_and_another_seed_others():
    first, again, other = (DEEP.build((20,), seed=seed) for seed in (3, 3, 4))
    assert all(torch.equal(a, b) for a, b in zip(bits(first), bits(again), strict=True))
    assert not torch.equal(bits(first)[0], bits(other)[0])


def test_the_global_random_state_has_no_say_in_the_weights():
    first = bits(recipe("conv").build((1, 28, 28)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(99)
        second = bits(recipe("conv").build((1, 28, 28)))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_build_settles_the_link_and_the_model_knows_its_blueprint():
    picture, table = DEEP.build((1, 4, 5)), DEEP.build((20,))
    assert picture.distance == Mse(link="sigmoid")
    assert table.distance == Mse(link="identity")
    assert picture.blueprint == DEEP.replace(distance=Mse(link="sigmoid"), missing="refuse")


def test_data_bring_their_shape_and_scaling():
    data: Any = SimpleNamespace(shape=(1, 4, 5), scaling=Scaling("bytes", 0.0, 255.0, (0.0, 1.0)))
    model = DEEP.build(data)
    raw = torch.full((2, 1, 4, 5), 51, dtype=torch.uint8)
    assert torch.allclose(model(raw).clean, torch.tensor(0.2))


def test_same_data_give_the_same_bits():
    values = torch.rand(50, 1, 4, 5, generator=torch.Generator().manual_seed(0))
    data: Any = SimpleNamespace(shape=(1, 4, 5), scaling=Scaling(range=(0, 1)), train=Samples(values=values))
    assert all(torch.equal(a, b) for a, b in zip(bits(DEEP.build(data)), bits(DEEP.build(data)), strict=True))


@pytest.mark.parametrize("shape", [784, (0, 3), (), (28.0, 28), "digits", (3, -1), None, torch.zeros(3, 4)])
def test_what_is_no_shape_is_refused_in_one_line(shape):
    with pytest.raises(BlueprintError, match="is not the shape of a sample") as caught:
        DEEP.build(shape)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("code", "words"), [(21, "larger than"), (20, "as large as")])
def test_a_code_that_is_not_smaller_than_the_data_gets_a_remark(code, words):
    with pytest.warns(Remark, match=rf"code={code} is {words} the data \(20 numbers\).*penalty or a corruption"):
        DEEP.with_options(code=code).build((20,))


class Smudge(Corruption):
    pass


@pytest.mark.parametrize(
    "more", [{"code": 19}, {"code": 30, "penalties": [ActivationL1()]}, {"code": 30, "corruption": "smudge"}]
)
def test_no_remark_where_copying_does_not_pay(more):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DEEP.with_options(**more).build((20,))


def test_remarks_can_be_left_out():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DEEP.with_options(code=30).build((20,), remarks=False)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"code": 7}, DEEP.replace(code=Plain(size=7))),
        ({"code": (2, 3)}, DEEP.replace(code=Plain(size=(2, 3)))),
        ({"code": Plain(size=9, activation="tanh")}, DEEP.replace(code=Plain(size=9, activation="tanh"))),
        ({"code": {"kind": "plain", "size": 5}}, DEEP.replace(code=Plain(size=5))),
        ({"widths": [9]}, DEEP.replace(network=Dense(widths=(9,)))),
        ({"activation": "gelu"}, DEEP.replace(network=Dense(widths=(12, 8), activation="gelu"))),
        ({"code__activation": "relu"}, DEEP.replace(code=Plain(size=4, activation="relu"))),
        ({"code.activation": "relu"}, DEEP.replace(code=Plain(size=4, activation="relu"))),
        ({"network.activation": "gelu"}, DEEP.replace(network=Dense(widths=(12, 8), activation="gelu"))),
        ({"distance": "bce"}, DEEP.replace(distance=Bce())),
        ({"distance": {"kind": "gaussian", "scale": 2}}, DEEP.replace(distance=Gaussian(scale=2))),
        ({"network": Conv(), "kernel": 5}, DEEP.replace(network=Conv(kernel=5))),
        ({"scale": 0.5, "distance": "gaussian"}, DEEP.replace(distance=Gaussian(scale=0.5))),
        ({"size": 6}, DEEP.replace(code=Plain(size=6))),
        ({"penalties": ["activation-l1"], "weight": 0.5}, DEEP.replace(penalties=(ActivationL1(weight=0.5),))),
        ({}, DEEP),
    ],
    ids=str,
)
def test_options_are_taken_by_their_names(options, expected):
    assert DEEP.with_options(**options) == expected


def test_one_of_two_penalties_of_a_kind_can_be_changed():
    changed = FULL.with_options(**{"activation-l1#2.weight": 7, "activation-l1.weight": 3})
    assert [penalty.weight for penalty in changed.penalties if isinstance(penalty, ActivationL1)] == [3, 7]
    assert changed.penalties[1] == ActivationL1(layer="encoder.dense1", weight=7)


@pytest.mark.parametrize("blueprint", [FULL, DEEP, *(row.blueprint for row in RECIPES.values())], ids=str)
def test_every_option_that_is_told_can_be_set_to_what_it_is(blueprint):
    for name, value in blueprint.options().items():
        if name not in {"distance", "network"}:  # a kind alone brings its defaults
            assert blueprint.with_options(**{name: value}) == blueprint, name
    assert {"code", "distance", "network"} <= blueprint.options().keys()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"width": [3]}, "no option 'width' here. Did you mean 'widths'"),
        ({"code__activatoin": "relu"}, "Did you mean 'code.activation'"),
        ({"distance.widths": 3}, "no option 'distance.widths'"),
        ({"kernel": 3}, "no option 'kernel'"),
        ({"code": 0}, "code.size is 0: expected a whole number of at least 1"),
        ({"distance": "mes"}, "Unknown distance 'mes'. Did you mean 'mse'"),
    ],
    ids=str,
)
def test_options_that_do_not_exist_or_will_not_do_are_answered_with_what_would(options, words):
    with pytest.raises(BlueprintError) as caught:
        DEEP.with_options(**options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_distance_that_does_not_fit_the_data_is_refused_when_they_meet():
    with pytest.raises(BlueprintError, match=r"bce needs data in 0\.\.1, but these are unbounded.*minmax"):
        DEEP.with_options(distance="bce").build((20,))


@pytest.mark.parametrize("distance", [Mse(), Sse(), L1(), Bce(), Gaussian()], ids=str)
@pytest.mark.parametrize("network", [Dense(widths=(12,)), Dense(tied=True), Conv(), Conv(form="strided")], ids=str)
def test_every_network_builds_with_every_distance(network, distance):
    model = Blueprint(network=network, code=Plain(size=3), distance=distance).build((1, 9, 10))
    total, terms = model.loss(model(torch.rand(4, 1, 9, 10)))
    total.backward()
    assert list(terms) == ["distance"]
    assert torch.isfinite(total)


def test_a_mask_is_settled_by_the_data():
    values = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    blueprint = Blueprint(network=Dense(), code=Plain(size=2))
    assert not blueprint.build(ist.open_data(values)).conditioning.mask
    values[3, 1] = np.nan
    model = blueprint.build(ist.open_data(values, missing="keep"))
    assert model.conditioning.mask
    assert model.blueprint is not None
    assert Blueprint.from_json(model.blueprint.to_json()).build((4,)).conditioning.mask


def test_building_reads_the_samples_to_decide_by_once(monkeypatch):
    data, read = ist.open_data("digits"), []
    whole = ist.Samples.batch
    monkeypatch.setattr(ist.Samples, "batch", lambda own, rows: read.extend(rows.tolist()) or whole(own, rows))
    ist.recipe("vanilla").build(data, remarks=False)
    assert sorted(read) == list(range(len(data.train)))

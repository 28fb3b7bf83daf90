"""Codes: the plain one, and what every kind can rely on."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isthmus.errors import BlueprintError
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.blueprint import Blueprint
from isthmus.parts import CodeKind, Conv, Dense, Plain, TopK
from isthmus.parts.layers import ACTIVATIONS


class Nameless(CodeKind):
    pass


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_plain_code_is_its_activated_features(activation):
    features = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    code = Plain(activation=activation)(features)
    assert torch.equal(code.z, ACTIVATIONS[activation]()(features))
    assert (code.distribution, code.indices, code.loss) == (None, None, None)


@pytest.mark.parametrize(
    ("size", "natural", "shape"),
    [
        (5, (8, 4, 4), (5,)),
        ((2, 4, 4), (8, 4, 4), (2, 4, 4)),
        (None, (8, 4, 4), (8, 4, 4)),
        (None, None, None),
        (7, None, (7,)),
    ],
)
def test_the_codes_shape_is_what_was_asked_for_else_the_networks(size, natural, shape):
    assert Plain(size=size).shape(natural) == shape


def test_a_plain_code_needs_neither_draws_nor_weights():
    generator = torch.Generator()
    before = generator.get_state()
    assert Plain(size=3).draw(4, (3,), generator) is None
    assert Plain(size=3).module((3,), generator) is None
    assert Plain(size=3).features((3,)) == (3,)
    assert torch.equal(before, generator.get_state())


def test_the_base_alone_makes_no_code():
    with pytest.raises(NotImplementedError):
        Nameless()(torch.zeros(1, 3))


def test_the_range_is_the_activations():
    ranges: dict[str, Any] = {name: Plain.from_json({"activation": name}).range for name in ACTIVATIONS}
    assert ranges.pop("sigmoid") == (0, 1)
    assert ranges.pop("tanh") == (-1, 1)
    assert set(ranges.values()) == {None}
    assert TopK().range is None


@given(st.integers(1, 30), st.data())
def test_exactly_the_k_largest_stay(size, data):
    k = data.draw(st.integers(1, size))
    features = torch.randn(6, size, generator=torch.Generator().manual_seed(size))
    z = TopK(k=k)(features).z
    kept = z != 0
    assert bool((kept.sum(1) == k).all())
    assert torch.equal(z[kept], features[kept])
    for sample, keeps in zip(features, kept, strict=True):
        assert sorted(sample[keeps].tolist()) == sorted(sample.tolist())[size - k :]


def test_ties_do_not_make_more_of_them():
    assert torch.equal(TopK(k=2)(torch.ones(3, 5)).z.sum(1), torch.full((3,), 2.0))


def test_a_share_of_the_code_stays_one_unit_at_least():
    assert int((TopK(k=0.25)(torch.rand(1, 2, 4) + 1).z != 0).sum()) == 2
    assert int((TopK(k=0.01)(torch.rand(1, 8) + 1).z != 0).sum()) == 1


def test_the_gradient_goes_through_those_that_stay():
    features = torch.tensor([[3.0, 1.0, 2.0]], requires_grad=True)
    TopK(k=2)(features).z.square().sum().backward()
    assert features.grad is not None
    assert features.grad.tolist() == [[6, 0, 4]]


def test_more_stay_once_training_is_over():
    model = Blueprint(network=Dense(), code=TopK(size=10, k=2, k_test=5)).build((12,))
    x = torch.rand(4, 12)
    assert bool(((model.train()(x).code.z != 0).sum(1) == 2).all())
    assert bool(((model.eval()(x).code.z != 0).sum(1) == 5).all())
    assert bool(((model.encode(x) != 0).sum(1) == 5).all())
    assert not [name for name in model.state_dict() if name.startswith("code")]


@pytest.mark.parametrize("options", [{"k": 11}, {"k": 3, "k_test": 11}])
def test_more_than_the_code_has_is_refused_when_the_model_is_built(options):
    name, value = list(options.items())[-1]
    with pytest.raises(BlueprintError, match=rf"{name}={value} is larger than the code \(10 numbers\)"):
        Blueprint(network=Dense(), code=TopK(size=10, **options)).build((12,))
    with pytest.raises(BlueprintError, match=rf"{name}={value} is larger than the code"):
        Autoencoder(torch.nn.Linear(12, 10), torch.nn.Linear(10, 12), shape=(12,), code=TopK(**options))


def test_the_largest_are_found_in_a_codes_maps_too():
    model = Blueprint(network=Conv(), code=TopK(k=9)).build((1, 28, 28))
    z = model(torch.rand(2, 1, 28, 28)).code.z
    assert z.shape == (2, 8, 4, 4)
    assert bool(((z != 0).flatten(1).sum(1) == 9).all())


@pytest.mark.parametrize("k", [0, -1, 1.5, "few"])
def test_what_is_no_number_of_units_is_refused(k):
    with pytest.raises(BlueprintError, match=r"code\.k is"):
        TopK(k=k)

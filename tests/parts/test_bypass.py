"""A bypass: a linear path beside layers, named like them."""

import pytest
import torch
from torch import nn

from isthmus.errors import BlueprintError
from isthmus.parts.bypass import add_bypass, bypass_of
from isthmus.parts.layers import Chain, traced


def chain() -> Chain:
    return Chain({"flatten": nn.Flatten(), "hidden": nn.Linear(6, 5), "act": nn.Tanh(), "last": nn.Linear(5, 4)})


def test_the_output_is_the_linear_path_plus_the_layers():
    layers = chain()
    add_bypass(layers, (2, 3), (4,))
    product = bypass_of(layers)
    x = torch.randn(7, 2, 3)
    assert not layers(x).any()
    for weight in layers.parameters():
        nn.init.normal_(weight)
    hidden, last = layers.get_submodule("hidden"), layers.get_submodule("last")
    flat = x.flatten(1)
    expected = flat @ product.weight.T + product.bias + last(torch.tanh(hidden(flat)))
    assert torch.allclose(layers(x), expected, atol=1e-5)


def test_made_in_a_shape_of_its_own():
    layers = Chain({"last": nn.Linear(4, 6), "unflatten": nn.Unflatten(1, (2, 3))})
    add_bypass(layers, (4,), (2, 3))
    product = bypass_of(layers)
    nn.init.normal_(product.weight)
    z = torch.randn(5, 4)
    assert torch.allclose(layers(z), (z @ product.weight.T).view(5, 2, 3), atol=1e-6)


def test_the_path_has_a_name_among_the_layers():
    layers = chain()
    add_bypass(layers, (2, 3), (4,))
    nn.init.ones_(bypass_of(layers).bias)
    _, seen = traced(layers, torch.zeros(1, 2, 3))
    assert sorted(seen) == ["act", "bypass", "flatten", "hidden", "last"]
    assert torch.equal(seen["bypass"], torch.ones(1, 4))
    assert torch.equal(seen["last"], torch.zeros(1, 4))


def test_compiled_it_is_the_same():
    layers = chain()
    add_bypass(layers, (2, 3), (4,))
    nn.init.normal_(bypass_of(layers).weight)
    x = torch.randn(3, 2, 3)
    assert torch.allclose(torch.compile(layers, fullgraph=True, backend="eager")(x), layers(x), atol=1e-6)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        (Chain({"all": nn.Sequential(nn.Linear(3, 3))}), "these end in Sequential"),
        (Chain({"flatten": nn.Flatten()}), "these end in nothing"),
    ],
)
def test_layers_that_cannot_be_silenced_are_refused(layers, words):
    with pytest.raises(BlueprintError, match=words):
        add_bypass(layers, (3,), (3,))

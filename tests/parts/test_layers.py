"""Layers: the chain, the crop, and how weights start."""

import math

import pytest
import torch
from torch import nn

from isthmus.model.blueprint import Blueprint
from isthmus.parts import Conv, Plain
from isthmus.parts.layers import ACTIVATIONS, Chain, Crop, Dropout, initialise, traced


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_chain_notes_each_layers_output_under_its_name():
    chain = Chain({"first": nn.Linear(3, 4), "second": nn.Tanh()})
    x = torch.rand(2, 3, generator=generator())
    y, seen = traced(chain, x)
    assert torch.equal(y, chain(x))
    assert list(seen) == ["first", "second"]
    assert torch.equal(seen["second"], y)
    assert torch.equal(chain(x), y)


def test_crop_takes_the_middle():
    x = torch.arange(36.0).reshape(1, 1, 6, 6)
    assert torch.equal(Crop((2, 5))(x), x[:, :, 2:4, 0:5])
    assert "(2, 5)" in repr(Crop((2, 5)))


def test_dropout_prints_its_rate():
    assert "rate=0.25" in repr(Dropout(0.25, (3,)))


@pytest.mark.parametrize(
    ("activation", "variance"),
    [("relu", 2 / 300), ("gelu", 2 / 300), ("selu", 1 / 300), ("tanh", 2 / 500), ("identity", 2 / 500)],
)
def test_weights_have_the_variance_of_their_activation(activation, variance):
    layer = nn.Linear(300, 200)
    initialise(layer, activation, generator())
    assert layer.weight.var().item() == pytest.approx(variance, rel=0.03)
    assert abs(layer.weight.mean().item()) < 4 * math.sqrt(variance / layer.weight.numel())
    assert not layer.bias.any()


@pytest.mark.parametrize(
    ("layer", "fan_in"),
    [
        (nn.Conv2d(30, 20, 5), 30 * 25),
        (nn.Conv1d(30, 200, 5), 30 * 5),
        (nn.ConvTranspose2d(30, 20, 5, stride=2), 30 * 25 / 4),
        (nn.ConvTranspose2d(30, 20, 5), 30 * 25),
    ],
    ids=str,
)
def test_fan_in_counts_what_meets_in_one_output(layer, fan_in):
    initialise(layer, "relu", generator())
    assert layer.weight.var().item() == pytest.approx(2 / fan_in, rel=0.05)


def test_a_layer_without_weights_cannot_start():
    with pytest.raises(TypeError, match="Flatten has no weight"):
        initialise(nn.Flatten(), "relu", generator())


@pytest.mark.parametrize("form", ["pooled", "strided"])
@pytest.mark.parametrize("seed", range(3))
def test_signals_neither_fade_nor_explode_through_the_conv_network(form, seed):
    model = Blueprint(network=Conv(form=form, channels=(32, 32, 32)), code=Plain(activation="relu")).build(
        (1, 28, 28), seed=seed
    )
    x = torch.rand(64, 1, 28, 28, generator=generator(seed))
    square = x.square().mean().item()
    for name, made in model(x).layers.items():
        assert 0.1 * square < made.square().mean().item() < 10 * square, name


def test_signals_fade_from_pytorchs_own_start():
    """Why there is a start of our own: the same network, the same samples."""
    model = Blueprint(network=Conv(channels=(32, 32, 32)), code=Plain(activation="relu")).build((1, 28, 28))
    spread = {}
    x = torch.rand(64, 1, 28, 28, generator=generator())
    spread["ours"] = model(x).layers["decoder.conv3"].std(0).mean().item()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for layer in model.modules():
            if isinstance(layer, nn.Conv2d):
                layer.reset_parameters()
    spread["pytorch's"] = model(x).layers["decoder.conv3"].std(0).mean().item()
    assert spread["pytorch's"] < 0.05 * spread["ours"]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_pytorchs_by_their_names(name):
    x = torch.linspace(-3, 3, 13)
    observed = {
        "relu": x.clamp(min=0),
        "leaky-relu": torch.where(x > 0, x, 0.01 * x),
        "identity": x,
        "tanh": torch.tanh(x),
        "sigmoid": 1 / (1 + torch.exp(-x)),
        "softplus": torch.log1p(torch.exp(x)),
        "elu": torch.where(x > 0, x, torch.expm1(x)),
        "silu": x / (1 + torch.exp(-x)),
        "gelu": x * 0.5 * (1 + torch.erf(x / math.sqrt(2))),
        "selu": 1.0507010 * torch.where(x > 0, x, 1.6732632 * torch.expm1(x)),
    }
    assert torch.allclose(ACTIVATIONS[name]()(x), observed[name], atol=1e-6)

"""Residual networks: pictures of every size, and blocks that begin as the identity."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from isthmus.errors import BlueprintError
from isthmus.model.blueprint import Blueprint
from isthmus.parts import Plain, Residual
from isthmus.parts.networks.residual import Block


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def build(shape, code=None, **fields):
    return Blueprint(network=Residual(**fields), code=Plain(size=code)).build(shape, remarks=False)


def shake(model: nn.Module) -> None:
    """Weights of a model that has learnt something, for at the start every block is the identity."""
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn(weight.shape, generator=generator()) * 0.1)


def test_the_layers_are_stages_that_halve_and_double():
    model = build((3, 32, 32), 128)
    seen = model(torch.rand(2, 3, 32, 32, generator=generator()))
    assert {name: tuple(made.shape[1:]) for name, made in seen.layers.items()} == {
        "encoder.down1": (16, 16, 16),
        "encoder.stage1": (16, 16, 16),
        "encoder.down2": (32, 8, 8),
        "encoder.stage2": (32, 8, 8),
        "encoder.down3": (64, 4, 4),
        "encoder.stage3": (64, 4, 4),
        "encoder.end": (64, 4, 4),
        "encoder.flatten": (1024,),
        "encoder.code": (128,),
        "decoder.expand": (64, 4, 4),
        "decoder.stage1": (64, 4, 4),
        "decoder.up1": (64, 8, 8),
        "decoder.conv1": (32, 8, 8),
        "decoder.stage2": (32, 8, 8),
        "decoder.up2": (32, 16, 16),
        "decoder.conv2": (16, 16, 16),
        "decoder.stage3": (16, 16, 16),
        "decoder.end": (16, 16, 16),
        "decoder.up3": (16, 32, 32),
        "decoder.output": (3, 32, 32),
    }


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    colours=st.integers(1, 4),
    channels=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    blocks=st.integers(1, 2),
    code=st.sampled_from([None, 1, 5]),
    normalisation=st.sampled_from([None, "layer", "batch"]),
    whole=st.booleans(),
    skips=st.booleans(),
)
@settings(max_examples=60)
def test_every_picture_comes_back_in_its_own_size(
    height, width, colours, channels, blocks, code, normalisation, whole, skips
):
    shape = (colours, height, width)
    fields = {"blocks": blocks, "normalisation": normalisation, "whole": whole, "skips": skips}
    model = build(shape, code, channels=tuple(channels), **fields).eval()
    seen = model(torch.rand(2, *shape, generator=generator()))
    halvings = 2 ** (len(channels) - whole)
    natural = (channels[-1], math.ceil(height / halvings), math.ceil(width / halvings))
    assert model.code_shape == (natural if code is None else (code,))
    assert seen.output.shape == (2, *shape)
    assert torch.isfinite(seen.output).all()


def test_a_block_begins_as_the_identity_and_its_gradient_wakes_it():
    model = build((3, 8, 8), 4, blocks=2, channels=(6, 5))
    blocks = [layer for layer in model.modules() if isinstance(layer, Block)]
    assert len(blocks) == 8
    for block in blocks:
        channels = next(block.parameters()).shape[0]
        h = torch.randn(2, channels, 5, 7, generator=generator())
        assert torch.equal(block(h), h)
    model.loss(model(torch.rand(4, 3, 8, 8, generator=generator())))[0].backward()
    for block in blocks:
        last = [layer for layer in block if isinstance(layer, nn.Conv2d)][-1]
        assert last.weight.grad is not None
        assert last.weight.grad.abs().max() > 0


def test_a_block_is_its_formula():
    block = build((3, 8, 8), channels=(4,)).get_submodule("encoder.stage1.0")
    shake(block)
    first, second = (layer for layer in block.children() if isinstance(layer, nn.Conv2d))
    h = torch.randn(2, 4, 5, 6, generator=generator(1))
    silu = nn.functional.silu
    expected = h + nn.functional.conv2d(
        silu(nn.functional.conv2d(silu(h), first.weight, first.bias, padding=1)), second.weight, second.bias, padding=1
    )
    assert torch.allclose(block(h), expected, atol=1e-6)


@pytest.mark.parametrize("blocks", [1, 4, 16])
def test_depth_does_not_change_the_start(blocks):
    """However many blocks there are, output and gradient are as large as with none."""
    model = build((3, 16, 16), 8, blocks=blocks, channels=(8, 8))
    x = torch.rand(8, 3, 16, 16, generator=generator()).requires_grad_()
    out = model.decoder(model.encoder(x))
    (gradient,) = torch.autograd.grad(out.square().sum(), x)
    assert 0.01 < float(out.detach().std()) < 10
    assert 0.01 < float(gradient.std()) < 100


@pytest.mark.parametrize("size", [13, 28, 31])
def test_every_pixel_of_the_output_can_be_reached(size):
    model = build((1, size, size), channels=(4, 4, 4))
    shake(model)
    z = torch.rand(1, *model.code_shape, generator=generator()).requires_grad_()
    rows = torch.autograd.functional.jacobian(model.decoder, z).reshape(size * size, -1)
    assert rows.abs().sum(1).min() > 0


def test_the_code_may_have_other_channels_at_its_own_positions():
    model = build((3, 30, 20), (2, 4, 3))
    assert model(torch.zeros(1, 3, 30, 20)).code.z.shape == (1, 2, 4, 3)


def test_a_code_of_other_positions_is_refused():
    with pytest.raises(
        BlueprintError, match=r"This residual network makes codes of 4×4 positions.*Set it to \(8, 4, 4\)"
    ):
        build((1, 28, 28), (8, 5, 4))


@pytest.mark.parametrize("shape", [(784,), (28, 28), (1, 1, 28, 28)])
def test_what_is_no_picture_is_refused(shape):
    with pytest.raises(BlueprintError, match=r"A residual network needs pictures.*Use a dense network"):
        build(shape)


def test_no_channels_are_refused():
    with pytest.raises(BlueprintError, match=r"residual\.channels is empty"):
        build((1, 28, 28), channels=())


def test_convolutions_lie_channels_last():
    model = build((3, 16, 16), 8)
    weights = [layer.weight for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    assert weights
    assert all(weight.is_contiguous(memory_format=torch.channels_last) for weight in weights)

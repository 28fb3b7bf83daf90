"""Pooling and doubling on the coarse grid are PyTorch's own functions, gradients and all."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from isthmus.model.blueprint import Blueprint
from isthmus.parts import ActivationL1, Conv
from isthmus.parts.layers import ACTIVATIONS, for_compiler
from isthmus.parts.pictures import convolve_and_pool, double_and_convolve, pool


def draw(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, dtype=torch.float64, generator=generator, requires_grad=True)


def assert_same(one: Tensor, other: Tensor, inputs: tuple[Tensor, ...]) -> None:
    torch.testing.assert_close(one, other)
    weights = draw(*one.shape, seed=9).detach()
    for a, b in zip(
        torch.autograd.grad(one, inputs, weights), torch.autograd.grad(other, inputs, weights), strict=True
    ):
        torch.testing.assert_close(a, b)


sides = st.integers(1, 9)
kernels = st.sampled_from([1, 3, 5, 7])


@given(channels=st.integers(1, 9), made=st.integers(1, 5), height=sides, width=sides, kernel=kernels)
@settings(max_examples=60, deadline=None)
def test_convolution_and_pool_on_the_coarse_grid(channels, made, height, width, kernel):
    x, weight = draw(2, channels, height, width), draw(made, channels, kernel, kernel, seed=1)
    around = (kernel // 2, kernel // 2)
    expected = functional.max_pool2d(functional.conv2d(x, weight, padding=around), 2, ceil_mode=True)
    assert_same(convolve_and_pool(x, weight, around), expected, (x, weight))


@given(
    channels=st.sampled_from([1, 2, 3, 8, 16]),
    made=st.integers(1, 5),
    height=sides,
    width=sides,
    kernel=kernels,
    padded=st.tuples(st.booleans(), st.booleans()),
    biased=st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_doubling_and_convolution_on_the_coarse_grid(channels, made, height, width, kernel, padded, biased):
    down, right = (pad or 2 * size < kernel for pad, size in zip(padded, (height, width), strict=True))
    around = (kernel // 2 * down, kernel // 2 * right)
    x, weight = draw(2, channels, height, width), draw(made, channels, kernel, kernel, seed=1)
    bias = draw(made, seed=2) if biased else None
    expected = functional.conv2d(functional.interpolate(x, scale_factor=2), weight, bias, padding=around)
    inputs = (x, weight) if bias is None else (x, weight, bias)
    assert_same(double_and_convolve(x, weight, bias, around), expected, inputs)


@given(height=sides, width=sides)
@settings(deadline=None)
def test_pool_gives_the_gradient_to_the_first_of_equals(height, width):
    x = draw(3, 2, height, width).detach().mul(2).round().requires_grad_()
    assert_same(pool(x), functional.max_pool2d(x, 2, ceil_mode=True), (x,))


@given(
    height=st.integers(1, 15),
    width=st.integers(1, 15),
    colours=st.integers(1, 3),
    channels=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    kernel=kernels,
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    normalisation=st.sampled_from([None, "layer", "batch"]),
    dropout=st.sampled_from([0.0, 0.5]),
)
@settings(max_examples=60, deadline=None)
def test_networks_for_a_compiler_are_the_same_functions(
    height, width, colours, channels, kernel, activation, normalisation, dropout
):
    network = Conv(
        channels=tuple(channels), kernel=kernel, activation=activation, normalisation=normalisation, dropout=dropout
    )
    penalty = ActivationL1(weight=0.1, layer="encoder.conv1")
    model = Blueprint(network=network, penalties=(penalty,)).build((colours, height, width), remarks=False).double()
    model.eval()
    with torch.no_grad():  # no bias of 0: a normalised single number would lie at the kink of a rectifier
        for number, weight in enumerate(model.parameters()):
            weight.add_(draw(*weight.shape, seed=number), alpha=0.01)
    x, draws = draw(3, colours, height, width).detach(), model.draw(3, torch.Generator().manual_seed(0))
    seen = model(x, draws)
    with for_compiler(model):
        other = model(x, draws)
    assert list(other.layers) == list(seen.layers)
    for name, made in seen.layers.items():
        torch.testing.assert_close(other.layers[name], made)
    assert_same(model.loss(other)[0], model.loss(seen)[0], tuple(model.parameters()))

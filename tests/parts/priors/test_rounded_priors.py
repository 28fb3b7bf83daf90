"""The priors of rounded codes, against the mathematics and a second implementation in float64."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

import isthmus as ist
from isthmus.parts.priors.factorised import GAIN, Density, log_difference
from isthmus.parts.priors.tables import BITS, normal_tables, scale_bounds, tables_of

SMALL = {"channels": (6, 8, 10), "decoder_channels": (8, 6)}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def density(channels=3):
    made = Density(channels, 2.0, generator()).double()
    with torch.no_grad():
        for number, weight in enumerate(made.parameters()):
            weight.add_(0.1 * torch.randn(weight.shape, generator=generator(number), dtype=torch.float64))
    return made


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def reference(made, channel, x):
    """F of one channel at the numbers x, written with numpy."""
    h = np.asarray(x)[None] / made.scale
    for number, (matrix, bias) in enumerate(zip(made.matrices, made.biases, strict=True)):
        h = np.log1p(np.exp(GAIN * matrix[channel].detach().numpy())) @ h + GAIN * bias[channel].detach().numpy()
        if number < len(made.factors):
            h = h + np.tanh(GAIN * made.factors[number][channel].detach().numpy()) * np.tanh(h)
    return sigmoid(h[0])


@torch.no_grad()
def test_distribution_functions_increase_from_0_to_1():
    shares = torch.sigmoid(density().logits(torch.linspace(-1000, 1000, 4001, dtype=torch.float64).expand(3, -1)))
    assert bool((shares.diff(dim=1) >= 0).all())
    assert float(shares[:, 0].max()) < 1e-6
    assert float(shares[:, -1].min()) > 1 - 1e-6


@torch.no_grad()
def test_the_masses_of_all_steps_add_up_to_one():
    made, steps = density(), torch.tensor([0.3, 1.0, 2.5], dtype=torch.float64)
    numbers = torch.arange(-4000, 4001, dtype=torch.float64)
    z = (numbers[:, None] * steps)[:, :, None]
    masses = (-made(z, steps.expand(len(z), 3)[:, :, None])).exp().sum(0)[:, 0]
    torch.testing.assert_close(masses, torch.ones(3, dtype=torch.float64), rtol=0, atol=1e-7)


@torch.no_grad()
def test_information_content_is_that_of_the_formula():
    made = density()
    z = 3 * torch.randn(5, 3, 4, generator=generator(), dtype=torch.float64)
    steps = torch.full((5, 3, 1), 0.7, dtype=torch.float64)
    found = made(z, steps)
    for channel in range(3):
        at = z[:, channel].flatten().numpy()
        mass = reference(made, channel, at + 0.35) - reference(made, channel, at - 0.35)
        np.testing.assert_allclose(found[:, channel].flatten().numpy(), -np.log(mass), rtol=1e-9)


def test_information_content_has_the_right_gradient_also_far_from_0():
    made = density()
    z = torch.tensor([[0.1, -2.0, 700.0], [5.0, -300.0, 1e4]], dtype=torch.float64)[:, :, None].requires_grad_()
    steps = torch.full((2, 3, 1), 0.5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(made, (z, steps), eps=1e-6, atol=1e-5)


@torch.no_grad()
def test_quantiles_invert_the_distribution_function():
    made = density()
    shares = torch.rand(6, 3, 5, generator=generator(), dtype=torch.float64)
    at = made.quantile(shares)
    for channel in range(3):
        found = reference(made, channel, at[:, channel].flatten().numpy())
        np.testing.assert_allclose(found, shares[:, channel].flatten().numpy(), rtol=0, atol=1e-9)


def hyper(shape=(3, 64, 64)) -> Any:
    model = ist.recipe("image-codec-hyper", side=3, width=6, **SMALL).build(shape, remarks=False, seed=1)
    return model.double().eval()


@torch.no_grad()
def test_the_hyperprior_s_rate_is_that_of_a_second_implementation():
    model = hyper()
    out = model(torch.rand(2, 3, 64, 64, generator=generator(), dtype=torch.float64))
    q, entropy = out.code.distribution, model.code_module.entropy
    symbols = (q.z / q.steps).round().numpy()
    in_units = entropy.synthesis(q.side).numpy()
    logarithms = in_units + np.log(entropy.unit) - np.log(q.steps.numpy())
    least = math.log(0.11)
    scales = np.exp(least + np.log1p(np.exp(logarithms - least)))
    masses = stats.norm.cdf((symbols + 0.5) / scales) - stats.norm.cdf((symbols - 0.5) / scales)
    of_code = -np.log(np.maximum(masses, 1e-300)).reshape(2, -1)
    of_side = entropy.density(q.side, entropy.steps(q.quality, 4)).flatten(1)
    found = model.code.kl(out.code)
    likely = of_code < 20  # beyond, the difference of two distribution functions is inexact
    assert likely.mean() > 0.5
    np.testing.assert_allclose(found[:, of_side.shape[1] :].numpy()[likely], of_code[likely], rtol=1e-5)
    torch.testing.assert_close(found[:, : of_side.shape[1]], of_side)


@torch.no_grad()
def test_normal_masses_add_up_to_one_at_each_scale():
    model = hyper()
    entropy = model.code_module.entropy
    numbers = torch.arange(-300, 301, dtype=torch.float64)
    side = torch.randn(1, 3, 1, 1, generator=generator(), dtype=torch.float64).expand(len(numbers), -1, -1, -1)
    quality = torch.full((len(numbers),), 3.0, dtype=torch.float64)
    steps = model.code_module.steps(quality, 4)
    z = numbers.view(-1, 1, 1, 1) * steps.expand(-1, -1, 4, 4)
    nats = entropy.nats(z, steps, side, quality)[:, 3:]
    scales = entropy.log_scales(side[:1], steps[:1]).exp().flatten()
    narrow = scales < 30
    assert int(narrow.sum()) > 50
    sums = (-nats).exp().sum(0)[narrow]
    torch.testing.assert_close(sums, torch.ones_like(sums), rtol=0, atol=1e-7)


def test_the_log_of_a_difference_is_exact_for_tiny_terms():
    larger, smaller = torch.tensor([-1.0, -800.0]).double(), torch.tensor([-2.0, -801.0]).double()
    expected = torch.tensor([math.log(math.exp(-1) - math.exp(-2)), -800 + math.log(1 - math.exp(-1))]).double()
    torch.testing.assert_close(log_difference(larger, smaller), expected)


def check_tables(made, rows):
    counts = made.cumulative.diff(dim=1)
    assert made.cumulative.shape[0] == rows
    assert bool((made.cumulative[:, 0] == 0).all())
    assert bool((made.cumulative[:, -1] == 2**BITS).all())
    for row, size in enumerate(made.sizes.tolist()):
        assert bool((counts[row, : size + 1] > 0).all())
        assert bool((counts[row, size + 1 :] == 0).all())
    return counts


@torch.no_grad()
def test_factorised_tables_cost_what_the_prior_says():
    made, steps = density(), torch.tensor([0.3, 1.0, 2.5], dtype=torch.float64)
    tables = made.tables(steps)
    counts = check_tables(tables, 3)
    for channel, (offset, size) in enumerate(zip(tables.offsets.tolist(), tables.sizes.tolist(), strict=True)):
        numbers = offset + np.arange(size)
        step = float(steps[channel])
        mass = reference(made, channel, (numbers + 0.5) * step) - reference(made, channel, (numbers - 0.5) * step)
        np.testing.assert_allclose(counts[channel, :size].numpy() / 2**BITS, mass, rtol=0, atol=(size + 2) / 2**BITS)


def test_normal_tables_cost_what_the_normal_distribution_says():
    tables = normal_tables()
    counts = check_tables(tables, 64)
    scales = np.geomspace(0.11, 256, 64)
    for row in (0, 20, 40, 63):
        size, offset = int(tables.sizes[row]), int(tables.offsets[row])
        numbers = offset + np.arange(size)
        mass = stats.norm.cdf((numbers + 0.5) / scales[row]) - stats.norm.cdf((numbers - 0.5) / scales[row])
        entropy = -(mass * np.log2(np.maximum(mass, 1e-300))).sum()
        cost = -(mass * np.log2(counts[row, :size].numpy() / 2**BITS)).sum()
        assert abs(cost - entropy) < 1e-3


@torch.no_grad()
def test_each_symbol_s_table_has_the_nearest_scale():
    model = hyper()
    out = model(torch.rand(1, 3, 64, 64, generator=generator(), dtype=torch.float64))
    q, entropy = out.code.distribution, model.code_module.entropy
    rows = entropy.rows(q.side, q.steps)
    logarithms = entropy.log_scales(q.side, q.steps).flatten().numpy()
    nearest = np.abs(logarithms[:, None] - np.log(np.geomspace(0.11, 256, 64))).argmin(1)
    np.testing.assert_array_equal(rows.flatten().numpy(), nearest)
    assert bool((scale_bounds().diff() > 0).all())


def test_a_symbol_that_is_impossible_still_gets_a_count():
    made = tables_of(torch.tensor([[1.0, 0.0], [0.5, 0.5]]), torch.tensor([0, -1]), torch.tensor([2, 1]))
    counts = check_tables(made, 2)
    assert counts[0].tolist() == [2**BITS - 2, 1, 1]


@torch.no_grad()
@pytest.mark.parametrize("name", ["image-codec", "image-codec-hyper"])
def test_draws_from_the_prior_are_multiples_of_the_steps_and_can_be_decoded(name):
    model: Any = ist.recipe(name, **SMALL).build((3, 32, 32), remarks=False).double()
    z = model.code.prior.new(4, model, generator())
    steps = model.code_module.steps(torch.full((4,), 3.5, dtype=torch.float64), 4)
    torch.testing.assert_close((z / steps).round() * steps, z)
    assert float(z.std()) > 0
    assert model.decode(z).shape == (4, 3, 32, 32)

"""Transport costs against exact ones: sorted numbers on a line, and the best assignment of a few points."""

import math

import pytest
import torch
from scipy.optimize import linear_sum_assignment

import isthmus as ist
from isthmus.parts.penalties.transport import sinkhorn_divergence, sliced_distance, transport_cost


def points(count, size, seed, shift=0.0):
    return shift + torch.randn(count, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def assigned(x, y):
    """The exact cost: the mean squared distance of the best pairs."""
    costs = torch.cdist(x, y).square().numpy()
    rows, columns = linear_sum_assignment(costs)
    return float(costs[rows, columns].mean())


def test_on_a_line_the_sliced_distance_is_that_of_the_sorted_numbers():
    x, y = points(40, 1, 0), points(40, 1, 1, shift=0.5)
    known = (x.sort(0).values - y.sort(0).values).square().mean()
    torch.testing.assert_close(sliced_distance(x, y, torch.tensor([[-3.0], [0.5]]).double()), known)
    twice = sliced_distance(torch.cat([x, x]), y, torch.ones(1, 1).double())
    torch.testing.assert_close(twice, known)


def test_the_sliced_distance_of_a_shift_is_its_square_over_the_dimensions():
    x = points(30, 3, 0)
    directions = points(20_000, 3, 1)
    shift = torch.tensor([0.3, -1.0, 0.5]).double()
    found = sliced_distance(x, x + shift, directions)
    assert float(found) == pytest.approx(float(shift.square().sum() / 3), rel=0.03)


@pytest.mark.parametrize("size", [1, 3])
def test_at_a_low_temperature_the_cost_is_that_of_the_best_assignment(size):
    x, y = points(12, size, 0), points(12, size, 1, shift=0.5)
    exact, epsilon = assigned(x, y), 1e-3
    found = float(transport_cost(x, y, epsilon, 2000))
    assert exact - 1e-6 <= found <= exact + epsilon * math.log(12) + 1e-6, "the entropy adds at most ε log n"
    if size == 1:
        assert assigned(x, y) == pytest.approx(float((x.sort(0).values - y.sort(0).values).square().mean()))


def test_the_divergence_of_a_set_from_itself_is_0_and_of_a_shifted_set_the_squared_shift():
    x = points(50, 2, 0)
    for epsilon in (0.01, 1.0, 50.0):
        assert float(sinkhorn_divergence(x, x, epsilon, 30)) == pytest.approx(0, abs=1e-12)
        assert float(sinkhorn_divergence(x, x + 2.0, epsilon, 400)) == pytest.approx(8.0, rel=0.02)


def test_the_gradient_is_that_of_the_cost():
    x, y = points(8, 2, 0).requires_grad_(), points(6, 2, 1)
    found = torch.autograd.grad(transport_cost(x, y, 0.5, 300), x)[0]
    step, moved = 1e-5, points(8, 2, 2)
    there, back = (float(transport_cost(x.detach() + side * step * moved, y, 0.5, 300)) for side in (1, -1))
    assert float((found * moved).sum()) == pytest.approx((there - back) / (2 * step), rel=1e-4)


@pytest.mark.parametrize("name", ["sliced-wae", "sinkhorn-wae"])
def test_the_penalty_is_0_for_the_priors_own_draws_and_pulls_others_towards_it(name):
    model = ist.recipe(name, code=2, widths=[8]).build((5,), remarks=False)
    (penalty,) = model.objective.penalties
    assert penalty.over_batch
    assert model.objective.towards_prior
    raw = torch.rand(64, 5, generator=torch.Generator().manual_seed(0))
    out = model(raw, model.draw(64, torch.Generator().manual_seed(1)))
    drawn = out.draws["penalties"][penalty.kind]
    own = model.code.prior.sample(drawn["prior"] if name == "sliced-wae" else drawn, model)
    out.code.z = own.clone().requires_grad_()
    value = penalty(out, model, drawn)
    assert value.shape == (64,)
    assert float(value[0].detach()) == pytest.approx(0, abs=1e-5)
    out.code.z = (own + 1).requires_grad_()
    slope = torch.autograd.grad(penalty(out, model, drawn).mean(), out.code.z)[0]
    assert float(slope.sum(0).min()) > 0
    assert bool(torch.isfinite(penalty(out, model)).all())

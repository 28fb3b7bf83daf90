"""Hyperbolic codes: the maps of the ball, the wrapped normal distribution, and planes."""

import math

import pytest
import torch

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.parts import Poincare
from isthmus.parts.networks.gyroplane import Planes
from isthmus.parts.poincare_ball import WrappedGaussian, added, from_origin, moved, normal_log_prob, path

GENERATOR = torch.Generator().manual_seed(0)


def points(count=50, size=3, most=0.9):
    drawn = torch.randn(count, size, dtype=torch.float64, generator=GENERATOR)
    radius = most * torch.rand(count, 1, dtype=torch.float64, generator=GENERATOR)
    return radius * drawn / drawn.norm(dim=1, keepdim=True)


def distance(x, z):
    """The ball's distance by its other formula."""
    gap = (x - z).square().sum(1) / ((1 - x.square().sum(1)) * (1 - z.square().sum(1)))
    return torch.acosh(1 + 2 * gap)


def test_paths_are_the_inverse_of_moves_and_have_the_distance_as_their_length():
    x, z = points(), points()
    torch.testing.assert_close(moved(x, path(x, z)), z)
    torch.testing.assert_close(path(x, z).norm(dim=1), distance(x, z))
    torch.testing.assert_close(added(-x, added(x, z)), z)
    torch.testing.assert_close(distance(x, x.new_zeros(x.shape)), 2 * torch.atanh(x.norm(dim=1)))
    v = torch.randn(50, 3, dtype=torch.float64, generator=GENERATOR)
    torch.testing.assert_close(2 * v.norm(dim=1), distance(from_origin(v), torch.zeros_like(v)))


def test_the_density_integrates_to_one_over_the_disc():
    radius = torch.linspace(0, 1, 1202, dtype=torch.float64)[1:-1]
    angle = torch.linspace(0, 2 * math.pi, 301, dtype=torch.float64)[:-1]
    r, t = (grid.flatten() for grid in torch.meshgrid(radius, angle, indexing="ij"))
    z = torch.stack([r * t.cos(), r * t.sin()], 1)
    volume = (2 / (1 - r.square())).square() * r * (1 / 1201) * (2 * math.pi / 300)
    mean = torch.tensor([[0.3, -0.4]], dtype=torch.float64)
    spread = torch.tensor([[0.5, 0.8]], dtype=torch.float64)
    q = WrappedGaussian(mean, 2 * spread.log())
    assert float((q.log_prob(z).exp() * volume).sum()) == pytest.approx(1, abs=1e-3)
    assert float((normal_log_prob(z, 0.7).exp() * volume).sum()) == pytest.approx(1, abs=1e-3)


def test_draws_have_the_density_of_their_change_of_variables():
    mean = torch.tensor([[0.5, 0.2]], dtype=torch.float64)
    q = WrappedGaussian(mean, torch.tensor([[-1.0, 0.5]], dtype=torch.float64))
    noise = torch.randn(2, dtype=torch.float64, generator=GENERATOR)
    slope = torch.autograd.functional.jacobian(lambda e: q.sample(e[None, None])[0], noise)
    z = q.sample(noise[None, None])
    flat = -0.5 * (noise.square() + math.log(2 * math.pi)).sum() - torch.linalg.slogdet(slope).logabsdet
    volume = 2 * torch.log(2 / (1 - z.square().sum()))  # the density is with respect to the space's volume
    torch.testing.assert_close(q.log_prob(z)[0], flat - volume)


def test_small_and_large_steps_stay_finite_in_float32():
    q = WrappedGaussian(torch.zeros(2, 3), torch.zeros(2, 3))
    z = q.sample(torch.tensor([0.0, 1e3])[:, None, None].expand(2, 1, 3)).requires_grad_()
    q.log_prob(z).sum().backward()
    assert z.grad is not None
    assert bool(z.isfinite().all() and z.grad.isfinite().all())
    assert float(q.log_prob(torch.zeros(2, 3))[0].detach()) == pytest.approx(-1.5 * math.log(2 * math.pi), abs=1e-5)


@pytest.mark.parametrize("size", [1, 3, 16])
def test_the_density_of_a_draw_is_that_of_its_steps_even_near_the_edge(size):
    """Otherwise the KL of small spreads is wrong by any number of nats, and training seeks the mistake."""
    features = torch.cat([1e3 * torch.randn(40, size, generator=GENERATOR), torch.full((40, size), -30.0)], 1)
    features[:20, size:] = 0.0
    noise = torch.randn(40, 1, size, generator=GENERATOR)
    code = Poincare()(features, noise)
    q = code.distribution
    assert isinstance(q, WrappedGaussian)
    steps = noise[:, 0].double() * (0.5 * q.log_variance.double()).exp()
    length = steps.norm(dim=1)
    flat = torch.distributions.Normal(0.0, (0.5 * q.log_variance.double()).exp()).log_prob(steps).sum(1)
    expected = flat + (size - 1) * (length / length.sinh()).log()
    torch.testing.assert_close(q.log_prob(code.z).double(), expected, atol=0.5, rtol=0.01)


def test_units_are_distances_to_planes():
    planes = Planes(2, 1, GENERATOR).double()
    z = points(20, 2)
    with torch.no_grad():
        planes.normal.copy_(torch.tensor([[0.5, 0.0]]))
        planes.place.zero_()
        height = planes(z)[:, 0]
        # the plane through 0 across the first axis; the nearest of many of its points
        line = torch.stack([torch.zeros(4001), torch.linspace(-0.999, 0.999, 4001)], 1).double()
        nearest = torch.stack([distance(one[None].expand_as(line), line).min() for one in z])
    torch.testing.assert_close(height, nearest * z[:, 0].sign(), atol=1e-3, rtol=1e-3)
    near = 1e-4 * z
    torch.testing.assert_close(planes(near)[:, 0], 4 * near @ planes.normal[0], rtol=1e-3, atol=1e-8)


def test_other_priors_and_labels_are_refused():
    with pytest.raises(BlueprintError, match="wrapped-normal"):
        ist.recipe("poincare-vae", prior="standard-normal")
    with pytest.raises(BlueprintError, match="poincare"):
        ist.recipe("vae", prior="wrapped-normal").build((4,))
    with pytest.raises(BlueprintError, match="labels"):
        ist.recipe("poincare-vae", condition="labels", classes=2).build((4,))

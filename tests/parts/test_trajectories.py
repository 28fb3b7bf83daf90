"""Hamiltonian trajectories: energies are kept, and volumes exactly."""

import pytest
import torch

from isthmus.parts.trajectories import cooling, curved, kinetic, leapfrog, slope_of


def energy(z):
    """Two wells, so that the gradient isn't linear."""
    return (z.square().sum(1) - 1).square() / 4 + 0.3 * z[:, 0]


def inverse(z):
    """A metric that changes with the place."""
    eye = torch.eye(z.shape[1], dtype=z.dtype)
    return (-z.square().sum(1)).exp()[:, None, None] * (eye + 0.3) + 0.5 * eye


def flat(z):
    return torch.eye(z.shape[1], dtype=z.dtype).expand(z.shape[0], -1, -1)


@pytest.fixture
def place():
    return torch.randn(2, 1, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).unbind(0)


def volume(move, place):
    """|det| of the derivative of a move of positions and momenta, by finite differences."""
    both = torch.cat(place, 1)[0]
    width = 1e-5

    def moved(x):
        return torch.cat(move(*x[None].chunk(2, 1)), 1)[0]

    with torch.no_grad():
        columns = [
            (moved(both + width * unit) - moved(both - width * unit)) / (2 * width) for unit in torch.eye(4).double()
        ]
    return float(torch.linalg.det(torch.stack(columns, 1)).abs())


def test_leapfrog_keeps_volumes_and_cooling_shrinks_them_by_the_heat(place):
    assert volume(lambda z, p: leapfrog(z, p, slope_of(energy), 0.2, 5), place) == pytest.approx(1, abs=1e-7)
    cooled = volume(lambda z, p: leapfrog(z, p, slope_of(energy), 0.2, 5, 0.3), place)
    assert cooled == pytest.approx(0.3 ** (2 / 2), abs=1e-7)
    assert float(cooling(0.3, 0, 5)) ** 2 == pytest.approx(0.3)
    assert float(cooling(0.3, 5, 5)) == pytest.approx(1)


@pytest.mark.parametrize("metric", [None, inverse])
def test_the_energy_is_kept_to_the_second_order_of_the_step(place, metric):
    gaps = []
    for steps in (10, 20):
        z, p = place
        start = energy(z) + kinetic((metric or flat)(z), p)
        if metric is None:
            z, p = leapfrog(z, p, slope_of(energy), 0.5 / steps, steps)
        else:
            z, p = curved(z, p, energy, metric, 0.5 / steps, steps)
        gaps.append(float((energy(z) + kinetic((metric or flat)(z), p) - start).detach().abs()))
    assert gaps[0] < 1e-2
    assert gaps[1] < 0.5 * gaps[0]  # a quarter, up to higher orders


def test_in_a_flat_space_the_generalised_leapfrog_is_the_leapfrog(place):
    z, momentum = place
    made = curved(z, momentum, energy, flat, 0.1, 3, 0.5)
    for own, known in zip(made, leapfrog(z, momentum, slope_of(energy), 0.1, 3, 0.5), strict=True):
        torch.testing.assert_close(own, known)


def test_the_generalised_leapfrog_nearly_keeps_volumes(place):
    assert volume(lambda z, p: curved(z, p, energy, inverse, 0.02, 3), place) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("transformed", [False, True])
def test_a_slope_is_the_gradient_and_has_one_itself(transformed, place):
    def norm(z):
        return slope_of(energy)(z).square().sum()

    z = place[0].clone().requires_grad_()
    known = (z.square().sum(1, keepdim=True) - 1) * z + torch.tensor([0.3, 0.0]).double()
    second = torch.autograd.grad(known.square().sum(), z)[0]
    own = torch.func.grad(norm)(z.detach()) if transformed else torch.autograd.grad(norm(z), z)[0]
    torch.testing.assert_close(own, second)
    with torch.no_grad():
        torch.testing.assert_close(slope_of(energy)(z.detach()), known.detach())

"""The maximum mean discrepancy against NumPy in float64 and against its closed form between two Gaussians."""

import numpy as np
import pytest
import torch

from isthmus.errors import BlueprintError
from isthmus.model.blueprint import Blueprint
from isthmus.parts import Dense, Mmd, Plain
from isthmus.parts.penalties.mmd import mmd


def normal(count, size, seed=0):
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_loops(x, y, kernel, scales):
    """MMD² as Gretton's lemma 6 prints it, a pair at a time."""

    def value(one, other):
        squared, size = ((one - other) ** 2).sum(), len(one)
        widths = [2 * size * scale for scale in scales]
        return np.mean([w / (w + squared) if kernel == "imq" else np.exp(-squared / w) for w in widths])

    def within(z):
        pairs = [value(z[i], z[j]) for i in range(len(z)) for j in range(len(z)) if i != j]
        return np.sum(pairs) / (len(z) * (len(z) - 1))

    return within(x) + within(y) - 2 * np.mean([value(one, other) for one in x for other in y])


@pytest.mark.parametrize("kernel", ["imq", "rbf"])
@pytest.mark.parametrize("scales", [(1.0,), (0.1, 1.0, 7.0)])
def test_mmd_is_the_mean_over_pairs(kernel, scales):
    x, y = normal(7, 3), 0.5 + 2 * normal(5, 3, seed=1)
    expected = by_loops(x.numpy(), y.numpy(), kernel, scales)
    assert float(mmd(x, y, kernel, scales)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("kernel", ["imq", "rbf"])
def test_mmd_is_zero_on_average_between_samples_of_one_distribution(kernel):
    found = np.array([float(mmd(normal(20, 4, 2 * seed), normal(20, 4, 2 * seed + 1), kernel)) for seed in range(200)])
    error = found.std() / np.sqrt(len(found))
    assert abs(found.mean()) < 3 * error
    assert found.min() < 0


def test_the_gaussian_kernels_mmd_between_two_gaussians_is_the_closed_form():
    size, scale, spread = 3, 0.7, 1.6
    means = np.array([0.4, -0.3, 0.8])
    width = 2 * size * scale

    def expected(variance, shift):
        """Of exp(-‖v‖²/C) for v normal around `shift`, each number of this variance."""
        return (1 + 2 * variance / width) ** (-size / 2) * np.exp(-(shift @ shift) / (width + 2 * variance))

    zero = np.zeros(size)
    exact = expected(2.0, zero) + expected(2 * spread**2, zero) - 2 * expected(1 + spread**2, means)
    near = [normal(500, size, place) for place in range(0, 80, 2)]
    far = [torch.tensor(means) + spread * normal(500, size, place) for place in range(1, 80, 2)]
    found = np.array([float(mmd(x, y, "rbf", (scale,))) for x, y in zip(near, far, strict=True)])
    assert abs(found.mean() - exact) < 4 * found.std() / np.sqrt(len(found))
    assert found.std() < 0.15 * exact


def test_the_penalty_compares_the_codes_with_the_priors_draws_and_is_the_same_for_all():
    penalty = Mmd(kernel="rbf", scales=(0.5, 2.0))
    model = Blueprint(network=Dense(widths=(6,)), code=Plain(size=3), penalties=(penalty,)).build((5,))
    draws = model.draw(8, torch.Generator().manual_seed(3))
    seen = model(normal(8, 5).float(), draws)
    found = model.objective.terms(seen, model)["mmd"].detach()
    prior = draws["penalties"]["mmd"]
    assert prior.shape == (8, 3)
    z = seen.code.z.detach().double().numpy()
    expected = by_loops(z, prior.double().numpy(), "rbf", (0.5, 2.0))
    assert found.tolist() == pytest.approx([expected] * 8, rel=1e-4)


def test_codes_far_away_are_pulled_by_the_inverse_multiquadric_and_not_seen_by_the_gaussian():
    pulls = {}
    for kernel in ("imq", "rbf"):
        z = (30 + normal(10, 2)).requires_grad_()
        (gradient,) = torch.autograd.grad(mmd(z, normal(10, 2, 1), kernel), z)
        pulls[kernel] = float(gradient.mean(0).norm())  # among themselves, the codes only part
    assert pulls["imq"] > 1e-5
    assert pulls["rbf"] < 1e-12


def test_autocast_does_not_make_the_distances_coarse():
    x, y = 30 + normal(16, 4).float(), 30 + normal(16, 4, 1).float()
    with torch.autocast("cpu", torch.bfloat16):
        found = mmd(x, y)
    assert float(found) == pytest.approx(float(mmd(x, y)), rel=1e-6)


def test_one_sample_tells_nothing():
    assert float(mmd(normal(1, 3), normal(1, 3, 1))) == 0


def test_scales_are_asked_for():
    with pytest.raises(BlueprintError, match="scales"):
        Mmd(scales=())
    with pytest.raises(BlueprintError, match="scales"):
        Mmd(scales=(0.0,))

"""Generation: the measures against closed forms, a second implementation by loops, and what each is there to find."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from isthmus.errors import DataError
from isthmus.measures import generation
from isthmus.measures.generation import (
    frechet_distance,
    gradient_energy,
    judge_draws,
)


def normal(count, width=4, seed=0):
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_loops(draws, real, k):
    """Precision, recall, density and coverage as the papers write them."""
    draws, real = draws.double().numpy(), real.double().numpy()

    def radius(of, place):
        return np.sort([np.linalg.norm(of[place] - other) for i, other in enumerate(of) if i != place])[k - 1]

    real_radii = [radius(real, i) for i in range(len(real))]
    draw_radii = [radius(draws, j) for j in range(len(draws))]
    within = np.array([[np.linalg.norm(y - x) <= r for x, r in zip(real, real_radii, strict=True)] for y in draws])
    back = np.array([[np.linalg.norm(x - y) <= r for y, r in zip(draws, draw_radii, strict=True)] for x in real])
    return within.any(1).mean(), back.any(1).mean(), within.sum() / (k * len(draws)), within.any(0).mean()


@given(seed=st.integers(0, 1000), counts=st.tuples(st.integers(7, 25), st.integers(7, 25)), k=st.integers(1, 6))
def test_measures_equal_the_papers_loops(seed, counts, k):
    draws, real = normal(counts[0], 3, seed) * 1.5 + 0.5, normal(counts[1], 3, seed + 1)
    found = judge_draws(draws, real, neighbours=k)
    got = (found.precision, found.recall, found.density, found.coverage)
    assert got == pytest.approx(by_loops(draws, real, k), abs=1e-12)


def test_samples_are_taken_in_stretches_to_the_same_figures(monkeypatch):
    draws, real = normal(57) + 0.3, normal(64, seed=1)
    whole = judge_draws(draws, real)
    monkeypatch.setattr(generation, "_PAIRS", 500)
    assert judge_draws(draws, real) == whole


def test_on_a_line_all_four_can_be_counted():
    real = torch.arange(10.0)[:, None]
    draws = torch.tensor([[0.5], [1.5], [2.5], [30.0]])
    found = judge_draws(draws, real, neighbours=1)  # each ball reaches 1 to both sides
    assert found.precision == 3 / 4
    assert found.density == (2 + 2 + 2 + 0) / 4
    assert found.coverage == 4 / 10  # 0, 1, 2, 3
    assert found.recall == 1  # by the draw far out alone, whose ball reaches them all


def test_a_set_against_itself_is_whole():
    found = judge_draws(normal(50), normal(50))
    assert (found.precision, found.recall, found.coverage) == (1, 1, 1)
    assert found.frechet == pytest.approx(0, abs=1e-9)


def test_sets_far_apart_share_nothing():
    found = judge_draws(normal(50) + 1000, normal(50, seed=1))
    assert (found.precision, found.recall, found.density, found.coverage) == (0, 0, 0, 0)


def test_draws_of_the_datas_distribution_have_density_1_and_the_papers_coverage():
    count, k = 1500, 5
    found = judge_draws(normal(count), normal(count, seed=1), neighbours=k)
    assert found.density == pytest.approx(1, abs=0.05)
    missed = math.prod((count - i) / (2 * count - i) for i in range(1, k + 1))
    assert found.coverage == pytest.approx(1 - missed, abs=0.02)


def test_a_dropped_mode_shows_in_recall_and_coverage_alone():
    real = normal(600) + 20 * (torch.arange(600) % 2)[:, None]
    found = judge_draws(normal(600, seed=1), real)
    assert found.recall == pytest.approx(0.5, abs=0.03)
    assert found.coverage == pytest.approx(0.5, abs=0.03)
    assert found.precision > 0.9


def test_an_outlier_deceives_precision_and_not_density():
    real = torch.cat([normal(300), torch.full((1, 4), 60.0, dtype=torch.float64)])
    draws = normal(200, seed=1) * 3 + 40  # all within the ball around the one sample far out
    found = judge_draws(draws, real)
    assert judge_draws(draws, real, neighbours=3).precision > 0.9
    assert found.density < 0.3
    assert found.coverage < 0.01


@given(seed=st.integers(0, 1000), scale=st.floats(0.1, 10), shift=st.floats(-5, 5))
def test_frechet_distance_of_one_number_is_that_of_means_and_deviations(seed, scale, shift):
    real = normal(40, 1, seed)
    draws = scale * normal(30, 1, seed + 1) + shift
    expected = (draws.mean() - real.mean()) ** 2 + (draws.std() - real.std()) ** 2
    assert frechet_distance(draws, real) == pytest.approx(float(expected), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("width", [2, 7])
@pytest.mark.parametrize("count", [5, 200])
def test_frechet_distance_equals_the_formula_by_a_general_matrix_root(width, count):
    mixing = normal(width, width, 5)
    draws, real = normal(count, width) @ mixing + 1, normal(count + 3, width, 1)
    one, other = np.cov(draws.numpy().T), np.cov(real.numpy().T)
    apart = np.square(draws.numpy().mean(0) - real.numpy().mean(0)).sum()
    expected = apart + np.trace(one + other - 2 * np.real(np.asarray(sqrtm(one @ other))))
    assert frechet_distance(draws, real) == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_frechet_distance_of_moved_samples_is_the_move():
    real = normal(100, 3)
    assert frechet_distance(real + torch.tensor([3.0, 0, 4.0]), real) == pytest.approx(25)


def test_features_that_lie_far_from_zero_lose_no_digits():
    draws, real = normal(60), normal(60, seed=1)
    near, far = judge_draws(draws, real), judge_draws(draws + 1e6, real + 1e6)
    assert (near.precision, near.recall, near.density) == (far.precision, far.recall, far.density)
    assert far.frechet == pytest.approx(near.frechet, rel=1e-6)


def test_gradient_energy_of_a_ramp_is_its_slopes_squared():
    picture = torch.arange(5.0)[:, None] * 2 + torch.arange(6.0)[None] * 3
    assert gradient_energy(picture.expand(4, 1, 5, 6)) == pytest.approx(4 + 9)
    assert gradient_energy(torch.arange(4.0).view(1, 1, 1, 4)) == pytest.approx(1)


def test_blur_takes_gradient_energy_down():
    pictures = torch.rand(3, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    blurred = torch.nn.functional.avg_pool2d(pictures, 3, 1, 1)
    assert gradient_energy(blurred) < 0.3 * gradient_energy(pictures)


@pytest.mark.parametrize(
    ("draws", "real", "why"),
    [
        (normal(5), normal(50), "too few"),
        (normal(50, 3), normal(50, 4), "3 features and the real samples 4"),
        (normal(50) / 0, normal(50), "draws are NaN or infinite"),
        (normal(50), normal(50) / 0, "real samples are NaN or infinite"),
    ],
)
def test_what_cannot_be_compared_is_refused(draws, real, why):
    with pytest.raises(DataError, match=why):
        judge_draws(draws, real)

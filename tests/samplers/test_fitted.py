"""Samplers of codes: that their draws are distributed as they say, repeat, and come back from disk."""

import numpy as np
import pytest
import torch

from isthmus.errors import DataError, RunError
from isthmus.samplers import Gaussians, fit_sampler, load_sampler
from isthmus.storage.checked import save_tensors

WAYS = ["prior", "gaussian", "mixture", "neighbours"]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def two_clouds(count=600):
    """(N, 3) codes around (-4, 0, 0) and (4, 0, 0), the first cloud narrow, a third unit that never moves."""
    noise = torch.randn(count, 3, generator=generator()) * torch.tensor([0.5, 1.0, 0.0])
    side = torch.where(torch.arange(count) % 3 == 0, 1.0, -1.0)
    return noise * (1 + 0.5 * side[:, None]) + torch.stack([4 * side, 0 * side, 0 * side], 1)


def numpy_global_state():
    state = np.random.get_state(legacy=False)["state"]  # noqa: NPY002 that it stays is the point
    return state["key"].tolist(), state["pos"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", [(3,), (2, 3, 2), (1,)], ids=str)
def test_draws_have_the_codes_shape_and_repeat(way, shape):
    sampler = fit_sampler(torch.randn(40, *shape, generator=generator()), way)
    drawn = sampler.draw(7, generator(1))
    assert drawn.shape == (7, *shape)
    assert drawn.dtype == torch.float32
    assert torch.equal(drawn, sampler.draw(7, generator(1)))
    assert not torch.equal(drawn, sampler.draw(7, generator(2)))
    assert sampler.draw(0, generator()).shape == (0, *shape)


@pytest.mark.parametrize("way", WAYS)
def test_a_sampler_comes_back_from_disk_with_the_same_bits(way, tmp_path):
    sampler = fit_sampler(two_clouds(60), way)
    sampler.save(tmp_path / "sampler.safetensors")
    again = load_sampler(tmp_path / "sampler.safetensors")
    assert type(again) is type(sampler)
    assert torch.equal(again.draw(20, generator(3)), sampler.draw(20, generator(3)))


def test_the_gaussian_has_the_codes_mean_and_covariance():
    codes = two_clouds()
    drawn = fit_sampler(codes, "gaussian").draw(20_000, generator(1))
    scale = float(codes.std(0).max())
    assert np.allclose(drawn.mean(0), codes.mean(0), atol=0.03 * scale)
    assert np.allclose(drawn.T.cov(), codes.T.cov(), atol=0.04 * scale**2)
    assert float(drawn[:, 2].std()) == 0


def test_the_prior_is_the_standard_normal():
    drawn = fit_sampler(two_clouds(), "prior").draw(20_000, generator(1))
    assert np.allclose(drawn.mean(0), 0, atol=0.03)
    assert np.allclose(drawn.T.cov(), np.eye(3), atol=0.05)


def test_the_mixture_finds_the_clouds_and_leaves_the_middle_empty():
    sampler = fit_sampler(two_clouds(), "mixture", components=2)
    assert isinstance(sampler, Gaussians)
    narrow = int(sampler.means[:, 0].argmin())
    assert sampler.means[:, 0].sort().values.tolist() == pytest.approx([-4, 4], abs=0.15)
    assert float(sampler.weights[narrow]) == pytest.approx(2 / 3, abs=0.02)
    assert float(sampler.factors[narrow].square().sum()) == pytest.approx(0.25**2 + 0.5**2, rel=0.15)
    drawn = sampler.draw(2000, generator(1))
    assert float((drawn[:, 0].abs() < 1).float().mean()) < 0.01
    assert float((drawn[:, 0] < 0).float().mean()) == pytest.approx(2 / 3, abs=0.04)


def test_jitter_spreads_as_the_codes_around_there_do():
    codes = two_clouds()
    still = fit_sampler(codes, "neighbours", reach=0.0).draw(50, generator(1))
    assert bool((torch.cdist(still, codes).min(1).values < 1e-6).all())
    sampler = fit_sampler(codes, "neighbours", neighbours=4, reach=1.0)
    drawn = sampler.draw(4000, generator(1))
    assert float((drawn[:, 0].abs() < 1).float().mean()) < 0.01
    assert float(drawn[:, 2].abs().max()) == 0


def test_jitter_has_the_variance_of_the_steps_to_the_neighbours():
    line = torch.arange(5.0)[:, None] ** 2
    sampler = fit_sampler(line, "neighbours", neighbours=2, reach=0.5)
    drawn = sampler.draw(20_000, generator(1))[:, 0]
    steps = np.array([(1, 4), (1, 3), (3, 4), (5, 7), (7, 12)])  # from 0, 1, 4, 9, 16 to the nearest two
    expected = line.var(correction=0) + 0.25 * (steps**2).mean()
    assert float(drawn.var()) == pytest.approx(float(expected), rel=0.05)


def test_the_same_seed_fits_the_same_mixture_and_no_global_state_moves():
    state, numpy_state = torch.get_rng_state(), numpy_global_state()
    one, other = (fit_sampler(two_clouds(90), "mixture", components=3, seed=4) for _ in range(2))
    assert isinstance(one, Gaussians)
    assert isinstance(other, Gaussians)
    assert torch.equal(one.factors, other.factors)
    assert torch.equal(state, torch.get_rng_state())
    assert numpy_state == numpy_global_state()


def test_what_can_not_be_fitted_is_refused():
    with pytest.raises(DataError, match="3 codes, but 'mixture' needs 11"):
        fit_sampler(torch.zeros(3, 2))
    with pytest.raises(DataError, match="NaN or infinite"):
        fit_sampler(torch.full((9, 2), torch.nan), "gaussian")
    with pytest.raises(DataError, match=r"no way 'mixtur'.*'mixture'"):
        fit_sampler(torch.zeros(9, 2), "mixtur")  # pyright: ignore[reportArgumentType]


def test_a_file_of_something_else_is_refused(tmp_path):
    save_tensors(tmp_path / "other.safetensors", {"a": torch.zeros(2)})
    with pytest.raises(RunError, match="is not a sampler"):
        load_sampler(tmp_path / "other.safetensors")

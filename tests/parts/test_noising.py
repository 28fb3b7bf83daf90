"""The noise of diffusion: the schedule's identities, and deterministic steps whose results are known in closed form."""

import math

import torch

from isthmus.parts.noising import (
    LEAST,
    ddim,
    denoised,
    draw_noising,
    features_at,
    features_of,
    inverse_ddim,
    noised,
    shares,
)

TIMES = torch.linspace(0, 1, 101, dtype=torch.float64)


def gaussian(mean: float, deviation: float):
    """The best denoiser for samples of a normal distribution, in closed form."""

    def denoise(x, time):
        of_sample, of_noise = math.cos(math.pi / 2 * time), math.sin(math.pi / 2 * time)
        gain = of_sample * deviation**2 / ((of_sample * deviation) ** 2 + of_noise**2)
        sample = mean + gain * (x - of_sample * mean)
        return (of_sample * x - sample) / of_noise

    return denoise


def test_the_shares_of_sample_and_noise_are_those_of_the_cosine_schedule():
    of_sample, of_noise = (share[:, 0] for share in shares(TIMES, torch.zeros(101, 1, dtype=torch.float64)))
    torch.testing.assert_close(of_sample.square() + of_noise.square(), torch.ones_like(TIMES))
    torch.testing.assert_close(of_sample.square(), (1 + (math.pi * TIMES).cos()) / 2)
    assert bool((of_sample.diff() < 0).all() and (of_noise.diff() > 0).all())
    assert (float(of_sample[0]), float(of_noise[-1])) == (1.0, 1.0)


def velocity(x, noise, time):
    """(N, *shape) samples and noise at (N,) times to the velocity."""
    of_sample, of_noise = shares(time, x)
    return of_sample * noise - of_noise * x


def test_sample_noise_and_velocity_follow_from_each_other_at_every_time():
    x, noise = torch.randn(2, 101, 3, dtype=torch.float64).unbind()
    seen, moving = noised(x, noise, TIMES), velocity(x, noise, TIMES)
    torch.testing.assert_close(denoised(seen, moving, TIMES), x)
    of_sample, of_noise = shares(TIMES, x)
    torch.testing.assert_close(of_noise * seen + of_sample * moving, noise)
    step = 1e-6
    slope = (noised(x, noise, TIMES + step) - noised(x, noise, TIMES - step)) / (math.pi * step)
    torch.testing.assert_close(slope, moving, atol=1e-8, rtol=0)


def test_the_error_of_the_sample_is_that_of_the_velocity_times_the_share_of_the_noise():
    x, noise, found = torch.randn(3, 101, 5, dtype=torch.float64).unbind()
    error = (denoised(noised(x, noise, TIMES), found, TIMES) - x).square().mean(1)
    of_noise = shares(TIMES, x)[1][:, 0]
    torch.testing.assert_close(error, of_noise.square() * (found - velocity(x, noise, TIMES)).square().mean(1))


def test_steps_with_the_perfect_denoiser_turn_noise_into_the_samples_own_distribution():
    start, errors = torch.linspace(-3, 3, 7, dtype=torch.float64)[:, None], []
    wanted = 2 + 0.3 * start  # the quantiles of N(2, 0.3²) from those of N(0, 1)
    for steps in (250, 500):
        errors.append(float((ddim(gaussian(2, 0.3), start, steps) - wanted).abs().max()))
    assert errors[1] < 0.02
    assert 0.4 < errors[1] / errors[0] < 0.6  # a method of the first order
    assert torch.equal(ddim(gaussian(2, 0.3), start, 500).argsort(0), start.argsort(0))


def test_without_spread_one_step_makes_the_only_sample():
    made = ddim(gaussian(2, 0.0), torch.randn(5, 1, dtype=torch.float64), 1)
    torch.testing.assert_close(made, torch.full_like(made, 2))


def test_the_inverse_of_the_steps_finds_the_noise_that_they_started_from():
    start = torch.randn(4, 3, dtype=torch.float64)
    made = ddim(gaussian(1, 0.5), start, 20)
    apart = [float((inverse_ddim(gaussian(1, 0.5), made, 20, rounds) - start).abs().max()) for rounds in (1, 3, 30)]
    assert apart[2] < 1e-10 < apart[1] < apart[0]
    torch.testing.assert_close(ddim(gaussian(1, 0.5), inverse_ddim(gaussian(1, 0.5), made, 20, 30), 20), made)


def test_times_are_spread_evenly_over_a_batch_and_repeat_with_the_seed():
    drawn, again = (draw_noising(50, (2, 3), torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(drawn.time, again.time)
    assert torch.equal(drawn.noise, again.noise)
    torch.testing.assert_close(drawn.time.sort().values.diff(), torch.full((49,), (1 - LEAST) / 50), atol=1e-5, rtol=0)
    assert float(drawn.time.min()) >= LEAST
    assert float(drawn.time.max()) <= 1


def test_the_waves_of_a_time_are_the_same_from_the_host_and_from_the_device():
    one = features_of(TIMES, 5)
    other = torch.tensor([features_at(float(time), 5) for time in TIMES], dtype=torch.float64)
    torch.testing.assert_close(one, other, atol=1e-9, rtol=0)

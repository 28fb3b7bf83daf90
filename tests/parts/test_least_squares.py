"""Least squares from sums over pieces equal those from all samples at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression, Ridge

from isthmus.parts.least_squares import SHARES, Moments, readout


def close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


def pairs(count: int = 200, inputs: int = 6, targets: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs with a large mean, and noisy targets."""
    generator = torch.Generator().manual_seed(0)
    given = torch.randn(count, inputs, generator=generator, dtype=torch.float64) + 100
    weights = torch.randn(inputs, targets, generator=generator, dtype=torch.float64)
    return given, given @ weights + torch.randn(count, targets, generator=generator, dtype=torch.float64)


def moments_of(given: torch.Tensor, wanted: torch.Tensor | None, *sizes: int) -> Moments:
    found = Moments(given.shape[1], 0 if wanted is None else wanted.shape[1])
    for rows in torch.arange(len(given)).split(list(sizes)):
        found.add(given[rows], None if wanted is None else wanted[rows])
    return found


def test_moments_in_pieces_are_those_of_all_samples():
    given, wanted = pairs()
    found = moments_of(given, wanted, 1, 150, 49)
    away, off = given - given.mean(0), wanted - wanted.mean(0)
    close(found.scatter, away.T @ away)
    close(found.cross, away.T @ off)
    close(found.total, off.square().sum())
    close(found.mean, given.mean(0))


def test_moments_of_several_processes_merge_to_those_of_all_samples():
    given, wanted = pairs()
    whole = moments_of(given, wanted, 200)
    said, meeting = [torch.zeros(0)] * 2, threading.Barrier(2, timeout=30)

    def merged(rank: int, rows: slice) -> Moments:
        def add(own: torch.Tensor) -> torch.Tensor:
            said[rank] = own
            meeting.wait()
            total = said[0] + said[1]
            meeting.wait()
            return total

        return moments_of(given[rows], wanted[rows], len(given[rows])).merged(add)

    with ThreadPoolExecutor(2) as threads:
        results = [*threads.map(merged, (0, 1), (slice(70), slice(70, 200)))]
    for found in results:
        assert found.count == 200
        for name in ("mean", "target_mean", "scatter", "cross", "total"):
            close(getattr(found, name), getattr(whole, name))


def test_a_readout_is_scikit_learns_ridge_regression():
    given, wanted = pairs()
    found = readout(moments_of(given, wanted, 200), 0.3)
    theirs = Ridge(alpha=found.ridge).fit(given.numpy(), wanted.numpy())
    np.testing.assert_allclose(found.weight, theirs.coef_, rtol=1e-7)
    np.testing.assert_allclose(found.bias, theirs.intercept_, rtol=1e-6)
    error = np.square(theirs.predict(given.numpy()) - wanted.numpy()).sum(1).mean()
    assert found.error == pytest.approx(error, rel=1e-6)


def test_free_inputs_are_not_penalised():
    given, wanted = pairs()
    found = readout(moments_of(given, wanted, 200), 1e12, free=2)
    plain = LinearRegression().fit(given[:, :2].numpy(), wanted.numpy())
    np.testing.assert_allclose(found.weight[:, :2], plain.coef_, rtol=1e-6)
    assert float(found.weight[:, 2:].abs().max()) < 1e-9
    exact = readout(moments_of(given, wanted, 200), 0.0, free=2)
    np.testing.assert_allclose(exact.weight, LinearRegression().fit(given.numpy(), wanted.numpy()).coef_, rtol=1e-6)


def test_the_ridge_has_the_least_generalised_cross_validation_error():
    given, wanted = pairs(count=12, inputs=8)
    moments = moments_of(given, wanted, 12)
    away, off = (given - given.mean(0)).numpy(), (wanted - wanted.mean(0)).numpy()
    largest = np.linalg.eigvalsh(away.T @ away).max()
    errors = []
    for share in SHARES.tolist():
        hat = away @ np.linalg.inv(away.T @ away + share * largest * np.eye(8)) @ away.T
        errors.append(np.square(off - hat @ off).sum() / (1 - (1 + np.trace(hat)) / 12) ** 2)
    assert readout(moments).ridge == pytest.approx(float(SHARES[int(np.argmin(errors))]) * largest, rel=1e-6)


def test_inputs_that_repeat_each_other_or_do_not_vary_have_finite_weights():
    given, wanted = pairs()
    given = torch.cat([given, given[:, :1], torch.ones(200, 1, dtype=torch.float64)], 1)
    for ridge in (0.0, "auto"):
        found = readout(moments_of(given, wanted, 200), ridge, free=0)
        assert bool(found.weight.isfinite().all())
        assert found.error < 1.1 * float(
            (wanted - given @ torch.linalg.lstsq(given, wanted).solution).square().sum(1).mean()
        )

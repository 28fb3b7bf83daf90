"""Filling holes: the surface that bends least, held against its equations solved whole."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.sparse import linalg

from isthmus.parts import Holes
from isthmus.parts.corruptions.filling import fill_smoothly


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def holes(height, width, count=3, size=0.4, seed=0):
    """(1, 1, H, W) True for what is known."""
    return ~Holes(count=count, size=size).draw(1, (1, height, width), generator(seed))


def wave(height, width):
    rows, columns = torch.meshgrid(torch.linspace(0, 3, height), torch.linspace(0, 2, width), indexing="ij")
    return (0.5 + 0.4 * torch.sin(rows + 1.3 * columns))[None, None]


def solved(values, observed, tension):
    """The same surface in float64, by one sparse system: (H, W) and (H, W) to (H, W)."""
    height, width = values.shape

    def differences(length, order):
        rows = {1: [-1.0, 1.0], 2: [1.0, -2.0, 1.0]}[order]
        return sparse.diags(rows, list(range(order + 1)), shape=(length - order, length))  # pyright: ignore[reportArgumentType]

    def one(length):
        return sparse.identity(length)

    parts = [
        (1, sparse.kron(differences(height, 2), one(width))),
        (1, sparse.kron(one(height), differences(width, 2))),
        (2, sparse.kron(differences(height, 1), differences(width, 1))),
        (tension, sparse.kron(differences(height, 1), one(width))),
        (tension, sparse.kron(one(height), differences(width, 1))),
    ]
    matrix = sparse.csr_matrix((height * width,) * 2)
    for weight, part in parts:
        matrix = matrix + weight * part.T @ part
    matrix = matrix.tocsr()
    free = ~observed.ravel()
    made = values.astype(np.float64).ravel().copy()
    right = -(matrix[free][:, ~free] @ made[~free])
    made[free] = linalg.spsolve(matrix[free][:, free].tocsc(), right)
    return made.reshape(height, width)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 99), st.floats(-5, 5))
@settings(max_examples=40)
def test_what_is_known_stays_and_a_constant_is_filled_as_it_is(height, width, seed, level):
    observed = torch.rand(2, 3, height, width, generator=generator(seed)) < 0.5
    values = torch.rand(2, 3, height, width, generator=generator(seed))
    made = fill_smoothly(torch.where(observed, values, torch.nan), observed)
    assert torch.equal(made[observed], values[observed])
    assert bool(made.isfinite().all())
    for filled, some, given_ in zip(made.flatten(0, 1), observed.flatten(0, 1), values.flatten(0, 1), strict=True):
        if bool(some.any()):
            assert float(given_[some].min()) <= float(filled.min()) <= float(filled.max()) <= float(given_[some].max())
        else:
            assert not filled.any()
    flat = fill_smoothly(torch.full_like(values, level), observed)
    torch.testing.assert_close(flat, observed.any(3, keepdim=True).any(2, keepdim=True) * torch.full_like(flat, level))


def test_a_slope_goes_on_through_a_hole():
    rows, columns = torch.meshgrid(torch.linspace(0, 1, 48), torch.linspace(0, 1, 64), indexing="ij")
    slope = (0.3 * rows + 0.6 * columns)[None, None]
    observed = torch.ones(1, 1, 48, 64, dtype=torch.bool)
    observed[..., 14:34, 20:44] = False
    assert float((fill_smoothly(slope, observed) - slope).abs().max()) < 0.01
    assert float((fill_smoothly(slope.double(), observed, near=1e-7, steps=600) - slope).abs().max()) < 1e-5


@pytest.mark.parametrize("tension", [0.0, 0.1, 3.0])
@pytest.mark.parametrize("size", [(32, 32), (45, 61)], ids=str)
def test_it_is_the_surface_that_bends_least(size, tension):
    values, observed = wave(*size).double(), holes(*size)
    exact = solved(values[0, 0].numpy(), observed[0, 0].numpy(), tension)
    exact = exact.clip(values[observed].min().item(), values[observed].max().item())
    near = fill_smoothly(values.float(), observed, tension)[0, 0].numpy()
    assert np.abs(near - exact)[~observed[0, 0].numpy()].mean() < 0.01
    nearer = fill_smoothly(values, observed, tension, 1e-8, 1000)[0, 0].numpy()
    assert np.abs(nearer - exact).max() < 1e-5


def test_much_tension_is_laplaces_equation():
    size = (30, 40)
    values, observed = torch.rand(1, 1, *size, generator=generator(), dtype=torch.float64), holes(*size)
    made = fill_smoothly(values, observed, 1e6, 1e-8, 1000)[0, 0].numpy()
    around = np.pad(made, 1, mode="edge")
    means = around[:-2, 1:-1] + around[2:, 1:-1] + around[1:-1, :-2] + around[1:-1, 2:] - 4 * made
    assert np.abs(means)[~observed[0, 0].numpy()].max() < 1e-4


def test_samples_and_channels_are_filled_by_themselves_and_stretching_them_stretches_what_is_filled():
    values = torch.rand(3, 2, 24, 20, generator=generator(), dtype=torch.float64)
    observed = ~Holes().draw(3, (2, 24, 20), generator())
    made = fill_smoothly(values, observed)
    torch.testing.assert_close(fill_smoothly(values[1:2, 1:], observed[1:2, 1:]), made[1:2, 1:])
    torch.testing.assert_close(fill_smoothly(20 - 5 * values, observed), 20 - 5 * made)
    assert torch.equal(fill_smoothly(values, observed), made)


def test_a_compiler_takes_it_as_one_operation():
    torch.library.opcheck(fill_smoothly, (torch.rand(1, 2, 9, 7), torch.rand(1, 2, 9, 7) < 0.5))

"""Sequence models of indices: their probabilities, draws and files."""

from typing import Any

import pytest
import torch

from isthmus.errors import DataError, RunError
from isthmus.samplers import Sequences, fit_sequences, load_sampler

QUICK: dict[str, Any] = {"width": 16, "depth": 1, "heads": 2}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def copies(count=1500):
    """Two even indices of four values, of which the second is the first plus 1; and the parity of the first."""
    first = torch.randint(4, (count,), generator=generator())
    return torch.stack([first, (first + 1) % 4], 1)[:, :, None], first % 2


@pytest.fixture(scope="module")
def fitted():
    indices, labels = copies()
    return fit_sequences(indices, 4, labels, classes=2, epochs=8, **QUICK)


def test_an_index_that_follows_from_those_before_costs_nothing_and_the_label_saves_a_bit(fitted):
    indices, labels = copies(200)
    nats = fitted.nats(indices, labels).mean(0)
    assert float(nats[0]) == pytest.approx(0.693, abs=0.1)
    assert float(nats[1]) < 0.1


def test_draws_follow_the_indices_and_the_labels(fitted):
    labels = torch.arange(200) % 2
    drawn = fitted.draw(200, generator(), labels)
    assert drawn.shape == (200, 2, 1)
    assert drawn.dtype == torch.int64
    assert float(((drawn[:, 0, 0] + 1) % 4 == drawn[:, 1, 0]).float().mean()) > 0.9
    assert float((drawn[:, 0, 0] % 2 == labels).float().mean()) > 0.9
    assert torch.equal(fitted.draw(50, generator(3)), fitted.draw(50, generator(3)))


def test_probabilities_of_all_sequences_add_up_to_1(fitted):
    every = torch.cartesian_prod(torch.arange(4), torch.arange(4))[:, :, None]
    total = (-fitted.nats(every, torch.zeros(16, dtype=torch.int64)).sum(1)).exp().sum()
    assert float(total) == pytest.approx(1, abs=1e-4), "nothing is left for the token that stands before the first"


def test_it_comes_back_from_its_file_with_the_same_draws(fitted, tmp_path):
    fitted.save(tmp_path / "a.safetensors")
    again = load_sampler(tmp_path / "a.safetensors")
    assert isinstance(again, Sequences)
    assert torch.equal(again.draw(20, generator(1)), fitted.draw(20, generator(1)))
    assert (again.symbols, again.classes, again.shape) == (4, 2, (2, 1))


def test_fitting_twice_gives_the_same_bits_and_leaves_the_global_state_alone():
    indices, _ = copies(200)
    before = torch.random.get_rng_state()
    one, other = (fit_sequences(indices, 4, epochs=1, **QUICK) for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(weight, other.weights[name]) for name, weight in one.weights.items())


def test_what_cannot_be_fitted_is_refused(fitted, tmp_path):
    with pytest.raises(DataError, match="needs 2 or more"):
        fit_sequences(torch.zeros(1, 3, dtype=torch.int64), 4)
    with pytest.raises(DataError, match="expected indices from 0 to symbols - 1"):
        fit_sequences(torch.full((5, 3), 4), 4)
    with pytest.raises(DataError, match="expected a label for each sample"):
        fitted.nats(torch.zeros(2, 2, 1, dtype=torch.int64))
    from isthmus.storage.checked import load_tensors, save_tensors

    fitted.save(tmp_path / "a.safetensors")
    tensors, notes = load_tensors(tmp_path / "a.safetensors")
    save_tensors(tmp_path / "b.safetensors", tensors, notes | {"width": 10**6})
    with pytest.raises(RunError, match="is damaged"):
        load_sampler(tmp_path / "b.safetensors")

"""The nearest of others, against a search by hand."""

import numpy as np
import pytest
import torch

from isthmus.data import Samples, Scaling
from isthmus.measures import nearest_samples

DRAW = torch.Generator().manual_seed(0)
OTHERS = torch.randn(57, 5, generator=DRAW)
WANTED = torch.randn(9, 5, generator=DRAW)
SCALING = Scaling("standardise", torch.arange(5.0), torch.arange(1.0, 6.0))


def by_hand(wanted, others):
    apart = (SCALING(wanted)[:, None] - SCALING(others)[None]).double().numpy()
    means = np.nanmean(apart**2, axis=2)
    return np.sqrt(means.min(1)), means.argmin(1)


@pytest.mark.parametrize("holes", [False, True])
def test_distance_and_index_are_those_of_a_search_by_hand(holes, monkeypatch):
    monkeypatch.setattr("isthmus.measures.nearest._BATCH_NUMBERS", 50)  # batches of ten
    wanted, others = WANTED.clone(), OTHERS.clone()
    if holes:
        others[::3, 1] = wanted[2, 4] = torch.nan
    found = nearest_samples(wanted, Samples(others), SCALING)
    distance, index = by_hand(wanted, others)
    assert np.allclose(found.distance.numpy(), distance, atol=1e-5)
    assert found.which.tolist() == index.tolist()


def test_a_sample_among_the_others_is_found_at_no_distance():
    found = nearest_samples(OTHERS[[3, 50]], Samples(OTHERS), SCALING)
    assert found.which.tolist() == [3, 50]
    assert float(found.distance.max()) < 1e-3


def test_among_few_the_index_is_still_that_of_all():
    found = nearest_samples(OTHERS[[0, 56]], Samples(OTHERS), SCALING, most=3)
    assert found.which.tolist() == [0, 56]


def test_samples_that_share_no_known_number_are_infinitely_far():
    wanted, others = torch.tensor([[1.0, torch.nan]]), torch.tensor([[torch.nan, 2.0]])
    assert nearest_samples(wanted, Samples(others), Scaling()).distance.item() == float("inf")

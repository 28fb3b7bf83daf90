"""The distance for graphs, against cross-entropies of PyTorch and the loss of the paper."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from isthmus.errors import BlueprintError
from isthmus.parts import DataSpec, Links
from isthmus.parts.graphs import EDGE, NO_EDGE, UNKNOWN

COUNT = 6


def graph(own=0, seed=0):
    """(1, 1, M, M + F) with at least one edge and one pair without."""
    place = np.random.default_rng(seed)
    above = np.triu(place.random((COUNT, COUNT)) < 0.4, 1).astype(np.float32)
    above[0, 1], above[0, 2] = 1, 0
    made = np.concatenate([above + above.T + np.eye(COUNT), place.random((COUNT, own))], 1)
    return torch.tensor(made, dtype=torch.float32)[None, None]


def logits(own=0):
    return torch.randn(1, 1, COUNT, COUNT + own, generator=torch.Generator().manual_seed(0))


def above(x):
    return x[0, 0, :, :COUNT][torch.ones(COUNT, COUNT, dtype=torch.bool).triu(1)]


def of_nodes(output):
    diagonal = output[0, 0].diagonal()
    return F.binary_cross_entropy_with_logits(diagonal, torch.ones(COUNT), reduction="sum")


def test_unbalanced_it_is_the_cross_entropy_of_pairs_nodes_and_features():
    output, target = logits(2), graph(2)
    expected = F.binary_cross_entropy_with_logits(above(output), above(target), reduction="sum") + of_nodes(output)
    expected += F.binary_cross_entropy_with_logits(output[..., COUNT:], target[..., COUNT:], reduction="sum")
    torch.testing.assert_close(Links(balanced=False)(output, target), expected[None])


def test_balanced_it_is_the_weighted_cross_entropy_of_the_paper():
    output, target = logits(), graph()
    made, truth = above(output), above(target)
    count, joined = len(truth), truth.sum()
    norm, weight = count / (2 * (count - joined)), (count - joined) / joined
    expected = norm * F.binary_cross_entropy_with_logits(made, truth, pos_weight=weight, reduction="sum")
    torch.testing.assert_close(Links()(output, target), (expected + of_nodes(output))[None])


def test_without_a_weight_features_do_not_count():
    output, target = logits(2), graph(2)
    torch.testing.assert_close(Links(features=0)(output, target), Links()(output[..., :COUNT], target[..., :COUNT]))


def test_only_held_out_pairs_count_where_there_are_some_and_stand_for_all():
    output, target = logits(), graph()
    target[0, 0, 0, 1] = target[0, 0, 1, 0] = EDGE
    target[0, 0, 0, 2] = target[0, 0, 2, 0] = NO_EDGE
    target[0, 0, 3, 4] = target[0, 0, 4, 3] = UNKNOWN
    share = COUNT * (COUNT - 1) / 2 / 2
    expected = share * (F.softplus(-output[0, 0, 0, 1]) + F.softplus(output[0, 0, 0, 2])) + of_nodes(output)
    torch.testing.assert_close(Links()(output, target), expected[None])
    torch.testing.assert_close(Links(balanced=False)(output, target), expected[None])


def test_a_padded_node_counts_only_as_absent():
    output, target = logits(2), graph(2)
    target[0, 0, 5] = target[0, 0, :, 5] = 0
    changed = output.clone()
    changed[0, 0, :5, 5] = changed[0, 0, 5, :5] = 3.0
    changed[0, 0, 5, COUNT:] = 3.0
    torch.testing.assert_close(Links()(changed, target), Links()(output, target))


@pytest.mark.parametrize("made", [torch.zeros(2, 1, 1, 1), torch.ones(2, 1, 1, 1)], ids=["no node", "one node"])
def test_graphs_without_pairs_have_a_finite_loss(made):
    assert Links()(torch.zeros_like(made), made).isfinite().all()


def test_a_likely_edge_needs_two_likely_nodes():
    output = torch.full((1, 1, 2, 2), 8.0)
    output[0, 0, 1, 1] = -8.0
    made = Links().picture(output)[0, 0]
    assert made[0, 0] > 0.99
    assert made[0, 1] == made[1, 0] < 0.01


def test_scaled_graphs_are_refused():
    with pytest.raises(BlueprintError, match="without scaling="):
        Links().resolve(DataSpec(range=None))

"""Graphs as arrays: the normalised adjacency, and which pairs are seen and counted."""

import networkx as nx
import numpy as np
import pytest
import torch

from isthmus.errors import BlueprintError
from isthmus.parts.graphs import (
    EDGE,
    NO_EDGE,
    UNKNOWN,
    check_graph,
    features,
    normalised,
    pairs,
    present,
    seen,
)


def sample(adjacency, exist=None, own=None):
    """(1, 1, M, M + F) of one adjacency (M, M)."""
    made = torch.tensor(np.array(adjacency, np.float32))
    made = made + torch.diag(torch.ones(len(made)) if exist is None else torch.tensor(exist, dtype=torch.float32))
    return (made if own is None else torch.cat([made, own], 1))[None, None]


def test_the_adjacency_is_normalised_as_by_numpy():
    adjacency = nx.to_numpy_array(nx.florentine_families_graph())
    looped = adjacency + np.eye(len(adjacency))
    root = np.diag(1 / np.sqrt(looped.sum(1)))
    x = sample(adjacency).double()
    made = normalised(seen(x), present(x))[0].numpy()
    np.testing.assert_allclose(made, root @ looped @ root, rtol=1e-12)


def test_padding_has_no_part_in_the_normalised_adjacency():
    small = sample([[0, 1], [1, 0]])
    padded = sample([[0, 1, 0], [1, 0, 0], [0, 0, 0]], exist=[1, 1, 0])
    made = normalised(seen(padded), present(padded))[0]
    assert torch.equal(made[:2, :2], normalised(seen(small), present(small))[0])
    assert not made[2].any()
    assert not made[:, 2].any()


def test_edges_to_padding_are_neither_seen_nor_counted():
    x = sample([[0, 1, 1], [1, 0, 1], [1, 1, 0]], exist=[1, 1, 0])
    assert seen(x)[0].tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]
    assert pairs(x).counted.nonzero().tolist() == [[0, 0, 1]]


def test_hidden_pairs_are_not_seen():
    x = sample([[0, EDGE, UNKNOWN], [EDGE, 0, NO_EDGE], [UNKNOWN, NO_EDGE, 0]])
    assert not seen(x).any()


def test_only_held_out_pairs_count_in_a_graph_that_has_some():
    x = sample([[0, EDGE, 1], [EDGE, 0, NO_EDGE], [1, NO_EDGE, 0]])
    assert pairs(x).counted.nonzero().tolist() == [[0, 0, 1], [0, 1, 2]]
    assert pairs(x).edges[0, 0, 1] == 1
    assert pairs(x).edges[0, 1, 2] == 0


def test_unknown_pairs_do_not_count():
    x = sample([[0, UNKNOWN, 1], [UNKNOWN, 0, 0], [1, 0, 0]])
    assert pairs(x).counted.nonzero().tolist() == [[0, 0, 2], [0, 1, 2]]


def test_features_of_padding_are_zero():
    x = sample([[0, 0], [0, 0]], exist=[1, 0], own=torch.ones(2, 3))
    assert features(x)[0].tolist() == [[1, 1, 1], [0, 0, 0]]


@pytest.mark.parametrize("shape", [(4, 4), (3, 4, 4), (1, 4, 3)], ids=str)
def test_samples_of_other_shapes_are_refused(shape):
    with pytest.raises(BlueprintError, match="kind='graph'"):
        check_graph("links", shape)

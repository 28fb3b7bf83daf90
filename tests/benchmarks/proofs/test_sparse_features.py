"""The made-up activations with known features: what is promised of them holds."""

import numpy as np
import torch
from benchmarks.proofs.sparse_features import FEATURES, Bench

from benchmarks.proofs import sparse_features


def test_children_need_their_parents_and_some_exclude_each_other(monkeypatch):
    monkeypatch.setattr(sparse_features, "STEPS", 2)
    bench = Bench.make()
    activations, strengths = bench.draw(100, 3)
    active = strengths.numpy() > 0
    children = np.flatnonzero(bench.parents >= 0)
    assert not (active[:, children] & ~active[:, bench.parents[children]]).any()
    for parent in np.flatnonzero(bench.exclusive):
        assert active[:, bench.parents == parent].sum(1).max() <= 1
    torch.testing.assert_close(bench.directions.norm(dim=1), torch.ones(FEATURES))
    torch.testing.assert_close(activations, strengths @ bench.directions + bench.offset)
    assert torch.equal(bench.draw(100, 3)[0], activations)

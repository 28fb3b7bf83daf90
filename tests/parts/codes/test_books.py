"""Books that learn in fixed shapes: bit by bit as the library's on a CPU, and without a look at values elsewhere."""

import copy

import pytest
import torch

from isthmus.parts import Rvq, Vq
from isthmus.parts.codes.books import Learning, _in_order, _mixed, look_up
from isthmus.parts.codes.quantised import DEAD

CASES = [(Vq(entries=16), 20), (Rvq(entries=32, quantisers=3), 5), (Rvq(entries=16, quantisers=2), 40)]
"""Of which one has more dead entries than vectors at first."""


@pytest.mark.parametrize(("code", "count"), CASES, ids=str)
def test_entries_learn_and_are_moved_as_in_the_library(code, count):
    generator = torch.Generator().manual_seed(0)
    ours = code.module((16,), generator).train()
    theirs = copy.deepcopy(ours)
    dead, vectors = DEAD * count * 2 / code.entries, torch.zeros(count, 2, 8)
    for book in theirs.modules():
        if hasattr(book, "threshold_ema_dead_code"):
            vars(book).update(threshold_ema_dead_code=dead, reset_cluster_size=dead / DEAD)
    for step in range(8):
        vectors = torch.randn(count, 2, 8, generator=generator) * (1 + step)
        seeds = code.draw(count, (16,), generator)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(int(seeds[0]))
            expected, places, _ = theirs(vectors)
        found, indices = look_up(ours, vectors, Learning(seeds, code.decay, dead, dead / DEAD))
        assert torch.equal(found, expected)
        assert torch.equal(indices, places)
        for (name, buffer), other in zip(ours.named_buffers(), theirs.buffers(), strict=True):
            assert torch.equal(buffer, other), (step, name)
    expected, places, _ = theirs.eval()(vectors, freeze_codebook=True)
    found, indices = look_up(ours.eval(), vectors)
    assert torch.equal(found, expected)
    assert torch.equal(indices, places)


def test_dead_entries_get_different_vectors_in_the_order_given():
    dead = torch.tensor([True, False, True, True, False, True])
    order = torch.tensor([4, 2, 7, 1, 0, 3, 5, 6])
    moved, source = _in_order(dead, order)
    assert torch.equal(moved, dead)
    assert source[dead].tolist() == [4, 2, 7, 1]
    moved, source = _in_order(dead, order[:2])
    assert moved.tolist() == [True, False, True, False, False, False]
    assert source[moved].tolist() == [4, 2]


def test_seeds_make_orders_that_are_permutations_and_look_random():
    seeds = torch.randint(2**62, (64,), generator=torch.Generator().manual_seed(1))
    orders = [_mixed(seeds, 4, call).argsort() for call in range(3)]
    for order in orders:
        assert torch.equal(order.sort().values, torch.arange(256))
    assert not torch.equal(orders[0], orders[1])
    first = torch.stack([_mixed(seeds + step, 4, 0).argsort()[:16] for step in range(200)])
    assert 100 < float(first.float().mean()) < 155, "the first ones are from all samples"
    assert len(first.unique()) > 240

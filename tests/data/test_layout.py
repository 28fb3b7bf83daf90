import numpy as np
import pytest
import torch

from isthmus.data.layout import Layout

GROUPS = [70, 30, 0, 101, 55, 44]
ROWS = np.setdiff1d(np.arange(300), [3, 70, 71, 72, 299])


@pytest.fixture
def layout():
    return Layout.of(GROUPS, row_bytes=8, window_bytes=8 * 64)


def test_blocks_lie_within_groups(layout):
    assert layout.window == 64
    edges = np.cumsum(GROUPS)
    assert {*edges.tolist()} <= {*layout.starts.tolist()}
    assert np.diff(layout.starts).max() == 64 // 16
    assert np.bincount(layout.groups).tolist() == [18, 8, 26, 14, 11]


def test_an_epoch_takes_every_sample_once(layout):
    order = layout.order(ROWS, seed=1)
    assert len(order) == len(ROWS) == order.ends[-1]
    assert order[:].sort().values.tolist() == list(range(len(ROWS)))


def test_slices_of_an_order_are_those_of_the_whole(layout):
    order = layout.order(ROWS, seed=1)
    whole = order[:]
    assert torch.equal(torch.cat([layout.order(ROWS, seed=1)[at : at + 7] for at in range(0, 300, 7)]), whole)
    assert torch.equal(order[290:], whole[290:])
    assert order[5:5].tolist() == []


def test_the_seed_alone_makes_the_order(layout):
    one, same, other = (layout.order(ROWS, seed)[:] for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_samples_are_shuffled_within_windows_of_whole_blocks(layout):
    order = layout.order(None, seed=3)
    begin = 0
    for number, end in enumerate(order.ends.tolist()):
        read, shuffled = order.window(number)
        assert end - begin == len(read) <= layout.window + 3
        assert torch.equal(read[shuffled], order[begin:end])
        blocks = np.searchsorted(layout.starts, read.numpy(), "right") - 1
        assert np.bincount(blocks)[np.unique(blocks)].tolist() == np.diff(layout.starts)[np.unique(blocks)].tolist()
        begin = end


def test_the_blocks_of_a_group_come_in_their_order_and_groups_take_turns(layout):
    order = layout.order(None, seed=3)
    read = torch.cat([order.window(number)[0] for number in range(len(order.ends))])
    blocks = np.searchsorted(layout.starts, read.numpy(), "right") - 1
    groups = layout.groups[blocks]
    for group in range(5):
        assert (np.diff(blocks[groups == group]) >= 0).all()
    assert len(np.unique(groups[:64])) >= 3  # of four lanes


def test_groups_of_one_block_come_in_any_order():
    layout = Layout(np.arange(101), np.arange(100), window=10)
    read, _ = layout.order(None, seed=0).window(0)
    assert len(read) == 10
    assert int(read.max()) > 50

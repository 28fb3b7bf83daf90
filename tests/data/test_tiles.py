"""Tiles that cover a picture."""

import torch

from isthmus.data.samples import Samples
from isthmus.data.tiles import places_of, tiled


def test_tiles_cover_a_picture_and_are_named_after_their_places():
    values = torch.arange(3 * 20 * 17).view(1, 3, 20, 17)
    tiles = tiled(Samples(values, names=("cats/a.png",), kind="pictures"), (8, 8))
    assert places_of((20, 17), (8, 8)) == [(r, c) for r in (0, 8, 12) for c in (0, 8, 9)]
    assert tiles.names[-1] == "cats/a@12,9.png"
    for tile, (row, column) in zip(tiles.tensor(), places_of((20, 17), (8, 8)), strict=True):
        assert torch.equal(tile, values[0, :, row : row + 8, column : column + 8])
    small = tiled(Samples(values[..., :5, :5], kind="pictures"), (8, 8)).tensor()
    assert small.shape == (1, 3, 8, 8)
    assert torch.equal(small[..., 5:, 4], values[..., 4:5, 4].expand(1, 3, 3))

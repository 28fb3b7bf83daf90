"""Corruptions: what a model does with one of somebody's own."""

import pytest
import torch

from isthmus.blueprint import Blueprint
from isthmus.parts import Corruption, Dense, Plain


class Halve(Corruption):
    """Deterministic, and of another shape: every second number."""

    def shape(self, clean):
        return (clean[0] // 2,)

    def __call__(self, clean, draws=None):
        return clean[:, ::2]


class Noise(Corruption):
    def draw(self, count, clean, generator):
        return torch.randn(count, *clean, generator=generator)

    def __call__(self, clean, draws=None):
        assert draws is not None
        return clean + draws


class Untouched(Corruption):
    pass


def test_the_encoder_is_built_for_what_comes_in_and_the_decoder_for_what_is_clean():
    model = Blueprint(network=Dense(), code=Plain(size=3), corruption=Halve()).build((8,))
    x = torch.rand(4, 8)
    seen = model(x, model.draw(4, torch.Generator()))
    assert torch.equal(seen.corrupted, x[:, ::2])
    assert torch.equal(seen.clean, x)
    assert seen.output.shape == (4, 8)


def test_noise_comes_from_the_draws_and_without_them_there_is_none():
    model = Blueprint(network=Dense(), code=Plain(size=3), corruption=Noise()).build((8,))
    x = torch.rand(4, 8)
    draws = model.draw(4, torch.Generator().manual_seed(0))
    assert torch.equal(model(x, draws).corrupted, x + draws["corruption"])
    assert torch.equal(model(x).corrupted, x)
    assert torch.equal(model(x, draws).clean, x)


def test_the_base_alone_corrupts_nothing():
    assert Untouched().shape((3, 4)) == (3, 4)
    assert Untouched().draw(2, (3,), torch.Generator()) is None
    with pytest.raises(NotImplementedError):
        Untouched()(torch.zeros(1, 3))

"""What changes in a sample, in words."""

import pytest
import torch

from isthmus.data import Scaling
from isthmus.drawing.look import Look
from isthmus.uses.effects import effect_of

COLOURS = Look("table", Scaling(levels=(0, 3)), ("size", "colour"), ((), ("red", "green", "blue")))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((2.0, 1.0, 0.0), "colour blue → red"),
        ((0.0, 1.0, 0.0), "colour red → green → red"),
        ((0.0, 0.0, 0.0), "changes other samples, not this one"),
    ],
)
def test_categories_are_named(values, words):
    samples = torch.tensor([[1.0, value] for value in values])
    effect = effect_of(samples, torch.tensor([0.0, 0.8]), COLOURS)
    assert effect.words == words
    names = COLOURS.categories[1]
    assert effect.figures["columns"] == [
        {
            "column": "colour",
            "low": names[int(values[0])],
            "high": names[int(values[-1])],
            "change": pytest.approx(0.8),
        }
    ]

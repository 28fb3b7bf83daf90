"""Training by labels: in the one loop, with what can go wrong said as that says it."""

import signal

import pytest
import torch
from torch import nn

from isthmus.data import Samples
from isthmus.errors import TrainingError
from isthmus.training import Settings
from isthmus.training.by_labels import train_by_labels


def clouds(count=200):
    """Two classes of points, far apart."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(2, (count,), generator=generator)
    return Samples(torch.randn(count, 3, generator=generator) + 4 * labels[:, None], labels=labels)


def test_a_row_an_epoch_has_the_loss_and_what_validation_says():
    rows = train_by_labels(nn.Linear(3, 2), 2, [clouds(), clouds(50)], Settings(epochs=3, learning_rate=0.05))
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert rows[-1]["validation_accuracy"] > 0.9


def test_a_loss_that_is_lost_is_an_error_with_its_likely_cause():
    settings = Settings(epochs=3, learning_rate=1e30, optimiser="sgd", momentum=0.0)
    with pytest.raises(TrainingError, match=r"no longer finite.*learning rate"):
        train_by_labels(nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2)), 2, [clouds()], settings)


def test_an_interrupt_ends_it():
    with pytest.raises(KeyboardInterrupt):
        train_by_labels(
            nn.Linear(3, 2),
            2,
            [clouds()],
            Settings(epochs=1000),
            progress=lambda done, epochs: signal.raise_signal(signal.SIGINT),
        )

"""The doctor while training goes on: said once, at once, and the training is the same."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

import isthmus as ist
from isthmus.doctor import Watch
from isthmus.doctor.watch import COST
from isthmus.training import Training
from isthmus.training.settings import Settings


@pytest.fixture(scope="module")
def data():
    return ist.open_data("digits")


def trained(data, callbacks, **settings):
    model = ist.recipe("deep", code=8, normalisation="batch", dropout=0.1).build(data)
    chosen = Settings(epochs=7, batch_size=128, compile=False, device="cpu", **settings)
    Training(model, data.train, data.validation, chosen, callbacks).run()
    return model.state_dict()


def test_watched_training_has_the_same_bits(data, monkeypatch):
    monkeypatch.setattr("isthmus.doctor.watch.COST", 1.0)  # look after every epoch
    watched, alone = trained(data, [Watch()]), trained(data, [])
    for name, value in alone.items():
        assert torch.equal(watched[name], value), name


def test_rate_that_is_too_high_is_said_once_and_while_training_goes_on(data, capsys, monkeypatch):
    monkeypatch.setattr("isthmus.doctor.watch.COST", 1.0)
    epochs = []

    class Clock(ist.Callback):
        def epoch_end(self, training):
            epochs.append(training.state.epoch)

    model = ist.recipe("deep", code=8).build(data)
    ist.fit(model, data, epochs=15, learning_rate=0.1, progress=True, callbacks=[Clock()], compile=False)
    lines = [line for line in capsys.readouterr().err.splitlines() if "learning rate too high" in line]
    assert len(lines) == 1
    assert lines[0].startswith("note: Epoch 5, ")
    assert len(epochs) == 15


def test_bad_scaling_is_said_before_the_first_step(capsys):
    values = torch.randn(200, 4, generator=torch.Generator().manual_seed(0)) * 1e4
    data = ist.open_data(values.numpy(), scaling="none")
    ist.fit(ist.recipe("deep", code=2, widths=(8,)).build(data), data, epochs=1)
    assert "note: Before training, scaling: " in capsys.readouterr().err


def test_resumed_watch_does_not_repeat_itself():
    watch, other = Watch(), Watch()
    watch.said.append("overfitting")
    other.restore(*watch.state())
    assert other.said == ["overfitting"]


def test_glances_stay_below_their_share_of_the_time(data, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("isthmus.doctor.watch.time", SimpleNamespace(perf_counter=lambda: now[0]))
    looks = []

    class Slow(Watch):
        """Each glance takes half a second."""

        def _speak(self, training, when):
            if when == ("looks",):
                now[0] += 0.5
                looks.append(sum(row["seconds"] for row in training.state.history))

    watch = Slow()
    for epochs in range(1, 400):  # of a second each
        rows = [{"seconds": 1.0}] * epochs
        training: Any = SimpleNamespace(state=SimpleNamespace(history=rows))
        watch.epoch_end(training)
    assert looks[0] == 2  # of which a hundredth is the guess
    assert watch.spent <= COST * 399 + 0.5
    assert len(looks) >= 7

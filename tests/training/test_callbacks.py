"""What the built-in callbacks show."""

import io
from types import SimpleNamespace

import rich.console

import isthmus as ist
from isthmus.training import Callback, ProgressBar


class Slow(Callback):
    """Makes the clock run, a second a batch, and the bar be drawn after each."""

    def __init__(self, bar, monkeypatch):
        self.bar, self.now = bar, 0.0
        monkeypatch.setattr("isthmus.training.callbacks.time", SimpleNamespace(monotonic=lambda: self.now))

    def batch_begin(self, training):
        self.bar.bar.refresh()
        self.now += 1


def shown(monkeypatch, epochs):
    """What a bar on a terminal has shown, in training 192 samples in batches of 64."""
    screen = io.StringIO()
    console = rich.console.Console(file=screen, force_terminal=True, width=140)
    data = ist.open_data(ist.open_data("digits").train.take(range(240)))
    bar = ProgressBar(console)
    model = ist.recipe("vanilla", code=4).build(data)
    ist.fit(model, data, epochs=epochs, batch_size=64, progress=False, callbacks=[Slow(bar, monkeypatch), bar])
    return screen.getvalue()


def test_the_bar_shows_losses_speed_and_the_time_left(monkeypatch):
    found = shown(monkeypatch, epochs=2)
    for word in ("epoch 1/2", "epoch 2/2", "loss 0.", "validation 0.", "samples/s", "0:00:0"):
        assert word in found


def test_the_bar_shows_the_loss_before_the_first_epoch_is_over(monkeypatch):
    before_its_end, after = shown(monkeypatch, epochs=1).split("validation", 1)
    assert "loss 0." in before_its_end
    assert "64 samples/s" in before_its_end
    assert "samples/s" in after


def test_a_bar_that_nobody_looks_at_is_not_drawn():
    screen = io.StringIO()
    data = ist.open_data("digits")
    bar = ProgressBar(rich.console.Console(file=screen))
    ist.fit(ist.recipe("vanilla", code=4).build(data), data, epochs=1, progress=False, callbacks=[bar])
    assert "\x1b" not in screen.getvalue()

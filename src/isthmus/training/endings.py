"""How a training ends before its time: a signal, or a loss that is no longer finite.

`training` is a `Training`, which imports this file.
"""

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

import torch

PASSED_ON = 3.0
"""Seconds after a signal in which another one is the same, passed on by a launcher."""


def why_lost(training: Any, step: int, number: int) -> str:
    """The message for a loss that isn't finite: the step, the likely cause, and what to do."""
    settings = training.settings
    indices = training.rows_of(training.order(), step).cpu()
    raw = training.samples.batch(indices)
    where = f"The loss is no longer finite at step {number + 1} (epoch {training.state.epoch + 1})."
    if not training.model.conditioning.mask and raw.is_floating_point() and not bool(torch.isfinite(raw).all()):
        bad = indices[~torch.isfinite(raw.flatten(1)).all(1)]
        cause = f"Sample {int(bad[0])} of the training part has NaN or infinite values: drop or fill them (missing=)."
    elif settings.learning_rate > 1e-2 or settings.optimiser == "sgd":
        cause = (
            f"The likely cause is the learning rate, {settings.learning_rate:g}: "
            f"try {min(settings.learning_rate / 10, 1e-3):g}, "
            "or clip the gradients (clip=1)."
        )
    elif settings.precision == "bfloat16":
        cause = "The likely cause is bfloat16's low precision: try precision='float32', or clip the gradients (clip=1)."
    else:
        cause = (
            "The likely cause is a gradient that exploded: clip the gradients (clip=1), lower the learning rate "
            f"({settings.learning_rate / 10:g}), or check the scaling of the data."
        )
    return f"{where} {cause}"


@contextlib.contextmanager
def interruptible(training: Any) -> Iterator[None]:
    """Ctrl-C (or SIGTERM) ends training after the current step, with a message; a second one ends it at once.

    `state.signal` is then the signal's name; and `state.reason` too, unless training had already ended.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    first = float("-inf")

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal first
        now = time.monotonic()
        # a launcher passes on the Ctrl-C that the terminal has sent already
        passed_on = training.processes.several and now - first < PASSED_ON
        if training.wish[0] == "interrupted" and number == signal.SIGINT and not passed_on:
            raise KeyboardInterrupt
        if passed_on:
            return
        first = now
        training.state.signal = signal.Signals(number).name
        training.stop("interrupted", training.state.signal)
        if number == signal.SIGINT and training.processes.chief:
            print(
                "Stopping after this step; the run is saved first. A second Ctrl-C ends it at once."
                if training.wish[0] == "interrupted"
                else "Training has ended, and is being saved.",
                file=sys.stderr,
            )

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""Ctrl-C during training: the step under way is finished, and everything is saved."""

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from isthmus.training.checkpoint import State, Status


@contextlib.contextmanager
def interruptible(state: State, stop: Callable[[Status, str], object]) -> Iterator[None]:
    """Ctrl-C (and a polite kill) ends training after the step under way, and says so; a second one ends it at once.

    `state.signal` is then the signal's name; and `state.reason` too, unless training had ended before.

    stop: ends training with this status and reason.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        if state.status == "interrupted" and number == signal.SIGINT:
            raise KeyboardInterrupt
        state.signal = signal.Signals(number).name
        stop("interrupted", state.signal)
        if number == signal.SIGINT:
            print(
                "Stopping: what is in training is saved first. A second Ctrl-C ends it at once."
                if state.status == "interrupted"
                else "Training has ended, and is being saved.",
                file=sys.stderr,
            )

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""The gate: where a training process waits between epochs until it is its turn, and says what the epoch took."""

import json
import resource
import time
from typing import Any, TextIO


class Finished(Exception):  # noqa: N818 it is no error, but the way out of other people's training loops
    """No more epochs are wanted."""


class Gate:
    """One end of the line to the harness: a JSON object a line, "epoch" or "end" in, what happened out.

    A tool calls `epoch_begin` and `epoch_end` around each epoch, from its callback where it has callbacks. Whatever a
    tool's user waits for in an epoch lies between the two.
    """

    def __init__(self, commands: TextIO, reports: TextIO) -> None:
        self.commands, self.reports = commands, reports
        self.made = time.perf_counter()
        self.began = 0.0
        self.ready = False

    def epoch_begin(self) -> None:
        """Wait for the turn, and start the clock.

        Raises:
            Finished: the harness wants no more.
        """
        if not self.ready:
            self.ready = True
            self.report(event="ready", setup_seconds=time.perf_counter() - self.made)
        if json.loads(self.commands.readline() or '{"do": "end"}')["do"] == "end":
            raise Finished
        self.began = time.perf_counter()

    def epoch_end(self, loss: float, **chosen: Any) -> None:
        """Stop the clock and tell. `loss`: mean over the epoch of the mean squared error, on pixels in 0..1.

        chosen: what the tool decided by itself, for the settings of its row.
        """
        seconds = time.perf_counter() - self.began
        self.report(event="epoch", seconds=seconds, loss=float(loss), chosen=chosen, **peak_memory())

    def report(self, **message: Any) -> None:
        """Send one line."""
        self.reports.write(json.dumps(message) + "\n")
        self.reports.flush()


def peak_memory() -> dict[str, float]:
    """Largest resident memory so far in MB: of this process, and of the largest process that it started and awaited."""
    return {
        "own_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "children_peak_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
    }

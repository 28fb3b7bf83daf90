"""How long a device works, measured without waiting for it."""

import time
from typing import Any

import torch


class Clock:
    """Seconds from one moment of a device's work to another.

    On CUDA they are the device's own, between two events. On other accelerators they last until they are read, which
    should be after the device has been waited for.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._events: list[Any] = []
        self._began = self._ended = 0.0

    def start(self) -> None:
        """The first moment: after all work that the device has been given so far."""
        self._events, self._began, self._ended = [], time.perf_counter(), 0.0
        self._note()

    def stop(self) -> None:
        """The second moment."""
        self._note()
        if self.device.type == "cpu":
            self._ended = time.perf_counter()

    def seconds(self) -> float:
        """Between the two moments."""
        if self._events:
            self._events[-1].synchronize()
            return self._events[0].elapsed_time(self._events[-1]) / 1000
        return (self._ended or time.perf_counter()) - self._began

    def _note(self) -> None:
        if self.device.type == "cuda":
            self._events.append(torch.cuda.Event(enable_timing=True))
            self._events[-1].record()

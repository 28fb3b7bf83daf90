"""Trackio: a local dashboard, or a Space on Hugging Face."""

import contextvars
from collections.abc import Mapping
from typing import Any

import numpy as np

from isthmus.extras import needs
from isthmus.trackers.tracker import Tracker


class Trackio(Tracker):
    """Writes to Trackio: numbers and pictures. Look at them with `trackio show`.

    Trackio's own environment variables choose the place: TRACKIO_DIR, TRACKIO_SPACE_ID, TRACKIO_SERVER_URL. A run that
    you have open with `trackio.init` goes on.

    project: its name; None is "isthmus".
    """

    title, module, extra = "Trackio", "trackio", "trackio"

    def __init__(self, project: str | None = None, name: str | None = None, **options: Any) -> None:
        self.project = project
        super().__init__(name, **options)

    def begin(self, options: Mapping[str, Any]) -> int:
        """Open the run by its name, which ends with a part of its id, so that no other run has it."""
        trackio = needs("trackio", "trackio", "Tracking with Trackio")
        self.within = contextvars.Context()  # an empty one: Trackio ends the run that it finds in its context
        self.called = f"{self.name or 'run'}-{self.id[:8]}"
        self.trackio = self.within.run(
            trackio.init,
            project=self.project or "isthmus",
            name=self.called,
            resume="allow",
            config=dict(options),
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )
        return self.logged

    def log(self, numbers: Mapping[str, float], epoch: int) -> None:
        """Write the numbers."""
        self.within.run(self.trackio.log, dict(numbers), step=epoch)

    def show(self, pictures: np.ndarray, epoch: int) -> None:
        """Write the picture."""
        trackio = needs("trackio", "trackio", "Tracking with Trackio")
        self.within.run(lambda: self.trackio.log({"reconstructions": trackio.Image(pictures)}, step=epoch))

    def end(self, status: str) -> None:
        """Send the rest, and close the run."""
        self.within.run(self.trackio.finish)

    def options(self) -> dict[str, Any]:
        """The arguments."""
        return super().options() | {"project": self.project}

    def where(self) -> str:
        """The command that shows the project."""
        return f"trackio show --project {self.project or 'isthmus'}, run {self.called}"

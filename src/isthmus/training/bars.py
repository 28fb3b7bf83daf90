"""The progress bar of a notebook, with the methods of rich's `Progress` that training calls."""

import html
import time

from isthmus.notebook import Place

STEP = 0.2
"""Seconds from one drawing to the next: a front end that is slower would fall behind."""


class NotebookBar:
    """A bar of HTML below the cell that trains. At the end, its last line stays: epochs, losses and seconds."""

    def __init__(self) -> None:
        self.description, self.figures = "", ""
        self.total, self.completed = 1, 0
        self.place, self.open = Place(), False
        self.begun, self.drawn, self.start_at = 0.0, 0.0, 0

    def add_task(self, description: str, *, total: int, completed: int, figures: str) -> int:
        """What is counted; there is one task."""
        self.description, self.total, self.completed, self.figures = description, total, completed, figures
        self.start_at = completed
        return 0

    def update(
        self, task: int, *, description: str | None = None, completed: int | None = None, figures: str | None = None
    ) -> None:
        """Change the bar; it is drawn a few times a second."""
        self.description = self.description if description is None else description
        self.completed = self.completed if completed is None else completed
        self.figures = self.figures if figures is None else figures
        if time.monotonic() - self.drawn >= STEP:
            self.refresh()

    def start(self) -> None:
        """Show it."""
        self.begun, self.open = time.monotonic(), True
        self.refresh()

    def refresh(self) -> None:
        """Draw it now."""
        self.drawn = time.monotonic()
        self.place.show(self)

    def stop(self) -> None:
        """Leave the last line."""
        self.open = False
        self.refresh()

    @property
    def left(self) -> float | None:
        """Seconds that are left at the speed so far; None before the first step."""
        done = self.completed - self.start_at
        return (time.monotonic() - self.begun) / done * (self.total - self.completed) if done > 0 else None

    def __repr__(self) -> str:
        spent = f"{_clock(time.monotonic() - self.begun)} in all"
        if self.open:
            spent = "" if self.left is None else f"{_clock(self.left)} left"
        return "  ".join(part for part in (self.description, self.figures, spent) if part)

    def _repr_html_(self) -> str:
        bar = f'<progress value="{self.completed}" max="{self.total}" style="width:16rem"></progress> ' * self.open
        look = "font-family:system-ui,sans-serif;font-variant-numeric:tabular-nums;white-space:pre-wrap"
        return f'<div style="{look}">{bar}{html.escape(repr(self))}</div>'


def _clock(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"

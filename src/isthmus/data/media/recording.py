"""Recordings: long series of measurements over time, cut into windows of equal length."""

import datetime
import math
import zoneinfo
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from torch import Tensor

from isthmus.data.durations import duration_words
from isthmus.data.media.medium import Medium
from isthmus.options.reading import Kind

Count = Annotated[int, Field(ge=1)]


class Recording(Medium):
    """Windows of recordings as series (N, channels, length): each sample is a piece of a long series of measurements.

    length, step: time steps of a window, and from the start of one to the next. channels: their names; empty if they
    have none. clock: whether the time axis has dates, numbers, or only the order of the rows. spacing: the time of a
    step in seconds, or in the unit of the numbers; 1 without a time axis. time, group: the names of the columns of the
    time stamps and of the recordings' names; "" if there are none. zone: in which dates are shown.
    """

    kind: ClassVar[str] = "recording"
    layout: ClassVar[Kind] = "series"
    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".tsv", ".parquet")

    length: Count
    step: Count
    channels: tuple[str, ...] = ()
    clock: Literal["dates", "numbers", "steps"] = "steps"
    spacing: Annotated[float, Field(gt=0)] = 1.0
    time: str = ""
    group: str = ""
    zone: str = ""

    def channel(self, number: int) -> str:
        """The name of a channel, or its number."""
        return self.channels[number] if self.channels else f"channel {number}"

    def length_words(self, steps: int) -> str:
        """So many steps in words: "60 steps (1 h)"."""
        plain = f"{steps:,} step{'s' * (steps != 1)}"
        if self.clock == "steps":
            return plain
        return f"{plain} ({self._span(steps * self.spacing)})"

    def place(self, time: float, number: int, *, timed: bool = True) -> str:
        """The words for a step: its date, its time, or its number if there is no time axis."""
        if self.clock == "steps" or not timed:
            return str(number)
        if self.clock == "numbers":
            return f"{time:.10g}"
        digits = next((d for d in range(7) if math.isclose(self.spacing * 10**d % 1, 0, abs_tol=1e-9)), 6)
        moment = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=round(time, digits))
        moment = moment.astimezone(self.zoned)
        if self.spacing % 86400 == 0 and (moment.hour, moment.minute, moment.second) == (0, 0, 0):
            return f"{moment:%Y-%m-%d}"
        if self.spacing % 60 == 0 and moment.second == 0:
            return f"{moment:%Y-%m-%d %H:%M}"
        return f"{moment:%Y-%m-%d %H:%M:%S}" + (f".{moment.microsecond:06d}"[: 1 + digits] if digits else "")

    def words(self, values: np.ndarray | Tensor) -> list[str]:
        """The length and the mean of each channel."""
        array = np.asarray(values, np.float64)
        return [
            f"{self.length_words(self.length)}, mean "
            + ", ".join(f"{self.channel(number)} {mean:.4g}" for number, mean in enumerate(np.nanmean(sample, 1)))
            for sample in array
        ]

    @property
    def zoned(self) -> datetime.tzinfo:
        """The time zone in which dates are shown."""
        return _zone(self.zone) if self.zone else datetime.UTC

    def _span(self, amount: float) -> str:
        return duration_words(amount) if self.clock == "dates" else f"{amount:.6g} in {self.time!r}"


def _zone(name: str) -> datetime.tzinfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        pass
    sign = -1 if name.startswith("-") else 1
    hours, _, minutes = name.lstrip("+-").partition(":")
    if not (hours.isdigit() and (minutes or "0").isdigit()):
        return datetime.UTC
    return datetime.timezone(sign * datetime.timedelta(hours=int(hours), minutes=int(minutes or 0)))

"""Seconds each way: digits lossless and photographs lossy, as ratios to the peers in the same run."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from benchmarks.compression.bench import Bench
from benchmarks.compression.codec import OWN, Codec
from benchmarks.compression.photographs import held_out
from benchmarks.compression.pictures import decode, lossless_formats, lossy_formats
from benchmarks.compression.sections.mnist import test_digits
from benchmarks.compression.streams import STREAMS
from benchmarks.compression.tables import Table

TURNS = 3
DIGITS = 1000
QUALITIES = {"JPEG, 4:2:0": 75, "JPEG 2000": 34, "WebP": 75, "AVIF": 60}
"""Of the lossy formats: each tool's usual quality, near 1 bit a pixel."""


@dataclass
class Timed:
    """A tool. work: takes its turn, and returns the seconds to compress and to decompress."""

    name: str
    work: Callable[[], tuple[float, float]]
    turns: list[tuple[float, float]] = field(default_factory=list)

    def seconds(self) -> tuple[float, float]:
        """The medians of its turns."""
        there, back = zip(*self.turns, strict=True)
        return statistics.median(there), statistics.median(back)


def measure(bench: Bench) -> list[Table]:
    """Digits and megapixels a second, and ratios to the quickest-known peers."""
    digits = test_digits()[:DIGITS]
    photograph = next(iter(held_out().values()))
    pixels = photograph.shape[0] * photograph.shape[1] / 1e6
    grey = [*digit_peers(digits), *(own(codec, digits, lossless=True) for codec in bench.codecs("grey"))]
    photos = [*photograph_peers(photograph), *(own(codec, photograph) for codec in bench.codecs("photos")[:1])]
    threads = f"{torch.get_num_threads()} thread{'s' * (torch.get_num_threads() > 1)}"
    return [
        table(f"Speed, {DIGITS:,} digits, lossless, {threads}: digits a second", grey, DIGITS, ("PNG", "xz", "WebP")),
        table(f"Speed, a photograph, lossy, {threads}: megapixels a second", photos, pixels, ("JPEG, 4:2:0", "WebP")),
    ]


def table(title: str, tools: list[Timed], amount: float, beside: tuple[str, ...]) -> Table:
    """The amount a second each way, and the ratios of these to those of the peers `beside`."""
    for _ in range(TURNS):  # in turns, so that a busy machine slows all alike
        for tool in tools:
            tool.turns.append(tool.work())
    found = {tool.name: tool.seconds() for tool in tools}
    columns = ["tool", "compress", "decompress", *(f"÷ {name}{way}" for name in beside for way in ("", ", back"))]
    rows = [
        [
            name,
            *(amount / one for one in seconds),
            *(peer / one for who in beside for one, peer in zip(seconds, found[who], strict=True)),
        ]
        for name, seconds in found.items()
    ]
    note = f"Medians of {TURNS} turns by the clock. A ratio of 2 means twice as many a second as this peer."
    return Table(title, columns, rows, [note])


def digit_peers(digits: np.ndarray) -> list[Timed]:
    """A file for each digit in PNG and WebP; one stream in xz and zstd."""
    tools = []
    for form in (form for form in lossless_formats() if form.name in ("PNG", "WebP")):
        tools.append(
            Timed(
                form.name,
                lambda form=form: twice(
                    lambda: [form.encode(digit) for digit in digits],
                    lambda files: [decode(file, digits[0]) for file in files],
                ),
            )
        )
    raw = digits.tobytes()
    for stream in (stream for stream in STREAMS if stream.name in ("xz", "zstd")):
        tools.append(
            Timed(
                stream.name,
                lambda stream=stream: twice(lambda: stream.pack(raw), lambda packed: stream.unpack(packed, len(raw))),
            )
        )
    return tools


def photograph_peers(picture: np.ndarray) -> list[Timed]:
    """One photograph in each lossy format."""
    return [
        Timed(
            form.name,
            lambda form=form: twice(
                lambda: form.encode(picture, QUALITIES[form.name]), lambda file: decode(file, picture)
            ),
        )
        for form in lossy_formats()
        if form.name in QUALITIES
    ]


def own(codec: Codec, source: np.ndarray, **options: bool) -> Timed:
    """Our codec; what it writes is checked by itself, and the seconds include that."""
    return Timed(OWN, lambda: codec.code(source, **options).seconds)


def twice(there: Callable[[], object], back: Callable[..., object]) -> tuple[float, float]:
    """The seconds that both ways take."""
    began = time.perf_counter()
    made = there()
    written = time.perf_counter()
    back(made)
    return written - began, time.perf_counter() - written

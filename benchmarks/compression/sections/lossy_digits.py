"""The test digits of MNIST, lossy: bytes a digit at a squared error of 2.28 (a sum over pixels in 0..1)."""

from collections.abc import Iterable

import numpy as np

from benchmarks.compression.bench import Bench
from benchmarks.compression.codec import OWN, QUALITIES, Codec
from benchmarks.compression.layouts import EACH, SHEET, apart, sheet
from benchmarks.compression.pictures import Format, decode, lossy_formats, payload
from benchmarks.compression.rates import break_even, rate_at
from benchmarks.compression.sections.mnist import test_digits
from benchmarks.compression.tables import Cell, Table

ERROR = 2.28
FEW = 200
"""Digits that the peers are measured on, the first ones."""
BARE = "a file for each, less headers"
OURS_EACH = 100
"""Digits that our codec writes into a file each."""

Measured = tuple[float, float, float, float]
"""A quality, bytes a digit, the same less headers and tables, and squared error a digit."""


def measure(bench: Bench) -> list[Table]:
    """A row for each tool and layout."""
    digits = test_digits()
    some = digits[:FEW]
    rows: list[list[Cell]] = []
    for form in lossy_formats():
        if "4:4:4" in form.name:  # grey has no colours to halve
            continue
        name = form.name.partition(",")[0]
        each = bench.once(f"lossy-digits-{name}", lambda form=form: files(form, some))
        board = bench.once(f"lossy-digits-sheet-{name}", lambda form=form: on_sheet(form, some))
        rows.append([name, EACH, FEW, *reached(each, 1)])
        rows.append([name, BARE, FEW, *reached(each, 2)])
        rows.append([name, SHEET, FEW, *reached(board, 1)])
    rows.sort(key=lambda row: -row[3] if isinstance(row[3], float) else 0)
    best = min(row[3] for row in rows if isinstance(row[3], float))
    for codec in bench.codecs("lossy"):
        rows += own_rows(codec, digits, best)
    columns = ("tool", "layout", "digits", f"bytes at error {ERROR}", "coarsest: bytes", "its error")
    notes = [
        "Bytes at this error are interpolated over the logarithm of the bytes between two qualities. Where the "
        "coarsest quality of a tool is finer than this error, its bytes are those of the coarsest, and stand in "
        "the next columns. Our codec's error stands as it is; its row is comparable if the error is at most as large."
    ]
    return [
        Table("MNIST, lossy", [*columns, "model, bytes", "break-even, digits"], [_filled(row) for row in rows], notes)
    ]


def own_rows(codec: Codec, digits: np.ndarray, best: float) -> list[list[Cell]]:
    """Our codec with all digits in one file, and with a file for each of the first."""
    rows: list[list[Cell]] = []
    for quality in QUALITIES:
        coded = codec.code(digits, quality=quality)
        size, error = coded.bytes / len(digits), squared(coded.decoded, digits)
        pays = break_even(codec.model_bytes, size, best)
        rows.append([f"{OWN}, {codec.name}", "one file", len(digits), size, size, error, codec.model_bytes, pays])
        alone = [codec.code(digit[None], quality=quality) for digit in digits[:OURS_EACH]]
        size = sum(one.bytes for one in alone) / OURS_EACH
        error = squared(np.concatenate([one.decoded for one in alone]), digits[:OURS_EACH])
        pays = break_even(codec.model_bytes, size, best)
        rows.append([f"{OWN}, {codec.name}", EACH, OURS_EACH, size, size, error, codec.model_bytes, pays])
    return rows


def files(form: Format, digits: np.ndarray) -> list[Measured]:
    """A file for each digit, at every quality."""
    found = []
    for quality in grid(form):
        made = [form.encode(digit, quality) for digit in digits]
        decoded = np.stack([decode(file, digit) for file, digit in zip(made, digits, strict=True)])
        sizes = (np.mean([count(file) for file in made]) for count in (len, payload))
        found.append((quality, *map(float, sizes), squared(decoded, digits)))
    return found


def on_sheet(form: Format, digits: np.ndarray) -> list[Measured]:
    """All digits in one picture, at every quality."""
    board = sheet(digits)
    found = []
    for quality in grid(form):
        file = form.encode(board, quality)
        error = squared(apart(decode(file, board), len(digits), digits.shape[1:]), digits)
        found.append((quality, len(file) / len(digits), payload(file) / len(digits), error))
    return found


def grid(form: Format) -> list[float]:
    """The qualities that are tried: for so large an error the coarse ones matter, from below the usual range."""
    if form.name == "JPEG 2000":
        return [float(quality) for quality in range(10, 31, 4)]
    return [1, 3, 5, 10, 15, 20, 30, 50, 75]


def squared(decoded: np.ndarray, digits: np.ndarray) -> float:
    """The squared error of a digit, on average."""
    return float(np.square((decoded.astype(float) - digits) / 255).sum() / len(digits))


def reached(points: Iterable[Measured], place: int) -> tuple[float, float, float]:
    """The bytes at `ERROR`, of the coarsest point if all are finer; and the bytes and the error of the coarsest."""
    points = list(points)
    coarsest = max(points, key=lambda point: point[3])
    if coarsest[3] <= ERROR:
        return coarsest[place], coarsest[place], coarsest[3]
    return rate_at([(point[place], -point[3]) for point in points], -ERROR), coarsest[place], coarsest[3]


def _filled(row: list[Cell]) -> list[Cell]:
    return [*row, *[None] * (8 - len(row))]

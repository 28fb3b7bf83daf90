"""Lossless sizes of many small pictures, in the two layouts that matter: a file for each, and all in one file."""

import math
from collections.abc import Sequence

import numpy as np

from benchmarks.compression.bench import Bench
from benchmarks.compression.codec import OWN
from benchmarks.compression.pictures import Format, lossless_formats
from benchmarks.compression.rates import bits_per, break_even
from benchmarks.compression.streams import STREAMS
from benchmarks.compression.tables import Cell

FEW = 1000
"""Pictures that slow tools are measured on, the first ones."""
SLOW = ("PNG, oxipng", "JPEG 2000", "WebP")
EACH, STREAM, SHEET = "a file for each", "one stream", "one sheet"


def lossless_rows(bench: Bench, title: str, pictures: np.ndarray, run: str) -> list[list[Cell]]:
    """A row for each tool and layout: tool, layout, pictures, bits for each number, model, break-even.

    pictures: (N, H, W) or (N, H, W, 3) uint8; where no value is above 1, also as packed bits. run: of our codecs.
    """
    peers = bench.once(title, lambda: peer_rows(pictures))
    numbers = pictures[0].size
    best = min(row[3] for row in peers)
    rows: list[list[Cell]] = [[*row, None, None] for row in sorted(peers, key=lambda row: -row[3])]
    for codec in bench.codecs(run):
        bits = bits_per(codec.lossless(pictures), pictures.size)
        pays = break_even(codec.model_bytes, bits * numbers / 8, best * numbers / 8)
        rows.append([f"{OWN}, {codec.name}", "one file", len(pictures), bits, codec.model_bytes, pays])
    return rows


def peer_rows(pictures: np.ndarray) -> list[list[Cell]]:
    """Tool, layout, pictures and bits for each number, of all peers."""
    binary = pictures.max() <= 1
    seen = pictures.astype(bool) if binary else pictures
    rows: list[list[Cell]] = []
    for form in lossless_formats():
        if binary and form.name == "JPEG 2000":
            continue
        some = seen[:FEW] if form.name in SLOW else seen
        size = sum(len(form.encode(_plain(picture, form))) for picture in some)
        rows.append([form.name, EACH, len(some), bits_per(size, some.size)])
        if form.name == "PNG" or (form.name == "WebP" and len(pictures) <= FEW):
            size = len(form.encode(_plain(sheet(seen), form)))
            rows.append([form.name, SHEET, len(pictures), bits_per(size, pictures.size)])
    for stream in STREAMS:
        whole = {STREAM: pictures.tobytes()}
        if binary:
            whole = {f"{STREAM} of bytes": pictures.tobytes(), f"{STREAM} of bits": np.packbits(pictures).tobytes()}
        rows += [
            [stream.name, how, len(pictures), bits_per(len(stream.pack(raw)), pictures.size)]
            for how, raw in whole.items()
        ]
    return rows


def sheet(pictures: np.ndarray) -> np.ndarray:
    """(N, H, W, …) side by side in one picture as square as possible; empty places are 0."""
    count, height, width = pictures.shape[:3]
    across = math.isqrt(count - 1) + 1
    down = -(-count // across)
    board = np.zeros((down * across, *pictures.shape[1:]), pictures.dtype)
    board[:count] = pictures
    board = board.reshape(down, across, *pictures.shape[1:]).swapaxes(1, 2)
    return board.reshape(down * height, across * width, *pictures.shape[3:])


def apart(board: np.ndarray, count: int, shape: Sequence[int]) -> np.ndarray:
    """(count, *shape): the pictures of a sheet."""
    height, width = shape[:2]
    rows = board.reshape(board.shape[0] // height, height, -1, width, *shape[2:]).swapaxes(1, 2)
    return rows.reshape(-1, *shape)[:count]


def _plain(picture: np.ndarray, form: Format) -> np.ndarray:
    """Black and white as a format takes it: PNG has a bit a pixel, WebP has colours of 0 and 255."""
    return picture if picture.dtype != bool or form.name.startswith("PNG") else picture.astype(np.uint8) * 255

"""A codec on other data than its own: digits and photographs, cats and all else, lossless, bits a number."""

import numpy as np

from benchmarks.compression.bench import Bench
from benchmarks.compression.codec import OWN
from benchmarks.compression.layouts import EACH, SHEET, sheet
from benchmarks.compression.photographs import grey_tiles, held_out
from benchmarks.compression.pictures import Format, lossless_formats
from benchmarks.compression.rates import bits_per
from benchmarks.compression.sections.mnist import test_digits
from benchmarks.compression.streams import STREAMS
from benchmarks.compression.tables import Cell, Table
from benchmarks.digits import find_file

COUNT = 200
"""Pictures of each kind: no more cats are in the test part."""
CAT = 3
PEERS = ("PNG", "WebP")
Data = dict[str, np.ndarray]


def measure(bench: Bench) -> list[Table]:
    """Every codec on every kind of pictures: grey ones of 28 × 28, and CIFAR-10."""
    grey = {"digits": test_digits()[:COUNT], "photographs, 28 × 28": grey_tiles(held_out(), COUNT)}
    return [
        crossed(bench, "digits and photographs", grey, ("grey", "tiles")),
        crossed(bench, "cats and other pictures of CIFAR-10", cats_and_others(), ("cats", "not-cats")),
    ]


def crossed(bench: Bench, title: str, data: Data, runs: tuple[str, ...]) -> Table:
    """A row for each tool, a column for each kind of pictures."""
    peers = bench.once(f"specificity-{runs[0]}", lambda: peer_bits(data))
    rows: list[list[Cell]] = [[name, *bits] for name, bits in peers.items()]
    for codec in (codec for run in runs for codec in bench.codecs(run)):
        rows.append(
            [f"{OWN}, {codec.name}", *(bits_per(codec.lossless(samples), samples.size) for samples in data.values())]
        )
    return Table(f"{title[0].upper()}{title[1:]}, {COUNT} of each, lossless: bits a number", ("tool", *data), rows)


def peer_bits(data: Data) -> dict[str, list[float]]:
    """The bits a number of each peer for each kind of pictures."""
    found: dict[str, list[float]] = {}
    for form in (form for form in lossless_formats() if form.name in PEERS):
        found[f"{form.name}, {EACH}"] = [bits_per(each(form, samples), samples.size) for samples in data.values()]
        found[f"{form.name}, {SHEET}"] = [
            bits_per(len(form.encode(sheet(samples))), samples.size) for samples in data.values()
        ]
    for stream in STREAMS:
        found[stream.name] = [bits_per(len(stream.pack(samples.tobytes())), samples.size) for samples in data.values()]
    return found


def each(form: Format, samples: np.ndarray) -> int:
    """The bytes of a file for each sample."""
    return sum(len(form.encode(sample)) for sample in samples)


def cats_and_others() -> Data:
    """(COUNT, 32, 32, 3) uint8 of the test part of CIFAR-10 each.

    Raises:
        FileNotFoundError: `cifar10_small.npz` is not at hand.
    """
    path = find_file("cifar10_small.npz")
    if path is None:
        raise FileNotFoundError("cifar10_small.npz is neither in $ISTHMUS_DATA nor in ../shared/data. Put it there.")
    with np.load(path, allow_pickle=False) as file:
        pictures, labels = file["x_test"], file["y_test"].ravel()
    return {"cats": pictures[labels == CAT][:COUNT], "not cats": pictures[labels != CAT][:COUNT]}

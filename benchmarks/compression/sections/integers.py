"""The 8 × 8 digits and tables of integers, lossless: bits a value, compared with xz and Parquet with zstd."""

import numpy as np

import isthmus as ist
from benchmarks.compression.bench import Bench
from benchmarks.compression.codec import OWN
from benchmarks.compression.rates import bits_per, break_even
from benchmarks.compression.streams import STREAMS, is_whole, parquet, smallest
from benchmarks.compression.tables import Cell, Table
from benchmarks.digits import find_file

ADBENCH = ("4_breastw", "20_letter", "25_musk", "26_optdigits", "30_satellite", "32_shuttle", "42_WBC")
"""The data sets of ADBench whose values are all whole numbers."""


def measure(bench: Bench) -> list[Table]:
    """Two tables: each data set whole, and its test part, which no codec has learnt from."""
    whole, held_out = [], []
    for name, table in tables().items():
        values, test = smallest(table), smallest(test_part(table))
        whole.append(row(bench, f"{name}-whole", values, None))
        held_out.append(row(bench, f"{name}-test", test, name))
    columns = ["data", "rows", "columns", "type", *(stream.name for stream in STREAMS), "Parquet, zstd"]
    note = (
        "Each tool gets the smallest integer type. Streams are the smaller of row by row and column by column; "
        "Parquet has a column for each feature."
    )
    own = [OWN, "model, bytes", "break-even, rows"]
    return [
        Table("Tables of integers, the test part (a tenth), bits a value", columns + own, held_out, [note]),
        Table("Tables of integers, whole, bits a value", columns, [cells[: len(columns)] for cells in whole], [note]),
    ]


def row(bench: Bench, title: str, table: np.ndarray, run: str | None) -> list[Cell]:
    """The bits a value of each tool, and of our codec if there is a run."""
    peers = bench.once(f"integers-{title}", lambda: peer_bits(table))
    cells: list[Cell] = [title.rpartition("-")[0], len(table), table.shape[1], str(table.dtype), *peers.values()]
    codec = next(iter(bench.codecs(run)), None) if run else None
    if codec is None:
        return [*cells, None, None, None]
    bits = bits_per(codec.lossless(table), table.size)
    width = table.shape[1] / 8
    return [*cells, bits, codec.model_bytes, break_even(codec.model_bytes, bits * width, min(peers.values()) * width)]


def peer_bits(table: np.ndarray) -> dict[str, float]:
    """The bits a value of each peer, by its name."""
    found = {
        stream.name: min(len(stream.pack(table.tobytes(order=order))) for order in ("C", "F")) for stream in STREAMS
    }
    return {name: bits_per(size, table.size) for name, size in {**found, "Parquet": len(parquet(table))}.items()}


def tables() -> dict[str, np.ndarray]:
    """The name of the run → (N, D) whole numbers: the bundled digits, and what is at hand of ADBench."""
    found = {"digits8": ist.open_data("digits", validation=0, test=0).train.tensor().flatten(1).numpy()}
    for name in ADBENCH:
        path = find_file(f"adbench/{name}.npz")
        if path is not None:
            with np.load(path, allow_pickle=False) as file:
                values = file["X"]
            assert is_whole(values), name
            found[name.partition("_")[2]] = values
    return found


def test_part(table: np.ndarray) -> np.ndarray:
    """The rows that `open_data` and `isthmus train` hold out with their defaults, in the same order."""
    return ist.open_data(table).test.tensor().numpy()

"""Reading next to pandas, polars and Arrow: seconds and peak memory of CSV, Parquet, pictures and many columns.

`python -m benchmarks.reading --json out.json`; each measurement has a process of its own, which reads nothing else.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from PIL import Image
from pyarrow import csv, parquet
from rich.console import Console
from rich.table import Table

import isthmus as ist

ROOT = Path(__file__).resolve().parents[1]
PICTURES = 10_000


def _frame(rows: int, columns: int) -> Any:
    values = np.random.default_rng(0).normal(size=(rows, columns)).astype(np.float32)
    return pd.DataFrame(values, columns=[f"c{place}" for place in range(columns)])


def _jpegs(folder: Path, count: int) -> None:
    generator = np.random.default_rng(0)
    for number in range(count):
        (folder / f"class{number % 10}").mkdir(parents=True, exist_ok=True)
        pixels = np.kron(generator.integers(0, 256, (8, 8, 3), dtype=np.uint8), np.ones((8, 8, 1), np.uint8))
        Image.fromarray(pixels).save(folder / f"class{number % 10}" / f"{number}.jpg")


WRITE: dict[str, tuple[str, Callable[[Path, float], object]]] = {
    "long.csv": ("1,000,000 × 30 numbers", lambda path, share: _frame(int(1e6 * share), 30).to_csv(path, index=False)),
    "long.parquet": ("1,000,000 × 30 numbers", lambda path, share: _frame(int(1e6 * share), 30).to_parquet(path)),
    "wide.csv": (
        "100 × 20,000 numbers",
        lambda path, share: _frame(100, int(20_000 * share)).to_csv(path, index=False),
    ),
    "jpegs": ("10,000 JPEGs of 64 × 64", lambda path, share: _jpegs(path, int(PICTURES * share))),
}
"""What each source holds, and how it is written; the share makes it smaller for a trial."""


def isthmus(path: Path) -> Any:
    """What `isthmus train` does before it trains: read, divide, scale."""
    return ist.open_data(path)


def isthmus_reads(path: Path) -> Any:
    """Reading alone."""
    return ist.read_samples(path)


def pandas(path: Path) -> Any:
    """A data frame."""
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)


def polars(path: Path) -> Any:
    """A data frame."""
    return pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path)


def arrow(path: Path) -> Any:
    """An Arrow table."""
    return parquet.read_table(path) if path.suffix == ".parquet" else csv.read_csv(path)


def pillow(path: Path) -> Any:
    """A loop over the files: what a reader of pictures can't do without."""
    return np.stack([np.asarray(Image.open(file).convert("RGB")) for file in sorted(path.rglob("*.jpg"))])


READERS = {"open_data": isthmus, "read_samples": isthmus_reads, "pandas": pandas, "polars": polars, "arrow": arrow}
OF_PICTURES = {"open_data": isthmus, "read_samples": isthmus_reads, "Pillow": pillow}


def main() -> None:
    """Write the sources, read each with every reader, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--share", type=float, default=1.0, help="of the full sizes (1)")
    parser.add_argument("--turns", type=int, default=3, help="of each, of which the middle one counts (3)")
    parser.add_argument("--json", type=Path, help="write a row for each source and reader")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.measure:
        reader, path = words.measure
        print(json.dumps(measure({**READERS, **OF_PICTURES}[reader], Path(path))))
        return
    with tempfile.TemporaryDirectory(prefix="isthmus-reading-") as folder:
        rows = [row for name in WRITE for row in rows_of(name, Path(folder), words.share, words.turns)]
    _show(rows)
    if words.json:
        words.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def rows_of(name: str, folder: Path, share: float, turns: int) -> list[dict[str, Any]]:
    """A row for each reader of a source."""
    holds, write = WRITE[name]
    path = folder / name
    write(path, share)
    rows = []
    for reader in OF_PICTURES if path.is_dir() else READERS:
        found = sorted((_apart(reader, path) for _ in range(turns)), key=lambda one: one["seconds"])
        rows.append({"source": name, "holds": holds, "reader": reader, **found[len(found) // 2]})
    return rows


def measure(read: Callable[[Path], Any], path: Path) -> dict[str, float]:
    """Seconds of one reading, and by how many bytes it raised the process's peak memory."""
    ist.open_data(np.ones((20, 2)) * np.arange(20)[:, None])  # what is imported at its first use, is
    before = _peak()
    start = time.perf_counter()
    kept = read(path)
    seconds = time.perf_counter() - start
    del kept
    return {"seconds": seconds, "bytes": _peak() - before}


def _apart(reader: str, path: Path) -> dict[str, float]:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.reading", "--measure", reader, str(path)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603
    return json.loads(done.stdout.splitlines()[-1])


def _peak() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _show(rows: list[dict[str, Any]]) -> None:
    table = Table("source", "holds", "reader", "seconds", "MB at most")
    for row in rows:
        table.add_row(row["source"], row["holds"], row["reader"], f"{row['seconds']:.2f}", f"{row['bytes'] / 1e6:,.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()

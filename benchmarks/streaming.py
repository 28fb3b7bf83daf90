"""Encode files larger than a batch piece by piece: throughput beside the model's own, and memory by the number of rows.

`python benchmarks/streaming.py --rows 1000000 --json out.json`; each measurement has a process of its own.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from digits import load_digits
from harness import machine
from rich.console import Console
from rich.table import Table

import isthmus as ist
from training import load, write

FORMATS = {"digits.npy": "60,000 digits again and again", "table.parquet": "30 columns of float32, made up"}
LEAST = 3.0
"""Seconds for which the model alone is timed, at least."""


def main() -> None:
    """Write the files, encode each and a quarter of it, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the larger file (1,000,000)")
    parser.add_argument("--json", type=Path, help="write a row per file")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.measure:
        print(json.dumps(measure(Path(words.measure[0]), Path(words.measure[1]))))
        return
    console, about = Console(), machine()
    console.print(f"{about['processor']}, {about['cores']} cores, {about['instructions']}; {load()}", highlight=False)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="isthmus-benchmark-") as folder:
        for name, about_data in FORMATS.items():
            for count in (words.rows // 4, words.rows):
                source, run = prepare(Path(folder), name, count)
                command = [sys.executable, __file__, "--measure", str(source), str(run)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
                found = json.loads(done.stdout.splitlines()[-1])
                rows.append({"file": name, "rows": count, "data": about_data, **found, "machine": about})
                source.unlink()
    console.print(table(rows))
    if words.json:
        write(rows, words.json)


def prepare(folder: Path, name: str, count: int) -> tuple[Path, Path]:
    """A file of so many rows, and a run whose model takes them."""
    generator = np.random.default_rng(0)
    if name.startswith("digits"):
        digits = load_digits(60_000)[0]
        pieces = (digits[: min(len(digits), count - start)] for start in range(0, count, len(digits)))
        some = digits[:2_560]
    else:
        weights = generator.normal(size=(6, 30))

        def drawn(rows: int) -> np.ndarray:
            return (generator.normal(size=(rows, 6)) @ weights).astype(np.float32)

        some = drawn(2_560)
        pieces = (drawn(min(50_000, count - start)) for start in range(0, count, 50_000))
    source, run = folder / f"{count}-{name}", folder / f"run-{name}"
    with ist.open_writer(source) as put:
        for piece in pieces:
            put(piece)
    data = ist.open_data(some, validation=0, test=0)
    model = ist.recipe("deep", code=8).build(data, remarks=False)
    ist.fit(model, data, epochs=1, compile=False, progress=False, out=run, overwrite=True)
    return source, run


def measure(source: Path, folder: Path) -> dict[str, Any]:
    """Seconds to encode a file into another, those that the model alone takes for as many rows, and the peak memory."""
    run = ist.load(folder)
    target = source.with_name("codes.parquet")
    ist.write_samples(target, np.zeros((1, 1), np.float32), overwrite=True)  # what is imported once is not timed
    began, count, piece = time.perf_counter(), 0, None
    with ist.open_writer(target, overwrite=True) as put:
        for piece in run.stream(source):
            put(run.encode(piece))
            count += len(piece)
    seconds = time.perf_counter() - began
    peak = peak_mb()
    assert piece is not None
    began, times = time.perf_counter(), 0
    while time.perf_counter() - began < LEAST:
        run.encode(piece)
        times += 1
    own = (time.perf_counter() - began) / (times * len(piece)) * count
    return {"seconds": seconds, "own_seconds": own, "throughput": own / seconds, "peak_mb": peak}


def peak_mb() -> float:
    """The most memory that this process has had; what the system tells of all counts its parent's too on Linux."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def table(rows: list[dict[str, Any]]) -> Table:
    """The figures of all files."""
    made = Table("file", *("rows", "file to file, s", "model alone, s", "share of its throughput", "peak MB"))
    for row in rows:
        times = (f"{row['seconds']:.2f}", f"{row['own_seconds']:.2f}", f"{row['throughput']:.0%}")
        made.add_row(row["file"], f"{row['rows']:,}", *times, f"{row['peak_mb']:.0f}")
    return made


if __name__ == "__main__":
    main()

"""Files larger than a batch, used piece by piece: throughput beside the model's own, and memory by the number of rows.

`python -m benchmarks.speed.streaming --rows 1000000 --json out.json`; each measurement has a process of its own.
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
import torch
from rich.console import Console
from rich.table import Table

import isthmus as ist
from benchmarks.digits import ROOT, load_digits
from benchmarks.speed.harness import machine
from benchmarks.speed.training import load, names, write

FORMATS = {"digits.npy": "60,000 digits again and again", "table.parquet": "30 columns of float32, made up"}
LEAST = 3.0
"""Seconds for which the model alone is timed, at least."""

Use = Callable[[ist.Run, Path, Path], Any]


def encode(run: ist.Run, source: Path, target: Path) -> None:
    """Codes as Parquet."""
    with ist.open_writer(target.with_suffix(".parquet"), overwrite=True) as put:
        for piece, codes in run.stream(source).through(run.encode):
            put(codes, piece.names)


def reconstruct(run: ist.Run, source: Path, target: Path) -> None:
    """Reconstructions in the format of the source."""
    with ist.open_writer(target.with_suffix(source.suffix), like=run.description, overwrite=True) as put:
        for piece, made in run.stream(source).through(run.reconstruct):
            put(made, piece.names)


def detect(run: ist.Run, source: Path, target: Path) -> None:
    """Scores as Parquet, the threshold learnt anew from the run's data."""
    with ist.open_writer(target.with_suffix(".parquet"), columns=["score"], overwrite=True) as put:
        ist.detect(run, source, each=lambda piece, scores, threshold: put(scores[:, None], piece.names))


def evaluate(run: ist.Run, source: Path, target: Path) -> None:
    """Errors beside PCA's and the mean's; nothing is written."""
    run.evaluate(source)


USES: dict[str, tuple[Use, str]] = {
    "encode": (encode, "encode"),
    "detect": (detect, "reconstruct"),
    "reconstruct": (reconstruct, "reconstruct"),
    "evaluate": (evaluate, "reconstruct"),
}
"""What is measured, and what of the model alone it is held against."""


def main() -> None:
    """Write the files, use each and a quarter of it, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the larger file (1,000,000)")
    told = f"uses, by commas, of {', '.join(USES)} (encode,detect)"
    parser.add_argument("--only", type=names(USES), default=["encode", "detect"], help=told)
    parser.add_argument("--turns", type=int, default=3, help="of each, of which the middle one counts (3)")
    parser.add_argument("--json", type=Path, help="write a row per file and use")
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.measure:
        source, run, use, turns = words.measure
        print(json.dumps(measure(Path(source), Path(run), use, int(turns))))
        return
    console, about = Console(), machine()
    threads = f"{torch.get_num_threads()} threads"
    console.print(f"{about['processor']}, {about['cores']} cores, {about['instructions']}, {threads}; {load()}")
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="isthmus-benchmark-") as folder:
        for name, about_data in FORMATS.items():
            for count in (words.rows // 4, words.rows):
                source, run = prepare(Path(folder), name, count)
                for use in words.only:
                    command = [sys.executable, "-m", "benchmarks.speed.streaming", "--measure"]
                    given = [str(source), str(run), use, str(words.turns)]
                    done = subprocess.run([*command, *given], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
                    found = json.loads(done.stdout.splitlines()[-1])
                    rows.append(
                        {"file": name, "rows": count, "use": use, "data": about_data, **found, "machine": about}
                    )
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
    data = ist.open_data(ist.write_samples(folder / f"trained-{name}", some, overwrite=True), test=0)
    model = ist.recipe("deep", code=8).build(data, remarks=False)
    ist.fit(model, data, epochs=1, compile=False, progress=False, out=run, overwrite=True)
    return source, run


def measure(source: Path, folder: Path, use: str, turns: int) -> dict[str, Any]:
    """Seconds from file to file, those that the model alone takes for as many rows, and the peak memory."""
    run, target = ist.load(folder), source.with_name("made")
    whole, alone = USES[use]
    run.open()
    run.baseline()
    first = next(iter(run.stream(source)))
    small = ist.write_samples(target.with_name(f"small{source.suffix}"), first.take(range(10)).tensor(), overwrite=True)
    whole(run, small, target)  # what is imported once is not timed
    count = int(source.name.split("-")[0])
    every = []
    for _ in range(turns):
        began = clocks()
        whole(run, source, target)
        seconds, cpu = clocks() - began
        own_seconds, own_cpu = count * by_itself(getattr(run, alone), first)
        every.append((own_seconds / seconds, seconds, own_seconds, cpu, own_cpu))
    share, seconds, own_seconds, cpu, own_cpu = map(float, sorted(every)[turns // 2])
    return {
        "throughput": share,
        "seconds": seconds,
        "own_seconds": own_seconds,
        "cpu_seconds": cpu,
        "own_cpu_seconds": own_cpu,
        "peak_mb": peak_mb(),
    }


def by_itself(model: Callable[[ist.Samples], Any], piece: ist.Samples) -> np.ndarray:
    """What the clocks say the model takes for a sample of the piece, which is in memory."""
    began, times = clocks(), 0
    while (clocks() - began)[0] < LEAST:
        model(piece)
        times += 1
    return (clocks() - began) / (times * len(piece))


def clocks() -> np.ndarray:
    """(2,) seconds, by the clock and of the processor's time."""
    return np.array([time.perf_counter(), time.process_time()])


def peak_mb() -> float:
    """The most memory that this process has had; what the system tells of all counts its parent's too on Linux."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def table(rows: list[dict[str, Any]]) -> Table:
    """The figures of all files."""
    heads = ("rows", "use", "file to file, s", "model alone, s", "share of its throughput", "CPU ÷ model's", "peak MB")
    made = Table("file", *heads)
    for row in rows:
        times = (f"{row['seconds']:.2f}", f"{row['own_seconds']:.2f}", f"{row['throughput']:.0%}")
        cost = f"{row['cpu_seconds'] / row['own_cpu_seconds']:.2f}"
        made.add_row(row["file"], f"{row['rows']:,}", row["use"], *times, cost, f"{row['peak_mb']:.0f}")
    return made


if __name__ == "__main__":
    main()

"""Training on a table that is streamed from Parquet, next to the same training in memory: peak memory and throughput.

`python -m benchmarks.larger` writes 10 million rows of 30 columns (1.2 GB in memory) into ten shards, trains one model
each way, and prints a table in Markdown. `--rows` scales it, `--rows 100000` runs in a minute. `--folder` keeps the
shards. Every training is a process of its own. The processor's time counts too, for a machine that others use.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

COLUMNS, FACTORS, SHARDS, GROUP = 30, 8, 10, 2**17
WAYS = ("in memory", "streamed")


def write(folder: Path, rows: int) -> None:
    """Shards of rows with a few factors and noise; those that are there already stay."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(SHARDS):
        target = folder / f"part-{number}.parquet"
        count = rows // SHARDS + (number < rows % SHARDS)
        if target.exists() and pq.read_metadata(target).num_rows == count:
            continue
        rng = np.random.default_rng(number)
        mixing = np.random.default_rng(SHARDS).normal(size=(FACTORS, COLUMNS)).astype(np.float32)
        values = rng.standard_normal((count, FACTORS), np.float32) @ mixing
        values += 0.1 * rng.standard_normal(values.shape, np.float32)
        pq.write_table(pa.table(list(values.T), [f"c{n}" for n in range(COLUMNS)]), target, row_group_size=GROUP)


def train(folder: Path, way: str, epochs: int, batch_size: int) -> dict[str, Any]:
    """Train in this process, and measure it; seconds and processor's seconds are the medians of the epochs."""
    import isthmus as ist  # noqa: PLC0415  # only the processes that train need it

    class Clock(ist.Callback):
        def __init__(self) -> None:
            self.seconds: list[float] = []
            self.processor: list[float] = []

        def epoch_begin(self, training: Any) -> None:
            self.begun = time.perf_counter(), time.process_time()

        def epoch_end(self, training: Any) -> None:
            self.seconds.append(time.perf_counter() - self.begun[0])
            self.processor.append(time.process_time() - self.begun[1])

    clock = Clock()
    start = time.perf_counter(), time.process_time()
    data = ist.open_data(folder, stream=way == "streamed", max_bytes=2**40)
    opened = time.perf_counter() - start[0], time.process_time() - start[1]
    model = ist.recipe("deep", code=FACTORS).build(data)
    run = ist.fit(model, data, epochs=epochs, batch_size=batch_size, progress=False, callbacks=[clock])
    return {
        "way": way,
        "rows": len(data.train),
        "opened": opened[0],
        "opened_processor": opened[1],
        "seconds": statistics.median(clock.seconds),
        "processor": statistics.median(clock.processor),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 2**20),
        "loss": run.history[-1]["validation_loss"],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the shards, train each way in a process of its own, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--way", choices=WAYS, help="train in this process and print JSON")
    given = parser.parse_args(arguments)
    if given.way:
        print(json.dumps(train(given.folder, given.way, given.epochs, given.batch_size)))
        return
    with tempfile.TemporaryDirectory(prefix="isthmus-larger-") as made:
        folder = given.folder or Path(made)
        write(folder, given.rows)
        options = ["--folder", str(folder), "--epochs", str(given.epochs), "--batch-size", str(given.batch_size)]
        found = [_apart([*options, "--way", way]) for way in WAYS]
    console = Console(width=200, soft_wrap=True)
    base = found[0]
    console.print(
        "| | opening, s | an epoch, s | processor's s | rows a second | throughput, by the processor | peak MB | loss |"
    )
    console.print("|---|---|---|---|---|---|---|---|")
    for one in found:
        console.print(
            f"| {one['way']} | {one['opened']:.1f} | {one['seconds']:.1f} | {one['processor']:.1f} | "
            f"{one['rows'] / one['seconds']:,.0f} | {base['seconds'] / one['seconds']:.0%}, "
            f"{base['processor'] / one['processor']:.0%} | {one['peak_mb']:,.0f} | {one['loss']:.4f} |"
        )
    console.print(f"\n{given.rows:,} rows of {COLUMNS} columns, batches of {given.batch_size}, {given.epochs} epochs.")


def _apart(options: Sequence[str]) -> dict[str, Any]:
    """What a training in a process of its own measured."""
    command = [sys.executable, "-m", "benchmarks.larger", *options]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()

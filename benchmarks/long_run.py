"""Many fits in one process, and one fit of many steps, without growth of memory.

`python -m benchmarks.long_run` trains 1,000 small models one after the other, and one model for 1,000,000 steps, and
prints the memory in between. It ends with 1 if the process or Python's number of objects has grown.
"""

import argparse
import gc
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import isthmus as ist
from benchmarks.memory import resident_mb

ALLOWED_MB = 16.0
"""Growth from the first measurement to the last, above which memory counts as growing; the allocator keeps some."""
ALLOWED_OBJECTS = 1_000


def main() -> None:
    """Both parts, and what became of the memory."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--fits", type=int, default=1_000, help="fits in one process (1,000); 0 leaves them out")
    parser.add_argument("--steps", type=int, default=1_000_000, help="steps of one fit (1,000,000); 0 leaves it out")
    words = parser.parse_args()
    grown = False
    if words.fits:
        grown |= table(f"{words.fits:,} fits", many_fits(words.fits), "fits")
    if words.steps:
        grown |= table(f"one fit of {words.steps:,} steps", many_steps(words.steps), "steps")
    sys.exit(int(grown))


def many_fits(count: int) -> list[tuple[int, float, int]]:
    """Fits so far, MB, and Python's number of objects: ten times from the tenth part of the fits on."""
    values = np.random.default_rng(0).normal(size=(200, 6)).astype(np.float32)
    found = []
    with tempfile.TemporaryDirectory(prefix="isthmus-long-run-") as folder:
        for number in range(1, count + 1):
            data = ist.open_data(values, kind="table")
            model = ist.recipe("deep", code=2).build(data, remarks=False)
            out = Path(folder) / "run" if number % 10 == 0 else None  # every tenth one is saved and loaded
            run = ist.fit(model, data, epochs=1, seed=number, progress=False, out=out, overwrite=True)
            run.encode(data.test)
            if out is not None:
                ist.load(out).evaluate(values)
            del data, model, run
            if number % max(1, count // 10) == 0:
                found.append((number, *now()))
    return found


class Growth(ist.Callback):
    """Measures the memory ten times in a run."""

    def __init__(self, steps: int) -> None:
        self.every, self.step = max(1, steps // 10), 0
        self.found: list[tuple[int, float, int]] = []

    def batch_end(self, training: Any) -> None:
        """After every tenth of the steps."""
        self.step += 1
        if self.step % self.every == 0:
            self.found.append((self.step, *now()))


def many_steps(steps: int) -> list[tuple[int, float, int]]:
    """Steps so far, MB, and Python's number of objects, ten times in one run that is saved."""
    values = np.random.default_rng(0).normal(size=(2_000, 6)).astype(np.float32)
    data = ist.open_data(values, kind="table", validation=0.1, test=0)
    growth = Growth(steps)
    model = ist.recipe("vanilla", code=2).build(data, remarks=False)
    with tempfile.TemporaryDirectory(prefix="isthmus-long-run-") as folder:
        ist.fit(
            model,
            data,
            epochs=max(1, steps // 180),
            batch_size=10,  # 180 steps an epoch
            compile=False,
            progress=False,
            callbacks=[growth],
            out=Path(folder) / "run",
        )
    return growth.found


def now() -> tuple[float, int]:
    """Resident MB of this process, and the objects that Python's collector knows."""
    gc.collect()
    return resident_mb(), len(gc.get_objects())


def table(title: str, found: list[tuple[int, float, int]], what: str) -> bool:
    """Print the measurements in Markdown; return whether the memory has grown."""
    (_, first_mb, first_objects), (_, last_mb, last_objects) = found[0], found[-1]
    print(f"\n{title}, {time.strftime('%Y-%m-%d')}\n\n| {what} | MB | objects |\n|--:|--:|--:|")
    for number, mb, objects in found:
        print(f"| {number:,} | {mb:,.1f} | {objects:,} |")
    print(f"\nGrowth: {last_mb - first_mb:+.1f} MB, {last_objects - first_objects:+,} objects.", flush=True)
    return last_mb - first_mb > ALLOWED_MB or last_objects - first_objects > ALLOWED_OBJECTS


if __name__ == "__main__":
    main()

"""Seconds an epoch alone and next to 2, 4 and 8 processes that use the cores all the time.

`python -m benchmarks.busy --json out.json` prints a table in Markdown. It needs a machine of its own. Each tool trains
in a process of its own and takes turns with the others under each load, as in `benchmarks.speed.training`.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

import isthmus as ist
from benchmarks.digits import load_digits
from benchmarks.speed.harness import Worker, WorkerError, machine
from benchmarks.speed.tools import TOOLS, Settings
from benchmarks.speed.training import QUICK, installed, load, write
from benchmarks.speed.workloads import WORKLOADS

LOADS = (0, 2, 4, 8)
SPINNING = {"GOMP_SPINCOUNT": "300000"}
"""What libgomp does by itself; Isthmus respects it as the user's own choice."""
COMMAND = "Isthmus, the command"
DENSE = [name for name, workload in WORKLOADS.items() if workload.widths and not workload.variety]
BUSY = "while True: pass"


def main() -> None:
    """Train under each load and print the table."""
    words = arguments()
    console = Console(stderr=True)
    settings = Settings(count=QUICK if words.quick else words.count, epochs=20)
    loads = LOADS[:2] if words.quick else words.loads
    turns, epochs = (1, 1) if words.quick else (words.turns, words.epochs)
    seconds: dict[str, dict[int, list[float]]] = {COMMAND: {}}
    with tempfile.TemporaryDirectory(prefix="isthmus-busy-") as folder, contextlib.ExitStack() as ends:
        digits = Path(folder) / "digits.npy"
        np.save(digits, load_digits(settings.count)[0])
        workers = started(words.workload, settings, words.peers_python, console, ends)
        for busy in loads:
            with next_to(busy), console.status(f"next to {busy} busy processes"):
                for _ in range(turns):
                    for title, worker in workers.items():
                        seconds.setdefault(title, {}).setdefault(busy, []).extend(turn(worker, epochs))
                seconds[COMMAND][busy] = command(digits, words.workload, settings, turns * epochs, Path(folder))
            if words.json:
                write(rows(seconds, settings), words.json)
    about = machine()
    print(f"{about['processor']}, {about['cores']} cores; {load()}; `{words.workload}`, {settings.count:,} digits\n")
    print(table(seconds, loads))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workload", choices=DENSE, default="deep", help="the network (deep)")
    parser.add_argument("--loads", type=int, nargs="+", default=LOADS, help="numbers of busy processes (0 2 4 8)")
    parser.add_argument("--count", type=int, default=Settings.count, help="digits (60,000)")
    parser.add_argument("--turns", type=int, default=2, help="rounds under each load (2)")
    parser.add_argument("--epochs", type=int, default=2, help="epochs a turn (2)")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} digits, two loads, one epoch: does it run?")
    parser.add_argument("--json", type=Path, help="write a row per tool and load")
    parser.add_argument(
        "--peers-python",
        default=os.environ.get("ISTHMUS_PEERS_PYTHON", sys.executable),
        help="the interpreter that has the peers (ISTHMUS_PEERS_PYTHON, else this one)",
    )
    return parser.parse_args()


def started(
    workload: str, settings: Settings, peers_python: str, console: Console, ends: contextlib.ExitStack
) -> dict[str, Worker]:
    """The workers by their titles, after their first epochs, which they take while nothing else is busy."""
    workers = {}
    variants: list[tuple[str, str, dict[str, str]]] = [
        ("isthmus", "Isthmus, in Python", {}),
        ("isthmus", "Isthmus, but its threads spin", SPINNING),
        ("textbook", "PyTorch, textbook loop", {}),
        ("keras", "Keras 3 on JAX", {}),
    ]
    there = installed([TOOLS[name] for name in dict.fromkeys(name for name, *_ in variants)], peers_python, console)
    for name, title, environment in variants:
        if (tool := TOOLS[name]) not in there:
            continue
        worker = Worker(tool, WORKLOADS[workload], settings, peers_python if tool.peer else sys.executable, environment)
        with console.status(f"{title} takes its first epoch"):
            ends.callback(worker.end)
            worker.start()
        workers[title] = worker
    return workers


def turn(worker: Worker, epochs: int) -> list[float]:
    """The seconds of each epoch of a turn; none if the tool failed."""
    before = len(worker.epochs)
    with contextlib.suppress(WorkerError):
        worker.turn(epochs)
    return [epoch["seconds"] for epoch in worker.epochs[before:]]


def command(digits: Path, workload: str, settings: Settings, epochs: int, folder: Path) -> list[float]:
    """The seconds of each epoch but the first of `isthmus train` in a process of its own."""
    *hidden, code = WORKLOADS[workload].widths[1:]
    recipe = "vae" if WORKLOADS[workload].network == "vae" else "deep"
    words = f"--recipe {recipe} --set widths={hidden} --set code={code} --validation 0 --test 0 --quiet".replace(
        ", ", ","
    )
    words += f" --epochs {epochs + 1} --batch-size {settings.batch_size}"
    with tempfile.TemporaryDirectory(dir=folder) as out:
        subprocess.run(  # noqa: S603 our own command
            [sys.executable, "-m", "isthmus", "train", str(digits), "--out", f"{out}/run", *words.split()],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return [row["seconds"] for row in ist.load(f"{out}/run").history[1:]]


@contextlib.contextmanager
def next_to(busy: int) -> Iterator[None]:
    """Within the block, so many processes use the cores all the time."""
    processes = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(busy)]  # noqa: S603
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def rows(seconds: dict[str, dict[int, list[float]]], settings: Settings) -> list[dict[str, Any]]:
    """The figures, as JSON holds them."""
    about = {"machine": machine(), "digits": settings.count}
    return [
        {"tool": title, "busy": busy, "seconds": each, **about}
        for title, by_load in seconds.items()
        for busy, each in by_load.items()
    ]


def table(seconds: dict[str, dict[int, list[float]]], loads: Sequence[int]) -> str:
    """The median seconds an epoch, and in brackets how many times those alone."""
    lines = ["| seconds an epoch | " + " | ".join(f"{busy} busy" if busy else "alone" for busy in loads) + " |"]
    lines.append("|---|" + "--:|" * len(loads))
    for title, by_load in seconds.items():
        medians = [statistics.median(by_load[busy]) if by_load.get(busy) else None for busy in loads]
        cells = ["failed" if each is None else f"{each:.2f}" for each in medians]
        for place, each in enumerate(medians):
            if place and each and medians[0]:
                cells[place] += f" ({each / medians[0]:.1f}×)"
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

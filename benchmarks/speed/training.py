"""Seconds an epoch and peak memory of Isthmus and its peers, training the same networks on the same digits in turns.

`python -m benchmarks.speed.training --json out.json`; one workload and two tools: `--only deep --tools isthmus,keras`.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.digits import find_digits
from benchmarks.speed.harness import Worker, WorkerError, machine, missing
from benchmarks.speed.tools import TOOLS, Settings, Tool
from benchmarks.speed.workloads import WORKLOADS, Workload

QUICK = 6_000
BASE, FLOOR = "isthmus", "products"


def main() -> None:
    """Run the workloads and print a table of each."""
    words = arguments()
    console = Console(width=None if sys.stdout.isatty() else 130)
    settings = Settings(count=QUICK if words.quick else Settings.count)
    tools = installed([TOOLS[name] for name in words.tools], words.peers_python, console)
    about = machine()
    console.print(f"{about['processor']}, {about['cores']} cores, {about['instructions']}; {load()}", highlight=False)
    if find_digits() is None:
        console.print("mnist.npz is in neither $ISTHMUS_DATA nor ../shared/data: the digits are a synthetic stand-in.")
    rows: list[dict[str, Any]] = []
    for name in words.only:
        chosen = [tool for tool in tools if tool.runs(WORKLOADS[name])]
        turns = 1 if words.quick else words.turns
        epochs = 1 if words.quick else words.epochs or WORKLOADS[name].epochs
        rows += race(WORKLOADS[name], chosen, settings, turns, epochs, words.peers_python, console)
        console.print(table(WORKLOADS[name], [row for row in rows if row["workload"] == name]))
        if words.json:
            write([{**row, "machine": about} for row in rows], words.json)
    for line in verdicts(rows):
        console.print(line, highlight=False)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", type=names(WORKLOADS), default=list(WORKLOADS), help="workloads, by commas")
    parser.add_argument("--tools", type=names(TOOLS), default=list(TOOLS), help="tools, by commas")
    parser.add_argument("--turns", type=int, default=5, help="rounds in which every tool has its turn (5)")
    parser.add_argument("--epochs", type=int, default=0, help="epochs a turn (1 to 5, by workload)")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} digits, one turn of one epoch: does it run?")
    parser.add_argument("--json", type=Path, help="write a row per workload and tool")
    parser.add_argument(
        "--peers-python",
        default=os.environ.get("ISTHMUS_PEERS_PYTHON", sys.executable),
        help="the interpreter that has the peers (ISTHMUS_PEERS_PYTHON, else this one)",
    )
    return parser.parse_args()


def names(known: dict[str, Any]) -> Any:
    """A comma-separated list of known names, as an argument's type."""

    def parse(text: str) -> list[str]:
        given = text.split(",")
        unknown = [name for name in given if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
        return given

    return parse


def installed(tools: list[Tool], peers_python: str, console: Console) -> list[Tool]:
    """The tools whose packages are there; the others get one line."""
    found = []
    for tool in tools:
        python = peers_python if tool.peer else sys.executable
        lacking = missing(tool, python)
        if lacking:
            console.print(f"{tool.title} is left out: {python} lacks {lacking} (see benchmarks/README.md).")
        else:
            found.append(tool)
    return found


def race(
    workload: Workload,
    tools: list[Tool],
    settings: Settings,
    turns: int,
    epochs: int,
    peers_python: str,
    console: Console,
) -> list[dict[str, Any]]:
    """Start every tool, let them take turns, and give their rows; a tool that fails has an "error" in its row."""
    workers: list[Worker] = []
    failed: list[dict[str, Any]] = []

    def fail(worker: Worker, error: WorkerError) -> None:
        worker.end()
        failed.append({"workload": workload.name, "tool": worker.tool.name, "error": str(error)})

    try:
        for tool in tools:
            worker = Worker(tool, workload, settings, peers_python if tool.peer else sys.executable)
            with console.status(f"{workload.name}: {tool.title} sets up and takes its first epoch"):
                try:
                    worker.start()
                    workers.append(worker)
                except WorkerError as error:
                    fail(worker, error)
        for turn in range(turns):
            for worker in [*workers]:
                with console.status(f"{workload.name}: turn {turn + 1} of {turns}, {worker.tool.title}"):
                    try:
                        worker.turn(epochs)
                    except WorkerError as error:
                        workers.remove(worker)
                        fail(worker, error)
        return [worker.row() for worker in workers] + failed
    finally:
        for worker in workers:
            worker.end()


def table(workload: Workload, rows: list[dict[str, Any]]) -> Table:
    """The figures of one workload."""
    made = Table(title=f"{workload.name}: {workload.title}", title_justify="left")
    made.add_column("tool", no_wrap=True)
    for column in ("s/epoch", "least–most", "÷ isthmus", "first epoch, s", "peak MB", "with children", "loss"):
        made.add_column(column, justify="right", no_wrap=True)
    base = next((row["seconds_per_epoch"] for row in rows if row["tool"] == BASE and "error" not in row), None)
    for row in rows:
        title = TOOLS[row["tool"]].title
        if "error" in row:
            made.add_row(title, f"failed: {row['error']}"[:60])
            continue
        seconds = row["seconds_per_epoch"]
        made.add_row(
            title,
            f"{seconds:.3f}",
            f"{min(row['seconds']):.3f}–{max(row['seconds']):.3f}",
            f"{seconds / base:.2f}" if base else "",
            f"{row['first_epoch_seconds']:.1f}",
            f"{row['peak_mb']:.0f}",
            f"{row['tree_peak_mb']:.0f}",
            f"{row['loss']:.4f}",
        )
    return made


def verdicts(rows: list[dict[str, Any]]) -> list[str]:
    """Isthmus beside its nearest peer in each workload, said plainly whichever way it went."""
    lines = []
    rows = [row for row in rows if "error" not in row]
    for name in dict.fromkeys(row["workload"] for row in rows):
        by_tool = {row["tool"]: row for row in rows if row["workload"] == name}
        peers = [row for tool, row in by_tool.items() if TOOLS[tool].module not in (BASE, FLOOR)]
        if not peers or BASE not in by_tool:
            continue
        fastest = min(peers, key=lambda row: row["seconds_per_epoch"])
        smallest = min(peers, key=lambda row: row["peak_mb"])
        own = by_tool[BASE]
        line = (
            f"{name}: {fastest['tool']} takes {fastest['seconds_per_epoch'] / own['seconds_per_epoch']:.2f}× the time"
        )
        if "textbook" in by_tool:
            line += f", the textbook loop {by_tool['textbook']['seconds_per_epoch'] / own['seconds_per_epoch']:.2f}×"
        if f"{BASE}-bfloat16" in by_tool:
            ratio = fastest["seconds_per_epoch"] / by_tool[f"{BASE}-bfloat16"]["seconds_per_epoch"]
            line += f"; of bfloat16 {ratio:.2f}×"
        lines.append(f"{line}; memory {own['peak_mb']:.0f} MB, {smallest['tool']} {smallest['peak_mb']:.0f} MB")
    return lines


def load() -> str:
    """How busy the machine is, for whoever reads the figures."""
    return f"load {os.getloadavg()[0]:.1f} before the start"


def write(rows: list[dict[str, Any]], path: Path) -> None:
    """Write the rows, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.part")
    draft.write_text(json.dumps(rows, indent=1) + "\n")
    draft.replace(path)


if __name__ == "__main__":
    main()

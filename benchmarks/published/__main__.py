"""The published table of Pythae, repeated: `python -m benchmarks.published --only vae,hvae`; what was cut goes on.

By default everything is scaled to a CPU, and Pythae is trained beside each recipe with the same scaled budget, if
`--peers-python` names an interpreter that has it. With `--full`, for a GPU, the epochs, batches, draws and digits are
those of the published rows, and only their figures stand beside.
"""

import argparse
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

import isthmus as ist
from benchmarks.proofs.proving import Bench
from benchmarks.published.data import digits_file
from benchmarks.published.rows import ROWS, Budget, Row
from isthmus.measures import log_likelihood
from isthmus.storage.checked import load_json, save_json
from isthmus.storage.files import whole_file

RATE = 1e-3
"""Of Adam, with a cosine schedule, for every row and both libraries."""


def main(words: list[str] | None = None) -> int:
    """Train and measure what is asked for, then print the table of all that the folder holds."""
    given = arguments(words)
    folder = given.out / ("full" if given.full else "scaled")
    folder.mkdir(parents=True, exist_ok=True)
    for name in given.only:
        row = ROWS[name]
        budget = row.full if given.full else row.scaled
        data, title = digits_file(given.out / "data", budget.samples, budget.tested, dynamic=row.dynamic)
        try:
            ours(row, budget, data, folder)
        except KeyboardInterrupt:
            print("Ended, with all saved: the same command goes on.")
            return 130
        if given.peers_python and not given.full:
            theirs(row, budget, data, folder, given.peers_python)
    table = markdown(folder, full=given.full, title=title)
    with whole_file(folder / "table.md") as beside:
        beside.write_text(table, encoding="utf-8")
    print(table)
    return 0


def ours(row: Row, budget: Budget, data: Path, folder: Path) -> None:
    """Train the recipe, or go on, and keep -log p(x) of each test digit."""
    file = folder / f"{row.name}.json"
    if done(file, budget):
        return
    print(f"{row.name}: {row.recipe}, {budget.epochs} epochs of {budget.samples:,} digits", flush=True)
    opened = ist.open_data(data, validation=0)
    run = Bench("runs", folder, budget.epochs).train(
        row.name, row.blueprint(budget), opened, batch_size=budget.batch, learning_rate=RATE, schedule="cosine",
        compile="auto" if torch.cuda.is_available() else False,
    )  # fmt: skip
    found = log_likelihood(run.model, opened.test, draws=budget.importance)
    seconds = sum(epoch["seconds"] for epoch in run.history)
    save_json(file, {"nll": (-found.per_sample).tolist(), "seconds": seconds, "budget": asdict(budget)})


def theirs(row: Row, budget: Budget, data: Path, folder: Path, python: str) -> None:
    """Train Pythae's model in its own environment, and keep the same."""
    file, out = folder / f"{row.name}-pythae.json", folder / f"{row.name}-pythae.tmp"
    if done(file, budget):
        return
    print(f"{row.name}: Pythae's {row.peer}", flush=True)
    told = {"row": asdict(row), "budget": asdict(budget), "data": str(data), "out": str(out), "rate": RATE}
    words = [python, "-m", "benchmarks.published.peer", json.dumps(told)]
    made = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 the user names it
    if made.returncode:
        sys.exit(f"Pythae's {row.peer} failed; the same command tries again. Its last lines:\n{made.stderr[-1000:]}")
    save_json(file, json.loads(out.read_text(encoding="utf-8")) | {"budget": asdict(budget)})
    out.unlink()


def done(file: Path, budget: Budget) -> bool:
    """Whether the file has the figures of this budget."""
    return file.exists() and load_json(file, sealed=False)["budget"] == asdict(budget)


def markdown(folder: Path, *, full: bool, title: str) -> str:
    """The table: published, ours, Pythae's in the same run, and their difference with its standard error."""
    lines = [
        f"{title}, -log p(x) in nats, {'at the published budgets' if full else 'SCALED budgets: not comparable with'}"
        f"{'' if full else ' the published column, only with Pythae in the same run'}.",
        "",
        "| row | published | Isthmus | Pythae, same run | difference | seconds: Isthmus / Pythae | budget |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for row in ROWS.values():
        file, other = folder / f"{row.name}.json", folder / f"{row.name}-pythae.json"
        if file.exists():
            lines.append(
                line(
                    row,
                    load_json(file, sealed=False),
                    load_json(other, sealed=False) if other.exists() else None,
                    full=full,
                )
            )
    return "\n".join(lines) + "\n"


def line(row: Row, own: dict[str, Any], peer: dict[str, Any] | None, *, full: bool) -> str:
    """One row's cells; the difference to the published figure at the full budget alone."""
    values = torch.tensor(own["nll"], dtype=torch.float64)
    cells = [row.peer, f"{row.published:.2f}", f"{float(values.mean()):.2f}"]
    if peer is None:
        cells += [
            "",
            f"{float(values.mean()) - row.published:+.2f} to the published" if full else "",
            f"{own['seconds']:.0f}",
        ]
    else:
        others = torch.tensor(peer["nll"], dtype=torch.float64)
        gap = values - others
        error = float(gap.std()) / len(gap) ** 0.5
        cells += [f"{float(others.mean()):.2f}", f"{float(gap.mean()):+.2f} ± {error:.2f}"]
        cells += [f"{own['seconds']:.0f} / {peer['seconds']:.0f}"]
    budget = own["budget"]
    cells += [
        f"{budget['samples']:,} digits × {budget['epochs']}, batch {budget['batch']}, {budget['draws']} draws; "
        f"{budget['tested']:,} tested by {budget['importance']:,} draws"
    ]
    return f"| {' | '.join(cells)} |"


def arguments(words: list[str] | None) -> argparse.Namespace:
    """The command line."""

    def known(text: str) -> list[str]:
        unknown = [name for name in text.split(",") if name not in ROWS]
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; there are {', '.join(ROWS)}")
        return text.split(",")

    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", type=known, default=list(ROWS), help="names, by commas")
    parser.add_argument("--full", action="store_true", help="the published budgets; for a GPU, hours to days")
    parser.add_argument("--out", type=Path, default=Path("runs/published"), help="folder of results (runs/published)")
    parser.add_argument("--peers-python", default=os.environ.get("ISTHMUS_PEERS_PYTHON"))
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())

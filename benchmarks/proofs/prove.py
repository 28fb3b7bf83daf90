"""Prove what a shelf of proofs claims: train, measure, draw, and print one table; what was cut goes on."""

import argparse
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from benchmarks.proofs.proving import Bench, is_done, read_results
from benchmarks.proofs.shelves import find_proof, proof_names, shelf_title
from isthmus.storage.files import whole_file

COLUMNS = ("of", "number", "it", "beside", "asked", "reached")


def main(shelf: str, words: list[str] | None = None) -> int:
    """Prove what is on a shelf, "varieties" or "uses", then print a table of all that the folder holds.

    1 where something asked is not reached.
    """
    given = arguments(shelf, words)
    console = Console(width=None if sys.stdout.isatty() else 150)
    if given.list:
        for name in proof_names(shelf):
            console.print(f"{name}: {find_proof(shelf, name).claim}", highlight=False)
        return 0
    given.out.mkdir(parents=True, exist_ok=True)
    for name in given.only:
        proof = find_proof(shelf, name)
        epochs = given.epochs or proof.epochs
        if given.again or not is_done(given.out, name, epochs):
            console.print(f"{name}: {proof.claim} {epochs} epochs.", highlight=False)
            bench = Bench(name, given.out, epochs, given.again)
            try:
                bench.write(proof.claim, proof.prove(bench))
            except KeyboardInterrupt:
                console.print("Ended, with all saved: the same command goes on.")
                return 130
    results = read_results(given.out)
    console.print(table(results))
    with whole_file(given.out / "table.md") as beside:
        beside.write_text(markdown(results), encoding="utf-8")
    console.print(f"The same as Markdown: {given.out / 'table.md'}; the pictures lie beside it.", highlight=False)
    return int(any(row["reached"] is False for result in results for row in result["rows"]))


def arguments(shelf: str, words: list[str] | None) -> argparse.Namespace:
    """The command line."""

    def known(text: str) -> list[str]:
        unknown = [name for name in text.split(",") if name not in proof_names(shelf)]
        if unknown:
            raise argparse.ArgumentTypeError(
                f"unknown: {', '.join(unknown)}; there are {', '.join(proof_names(shelf))}"
            )
        return text.split(",")

    parser = argparse.ArgumentParser(description=shelf_title(shelf))
    parser.add_argument("--only", type=known, default=proof_names(shelf), help="names, by commas")
    out = Path("runs") / shelf
    parser.add_argument("--out", type=Path, default=out, help=f"folder of results ({out})")
    parser.add_argument("--epochs", type=int, default=0, help="of each model, in place of the proof's own number")
    parser.add_argument("--again", action="store_true", help="train anew what is there already")
    parser.add_argument("--list", action="store_true", help="say what is shown of what, and end")
    return parser.parse_args(words)


def cells(results: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """A line of text for each number, in the order of COLUMNS."""
    verdicts = {True: "yes", False: "NO", None: ""}
    return [
        (
            result["name"] if place == 0 else "",
            row["number"],
            told(row["it"]),
            "" if row["beside"] is None else told(row["beside"]),
            row["asked"],
            verdicts[row["reached"]],
        )
        for result in results
        for place, row in enumerate(result["rows"])
    ]


def told(number: float) -> str:
    """Whole, or to four digits."""
    return f"{number:,.0f}" if number == int(number) else f"{number:.4g}"


def table(results: list[dict[str, Any]]) -> Table:
    """For the terminal."""
    right = ("it", "beside")
    made = Table(*(Column(title, justify="right" if title in right else "left") for title in COLUMNS))
    for line in cells(results):
        made.add_row(*line, style="" if line[-1] != "NO" else "bold red")
    return made


def markdown(results: list[dict[str, Any]]) -> str:
    """For the documentation."""
    lines = [COLUMNS, ("---", "---", "--:", "--:", "---", "---"), *cells(results)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)

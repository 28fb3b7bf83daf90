"""Isthmus as a codec compared with PNG, WebP, JPEG, JPEG 2000, AVIF, gzip, bz2, xz, zstd and Parquet."""

import argparse
import importlib
import pkgutil
import sys
from pathlib import Path
from types import ModuleType

from rich.console import Console

from benchmarks.compression import sections
from benchmarks.compression.bench import Bench
from benchmarks.compression.tables import Table
from isthmus.run import environment
from isthmus.storage.files import finite, whole_file, write_json


def main(words: list[str] | None = None) -> int:
    """Measure the chosen sections; print their tables and write them, as Markdown and JSON, into a folder."""
    given = arguments(words)
    console = Console(width=None if sys.stdout.isatty() else 150)
    given.out.mkdir(parents=True, exist_ok=True)
    bench = Bench(given.out, given.runs, given.again, console)
    for name in given.only:
        section = find_section(name)
        console.print(f"[bold]{name}[/bold]: {(section.__doc__ or '').splitlines()[0]}", highlight=False)
        write(given.out, name, section.measure(bench), console)
    console.print(f"The tables as Markdown and JSON, and the pictures, are in {given.out}.", highlight=False)
    return 0


def write(out: Path, name: str, tables: list[Table], console: Console) -> None:
    """Print a section's tables and keep them."""
    for table in tables:
        console.print(table.terminal())
        for note in table.notes:
            console.print(note, highlight=False)
    with whole_file(out / f"{name}.md") as beside:
        beside.write_text("".join(table.markdown() for table in tables), encoding="utf-8")
    kept = [{"title": table.title, "columns": table.columns, "rows": table.rows} for table in tables]
    write_json(out / f"{name}.json", {"tables": finite(kept), "environment": environment()})


def section_names() -> list[str]:
    """All sections, by the alphabet."""
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(sections.__path__))


def find_section(name: str) -> ModuleType:
    """The module of a section, with `measure(bench) -> list[Table]`; the others are not imported."""
    return importlib.import_module(f"{sections.__name__}.{name.replace('-', '_')}")


def arguments(words: list[str] | None) -> argparse.Namespace:
    """The command line."""

    def known(text: str) -> list[str]:
        unknown = [name for name in text.split(",") if name not in section_names()]
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; there are {', '.join(section_names())}")
        return text.split(",")

    parser = argparse.ArgumentParser(prog="python -m benchmarks.compression", description=__doc__)
    parser.add_argument("--only", type=known, default=section_names(), help="sections, by commas")
    out = Path("runs") / "compression"
    parser.add_argument("--out", type=Path, default=out, help=f"folder of results ({out})")
    parser.add_argument("--runs", type=Path, help="folder of runs: grey, binary, digits8, photos, …")
    parser.add_argument("--again", action="store_true", help="measure the peers anew")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())

"""Train every recipe on data of each kind, measure all alike, and write one table and one page.

    python -m benchmarks.survey --quick                     # about half an hour of one core; --list shows what there is
    python -m benchmarks.survey --quick --only vae,deep --data digits
    python -m benchmarks.survey --quick --publish           # also the packaged table, and the page of the documentation

What was measured is kept in --out and isn't measured again, unless the recipe or the budget has changed (--again: it
is). Ctrl-C ends it, and the same command continues. A recipe that fails is a row with the reason.
"""

import argparse
import math
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.speed.harness import machine
from benchmarks.survey.families import families
from benchmarks.survey.measures import MEASURES, markdown, packaged, rounded, shown
from benchmarks.survey.page import write_survey
from benchmarks.survey.sets import SETS, opened
from benchmarks.survey.trial import Surveyed, of_perfect, row_of
from isthmus.errors import IsthmusError
from isthmus.experiments.study import Study
from isthmus.model.recipes import RECIPES
from isthmus.model.store import make_folder
from isthmus.storage.files import whole_file, write_json
from isthmus.trained.trained_model import LARGEST_BASELINE

ROOT = Path(__file__).resolve().parents[2]
PACKAGED, DOCUMENTED = ROOT / "src/isthmus/guidance/measured.json", ROOT / "docs/results/survey.html"


def main(words: list[str] | None = None) -> int:
    """Train and measure, then write the table and the page."""
    given = arguments(words)
    size = "quick" if given.quick else "full"
    out: Path = given.out or Path("runs") / f"survey-{size}"
    if given.list:
        for name, one in SETS.items():
            fitting = [recipe.name for recipe in RECIPES.values() if one.fits(recipe)]
            print(f"{name} ({one.kind}): {one.what}. {len(fitting)} recipes: {', '.join(fitting)}\n")
        return 0
    torch.set_num_threads(1)
    table: dict[str, Any] = {
        "made_by": f"python -m benchmarks.survey{' --quick' * given.quick}",
        "machine": machine_in_words(),
        "data": {},
        "rows": [],
    }
    ended = False
    for name in SETS:
        ended = ended or survey(name, size, out, given, table)
    write(table, out, publish=given.publish)
    if ended:
        print("Ended. The same command continues.")
    return 130 if ended else 0


def arguments(words: list[str] | None) -> argparse.Namespace:
    """The command line."""

    def among(known: dict[str, Any]) -> Any:
        def names(text: str) -> list[str]:
            if unknown := [name for name in text.split(",") if name not in known]:
                raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
            return text.split(",")

        return names

    parser = argparse.ArgumentParser(prog="python -m benchmarks.survey", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", type=among(RECIPES), default=list(RECIPES), help="recipes, by commas")
    parser.add_argument("--data", type=among(SETS), default=list(SETS), help="data sets, by commas")
    parser.add_argument("--quick", action="store_true", help="few samples and epochs: half an hour of one core")
    parser.add_argument("--out", type=Path, help="folder of results (runs/survey-quick or runs/survey-full)")
    parser.add_argument("--again", action="store_true", help="train and measure again")
    parser.add_argument("--remeasure", action="store_true", help="measure again, without training")
    parser.add_argument("--table", action="store_true", help="write the table and the page from the results so far")
    parser.add_argument("--publish", action="store_true", help="also write the packaged table and the documented page")
    parser.add_argument("--list", action="store_true", help="list the data sets and their recipes, and end")
    return parser.parse_args(words)


def survey(name: str, size: str, out: Path, given: argparse.Namespace, table: dict[str, Any]) -> bool:
    """Do the rows of a data set and add them to the table; whether the user ended it."""
    one, budget, began = SETS[name], SETS[name].budgets[size], time.monotonic()
    fitting = [row_of(recipe, name, size) for recipe in RECIPES.values() if one.fits(recipe)]
    wanted = [row for row in fitting if row.candidate in given.only and name in given.data and not given.table]
    if not wanted and not (out / name).exists():
        return False
    try:
        data = opened(name, size).data
    except IsthmusError as error:
        print(f"{name}: {error}")
        return False
    study, ended = Study(out / name, data, fitting), False
    try:
        work(study, wanted, given, data)
    except KeyboardInterrupt:
        ended = True
    rows = [as_row(row, found) for row in fitting if (found := study.found(row)) is not None]
    if rows:
        table["data"][name] = {
            "kind": one.kind,
            "shape": list(data.shape),
            "samples": len(data.train),
            "epochs": budget.epochs,
            "what": one.what,
            "tested": len(data.test),
            "batch": budget.batch,
            "rate": budget.rate,
            "perfect": {key: rounded(value) for key, value in of_perfect(name, size).items()},
        }
        table["rows"] += rows
    if wanted:
        print(f"{name}: {len(rows)} of {len(fitting)} rows, {time.monotonic() - began:.0f} s", flush=True)
    return ended


def work(study: Study, wanted: list[Surveyed], given: argparse.Namespace, data: Any) -> None:
    """Train and measure those rows of a study that aren't done."""
    make_folder(study.folder)
    if wanted and data.kind != "tokens":
        study.pca(min(LARGEST_BASELINE, math.prod(data.shape)))
    for row in wanted:
        if given.again:
            shutil.rmtree(study.place(row), ignore_errors=True)
        found = study.found(row)
        if found is not None and found["error"] is None and not given.remeasure:
            continue
        study.work(row, lambda done: None)
        told = as_row(row, study.found(row) or {"error": "it has no result"})
        measures = {MEASURES[key].title: shown(value) for key, value in told["measures"].items() if value is not None}
        said = told["failed"] or ", ".join(f"{title} {value}" for title, value in measures.items())
        print(f"{row.of} {row.candidate}: {said}", flush=True)


def machine_in_words() -> str:
    """Cores and processor; a training takes one core."""
    facts = machine()
    return f"{facts['cores']} cores, one used, {facts['processor']} ({facts['instructions']})"


def as_row(row: Surveyed, found: dict[str, Any]) -> dict[str, Any]:
    """A row of the table."""
    return {
        "recipe": row.candidate,
        "family": families()[row.candidate],
        "data": row.of,
        "code": found.get("code"),
        "likelihood": found.get("likelihood"),
        "measures": {name: rounded(found.get("measures", {}).get(name)) for name in MEASURES},
        "missing": found.get("missing", {}),
        "failed": found["error"],
    }


def write(table: dict[str, Any], out: Path, *, publish: bool) -> None:
    """The table as JSON, Markdown and a page; if asked, the packaged table and the documented page."""
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "table.json", table)
    with whole_file(out / "table.md") as beside:
        beside.write_text(markdown(table), encoding="utf-8")
    print(f"The page: {write_survey(out / 'survey.html', table)}; beside it table.json and table.md.")
    if publish:
        PACKAGED.parent.mkdir(exist_ok=True)
        with whole_file(PACKAGED) as beside:
            beside.write_text(packaged(table), encoding="utf-8")
        write_survey(DOCUMENTED, table)
        print(f"Published: {PACKAGED.relative_to(ROOT)} and {DOCUMENTED.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(main())

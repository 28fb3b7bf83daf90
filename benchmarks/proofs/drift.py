"""Drift: how often new data raise an alarm, when nothing has changed and after each of eight kinds of shift.

    python -m benchmarks.proofs.drift                    # some 15 minutes on two cores
    python -m benchmarks.proofs.drift --sources 20 --runs 2

Prints two tables in Markdown. Unshifted: of some sources of each table, drawn like the training data, how many raise an
alarm, at the default level of 0.01 and at 0.05. Shifted: sources of a table of people, each with one shift; how many
raise an alarm, in how many the first column that is named is the shifted one, and in how many a check of the model (the
anomalous rows, the scores, a latent dimension) has changed. Several models are trained, each on rows of its own.
"""

import argparse
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import isthmus as ist
from benchmarks.digits import find_file
from isthmus.drawing.theme import write_png

REAL = ("2_annthyroid", "23_mammography", "6_cardio")
"""Tables of ADBench, which are divided at random: a part to train on, and the rest to draw sources from."""
TRAINED: dict[tuple[str, int], ist.Run] = {}
MODEL = {"anomalous", "score", "latent"}
TRAINING, ROWS = 2000, 1000


def people(rows: int, random: np.random.Generator) -> pd.DataFrame:
    """A table with numbers, whole numbers, categories, missing cells, true and false; most columns hang together."""
    size, wealth = random.normal(size=(2, rows))
    return pd.DataFrame({
        "height": (170 + 10 * size + 2 * random.normal(size=rows)).round(1),
        "weight": (70 + 12 * size + 4 * random.normal(size=rows)).round(1),
        "age": random.integers(18, 80, rows),
        "city": random.choice(["Bern", "Oslo", "Rome"], rows, p=[0.1, 0.3, 0.6]),
        "income": np.exp(8 + 0.5 * wealth + 0.1 * size).round(0),
        "spending": np.exp(6 + 0.5 * wealth + 0.1 * random.normal(size=rows)).round(0),
        "pulse": np.where(random.random(rows) < 0.05, np.nan, 70 + 5 * size + random.normal(size=rows)),
        "children": random.poisson(1.2, rows),
        "member": random.random(rows) < 0.3,
    })  # fmt: skip


def _anomalies(frame: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    rows = np.flatnonzero(random.random(len(frame)) < 0.05)
    for name in ("height", "weight", "income", "spending"):
        place = frame.columns.get_loc(name)
        frame.iloc[rows, place] = random.uniform(frame[name].min(), frame[name].max(), len(rows)).round(1)
    return frame


def _new_category(frame: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return frame.assign(city=frame["city"].where(random.random(len(frame)) >= 0.05, "Paris"))


SHIFTS: dict[str, tuple[str, Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]]] = {
    "mean of `height` + 0.5 standard deviations": ("height", lambda frame, _: frame.assign(height=frame["height"] + 5)),
    "standard deviation of `weight` × 1.5": (
        "weight",
        lambda frame, _: frame.assign(weight=70 + 1.5 * (frame["weight"] - 70)),
    ),
    "a new category in 5 % of the rows": ("city", _new_category),
    "a category from 30 % to 50 %": (
        "city",
        lambda frame, random: frame.assign(city=random.choice(["Bern", "Oslo", "Rome"], len(frame), p=[0.1, 0.5, 0.4])),
    ),
    "missing cells from 5 % to 15 %": (
        "pulse",
        lambda frame, random: frame.assign(pulse=frame["pulse"].where(random.random(len(frame)) > 0.1)),
    ),
    "`spending` no longer depends on `income`": (
        "",
        lambda frame, random: frame.assign(spending=random.permutation(frame["spending"])),
    ),
    "`income` in thousands": ("income", lambda frame, _: frame.assign(income=frame["income"] / 1000)),
    "5 % anomalous rows": ("", _anomalies),
}
"""By what is shifted: the column, "" for none alone, and the shift."""


def trained(name: str, frame: pd.DataFrame, recipe: str, epochs: int, seed: int) -> ist.Run:
    """A run on a table; trained once."""
    if (name, seed) in TRAINED:
        return TRAINED[name, seed]
    data = ist.open_data(frame, missing="keep", seed=seed)
    model = ist.recipe(recipe).build(data, remarks=False, seed=seed)
    TRAINED[name, seed] = ist.fit(model, data, epochs=epochs, seed=seed, progress=False, compile=False)
    return TRAINED[name, seed]


def tables(
    runs: int, each: int, names: list[str]
) -> dict[str, list[tuple[pd.DataFrame, Callable[[int], pd.DataFrame], str]]]:
    """By the name of a table: for each run, the rows to train on, a function that draws a source, and the recipe."""
    found: dict[str, list[tuple[pd.DataFrame, Callable[[int], pd.DataFrame], str]]] = {}
    if "people" in names:
        found["people"] = [
            (
                people(TRAINING, np.random.default_rng(seed)),
                lambda number, seed=seed: people(ROWS, np.random.default_rng((seed, number))),
                "table",
            )
            for seed in range(runs)
        ]
    for name in names:
        path = find_file(f"adbench/{name}.npz") if name != "people" else None
        if path is None:
            continue
        values = pd.DataFrame(np.load(path)["X"].astype(np.float64)).add_prefix("c")
        for seed in range(runs):
            order = np.random.default_rng(seed).permutation(len(values))[: 2 * each * ROWS + TRAINING]
            cut = min(TRAINING, len(order) // 2)
            rest = values.iloc[order[cut:]]
            size = min(ROWS, len(rest) // 2)

            def draw(number: int, rest: pd.DataFrame = rest, size: int = size, seed: int = seed) -> pd.DataFrame:
                return rest.sample(size, random_state=1000 * seed + number)

            found.setdefault(name, []).append((values.iloc[order[:cut]], draw, "deep"))
    return found


def alarms(found: ist.Drift, level: float) -> bool:
    """Whether the same checks raise an alarm at another level."""
    return any(one.adjusted <= level and one.distance >= one.limit for one in found.checks)


def unshifted(runs: int, sources: int, epochs: int, names: list[str], by: Any) -> None:
    """Print the table of false alarms."""
    print(
        "| table | models | sources | checks | alarms | at level 0.05 | at level 0.05, of any size |\n"
        "|---|--:|--:|--:|--:|--:|--:|"
    )
    each = sources // runs
    for name, kept in tables(runs, each, names).items():
        raised, wider, smaller, checks = 0, 0, 0, 0
        for seed, (rows, draw, recipe) in enumerate(kept):
            run = trained(name, rows, recipe, epochs, seed)
            for number in range(each):
                found = ist.drift(run, draw(number), by=by)
                raised, wider, checks = raised + found.drifted, wider + alarms(found, 0.05), len(found.checks)
                smaller += any(one.adjusted <= 0.05 for one in found.checks)
        print(f"| {name} | {runs} | {each * runs} | {checks} | {raised} | {wider} | {smaller} |", flush=True)


def shifted(runs: int, sources: int, epochs: int, out: Path | None, by: Any) -> None:
    """Print the table of alarms after each shift."""
    each, kept = max(1, sources // runs), tables(runs, 1, ["people"])["people"]
    models = [trained("people", rows, recipe, epochs, seed) for seed, (rows, _, recipe) in enumerate(kept)]
    print("\n| shift | sources | alarms | its column first | other columns | the model's checks |")
    print("|---|--:|--:|--:|--:|--:|")
    for name, (column, shift) in SHIFTS.items():
        raised, first, others, by_model = 0, 0, 0, 0
        for seed, run in enumerate(models):
            for number in range(each):
                random = np.random.default_rng((7, seed, number))
                found = ist.drift(run, shift(people(ROWS, random), random), by=by)
                columns = [one.name for one in found.changed if one.about not in MODEL]
                raised, first = raised + found.drifted, first + bool(columns and columns[0] == column)
                others += bool(set(columns) - {column})
                by_model += any(one.about in MODEL for one in found.changed)
                if out is not None and not seed and not number:
                    write_png(out / f"{list(SHIFTS).index(name)}.png", found.draw())
        cells = [raised, first if column else "", others, by_model]
        print(f"| {name} | {each * len(models)} | {' | '.join(map(str, cells))} |", flush=True)


def main() -> None:
    """Print both tables."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--sources", type=int, default=100, help="unshifted sources of each table")
    reader.add_argument("--runs", type=int, default=10, help="models of each table")
    reader.add_argument("--epochs", type=int, default=20)
    reader.add_argument("--tables", default=",".join(("people", *REAL)), help="of the unshifted sources")
    reader.add_argument("--shifts", type=int, default=20, help="shifted sources of each kind")
    reader.add_argument("--by", default="auto", help="the anomaly score")
    reader.add_argument("--pictures", type=Path, help="a folder for a picture of each shift")
    given = reader.parse_args()
    warnings.simplefilter("ignore", ist.Remark)
    if given.sources:
        unshifted(given.runs, given.sources, given.epochs, given.tables.split(","), given.by)
    if given.shifts:
        shifted(min(given.runs, 4), given.shifts, given.epochs, given.pictures, given.by)


if __name__ == "__main__":
    main()

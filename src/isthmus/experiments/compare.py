"""Compare: several models on the same data with the same budget, over several seeds, PCA beside them."""

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isthmus.blueprint import Blueprint
from isthmus.data import Data, open_data
from isthmus.errors import BlueprintError, DataError, IsthmusError, RunError
from isthmus.experiments.study import Study
from isthmus.experiments.table import Entry, Found, entries, judged_part, rows, write_table
from isthmus.experiments.trial import Fit
from isthmus.experiments.words import told
from isthmus.numerals import number
from isthmus.recipes import recipe as named
from isthmus.run import LARGEST_BASELINE
from isthmus.training.settings import checked


@dataclass(frozen=True)
class Comparison(Found):
    """What a comparison found: its entries with the smallest error first.

    verdict: who is best, and whether by more than the spread, in words.
    """

    verdict: str

    def to_json(self) -> dict[str, Any]:
        """The order and who is best."""
        return {
            "study": "compare",
            "part": self.part,
            "verdict": self.verdict,
            "order": [entry.entrant for entry in self.entries if entry.count],
            "failures": self.failures,
        }


def compare(
    source: Any,
    recipes: Sequence[str] | Mapping[str, Blueprint],
    *,
    out: str | Path,
    seeds: int = 3,
    jobs: int = 1,
    overwrite: bool = False,
    progress: Callable[[int, int], object] | None = None,
    **settings: Any,
) -> Comparison:
    """Train several models on the same data with the same settings, each from several seeds, and compare them.

        found = ist.compare("digits", ["deep", "conv"], out="runs/digits-compare", seeds=3, epochs=20)
        found = ist.compare("digits", {"wide": ist.recipe("deep", widths=(512,)), "deep": ist.recipe("deep")}, out=…)

    A seed changes the weights at the start, the order of the samples and all draws; how the data are divided stays.
    The folder keeps every run, `results.parquet` with a row a run, `results.json` and the page `report.html`. The same
    line again does only what is left to do; with more recipes or seeds it takes what is there.

    source: anything that `open_data` takes, or Data. recipes: names, or blueprints by names of your own. seeds: how
    many trainings of each. jobs: processes. overwrite: take the place of another study in the folder. progress: called
    with epochs done and in all. settings: of each training (`Settings`), the same for all.

    Raises:
        BlueprintError: there is no such recipe.
        RunError: the folder holds a study of other data, models or settings; or every single run has failed.
    """
    data = open_data(source)
    if seeds < 1:
        raise DataError(f"seeds={seeds}: expected 1 or more.")
    if not recipes:
        raise BlueprintError("No recipes to compare: expected one at least, such as ['deep', 'conv'].")
    settings = checked(settings)
    plans = recipes if isinstance(recipes, Mapping) else {name: named(name) for name in recipes}
    trials = [
        Fit(entrant=name, seed=seed, blueprint=blueprint, settings=settings)
        for name, blueprint in plans.items()
        for seed in range(seeds)
    ]
    study = Study(out, data, trials)
    study.run(jobs=jobs, overwrite=overwrite, progress=progress, components=_components(plans, data))
    found = judge(study)
    blueprints = {name: blueprint.to_json() for name, blueprint in plans.items()}
    facts = {"blueprints": blueprints, "data": data.description, "settings": settings}
    write_table(study.folder, found.rows, found.to_json() | facts)
    from isthmus.experiments.page import write_comparison  # noqa: PLC0415 Matplotlib takes half a second and 50 MB

    write_comparison(study, found)
    if not any(entry.count for entry in found.entries):
        raise RunError(f"Every run has failed, the first so: {next(iter(found.failures.values()))}")
    return found


def judge(study: Study) -> Comparison:
    """What the results of a comparison's trials say."""
    table = rows(study)
    part = judged_part(table, ("test", "validation", "train"))
    measure = f"{part}_mse"
    order = sorted(entries(table), key=lambda entry: entry.means.get(measure, math.inf))
    return Comparison(study.folder, part, tuple(table), tuple(order), verdict(order, measure))


def verdict(order: Sequence[Entry], measure: str) -> str:
    """Who is best, beside PCA and beside the next, and whether the spreads leave a doubt."""
    ranked = [entry for entry in order if measure in entry.means]
    if not ranked:
        return "Nothing was measured."
    best = ranked[0]
    said = f"{best.entrant} has the smallest error, {told(best, measure)}"
    if (pca := best.get(f"{measure}_pca")) is not None:
        said += f"; PCA with {best.whole('pca_code')} numbers has {number(pca)}"
    if len(ranked) == 1:
        return f"{said}."
    second = ranked[1]
    said += f". Next is {second.entrant}, {told(second, measure)}"
    spreads = [entry.spreads[measure] for entry in (best, second)]
    known = [spread for spread in spreads if spread is not None]
    if len(known) < 2:
        return f"{said}. How far chance goes, one seed does not tell."
    lead = second.means[measure] - best.means[measure]
    if lead > sum(known):
        return f"{said}: the lead is larger than both standard deviations together."
    return f"{said}: the lead is within their standard deviations, so more seeds may turn it."


def _components(plans: Mapping[str, Blueprint], data: Data) -> int:
    """How many principal components the largest of the codes is compared with."""
    largest = 1
    for blueprint in plans.values():
        with contextlib.suppress(IsthmusError):  # a model that doesn't fit the data fails in its own trial
            largest = max(largest, math.prod(blueprint.build(data, remarks=False, fresh=False).code_shape))
    return min(largest, LARGEST_BASELINE)

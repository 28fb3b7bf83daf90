"""Compare: several models on the same data with the same budget, over several seeds, PCA beside them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isthmus.data import open_data
from isthmus.errors import BlueprintError, DataError, RunError
from isthmus.experiments.candidates import read_candidates
from isthmus.experiments.generative import ERROR
from isthmus.experiments.study import Study
from isthmus.experiments.table import Entry, Found, entries, evaluated_part, rows, write_table
from isthmus.experiments.trial import Fit, components
from isthmus.experiments.words import beside, told
from isthmus.formatting import number
from isthmus.model.blueprint import Blueprint
from isthmus.model.recipes import recipe as named
from isthmus.training.settings import checked


@dataclass(frozen=True)
class Comparison(Found):
    """What a comparison found: its entries with the best first.

    ranked_by: the measure that decides: the ELBO, where all models maximise it with the same likelihood, else the mean
    squared error. verdict: which is best, and whether by more than the spread, in words. explanation: the same of those
    that are trained for the ELBO, among others that are not.
    """

    ranked_by: str
    verdict: str
    explanation: str = ""

    def to_json(self) -> dict[str, Any]:
        """The order and who is best."""
        return {
            "study": "compare",
            "part": self.part,
            "ranked_by": self.ranked_by,
            "verdict": self.verdict,
            "explanation": self.explanation,
            "order": [entry.candidate for entry in self.entries if entry.count],
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
        found = ist.compare("digits", ["deep", "vae@weight=1/2/4"], out="runs/digits-grid")
        found = ist.compare("digits", {"wide": ist.recipe("deep", widths=(512,)), "deep": ist.recipe("deep")}, out=…)

    A seed changes the weights at the start, the order of the samples and all draws; how the data are divided stays.
    The folder keeps every run, `results.parquet` with a row a run, `results.json` and the page `report.html`. The same
    line again does only what is left to do; with more recipes or seeds it takes what is there.

    Models are ranked by what they are trained for: VAEs of one likelihood by the ELBO, all others, and both together,
    by the squared error. ELBO, KL, bits per number and the Fréchet distance of draws are measured of models that have
    them.

    source: anything that `open_data` takes, or Data. recipes: names, with options or grids of them
    (`isthmus.experiments.candidates`), or blueprints by names of your own. seeds: how many trainings of each. jobs:
    processes. overwrite: take the place of another study in the folder. progress: called with epochs done and in all.
    settings: of each training (`Settings`), the same for all.

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
    plans = recipes if isinstance(recipes, Mapping) else planned(recipes)
    trials = [
        Fit(candidate=name, seed=seed, blueprint=blueprint, settings=settings)
        for name, blueprint in plans.items()
        for seed in range(seeds)
    ]
    study = Study(out, data, trials)
    study.run(jobs=jobs, overwrite=overwrite, progress=progress, components=components(trials, data))
    found = judge(study)
    blueprints = {name: blueprint.to_json() for name, blueprint in plans.items()}
    facts = {"blueprints": blueprints, "data": data.description, "settings": settings}
    write_table(study.folder, found.rows, found.to_json() | facts)
    from isthmus.experiments.page import write_comparison  # noqa: PLC0415 Matplotlib takes half a second and 50 MB

    write_comparison(study, found)
    if not any(entry.count for entry in found.entries):
        raise RunError(f"Every run has failed, the first so: {next(iter(found.failures.values()))}")
    return found


def planned(recipes: Sequence[str]) -> dict[str, Blueprint]:
    """The blueprints of candidates by their words.

    Raises:
        BlueprintError: a word names no model, or there is no such recipe or option.
    """
    return {candidate.name: named(candidate.recipe, **candidate.options) for candidate in read_candidates(recipes)}


def judge(study: Study) -> Comparison:
    """What the results of a comparison's trials say."""
    table = rows(study)
    part = evaluated_part(table, ("test", "validation", "train"))
    found = entries(table)
    aims = {entry.aim for entry in found if entry.count}
    measure = f"{part}_{ERROR if len(aims) > 1 or ERROR in aims or not aims else 'elbo'}"
    order = ranked(found, measure)
    others = sorted(aims - {ERROR}) if measure.endswith(ERROR) else []
    explanation = " ".join(_of_one_aim(order, aim, f"{part}_elbo") for aim in others)
    return Comparison(
        study.folder, part, tuple(table), tuple(order), measure, verdict(order, measure), explanation.strip()
    )


def ranked(found: Sequence[Entry], measure: str) -> list[Entry]:
    """The entries, the best first by this measure, those without it last."""
    sign = -1 if more_is_better(measure) else 1
    return sorted(found, key=lambda entry: sign * entry.means[measure] if measure in entry.means else math.inf)


def more_is_better(measure: str) -> bool:
    """Whether more of it is better: of the ELBO, not of an error."""
    return measure.endswith("elbo")


def verdict(order: Sequence[Entry], measure: str) -> str:
    """Which is best, beside PCA and beside the next, and whether the spreads leave a doubt."""
    among = [entry for entry in order if measure in entry.means]
    if not among:
        return "Nothing was measured."
    best = among[0]
    elbo = more_is_better(measure)
    said = f"{best.candidate} has the {'largest ELBO' if elbo else 'smallest error'}, {told(best, measure)}"
    if elbo:
        said += " nats"
    elif (pca := best.get(f"{measure}_pca")) is not None:
        said += f"; PCA with {beside(best)} has {number(pca)}"
    if len(among) == 1:
        return f"{said}."
    second = among[1]
    said += f". Next is {second.candidate}, {told(second, measure)}"
    spreads = [entry.spreads[measure] for entry in (best, second)]
    known = [spread for spread in spreads if spread is not None]
    if len(known) < 2:
        return f"{said}. One seed does not show how much is chance."
    lead = abs(second.means[measure] - best.means[measure])
    if lead > sum(known):
        return f"{said}: the lead is larger than both standard deviations together."
    return f"{said}: the lead is within their standard deviations, so more seeds may turn it."


def _of_one_aim(order: Sequence[Entry], aim: str, measure: str) -> str:
    """A sentence on those that maximise the ELBO, among models that don't."""
    among = ranked([entry for entry in order if entry.aim == aim and measure in entry.means], measure)
    if not among:
        return ""
    likelihood = aim.removeprefix("elbo (").rstrip(")")
    if len(among) == 1:
        score = told(among[0], measure)
        return f"{among[0].candidate} is trained for the ELBO ({likelihood}), {score} nats, not the error."
    return f"Of those trained for the ELBO ({likelihood}), not the error, {verdict(among, measure)}"

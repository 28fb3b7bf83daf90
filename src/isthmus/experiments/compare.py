"""Compare: several models on the same data with the same budget, over several seeds, and compared with PCA."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from isthmus.data import open_data
from isthmus.errors import BlueprintError, DataError, RunError
from isthmus.experiments.candidates import read_candidates
from isthmus.experiments.comparison import Comparison, judge
from isthmus.experiments.study import Study
from isthmus.experiments.table import write_table
from isthmus.experiments.trial import Fit, components
from isthmus.experiments.workers import Pool
from isthmus.model.blueprint import Blueprint
from isthmus.model.recipes import recipe as named
from isthmus.training.settings import checked


def compare(
    source: Any,
    recipes: Sequence[str] | Mapping[str, Blueprint],
    *,
    out: str | Path,
    seeds: int = 3,
    jobs: int | Pool = 1,
    overwrite: bool = False,
    progress: Callable[[int, int], object] | None = None,
    **settings: Any,
) -> Comparison:
    """Train several models on the same data with the same settings, each from several seeds, and compare them.

        found = ist.compare("digits", ["deep", "conv"], out="runs/digits-compare", seeds=3, epochs=20)
        found = ist.compare("digits", ["deep", "vae@weight=1/2/4"], out="runs/digits-grid")
        found = ist.compare("digits", {"wide": ist.recipe("deep", widths=(512,)), "deep": ist.recipe("deep")}, out=…)

    A seed changes the initial weights, the order of the samples and all random draws; the split of the data stays the
    same. The folder contains every run, `results.parquet` with one row per run, `results.json` and the page
    `report.html`. If you call it again, it only does the remaining work; with more recipes or seeds, it reuses the
    existing runs.

    Models are ranked by their training objective: VAEs with one likelihood by the ELBO; all others, and mixtures of
    both, by the squared error. ELBO, KL, bits per number and the Fréchet distance of draws are measured for models that
    have them.

    source: anything that `open_data` takes, or Data. recipes: names, with options or grids of options
    (`isthmus.experiments.candidates`), or blueprints by names of your own. seeds: trainings of each model. jobs:
    processes, or `isthmus.engines.ray.jobs`. overwrite: replace another study in the folder. progress: called with the
    epochs done and in total.
    settings: of each training (`Settings`), the same for all.

    Raises:
        BlueprintError: there is no such recipe.
        RunError: the folder has a study of other data, models or settings; or all runs have failed.
    """
    data = open_data(source)
    if seeds < 1:
        raise DataError(f"seeds={seeds}: expected 1 or more.")
    if not recipes:
        raise BlueprintError("There are no recipes to compare: expected one or more, such as ['deep', 'conv'].")
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
    from isthmus.experiments.reports import write_comparison  # noqa: PLC0415 Matplotlib takes half a second and 50 MB

    write_comparison(study, found)
    if not any(entry.count for entry in found.entries):
        raise RunError(f"All runs have failed. The first error: {next(iter(found.failures.values()))}")
    return found


def planned(recipes: Sequence[str]) -> dict[str, Blueprint]:
    """The blueprints of the candidates, by their names.

    Raises:
        BlueprintError: a word names no model, or its recipe or option doesn't exist.
    """
    return {candidate.name: named(candidate.recipe, **candidate.options) for candidate in read_candidates(recipes)}

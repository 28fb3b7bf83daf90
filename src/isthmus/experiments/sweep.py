"""Sweep: the same model with codes of several sizes, compared with PCA, and the size at which more stops paying."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from isthmus.data import open_data
from isthmus.errors import DataError, RunError
from isthmus.experiments.study import Study
from isthmus.experiments.suggestion import Sweep, judge
from isthmus.experiments.table import write_table
from isthmus.experiments.trial import Fit, components
from isthmus.experiments.workers import Pool
from isthmus.model.blueprint import Blueprint
from isthmus.model.recipes import recipe as named
from isthmus.training.settings import checked

MOST = 128
"""The largest code that is tried by default."""


def sweep(
    source: Any,
    codes: Sequence[int] | None = None,
    *,
    recipe: str | Blueprint = "deep",
    out: str | Path,
    seeds: int = 1,
    price: float | None = None,
    jobs: int | Pool = 1,
    overwrite: bool = False,
    progress: Callable[[int, int], object] | None = None,
    **settings: Any,
) -> Sweep:
    """Train the same model with codes of several sizes, and find where an additional latent dimension stops paying.

        found = ist.sweep("digits", [1, 2, 4, 8, 16], out="runs/digits-sweep", epochs=20)
        found.suggested, found.reason

    A dimension pays if it explains at least as much of the variance as one of the data's own numbers does on average,
    1/D for D numbers (Kaiser's rule for PCA), or at least `price`. The suggested size has the least sum of the error on
    the validation part (if there is none, on the test part) and the price of its dimensions.

    The folder contains every run, `results.parquet` with one row per run, `results.json` and the page `report.html`. If
    you call it again, it only does the remaining work; with more codes or seeds, it reuses the existing runs.

    source: anything that `open_data` takes, or Data. codes: the sizes. None: powers of two up to half of the data's
    numbers, 128 at most. recipe: its name, or a blueprint. seeds: trainings of each size. price: share of the variance.
    jobs: processes, or `isthmus.engines.ray.jobs`. overwrite: replace another study in the folder. progress: called
    with the epochs done and in total. settings: of each training (`Settings`), the same for all.

    Raises:
        DataError: a size is below 1, or the price is not a share.
        RunError: the folder has a study of other data, models or settings; or all runs have failed.

    Source: Kaiser, The application of electronic computers to factor analysis (1960).
    """
    data = open_data(source)
    width = math.prod(data.shape)
    sizes = default_codes(width) if codes is None else sorted(set(codes))
    if not sizes or sizes[0] < 1:
        raise DataError(f"codes={codes!r}: expected sizes of 1 or more, such as 1,2,4,8.")
    if price is not None and not 0 <= price < 1:
        raise DataError(f"price={price}: expected a share of the variance, 0 or more and below 1, such as 0.01.")
    if seeds < 1:
        raise DataError(f"seeds={seeds}: expected 1 or more.")
    settings = checked(settings)
    plan = named(recipe) if isinstance(recipe, str) else recipe
    trials = [
        Fit(candidate=f"code {size}", seed=seed, blueprint=plan, options={"code": size}, settings=settings)
        for size in sizes
        for seed in range(seeds)
    ]
    study = Study(out, data, trials)
    study.run(jobs=jobs, overwrite=overwrite, progress=progress, components=components(trials, data))
    found = judge(study, price)
    facts = {"blueprint": plan.to_json(), "data": data.description, "settings": settings}
    write_table(study.folder, found.rows, found.to_json() | facts)
    from isthmus.experiments.reports import write_sweep  # noqa: PLC0415 Matplotlib takes half a second and 50 MB

    write_sweep(study, found)
    if not found.points:
        raise RunError(f"All runs have failed. The first error: {next(iter(found.failures.values()))}")
    return found


def default_codes(width: int) -> list[int]:
    """Powers of two from 1 to half of the data's numbers, 128 at most."""
    return [2**power for power in range(8) if 2**power <= min(MOST, max(1, width // 2))]

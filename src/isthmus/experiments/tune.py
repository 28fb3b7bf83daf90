"""Tune: search a model's options and settings with Optuna, and keep the best run."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from isthmus.data import open_data
from isthmus.errors import DataError, RunError
from isthmus.experiments.search import STORE, Search
from isthmus.experiments.space import read_space, usual_space
from isthmus.experiments.study import Study
from isthmus.experiments.table import write_table
from isthmus.experiments.trial import components
from isthmus.experiments.tuning import BEST, Tuning, judge, place_of_best
from isthmus.experiments.workers import Pool
from isthmus.extras import needs
from isthmus.model.blueprint import Blueprint
from isthmus.model.recipes import recipe as named
from isthmus.run import load
from isthmus.storage.files import remove_file
from isthmus.storage.run_folder import NAMES
from isthmus.training.settings import checked
from isthmus.undisturbed import undisturbed

TRIALS = 50


def tune(
    source: Any,
    recipe: str | Blueprint = "deep",
    *,
    out: str | Path,
    trials: int = TRIALS,
    space: Sequence[str] | None = None,
    prune: bool = True,
    seed: int = 0,
    jobs: int | Pool = 1,
    overwrite: bool = False,
    progress: Callable[[int, int], object] | None = None,
    **settings: Any,
) -> Tuning:
    """Search the options of a model and the settings of its training for the smallest error on the validation part.

        found = ist.tune("digits", "deep", trials=50, out="runs/digits-tune", epochs=20)
        found.best, found.run.report()
        found = ist.tune("digits", "conv", space=["code=8:64", "activation=relu/silu", "learning_rate"], out=…)

    Optuna's TPE chooses the options of each trial from the results of those before; the first trial has the usual
    options. Models are compared by their squared error, models with a likelihood by the ELBO, and models of tokens by
    their nats. Data without a validation part can't be searched.

    The folder contains Optuna's database `study.db`, `results.parquet` with one row per trial, `results.json`, the page
    `report.html`, and the best run, in `best`. If you call it again, it only does the remaining work: a killed trial
    continues from its checkpoint, and more `trials` add to those that are there.

    source: anything that `open_data` takes, or Data. recipe: its name, or a blueprint. trials: how many in all.
    space: the options that vary, each as "KEY" (a range by its own bounds), "KEY=LOW:HIGH", "KEY=LOW:HIGH:log" or
        "KEY=a/b/c". None: learning rate, batch size, activation, normalisation, dropout, and widths or channels, except
        those that you set.
    prune: stop a trial whose validation loss is above the median of the others' at the same epoch. It is off if the
        space has options that change the loss itself, such as a penalty's weight.
    seed: of the search and of all trainings. jobs: processes, or `isthmus.engines.ray.jobs`. overwrite: replace another
        study in the folder.
    progress: called with the epochs done and in total. settings: of each training (`Settings`), the same for all.

    Raises:
        MissingPackageError: Optuna isn't installed (`isthmus[tune]`).
        BlueprintError: there is no such recipe or option, or a range that won't do.
        DataError: there is no validation part, or `trials` is below 1.
        RunError: the folder has a study of other data, models or settings; or all trials have failed.

    Source: Akiba et al., Optuna: a next-generation hyperparameter optimization framework, KDD (2019); Bergstra et al.,
    Algorithms for hyper-parameter optimization, NeurIPS (2011).
    """
    with undisturbed():
        needs("optuna", "tune", "Searching for options")
    data = open_data(source)
    if trials < 1:
        raise DataError(f"trials={trials}: expected 1 or more.")
    if not len(data.validation):
        raise DataError("The data have no validation part, on which trials are compared. Set validation=0.1.")
    settings = checked(settings)
    plan = named(recipe) if isinstance(recipe, str) else recipe
    resolved = plan.resolve(data)
    varied = usual_space(resolved, settings) if space is None else read_space(space, resolved, settings)
    prune = prune and all(dimension.comparable for dimension in varied)
    planned = [
        Search(
            candidate=f"trial {number}",
            seed=seed,
            blueprint=plan,
            settings={name: value for name, value in settings.items() if name != "seed"},
            number=number,
            space=varied,
            prune=prune,
        )
        for number in range(1, trials + 1)
    ]
    study = Study(out, data, planned)
    if overwrite:
        for name in (STORE, f"{STORE}-journal"):
            remove_file(study.folder / name)
    study.run(jobs=jobs, overwrite=overwrite, progress=progress, components=components(planned, data))
    found = judge(study)
    if found.candidate:
        _keep_best(study, found)
    facts = {"blueprint": plan.to_json(), "data": data.description, "settings": settings}
    write_table(study.folder, found.rows, found.to_json() | facts)
    from isthmus.experiments.reports import write_tuning  # noqa: PLC0415 Matplotlib takes half a second and 50 MB

    write_tuning(study, found)
    if not found.candidate:
        raise RunError(f"All trials have failed. The first error: {next(iter(found.failures.values()), 'none')}")
    return found


def _keep_best(study: Study, found: Tuning) -> None:
    """Copy the best run to its own folder, and remove the other trials' models; their results stay."""
    best = place_of_best(study, found)
    load(best).save(study.folder / BEST, overwrite=True)
    for trial in study.trials:
        if (place := study.place(trial)) != best and (study.found(trial) or {"error": 1})["error"] is None:
            for name in NAMES:
                remove_file(place / name)

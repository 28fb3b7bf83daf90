"""Ensembles on disk: a folder of runs is an ensemble."""

from collections.abc import Sequence
from pathlib import Path

from isthmus.errors import RunError, UseError
from isthmus.model.store import make_folder
from isthmus.run import Run, load
from isthmus.storage.files import no_run
from isthmus.storage.run_folder import holds_run
from isthmus.trained.ensemble import Combine, TrainedEnsemble


class Ensemble(TrainedEnsemble):
    """Several runs that detect anomalies and reconstruct together; `ensemble` returns one.

        five = ist.ensemble("runs/five")       # a folder with a run in each of its folders
        found = ist.detect(five, "new.csv")    # found.spread: how far the runs disagree on each score
        made = five.reconstruct("new.csv")     # made.mean, made.spread
        five.save("runs/copy")

    members: the runs. combine: "mean" or "median" of their scores and reconstructions.
    """

    members: tuple[Run, ...]

    def save(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """Save a copy of each run in a folder of its own, named by its number, and return the folder.

        Raises:
            RunError: the folder is a run itself, or has runs already and `overwrite` is False.
        """
        folder = Path(folder)
        if holds_run(folder):
            raise RunError(f"{folder} is a run. Choose another folder for the ensemble.")
        if folder.is_dir() and runs_in(folder) and not overwrite:
            raise RunError(f"{folder} has runs already. Choose another folder, or pass overwrite=True.")
        folder = make_folder(folder)
        width = len(str(len(self) - 1))
        for place, member in enumerate(self.members):
            member.save(folder / f"{place:0{width}}", overwrite=overwrite)
        return folder


def ensemble(
    runs: str | Path | Sequence[Run | str | Path], *, combine: Combine = "mean", device: str = "auto"
) -> Ensemble:
    """Several runs as one: their scores and reconstructions are combined, and their disagreement is measured.

        runs = [ist.fit(ist.recipe("deep").build(data, seed=seed), data, seed=seed) for seed in range(5)]
        five = ist.ensemble(runs)
        print(ist.detect(five, "new.csv"))

    Models that start with other random numbers, or that see other samples, make different mistakes, which the mean
    evens out. Where they disagree, none of them knows.

    runs: trained models, or the folders of runs; or one folder whose own folders have a run each. combine: as in
        `Ensemble`. device: where runs that are loaded compute, as for `load`.

    Raises:
        UseError: there are fewer than two runs, or they take different samples.
        RunError: a folder has no run.

    Source: Chen et al., Outlier detection with autoencoder ensembles, SDM (2017); Lakshminarayanan et al., Simple and
    scalable predictive uncertainty estimation using deep ensembles, NeurIPS (2017).
    """
    if isinstance(runs, Run):
        raise UseError("An ensemble needs several runs, and got one. Give a list: ensemble([first, second]).")
    if isinstance(runs, str | Path):
        folder = Path(runs)
        if not folder.is_dir():
            raise no_run(folder)
        runs = runs_in(folder)
        if len(runs) < 2:
            raise RunError(
                f"{folder} has {len(runs)} folder{'s' * (len(runs) != 1)} with a run: expected two or more. Train more "
                f"runs into it, such as --out {folder / '0'}, or give their folders one by one."
            )
    return Ensemble([run if isinstance(run, Run) else load(run, device=device) for run in runs], combine)


def runs_in(folder: Path) -> list[Path]:
    """The folders in a folder that have a run, by their names; numbers in their order."""
    found = [inner for inner in folder.iterdir() if inner.is_dir() and holds_run(inner)]
    return sorted(found, key=lambda path: (len(path.name), path.name) if path.name.isdigit() else (99, path.name))

"""Studies: the trials of sweep, compare, tune and pretrain as tasks of a Ray cluster."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isthmus.engines.ray.cluster import connected, quiet
from isthmus.engines.ray.training import at
from isthmus.errors import IsthmusError, remark
from isthmus.experiments.study import Study
from isthmus.experiments.trial import Trial


@dataclass(frozen=True)
class RayJobs:
    """Trials as Ray tasks, as many at once as the cluster has room for. See `jobs`."""

    cpus: float = 1
    gpus: float = 0
    retries: int = 3

    def share_out(
        self,
        folder: Path,
        trials: Sequence[Trial],
        tell: Callable[[Trial, int], object],
        fail: Callable[[Trial, str], object],
    ) -> None:
        """Do trials of the study in a folder (`isthmus.experiments.workers.Pool`)."""
        ray = connected()
        with quiet():
            task = ray.remote(_work).options(num_cpus=self.cpus, num_gpus=self.gpus, max_retries=self.retries)
            home = str(folder.absolute())
            begun = {task.remote(home, trial.name, str(Path.cwd())): trial for trial in trials}
            left = list(begun)
            try:
                while left:
                    (ended, *_), left = ray.wait(left, num_returns=1)
                    _conclude(ray, ended, begun[ended], fail)
                    tell(begun[ended], begun[ended].budget)
            except BaseException:
                if left:
                    remark("Stopping: the current trainings are saved first, which takes a few seconds.")
                for one in left:
                    ray.cancel(one)
                ray.wait(left, num_returns=len(left), timeout=30.0) if left else None
                raise


def jobs(*, cpus: float = 1, gpus: float = 0, retries: int = 3) -> RayJobs:
    """Trials of a study as tasks of a Ray cluster: give it to `sweep`, `compare`, `tune` or `pretrain` as `jobs=`.

        found = ist.sweep("/shared/rows.parquet", out="/shared/sweep", jobs=ist.ray.jobs(cpus=2))

    The study's folder and the data are on storage that all machines share. A lost trial is repeated, and goes on from
    its checkpoint. Progress counts finished trials.

    cpus, gpus: of each trial. retries: how often a trial is repeated whose worker is lost.
    """
    return RayJobs(cpus, gpus, retries)


def _conclude(ray: Any, ended: Any, trial: Trial, fail: Callable[[Trial, str], object]) -> None:
    """Note why a trial's task ended without a result; raise an error that ends the study."""
    try:
        message = ray.get(ended)
    except ray.exceptions.RayError as error:
        fail(trial, f"its Ray task ended ({type(error).__name__})")
        return
    if message is not None:
        raise IsthmusError(f"{message} On Ray, the study and its data must be on storage that all machines share.")


def _work(folder: str, name: str, here: str) -> str | None:
    """In a worker: do a trial; the message of an error that ends the study."""
    try:
        with at(here):
            study = Study.open(folder)
            study.work(next(trial for trial in study.trials if trial.name == name), lambda done: None)
    except IsthmusError as error:
        return str(error)
    return None

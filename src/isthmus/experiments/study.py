"""A study: trials on the same data in one folder; finished trials are reused, and interrupted ones continue."""

import contextlib
import json
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import filelock

from isthmus.data import Data, reopen
from isthmus.errors import DataError, IsthmusError, Remark, RunError, remark
from isthmus.experiments.trial import Trial
from isthmus.experiments.workers import Pool, share_out
from isthmus.model.store import make_folder
from isthmus.pca import PCA, principal_components
from isthmus.storage.checked import damaged, load_tensors, read_json, save_tensors
from isthmus.storage.files import finite, json_text, unwritable, write_json

PLAN, RUNS, FOUND, COMPONENTS = "plan.json", "runs", "trial.json", "pca.safetensors"
PATIENCE_SECONDS = 30.0
"""How long a trial waits for the process of a killed command, which may still be saving its run."""


class Study:
    """Trials on the same data, each in a folder of its own below `folder`/runs.

        study = Study("runs/digits-sweep", data, trials)
        study.run(jobs=2)
        study.results()

    The plan, each run and each result are files that are written whole or not at all. If a study is killed, the same
    lines continue it. A study with more trials reuses the existing ones.

    Raises:
        DataError: two trials would have the same folder, or there are no trials.
    """

    def __init__(self, folder: str | Path, data: Data, trials: Sequence[Trial]) -> None:
        self.folder, self.data, self.trials = Path(folder), data, list(trials)
        self._pca: PCA | None = None
        names = [trial.name for trial in self.trials]
        if not names:
            raise DataError("The study has no trials: expected one or more.")
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise DataError(f"Two trials would have the same name, {twice!r}. Give each its own name.")

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """The study whose plan is in a folder, with its data opened again.

        Raises:
            RunError: the plan is missing or damaged.
            DataError: the data came from memory, or have changed.
        """
        plan = read_json(Path(folder) / PLAN)
        with damaged(Path(folder) / PLAN, keep=(DataError,)):
            trials = [Trial.from_json(trial["asked"]) for trial in plan["trials"]]
            return cls(folder, reopen(plan["data"]), trials)

    def run(
        self,
        *,
        jobs: int | Pool = 1,
        overwrite: bool = False,
        components: int = 0,
        progress: Callable[[int, int], object] | None = None,
    ) -> None:
        """Do all trials that have no result yet, `jobs` at a time; with more than one job, each in its own process.

        A failed trial is recorded and tried again the next time; the others go on.

        jobs: their number, or other processes than those of this machine, such as `isthmus.engines.ray.jobs`.
        overwrite: replace trials of other data, models or settings that have the same names.
        components: of PCA, computed before the trials, which share them.
        progress: called with the units of the budget done and in total.

        Raises:
            RunError: the folder has other trials with these names, or another process works there.
            DataError: data from memory can't be opened by other processes.
            KeyboardInterrupt: the user stopped it; all results are saved.
        """
        make_folder(self.folder / RUNS)
        with self._locked():
            self._plan(overwrite)
            counter = _Counter(self.trials, progress)
            waiting: list[Trial] = []
            for trial in self.trials:
                found = self.found(trial)
                if found is None or found["error"] is not None:
                    waiting.append(trial)
                else:
                    counter.tell(trial, trial.budget)
            if components and waiting:
                self.pca(components)
            pooled = waiting if not isinstance(jobs, int) or (jobs > 1 and len(waiting) > 1) else []
            if pooled:
                if self.data.description.get("source") is None:
                    raise DataError(
                        "These data are an object in memory, which other processes can't open. Write them to a file "
                        "and open the file, or set jobs=1."
                    )
                if isinstance(jobs, int):
                    share_out(self.folder, pooled, jobs, counter.tell, self._fail)
                else:
                    jobs.share_out(self.folder, pooled, counter.tell, self._fail)
            else:
                for trial in waiting:
                    self.work(trial, lambda done, trial=trial: counter.tell(trial, done))
        for told in dict.fromkeys(
            told for trial in self.trials for told in (self.found(trial) or {}).get("remarks", ())
        ):
            remark(told)

    def work(self, trial: Trial, tell: Callable[[int], object]) -> None:
        """Do one trial in this process, and save its result or its error.

        Raises:
            KeyboardInterrupt: the user stopped it; all results are saved.
        """
        folder = make_folder(self.place(trial))
        (folder / FOUND).unlink(missing_ok=True)
        began = time.perf_counter()
        with warnings.catch_warnings(record=True) as noted:
            warnings.simplefilter("always", Remark)
            try:
                _wait_until_free(folder)
                found = trial.work(self, tell)
            except Exception as error:  # one trial's error must not stop the others
                found = {"error": _told(error)}
        remarks = list(dict.fromkeys(str(one.message) for one in noted if isinstance(one.message, Remark)))
        self.keep(trial, **found, remarks=remarks, seconds_in_all=time.perf_counter() - began)
        tell(trial.budget)

    def keep(self, trial: Trial, **found: Any) -> None:
        """Save a trial's outcome: its `error`, or the result of `Trial.work`, and its remarks."""
        asked = {"trial": trial.to_json(), "data": self.identity, "error": None, "remarks": []}
        write_json(make_folder(self.place(trial)) / FOUND, finite(asked | found))

    def _fail(self, trial: Trial, error: str) -> None:
        """Save the reason why a trial's process ended, if the process has written no result."""
        if self.found(trial) is None:
            self.keep(trial, error=error)

    def found(self, trial: Trial) -> dict[str, Any] | None:
        """The outcome of a trial; None if there is none yet."""
        path = self.place(trial) / FOUND
        if not path.exists():
            return None
        found = read_json(path)
        with damaged(path):
            return found if found["data"] == self.identity and _same(found["trial"], trial) else None

    def results(self) -> list[tuple[Trial, dict[str, Any]]]:
        """Each trial with its outcome; an `error` if it failed or was never done."""
        nothing = {"error": "it was not done", "remarks": []}
        return [(trial, self.found(trial) or nothing) for trial in self.trials]

    def place(self, trial: Trial) -> Path:
        """The trial's folder."""
        return self.folder / RUNS / trial.name

    def pca(self, size: int) -> PCA:
        """The first principal components of the training part, computed once and saved in the folder."""
        path = self.folder / COMPONENTS
        if self._pca is None and path.exists():
            tensors, known = load_tensors(path)
            self._pca = PCA.from_tensors(tensors) if known == self.identity else None
        if self._pca is None or self._pca.size < size:
            self._pca = principal_components(self.data.train, self.data.scaling, size)
            save_tensors(path, self._pca.to_tensors(), self.identity)
        return self._pca.first(size)

    @property
    def identity(self) -> dict[str, Any]:
        """The facts that identify the data, their split and their scaling."""
        said = self.data.description
        kept = {name: said.get(name) for name in ("fingerprint", "counts", "split", "fill", "options")}
        return json.loads(json_text(kept | {"scaling": said.get("scaling", {}).get("asked")}))

    def _plan(self, overwrite: bool) -> None:
        """Save the plan: the new trials together with those planned here before."""
        path, planned = self.folder / PLAN, {}
        if path.exists() and not overwrite:
            plan = read_json(path)
            with damaged(path):
                planned = {trial["name"]: trial["asked"] for trial in plan["trials"]}
                identity = plan["identity"]
            if identity != self.identity:
                raise RunError(
                    f"{self.folder} has a study of other data, or of the same data with another split or scaling. "
                    "Choose another folder, or pass overwrite=True to replace the study."
                )
        for trial in self.trials:
            if trial.name in planned and not _same(planned[trial.name], trial):
                raise RunError(
                    f"{self.folder} has a trial {trial.name!r} of another model or with other settings. Choose "
                    "another folder, or pass overwrite=True to replace the trial."
                )
            planned[trial.name] = trial.to_json()
        trials = [{"name": name, "asked": asked} for name, asked in planned.items()]
        write_json(path, {"trials": trials, "identity": self.identity, "data": self.data.description})

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        lock = filelock.FileLock(self.folder / ".lock")
        try:
            with lock.acquire(timeout=0):
                yield
        except filelock.Timeout:
            raise RunError(
                f"Another process is working on the study in {self.folder}. Wait for it, or choose another folder."
            ) from None
        except OSError as error:
            raise unwritable(self.folder / ".lock", error) from error


class _Counter:
    """Adds up the finished units of all trials' budgets."""

    def __init__(self, trials: Sequence[Trial], progress: Callable[[int, int], object] | None) -> None:
        self.progress, self.total = progress, sum(trial.budget for trial in trials)
        self.done: dict[str, int] = {}

    def tell(self, trial: Trial, done: int) -> None:
        """Report the finished units of a trial's budget."""
        self.done[trial.name] = min(done, trial.budget)
        if self.progress is not None:
            self.progress(sum(self.done.values()), self.total)


def _same(saved: Mapping[str, Any], trial: Trial) -> bool:
    """Whether this is the saved trial; fields that are newer than the saved one count with their defaults."""
    with contextlib.suppress(IsthmusError):
        return Trial.from_json(saved) == trial
    return False


def _wait_until_free(folder: Path) -> None:
    with contextlib.suppress(filelock.Timeout), filelock.FileLock(folder / ".lock").acquire(timeout=PATIENCE_SECONDS):
        pass


def _told(error: Exception) -> str:
    """An error in one line; an unexpected one comes with its place in the source."""
    if isinstance(error, IsthmusError | MemoryError):
        return str(error) or "out of memory"
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(last.filename).name}, line {last.lineno})"

"""A study: trials on the same data in one folder; what is done isn't done again, and what was cut goes on."""

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
from isthmus.experiments.workers import share_out
from isthmus.model.store import make_folder
from isthmus.pca import PCA, principal_components
from isthmus.storage.checked import damaged, load_tensors, read_json, save_tensors
from isthmus.storage.files import finite, json_text, unwritable, write_json

PLAN, RUNS, FOUND, COMPONENTS = "plan.json", "runs", "trial.json", "pca.safetensors"
PATIENCE_SECONDS = 30.0
"""How long a trial waits for a process of a command that was killed, which may be saving its run still."""


class Study:
    """Trials on the same data, each in a folder of its own below `folder`/runs.

        study = Study("runs/digits-sweep", data, trials)
        study.run(jobs=2)
        study.results()

    The plan, each run and each result are files that are written whole: a study that is killed at any moment goes on
    where it was, by the same lines again, and one with more trials takes those that are there already.

    Raises:
        DataError: two trials would have the same folder, or there is none.
    """

    def __init__(self, folder: str | Path, data: Data, trials: Sequence[Trial]) -> None:
        self.folder, self.data, self.trials = Path(folder), data, list(trials)
        self._pca: PCA | None = None
        names = [trial.name for trial in self.trials]
        if not names:
            raise DataError("A study of no trials: expected one at least. Name what shall be tried.")
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise DataError(f"Two trials would both be called {twice!r}. Give each a name of its own.")

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """The study whose plan is in a folder, with its data opened again.

        Raises:
            RunError: there is no plan, or a damaged one.
            DataError: the data came from memory, or have changed.
        """
        plan = read_json(Path(folder) / PLAN)
        with damaged(Path(folder) / PLAN, keep=(DataError,)):
            trials = [Trial.from_json(trial["asked"]) for trial in plan["trials"]]
            return cls(folder, reopen(plan["data"]), trials)

    def run(
        self,
        *,
        jobs: int = 1,
        overwrite: bool = False,
        components: int = 0,
        progress: Callable[[int, int], object] | None = None,
    ) -> None:
        """Do all trials that have no result yet, `jobs` at a time, each then in a process of its own.

        A trial that fails is kept as such, and tried again the next time; the others go on.

        overwrite: take the place of trials of other data, models or settings that are there under the same names.
        components: of PCA, to be learnt before the trials, which share them.
        progress: called with units of the budget done and in all.

        Raises:
            RunError: the folder holds other trials under these names, or another process works there.
            DataError: data from memory can't be opened by other processes.
            KeyboardInterrupt: somebody ended it; all is saved.
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
            if jobs > 1 and len(waiting) > 1:
                if self.data.description.get("source") is None:
                    raise DataError(
                        "These data were an object in memory, which other processes can't open. Write them to a file "
                        "and open that, or say jobs=1."
                    )
                share_out(self.folder, waiting, jobs, counter.tell, self._fail)
            else:
                for trial in waiting:
                    self.work(trial, lambda done, trial=trial: counter.tell(trial, done))
        for told in dict.fromkeys(
            told for trial in self.trials for told in (self.found(trial) or {}).get("remarks", ())
        ):
            remark(told)

    def work(self, trial: Trial, tell: Callable[[int], object]) -> None:
        """Do one trial here, and keep what came of it, be it an error.

        Raises:
            KeyboardInterrupt: somebody ended it; all is saved.
        """
        folder = make_folder(self.place(trial))
        (folder / FOUND).unlink(missing_ok=True)
        began = time.perf_counter()
        with warnings.catch_warnings(record=True) as noted:
            warnings.simplefilter("always", Remark)
            try:
                _wait_until_free(folder)
                found = trial.work(self, tell)
            except Exception as error:  # whatever one trial stumbles over, the others go on
                found = {"error": _told(error)}
        remarks = list(dict.fromkeys(str(one.message) for one in noted if isinstance(one.message, Remark)))
        self.keep(trial, **found, remarks=remarks, seconds_in_all=time.perf_counter() - began)
        tell(trial.budget)

    def keep(self, trial: Trial, **found: Any) -> None:
        """Write down what came of a trial: its `error`, or what `Trial.work` gives, and its remarks."""
        asked = {"trial": trial.to_json(), "data": self.identity, "error": None, "remarks": []}
        write_json(make_folder(self.place(trial)) / FOUND, finite(asked | found))

    def _fail(self, trial: Trial, error: str) -> None:
        """Keep why a trial's process ended, if it has written no result."""
        if self.found(trial) is None:
            self.keep(trial, error=error)

    def found(self, trial: Trial) -> dict[str, Any] | None:
        """What came of a trial; None where nothing has yet."""
        path = self.place(trial) / FOUND
        if not path.exists():
            return None
        found = read_json(path)
        with damaged(path):
            return found if found["data"] == self.identity and _same(found["trial"], trial) else None

    def results(self) -> list[tuple[Trial, dict[str, Any]]]:
        """Each trial with what came of it; an `error` where it failed, or was never done."""
        nothing = {"error": "it was not done", "remarks": []}
        return [(trial, self.found(trial) or nothing) for trial in self.trials]

    def place(self, trial: Trial) -> Path:
        """The trial's folder."""
        return self.folder / RUNS / trial.name

    def pca(self, size: int) -> PCA:
        """The first principal components of the training part, learnt once and kept in the folder."""
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
        """What tells these data, and how they are divided and scaled, from others."""
        said = self.data.description
        kept = {name: said.get(name) for name in ("fingerprint", "counts", "split", "fill", "options")}
        return json.loads(json_text(kept | {"scaling": said.get("scaling", {}).get("asked")}))

    def _plan(self, overwrite: bool) -> None:
        """Write down what is going to be done, beside what was planned here before."""
        path, planned = self.folder / PLAN, {}
        if path.exists() and not overwrite:
            plan = read_json(path)
            with damaged(path):
                planned = {trial["name"]: trial["asked"] for trial in plan["trials"]}
                identity = plan["identity"]
            if identity != self.identity:
                raise RunError(
                    f"{self.folder} holds a study of other data, or of the same divided or scaled otherwise. Choose "
                    "another folder, or say overwrite=True to take its place."
                )
        for trial in self.trials:
            if trial.name in planned and not _same(planned[trial.name], trial):
                raise RunError(
                    f"{self.folder} holds a trial {trial.name!r} of another model or with other settings. Choose "
                    "another folder, or say overwrite=True to take its place."
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
                f"Another process works on the study in {self.folder}. Wait for it, or choose another folder."
            ) from None
        except OSError as error:
            raise unwritable(self.folder / ".lock", error) from error


class _Counter:
    """Adds up what is done of each trial's budget."""

    def __init__(self, trials: Sequence[Trial], progress: Callable[[int, int], object] | None) -> None:
        self.progress, self.total = progress, sum(trial.budget for trial in trials)
        self.done: dict[str, int] = {}

    def tell(self, trial: Trial, done: int) -> None:
        """So much of a trial's budget is done."""
        self.done[trial.name] = min(done, trial.budget)
        if self.progress is not None:
            self.progress(sum(self.done.values()), self.total)


def _same(saved: Mapping[str, Any], trial: Trial) -> bool:
    """Whether this is the trial that was saved; fields that have come since are at their defaults in it."""
    with contextlib.suppress(IsthmusError):
        return Trial.from_json(saved) == trial
    return False


def _wait_until_free(folder: Path) -> None:
    with contextlib.suppress(filelock.Timeout), filelock.FileLock(folder / ".lock").acquire(timeout=PATIENCE_SECONDS):
        pass


def _told(error: Exception) -> str:
    """An error in one line; of one that is nobody's mistake but ours, where it came from."""
    if isinstance(error, IsthmusError | MemoryError):
        return str(error) or "the memory is used up"
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(last.filename).name}, line {last.lineno})"

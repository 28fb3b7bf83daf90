"""A trial of a search: it asks Optuna for options, trains, reports each epoch's validation loss, and may be pruned."""

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import filelock

from isthmus.errors import DataError, Remark
from isthmus.experiments.generative import ERROR, aim_of, generative
from isthmus.experiments.space import Dimension
from isthmus.experiments.trial import Counting, Fit, Surroundings, Tell
from isthmus.extras import needs
from isthmus.measures import evaluate
from isthmus.run import Run
from isthmus.training import Callback, Training
from isthmus.undisturbed import undisturbed

STORE, NAME = "study.db", "isthmus"
PATIENCE_SECONDS = 60
"""How long a trial waits for another one that writes to the database."""
PART, PRUNED = "validation", "pruned"
LEAST = 5
"""Trials that are trained to the end before any is pruned."""


class Search(Fit):
    """One trial of a search. Its options are chosen when it starts; a killed one continues with the same options.

    number: of the trial, from 1; the first has the usual options. space: the options that vary. prune: whether a trial
    is stopped whose validation loss is above the median of the others' at the same epoch. start: whether the first
    trial has the usual options.
    """

    number: int
    space: tuple[Dimension, ...]
    prune: bool = True

    def work(self, study: Surroundings, tell: Tell) -> dict[str, Any]:
        """Train with the chosen options, and return them with their measures on the validation part."""
        with optuna_study(study.place(self).parents[1], self.seed * 100_003 + self.number, self.prune) as asked:
            optuna, searched = asked
            trial = self._trial(optuna, searched)
            chosen = {dimension.name: dimension.suggested(trial) for dimension in self.space}
            settings = {dimension.name for dimension in self.space if dimension.setting}
            task = self.replace(
                options=self.options | {name: value for name, value in chosen.items() if name not in settings},
                settings=self.settings | {name: value for name, value in chosen.items() if name in settings},
            )
            try:
                run = task.trained(study, [Counting(tell), _Pruning(trial, self.prune)])
                pruned = run.reason == PRUNED
                found = {f"option {name}": _plain(value) for name, value in chosen.items()}
                found |= {"epochs": len(run.history), "pruned": int(pruned), "value": None, "measures": {}}
                if not pruned:
                    found |= self.valued(run, study)
            except Exception:
                searched.tell(trial, state=optuna.trial.TrialState.FAIL)
                raise
            state = optuna.trial.TrialState.PRUNED if pruned else optuna.trial.TrialState.COMPLETE
            searched.tell(trial, found["value"], state)
        return found

    def valued(self, run: Run, study: Surroundings) -> dict[str, Any]:
        """The measures on the validation part, and the value that the search minimises."""
        part, pca = study.data.parts[PART], run.baseline()
        measures = evaluate(run.model, {PART: part}, pca, pca.mean).to_json()
        measures[PART] |= generative(run, part, study.pca)
        name = measure_of(run, {dimension.name for dimension in self.space})
        value = measures[PART][name]["model"]
        if value is None:
            raise DataError(f"The {name} on the {PART} part is not finite.")
        return {
            "measures": measures,
            "aim": aim_of(run.model),
            "measure": name,
            "value": -value if name == "elbo" else value,
            "status": run.status,
            "best_epoch": run.best_epoch,
            "seconds": sum(row.get("seconds", 0.0) for row in run.history),
        }

    def _trial(self, optuna: Any, searched: Any) -> Any:
        """The Optuna trial that this one began before it was killed, or a new one."""
        for frozen in searched.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
            if frozen.user_attrs.get("name") == self.name:
                return optuna.trial.Trial(searched, frozen._trial_id)
        if self.number == 1:
            start = {name: value for dimension in self.space for name, value in dimension.start.items()}
            searched.enqueue_trial(start, user_attrs={"name": self.name})
        trial = searched.ask()
        trial.set_user_attr("name", self.name)
        return trial


def measure_of(run: Run, varied: set[str]) -> str:
    """The measure that decides: the error, the nats of tokens, or the ELBO of models that are trained for it."""
    if run.description.get("kind") == "tokens":
        return "nats"
    return ERROR if aim_of(run.model) == ERROR or "distance" in varied else "elbo"


@contextlib.contextmanager
def optuna_study(folder: Path, seed: int = 0, prune: bool = True) -> Iterator[tuple[Any, Any]]:
    """Optuna, and the study in a folder's database; Optuna's loggers and the process are as before afterwards."""
    with undisturbed():
        optuna = needs("optuna", "tune", "Searching for options")
        verbosity = optuna.logging.get_verbosity()
        warnings.simplefilter("ignore")  # some of what is used is called experimental
        warnings.simplefilter("always", Remark)
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        address, patient = f"sqlite:///{(folder / STORE).resolve()}", {"timeout": PATIENCE_SECONDS}
        pruners = optuna.pruners
        with filelock.FileLock(folder / f".{STORE}.lock"):  # several processes can't create the tables at once
            storage = optuna.storages.RDBStorage(address, engine_kwargs={"connect_args": patient})
            searched = optuna.create_study(
                study_name=NAME,
                storage=storage,
                load_if_exists=True,
                sampler=optuna.samplers.TPESampler(seed=seed % 2**32, constant_liar=True),
                pruner=pruners.MedianPruner(n_startup_trials=LEAST, n_warmup_steps=1) if prune else pruners.NopPruner(),
            )
        try:
            yield optuna, searched
        finally:
            storage.engine.dispose()
            optuna.logging.set_verbosity(verbosity)


class _Pruning(Callback):
    """Reports each epoch's validation loss, and stops a training that the pruner gives up."""

    def __init__(self, trial: Any, prune: bool) -> None:
        self.trial, self.prune = trial, prune

    def train_begin(self, training: Training) -> None:
        """The epochs that are reported already: a resumed training repeats some."""
        self.reported = max(self.trial.study.trials[self.trial.number].intermediate_values, default=0)

    def epoch_end(self, training: Training) -> None:
        """Report the validation loss."""
        row = training.state.history[-1]
        loss = row.get("validation_loss")
        if loss is None or row["epoch"] <= self.reported:
            return
        self.trial.report(loss, row["epoch"])
        if self.prune and row["epoch"] < training.settings.epochs and self.trial.should_prune():
            training.stop("stopped early", PRUNED)


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool) else "none" if value is None else str(value)

"""The result of a search: the best trial and its options, and how much each option matters."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isthmus.errors import RunError
from isthmus.experiments.search import PART, Search, optuna_study
from isthmus.experiments.study import Study
from isthmus.experiments.table import Found, Row, entries, rows
from isthmus.formatting import number, percent
from isthmus.measures import unit_of
from isthmus.run import Run, load

BEST = "best"
"""The folder of the best run, within the study's."""
ENOUGH = 4
"""Finished trials from which on the options' importances are estimated."""


@dataclass(frozen=True)
class Tuning(Found):
    """The result of a search.

    best: the options of the best trial. candidate: its name. value, measure: what it has reached on the validation
    part. usual: the same measure of the first trial, which has the usual options; None if that failed.
    importances: option → the share of the differences between trials that it explains (fANOVA); empty for few trials.
    """

    best: Mapping[str, Any] = field(default_factory=dict)
    candidate: str = ""
    measure: str = ""
    value: float | None = None
    usual: float | None = None
    importances: Mapping[str, float] = field(default_factory=dict)

    @property
    def run(self) -> Run:
        """The best run.

        Raises:
            RunError: no trial has finished.
        """
        if not self.candidate:
            raise RunError(f"No trial of the search in {self.folder} has finished.")
        return load(self.folder / BEST)

    @property
    def verdict(self) -> str:
        """The best trial and its options, in a sentence."""
        if not self.candidate:
            return "No trial has finished."
        chosen = ", ".join(f"{name}={shown(value)}" for name, value in self.best.items())
        measure = unit_of(self.measure).title
        said = f"{self.candidate.capitalize()} is the best. {measure}, on the {self.part} part: {number(self.value)}, "
        said += f"with {chosen}."
        if self.candidate == "trial 1":
            return f"{said} These are the usual options."
        return said if self.usual is None else f"{said} The usual options have {number(self.usual)}."

    @property
    def explanation(self) -> str:
        """How many trials there were, and which options matter."""
        pruned = sum(bool(row.get("pruned")) for row in self.rows)
        failed = len(self.failures)
        said = f"{len(self.rows)} trials" + (f", {pruned} of them pruned" if pruned else "")
        said += f", {failed} failed" if failed else ""
        if self.importances:
            most = max(self.importances, key=lambda name: self.importances[name])
            said += f". {most} explains {percent(self.importances[most])} of the differences between them"
        return f"{said}."

    def to_json(self) -> dict[str, Any]:
        """The best trial, its options, and the importances."""
        return {
            "study": "tune",
            "part": self.part,
            "best": self.candidate,
            "options": dict(self.best),
            "measure": self.measure,
            "value": self.value,
            "usual": self.usual,
            "importances": dict(self.importances),
            "verdict": self.verdict,
            "failures": self.failures,
        }


def judge(study: Study) -> Tuning:
    """Summarise the results of a search's trials."""
    table = rows(study)
    finished = [row for row in table if row["error"] is None and row.get("value") is not None]
    first = next((row for row in finished if row["candidate"] == "trial 1"), None)
    best = min(finished, key=lambda row: row["value"], default=None)
    if best is None:
        return Tuning(study.folder, PART, tuple(table), tuple(entries(table)))
    measure, sign = best["measure"], -1 if best["measure"] == "elbo" else 1
    return Tuning(
        study.folder,
        PART,
        tuple(table),
        tuple(entries(table)),
        options_of_row(best),
        best["candidate"],
        measure,
        sign * best["value"],
        None if first is None else sign * first["value"],
        _importances(study.folder) if len(finished) >= ENOUGH else {},
    )


def options_of_row(row: Row) -> dict[str, Any]:
    """The options of a trial, by their names."""
    return {name.removeprefix("option "): value for name, value in row.items() if name.startswith("option ")}


def shown(value: Any) -> str:
    """An option's value in words."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def place_of_best(study: Study, found: Tuning) -> Path:
    """The folder in which the best trial was trained."""
    return study.place(next(trial for trial in study.trials if trial.candidate == found.candidate))


def plans(study: Study) -> list[Search]:
    """The trials of a search."""
    return [trial for trial in study.trials if isinstance(trial, Search)]


def _importances(folder: Path) -> dict[str, float]:
    """Option → its importance, the largest first; empty if the trials don't determine it."""
    with optuna_study(folder) as (optuna, searched):
        try:
            evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=32, seed=0)
            found = optuna.importance.get_param_importances(searched, evaluator=evaluator)
            return {name: float(share) for name, share in found.items()}
        except (ValueError, RuntimeError):  # all values are equal, or an option never varied
            return {}

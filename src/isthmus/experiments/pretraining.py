"""The result of a pretraining study: the accuracies with and without the run, and whether pretraining pays."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from isthmus.experiments.classify import STEPS, WAYS, Classify, Way, settings_for, steps_of
from isthmus.experiments.study import Study
from isthmus.experiments.table import Found, entries, rows
from isthmus.formatting import percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from isthmus.drawing.theme import Theme

WITHOUT: tuple[Way, ...] = ("from scratch", "data, logistic regression", "data, k nearest")


@dataclass(frozen=True, repr=False)
class Pretraining(Found):
    """The result of a pretraining study: an entry for each way and number of labels.

    verdict: fine-tuning compared with the best way that needs no pretraining, in words.
    """

    labels: tuple[int, ...]
    verdict: str

    def accuracy(self, way: str, labels: int, part: str | None = None) -> tuple[float, float | None] | None:
        """Mean and standard deviation over the seeds; None if nothing was measured."""
        entry = next((entry for entry in self.entries if entry.candidate == called(way, labels)), None)
        name = f"{part or self.part}_accuracy"
        return (entry.means[name], entry.spreads[name]) if entry is not None and name in entry.means else None

    @property
    def answer(self) -> str:
        """The answer of the study in words."""
        return self.verdict

    @property
    def lines(self) -> dict[str, tuple[list[int], list[float], list[float]]]:
        """Each way's labels, accuracies and their spreads."""
        lines = {}
        for way in WAYS:
            pairs = {count: self.accuracy(way, count) for count in self.labels}
            known = {count: pair for count, pair in pairs.items() if pair is not None}
            if known:
                lines[way] = (
                    list(known),
                    [mean for mean, _ in known.values()],
                    [sd or 0.0 for _, sd in known.values()],
                )
        return lines

    def draw(self, theme: "Theme | None" = None) -> "Figure":
        """The accuracy of each way by the number of labelled samples."""
        from isthmus.drawing.theme import LIGHT  # noqa: PLC0415 Matplotlib takes half a second and 50 MB
        from isthmus.experiments.pictures import accuracies  # noqa: PLC0415

        return accuracies(self.lines, self.part, theme or LIGHT)

    def to_json(self) -> dict[str, Any]:
        """The accuracies by way and number of labels."""
        found = {way: {count: self.accuracy(way, count) for count in self.labels} for way in WAYS}
        return {
            "study": "pretrain",
            "part": self.part,
            "verdict": self.verdict,
            "accuracy": {
                way: {str(count): {"mean": pair[0], "spread": pair[1]} for count, pair in row.items() if pair}
                for way, row in found.items()
            },
            "failures": self.failures,
        }


def judge(study: Study, counts: Sequence[int]) -> Pretraining:
    """Summarise the results of a pretraining's trials."""
    table = rows(study)
    part = next((part for part in ("test", "validation") if any(f"{part}_accuracy" in row for row in table)), "test")
    found = Pretraining(study.folder, part, tuple(table), tuple(entries(table)), tuple(counts), "")
    said = [said_of(found, count) for count in counts]
    asked = next((trial.settings for trial in study.trials if isinstance(trial, Classify)), {})
    fewest = min(steps_of(count, settings_for(count, 0, asked)) for count in counts)
    if any(found.accuracy("from scratch", count) for count in counts) and fewest < STEPS / 2:
        said.append(
            f"With the fewest labels, the networks were trained for only {fewest} steps (default: {STEPS:,}). This is "
            "too short for a fresh network: set more epochs."
        )
    return replace(found, verdict=" ".join(filter(None, said)) or "There are no results to compare.")


def said_of(found: Pretraining, labels: int) -> str:
    """Fine-tuning compared with the best way without the run, and whether the lead exceeds the spreads; else ""."""
    tuned = found.accuracy("fine-tuned", labels)
    others = {way: pair for way in WITHOUT if (pair := found.accuracy(way, labels)) is not None}
    if tuned is None or not others:
        return ""
    best = max(others, key=lambda way: others[way][0])
    text = f"With {labels:,} labels, fine-tuning reaches an accuracy of {told(tuned)}. "
    fresh = others.get("from scratch")
    text += f"The best way without pretraining ({best}) reaches {told(others[best])}"
    text += f", training from scratch {told(fresh)}" if fresh and best != "from scratch" else ""
    spreads = [spread for _, spread in (tuned, others[best]) if spread is not None]
    lead = tuned[0] - others[best][0]
    if len(spreads) < 2:
        return f"{text}. With one seed, the difference may be chance."
    if abs(lead) <= sum(spreads):
        return f"{text}. The difference is within the standard deviations."
    return f"{text}. Pretraining {'pays' if lead > 0 else 'does not pay'}."


def told(pair: tuple[float, float | None] | None) -> str:
    """An accuracy and its standard deviation in words."""
    if pair is None:
        return "–"
    return percent(pair[0]) + (f" ± {percent(pair[1])}" if pair[1] is not None else "")


def called(way: str, labels: int) -> str:
    """The candidate of a way with so many labels."""
    return f"{way}, {labels} labels"

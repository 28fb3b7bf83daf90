"""What a comparison found: which model is best, by what, and whether the spread over the seeds leaves a doubt."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from isthmus.experiments.generative import ERROR
from isthmus.experiments.study import Study
from isthmus.experiments.table import Entry, Found, entries, evaluated_part, rows
from isthmus.experiments.words import beside, told
from isthmus.formatting import number


@dataclass(frozen=True)
class Comparison(Found):
    """What a comparison found: its entries with the best first.

    ranked_by: the measure that decides: the ELBO, where all models maximise it with the same likelihood, else the mean
    squared error. verdict: which is best, and whether by more than the spread, in words. explanation: the same of those
    that are trained for the ELBO, among others that are not.
    """

    ranked_by: str
    verdict: str
    explanation: str = ""

    def to_json(self) -> dict[str, Any]:
        """The order and who is best."""
        return {
            "study": "compare",
            "part": self.part,
            "ranked_by": self.ranked_by,
            "verdict": self.verdict,
            "explanation": self.explanation,
            "order": [entry.candidate for entry in self.entries if entry.count],
            "failures": self.failures,
        }


def judge(study: Study) -> Comparison:
    """What the results of a comparison's trials say."""
    table = rows(study)
    part = evaluated_part(table, ("test", "validation", "train"))
    found = entries(table)
    aims = {entry.aim for entry in found if entry.count}
    measure = f"{part}_{ERROR if len(aims) > 1 or ERROR in aims or not aims else 'elbo'}"
    order = ranked(found, measure)
    others = sorted(aims - {ERROR}) if measure.endswith(ERROR) else []
    explanation = " ".join(_of_one_aim(order, aim, f"{part}_elbo") for aim in others)
    return Comparison(
        study.folder, part, tuple(table), tuple(order), measure, verdict(order, measure), explanation.strip()
    )


def ranked(found: Sequence[Entry], measure: str) -> list[Entry]:
    """The entries, the best first by this measure, those without it last."""
    sign = -1 if more_is_better(measure) else 1
    return sorted(found, key=lambda entry: sign * entry.means[measure] if measure in entry.means else math.inf)


def more_is_better(measure: str) -> bool:
    """Whether more of it is better: of the ELBO, not of an error."""
    return measure.endswith("elbo")


def verdict(order: Sequence[Entry], measure: str) -> str:
    """Which is best, beside PCA and beside the next, and whether the spreads leave a doubt."""
    among = [entry for entry in order if measure in entry.means]
    if not among:
        return "Nothing was measured."
    best = among[0]
    elbo = more_is_better(measure)
    said = f"{best.candidate} has the {'largest ELBO' if elbo else 'smallest error'}, {told(best, measure)}"
    if elbo:
        said += " nats"
    elif (pca := best.get(f"{measure}_pca")) is not None:
        said += f"; PCA with {beside(best)} has {number(pca)}"
    if len(among) == 1:
        return f"{said}."
    second = among[1]
    said += f". Next is {second.candidate}, {told(second, measure)}"
    spreads = [entry.spreads[measure] for entry in (best, second)]
    known = [spread for spread in spreads if spread is not None]
    if len(known) < 2:
        return f"{said}. One seed does not show how much is chance."
    lead = abs(second.means[measure] - best.means[measure])
    if lead > sum(known):
        return f"{said}: the lead is larger than both standard deviations together."
    return f"{said}: the lead is within their standard deviations, so more seeds may turn it."


def _of_one_aim(order: Sequence[Entry], aim: str, measure: str) -> str:
    """A sentence on those that maximise the ELBO, among models that don't."""
    among = ranked([entry for entry in order if entry.aim == aim and measure in entry.means], measure)
    if not among:
        return ""
    likelihood = aim.removeprefix("elbo (").rstrip(")")
    if len(among) == 1:
        score = told(among[0], measure)
        return f"{among[0].candidate} is trained for the ELBO ({likelihood}), {score} nats, not the error."
    return f"Of those trained for the ELBO ({likelihood}), not the error, {verdict(among, measure)}"

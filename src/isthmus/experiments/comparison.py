"""The result of a comparison: the best model, the measure that decides, and whether the lead exceeds the spread."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isthmus.experiments.generative import ERROR, ERROR_OF_TOKENS
from isthmus.experiments.study import Study
from isthmus.experiments.table import Entry, Found, entries, evaluated_part, rows
from isthmus.experiments.words import beside, told
from isthmus.formatting import number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from isthmus.drawing.theme import Theme


@dataclass(frozen=True, repr=False)
class Comparison(Found):
    """The result of a comparison: its entries, the best first.

    ranked_by: the measure that decides: the ELBO if all models maximise it with the same likelihood, otherwise the mean
    squared error, or the nats a token. verdict: the best model, and whether its lead exceeds the spread, in words.
    explanation: the same for the models trained for the ELBO, if others are not.
    """

    ranked_by: str
    verdict: str
    explanation: str = ""

    @property
    def answer(self) -> str:
        """The answer of the study in words."""
        return self.verdict

    def draw(self, theme: "Theme | None" = None) -> "Figure":
        """The measure that decides, of each model, with its spread."""
        from isthmus.drawing.theme import LIGHT  # noqa: PLC0415 Matplotlib takes half a second and 50 MB
        from isthmus.experiments.pictures import each_model  # noqa: PLC0415

        return each_model(self.entries, self.ranked_by, self.part, theme or LIGHT)

    def to_json(self) -> dict[str, Any]:
        """The order of the models and the verdict."""
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
    """Summarise the results of a comparison's trials."""
    table = rows(study)
    part = evaluated_part(table, ("test", "validation", "train"))
    found = entries(table)
    aims = {entry.aim for entry in found if entry.count}
    tokens = any(f"{part}_{ERROR_OF_TOKENS}" in entry.means for entry in found)
    error = ERROR_OF_TOKENS if tokens else ERROR
    measure = f"{part}_{error if len(aims) > 1 or ERROR in aims or not aims else 'elbo'}"
    order = ranked(found, measure)
    others = sorted(aims - {ERROR}) if measure.endswith(error) else []
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
    """The best model, compared with PCA and the next one, and whether its lead exceeds the spreads."""
    among = [entry for entry in order if measure in entry.means]
    if not among:
        return "Nothing was measured."
    best = among[0]
    elbo = more_is_better(measure)
    said = f"{best.candidate} has the {'largest ELBO' if elbo else 'smallest error'}, {told(best, measure)}"
    if elbo:
        said += " nats"
    elif (ngram := best.get(f"{measure}_n-gram")) is not None:
        said += f" nats a token, given the code (an n-gram model without a code: {number(ngram)})"
    elif (pca := best.get(f"{measure}_pca")) is not None:
        said += f" (PCA with {beside(best)}: {number(pca)})"
    if len(among) == 1:
        return f"{said}."
    second = among[1]
    said += f". Next is {second.candidate}, {told(second, measure)}"
    spreads = [entry.spreads[measure] for entry in (best, second)]
    known = [spread for spread in spreads if spread is not None]
    if len(known) < 2:
        return f"{said}. With one seed, the lead may be chance."
    lead = abs(second.means[measure] - best.means[measure])
    if lead > sum(known):
        return f"{said}. The lead is larger than both standard deviations together."
    return f"{said}. The lead is within the standard deviations, so more seeds may reverse it."


def _of_one_aim(order: Sequence[Entry], aim: str, measure: str) -> str:
    """A sentence on the models that maximise the ELBO, if others don't."""
    among = ranked([entry for entry in order if entry.aim == aim and measure in entry.means], measure)
    if not among:
        return ""
    likelihood = aim.removeprefix("elbo (").rstrip(")")
    if len(among) == 1:
        score = told(among[0], measure)
        return f"{among[0].candidate} maximises the ELBO ({likelihood}), not the error: {score} nats."
    return f"Among the models that maximise the ELBO ({likelihood}), not the error: {verdict(among, measure)}"

"""All measures of disentanglement of the same codes, each with an interval."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from isthmus.errors import DataError, UseError
from isthmus.formatting import number
from isthmus.measures.disentangled.information import BINS, gap, modular
from isthmus.measures.disentangled.pairs import Pairs
from isthmus.measures.disentangled.predictors import Predictor, importances, separated
from isthmus.measures.disentangled.votes import TOGETHER, VOTES, least_different, least_varied
from isthmus.shown import Card, Shown, Table

RESAMPLES = 20
"""The bootstrap's samples; 20 to 200 are enough for a standard error (Efron & Tibshirani, section 6.4)."""
TITLES = {
    "mig": "MIG",
    "disentanglement": "DCI disentanglement",
    "completeness": "DCI completeness",
    "informativeness": "DCI informativeness",
    "sap": "SAP",
    "factor_vae_score": "FactorVAE score",
    "beta_vae_score": "β-VAE score",
    "modularity": "Modularity",
}
FOR_ONE_FACTOR = ("mig", "sap")
"""The measures that don't compare factors."""


class Interval(NamedTuple):
    """A measure's value, and its confidence interval within 0..1."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False, repr=False)
class Disentanglement(Shown):
    """The result of `disentanglement`.

    scores: each measure's `Interval`, by its name; all are 1 at best. importance: (D, K) float64 of `dci`; None for a
    single factor. factors: the factors' names. confidence: of the intervals. samples: N.
    """

    scores: dict[str, Interval]
    importance: np.ndarray | None
    factors: tuple[str, ...]
    confidence: float
    samples: int

    def to_json(self) -> dict[str, Any]:
        """`{"samples": 1000, "factors": […], "scores": {"mig": {"value": 0.4, "low": 0.3, "high": 0.5}, …}, …}`."""
        return {
            "samples": self.samples,
            "factors": list(self.factors),
            "confidence": self.confidence,
            "scores": {name: interval._asdict() for name, interval in self.scores.items()},
            "importance": None if self.importance is None else self.importance.tolist(),
        }

    def tables(self) -> list[Table]:
        """The scores with their intervals, and the importance of the latent dimensions for each factor."""
        scores = [
            (TITLES[name], number(found.value), f"{number(found.low)} … {number(found.high)}")
            for name, found in self.scores.items()
        ]
        made = [Table(("measure", "value", f"{100 * self.confidence:g} % interval"), scores, "1 is the best value.")]
        if self.importance is not None:
            rows = [[str(place), *(f"{one:.2f}" for one in row)] for place, row in enumerate(self.importance)]
            caption = "How much each latent dimension counts in the prediction of each factor; a column adds up to 1."
            made.append(Table.of(("latent dimension", *self.factors), rows, caption))
        return made

    def _card(self) -> Card:
        chief = ", ".join(f"{TITLES[name]} {number(found.value)}" for name, found in list(self.scores.items())[:2])
        return Card(f"{chief}, of {self.samples:,} codes and {len(self.factors)} factors", tables=self.tables())


def disentanglement(
    codes: Any,
    factors: Any,
    *,
    names: tuple[str, ...] = (),
    bins: int = BINS,
    predictor: Predictor = "forest",
    votes: int = VOTES,
    together: int = TOGETHER,
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
    seed: int = 0,
) -> Disentanglement:
    r"""All measures of disentanglement, each with an interval: `mig`, `dci`, `sap`, the two votes and `modularity`.

        found = ist.measures.disentanglement(codes, factors)
        found.scores["mig"].value

    An interval is the value ± its bootstrap standard error times the normal quantile, cut to 0..1. Samples are drawn
    with replacement, within the two parts that train and test the predictors. The intervals say how far the samples
    decide the value; other seeds of the training can differ by more.

    With a single factor, only MIG and SAP are defined.

    codes: (N, D), of any model. factors: (N, K), classes, of the same samples. names: of the factors. bins, predictor,
    votes, together: as in the measures. resamples: of the bootstrap; with 0 there are no intervals, and low and high
    are the value. seed: of all draws.

    Source: Efron & Tibshirani, An introduction to the bootstrap (1993), chapters 6 and 13, for the intervals.

    Raises:
        DataError: the arrays don't fit each other, or contain values that can't be measured.
        UseError: an option is invalid.
    """
    if resamples < 0 or resamples == 1 or not 0 < confidence < 1:
        raise UseError(
            f"resamples={resamples}, confidence={confidence:g}: expected 0 or at least 2 samples of the bootstrap, and "
            "a confidence between 0 and 1, such as 0.95."
        )
    pairs = Pairs.of(codes, factors, seed=seed)
    if names and len(names) != pairs.count:
        raise DataError(f"There are {len(names)} names for {pairs.count} factors: give one for each.")
    importance = None

    def measured(pairs: Pairs) -> dict[str, float]:
        nonlocal importance
        simple: dict[str, Callable[[], float]] = {
            "mig": lambda: gap(pairs, bins),
            "sap": lambda: separated(pairs, ordered=False),
            "factor_vae_score": lambda: least_varied(pairs, votes, together, seed),
            "beta_vae_score": lambda: least_different(pairs, votes, together, seed),
            "modularity": lambda: modular(pairs, bins),
        }
        if pairs.count == 1:
            return {name: simple[name]() for name in FOR_ONE_FACTOR}
        by_trees = importances(pairs, predictor, seed)
        importance = by_trees.importance if importance is None else importance
        found = by_trees._asdict() | {name: measure() for name, measure in simple.items()}
        return {name: found[name] for name in TITLES}

    values = measured(pairs)
    generator = np.random.default_rng(seed)
    again = [measured(pairs.resampled(generator)) for _ in range(resamples)]
    width = NormalDist().inv_cdf(0.5 + confidence / 2)
    scores = {}
    for name, value in values.items():
        error = width * float(np.std([one[name] for one in again], ddof=1)) if again else 0.0
        scores[name] = Interval(value, max(0.0, value - error), min(1.0, value + error))
    called = tuple(names) or tuple(f"factor {place}" for place in range(pairs.count))
    return Disentanglement(scores, importance, called, confidence, len(pairs.codes))

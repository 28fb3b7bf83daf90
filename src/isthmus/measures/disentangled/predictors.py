"""Measures of disentanglement by predictors that learn the factors from the codes: DCI and SAP."""

import math
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from isthmus.errors import UseError
from isthmus.measures.disentangled.pairs import Pairs

Predictor = Literal["forest", "boosting"]
TREES = 40
LEAVES = 300
"""A leaf of the forest holds at least one of so many parts of the samples: purer leaves would be noise."""
PENALTY = 0.01
"""C of the support vector machines, as in Locatello et al."""


class Dci(NamedTuple):
    """The result of `dci`.

    disentanglement: 1 if each latent dimension is important for one factor only. completeness: 1 if each factor is
    predicted from one latent dimension only. informativeness: the mean share of test samples whose factor is predicted
    correctly. importance: (D, K) float64, how much each latent dimension counts in the prediction of each factor; the
    columns add up to 1.
    """

    disentanglement: float
    completeness: float
    informativeness: float
    importance: np.ndarray


def dci(codes: Any, factors: Any, *, predictor: Predictor = "forest", seed: int = 0) -> Dci:
    r"""Disentanglement, completeness and informativeness, by how trees predict each factor from the codes.

    With the importance R, the disentanglement of dimension j is one minus the entropy (to the base K) of its row,
    :math:`R_{jk} / \sum_k R_{jk}`, and the mean is weighted by the row's share of the importance. The completeness of
    factor k is the same for its column, to the base D. Two thirds of the samples train the predictors.

    codes: (N, D). factors: (N, K), classes, at least two. predictor: "forest", as in the paper; or "boosting", gradient
        boosting as in Locatello et al., which takes a hundred times as long. seed: of the division and of the trees.

    Source: Eastwood & Williams, A framework for the quantitative evaluation of disentangled representations, ICLR
    (2018).

    Raises:
        DataError: the arrays don't fit each other, or contain values that can't be measured.
        UseError: there is no such predictor, or the seed is invalid.
    """
    return importances(Pairs.of(codes, factors, seed=seed, least_factors=2), predictor, seed)


def sap(codes: Any, factors: Any, *, ordered: bool = False, seed: int = 0) -> float:
    """The separated attribute predictability: how much better the best latent dimension predicts a factor than others.

    The prediction of a factor from one latent dimension is scored by the share of the test samples that a linear
    support vector machine classifies correctly. The gap between the two best dimensions is averaged over the factors.

    codes: (N, D). factors: (N, K), classes. ordered: whether all factors are ordered numbers; the score is then the
        squared correlation, over all samples. seed: of the division.

    Source: Kumar, Sattigeri & Balakrishnan, Variational inference of disentangled latent concepts from unlabeled
    observations, ICLR (2018); the classifier's settings: Locatello et al., ICML (2019).

    Raises:
        DataError: the arrays don't fit each other, or contain values that can't be measured.
        UseError: the seed is invalid.
    """
    return separated(Pairs.of(codes, factors, seed=seed), ordered)


def importances(pairs: Pairs, predictor: Predictor, seed: int) -> Dci:
    """The DCI of checked arrays."""
    if predictor not in get_args(Predictor):
        raise UseError(f"predictor={predictor!r}: expected {' or '.join(map(repr, get_args(Predictor)))}.")
    importance, right = np.empty((pairs.dimensions, pairs.count)), []
    train, test = pairs.codes[pairs.train], pairs.codes[pairs.test]
    for place, factor in enumerate(pairs.factors.T):
        known, asked = factor[pairs.train], factor[pairs.test]
        trees = _trees(predictor, len(train), seed)
        if known.min() == known.max():  # a rare value may be in the other part
            importance[:, place] = 0
            right.append(float((asked == known[0]).mean()))
            continue
        trees.fit(train, known)
        importance[:, place] = trees.feature_importances_
        right.append(float((trees.predict(test) == asked).mean()))
    return Dci(_purity(importance), _purity(importance.T), float(np.mean(right)), importance)


def separated(pairs: Pairs, ordered: bool) -> float:
    """The SAP of checked arrays."""
    scores = _squared_correlations(pairs) if ordered else _accuracies(pairs)
    best = np.sort(np.concatenate([np.zeros((1, pairs.count)), scores]), 0)[::-1]
    return float((best[0] - best[1]).mean())


def _trees(predictor: Predictor, count: int, seed: int) -> Any:
    from sklearn import ensemble  # noqa: PLC0415  slow to import, and needed here alone

    if predictor == "boosting":
        return ensemble.GradientBoostingClassifier(random_state=seed % 2**32)
    # all dimensions are tried at each split: else those that know nothing get a share of the importance
    leaf = max(1, count // LEAVES)
    settings: Any = {"max_features": None, "min_samples_leaf": leaf, "random_state": seed % 2**32}
    return ensemble.RandomForestClassifier(TREES, **settings)


def _purity(importance: np.ndarray) -> float:
    """One minus the entropy of each row, to the base of its length; the mean weighted by the rows' sums."""
    sums = importance.sum(1)
    if not sums.any() or importance.shape[1] < 2:
        return 0.0 if not sums.any() else 1.0
    shares = importance / np.where(sums > 0, sums, 1)[:, None]
    entropies = -(shares * np.log(np.where(shares > 0, shares, 1))).sum(1) / math.log(importance.shape[1])
    return float(((1 - entropies) * sums).sum() / sums.sum())


def _accuracies(pairs: Pairs) -> np.ndarray:
    """(D, K) shares of test samples that a linear classifier of one latent dimension gets right."""
    from sklearn.svm import LinearSVC  # noqa: PLC0415  slow to import, and needed here alone

    settings: Any = {"C": PENALTY, "class_weight": "balanced", "dual": False}  # not dual: the same optimum in less time
    scores = np.zeros((pairs.dimensions, pairs.count))
    for place, factor in enumerate(pairs.factors.T):
        known, asked = factor[pairs.train], factor[pairs.test]
        if known.min() == known.max():
            continue
        for row, numbers in enumerate(pairs.codes.T):
            machine = LinearSVC(**settings)
            machine.fit(numbers[pairs.train, None], known)
            scores[row, place] = (machine.predict(numbers[pairs.test, None]) == asked).mean()
    return scores


def _squared_correlations(pairs: Pairs) -> np.ndarray:
    """(D, K); 0 for a constant latent dimension."""
    codes, factors = (given - given.mean(0) for given in (pairs.codes, pairs.factors.astype(np.float64)))
    squares = (codes**2).sum(0)[:, None] * (factors**2).sum(0)
    return (codes.T @ factors) ** 2 / np.where(squares > 0, squares, 1)

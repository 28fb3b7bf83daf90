"""Measures of disentanglement by votes: samples that share one factor vote for the factor that they share."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from isthmus.errors import DataError, UseError
from isthmus.measures.disentangled.pairs import Pairs

VOTES, TOGETHER = 3000, 64
"""The votes that train the classifier, twice as many as test it; and the samples, or pairs of them, of each."""
COLLAPSED = 0.05
"""A latent dimension whose standard deviation is a smaller share of the largest one is left out of the FactorVAE score:
a dimension that doesn't vary would win each vote."""
_NUMBERS = 2**22
"""At most this many numbers are held at once."""


def factor_vae_score(codes: Any, factors: Any, *, votes: int = VOTES, together: int = TOGETHER, seed: int = 0) -> float:
    """The FactorVAE score: whether one latent dimension is constant where one factor is.

    A vote takes some samples that share the value of one factor, and finds the latent dimension that varies least among
    them, relative to its variance over all samples. The most common factor of each dimension's votes is its factor; the
    score is the share of the other samples' votes that are right about it. By chance it is 1/K.

    codes: (N, D). factors: (N, K), classes, at least two. votes: how many train the majority; half as many test it.
    together: samples of a vote. seed: of the draws. The draws are from the N given samples, with replacement, where the
    paper draws new samples.

    Source: Kim & Mnih, Disentangling by factorising, ICML (2018).

    Raises:
        DataError: the arrays don't fit each other, or contain values that can't be measured.
        UseError: the seed, `votes` or `together` is invalid.
    """
    return least_varied(Pairs.of(codes, factors, seed=seed, least_factors=2), votes, together, seed)


def beta_vae_score(codes: Any, factors: Any, *, votes: int = VOTES, together: int = TOGETHER, seed: int = 0) -> float:
    """The β-VAE score: whether a linear classifier finds the factor that pairs of samples share.

    A vote takes pairs of samples, each with an equal value of one factor, and the mean of their codes' absolute
    differences. A logistic regression learns the shared factor from it; the score is the share of the other samples'
    votes that it gets right. By chance it is 1/K. It can be 1 for codes that aren't disentangled.

    codes: (N, D). factors: (N, K), classes, at least two. votes: how many train the classifier; half as many test it.
    together: pairs of a vote. seed: of the draws. The draws are from the N given samples, where the paper draws new
    ones.

    Source: Higgins et al., β-VAE: learning basic visual concepts with a constrained variational framework, ICLR (2017).

    Raises:
        DataError: the arrays don't fit each other, or contain values that can't be measured.
        UseError: the seed, `votes` or `together` is invalid.
    """
    return least_different(Pairs.of(codes, factors, seed=seed, least_factors=2), votes, together, seed)


def least_varied(pairs: Pairs, votes: int, together: int, seed: int) -> float:
    """The FactorVAE score of checked arrays."""
    spread = pairs.codes.std(0)
    used = np.flatnonzero((spread > 0) & (spread >= COLLAPSED * spread.max()))
    if not len(used):
        return 1 / pairs.count
    scaled = pairs.codes[:, used] / spread[used]
    generator = np.random.default_rng(seed)
    counts = []
    for rows, number in ((pairs.train, votes), (pairs.test, max(1, votes // 2))):
        found = np.zeros((len(used), pairs.count), np.int64)
        for factor, drawn in _drawn(pairs, rows, number, together, generator):
            np.add.at(found, (scaled[drawn].var(1).argmin(1), factor), 1)
        counts.append(found)
    majority = counts[0].argmax(1)
    return float(counts[1][np.arange(len(used)), majority].sum() / counts[1].sum())


def least_different(pairs: Pairs, votes: int, together: int, seed: int) -> float:
    """The β-VAE score of checked arrays."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  slow to import, and needed here alone

    spread = pairs.codes.std(0)
    scaled = pairs.codes / np.where(spread > 0, spread, 1)  # so that the classifier's own penalty treats all alike
    generator = np.random.default_rng(seed)
    parts = []
    for rows, number in ((pairs.train, votes), (pairs.test, max(1, votes // 2))):
        features, shared = [], []
        for factor, drawn in _drawn(pairs, rows, number, together, generator, each=2):
            one, other = np.split(scaled[drawn], 2, 1)
            features.append(np.abs(one - other).mean(1))
            shared.append(np.full(len(drawn), factor))
        parts.append((np.concatenate(features), np.concatenate(shared)))
    (known, factors), (asked, right) = parts
    if len(np.unique(factors)) < 2:
        return float((right == factors[0]).mean())
    mean, deviation = known.mean(0), known.std(0)
    deviation = np.where(deviation > 0, deviation, 1)
    classifier = LogisticRegression(max_iter=1000).fit((known - mean) / deviation, factors)
    return float((classifier.predict((asked - mean) / deviation) == right).mean())


def _drawn(
    pairs: Pairs, rows: np.ndarray, votes: int, together: int, generator: np.random.Generator, each: int = 1
) -> Iterator[tuple[int, np.ndarray]]:
    """The factor and the (votes, each · together) row numbers of votes about it, some at a time.

    The samples of a vote share one value of the factor (each=1), or those of each pair do (each=2): the second half of
    the row numbers then belongs to the first. Values in a single sample are left out.
    """
    if votes < 1 or together < 2:
        raise UseError(f"votes={votes}, together={together}: expected at least 1 vote of at least 2 samples.")
    shares = generator.multinomial(votes, np.full(pairs.count, 1 / pairs.count))
    at_once = max(1, _NUMBERS // (each * together * pairs.dimensions))
    for factor, share in enumerate(shares):
        order = rows[np.argsort(pairs.factors[rows, factor], kind="stable")]
        counts = np.bincount(pairs.factors[rows, factor])
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        values = np.flatnonzero(counts > 1)
        if not len(values):
            raise DataError(
                f"No two samples share a value of factor {factor}, so they can't vote. Give more samples, or fewer "
                "values."
            )
        for count in (min(at_once, share - done) for done in range(0, share, at_once)):
            # one value for all samples of a vote, or one for each pair
            chosen = generator.choice(values, (count, 1 if each == 1 else together))
            chosen = np.concatenate([np.broadcast_to(chosen, (count, together))] * each, 1)
            places = (generator.random(chosen.shape) * counts[chosen]).astype(np.int64)
            yield factor, order[starts[chosen] + places]

"""Anomaly scores: by the reconstruction, by the likelihood, by the code's position among the training codes."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from isthmus.data.samples import Samples, inference_batch_size
from isthmus.errors import UseError
from isthmus.measures import has_likelihood, log_likelihood
from isthmus.measures.passes import passes
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.shape_checks import max_width
from isthmus.parts.distances.tokens import Tokens, counted
from isthmus.parts.forward_pass import Pass
from isthmus.parts.model import eval_mode
from isthmus.trained import TrainedModel

BATCH = 1024
"""Samples at a time for the likelihood, whose draws depend on it, and rows at a time in the search for neighbours."""
MOST_CODES = 5000
"""Training codes that are searched for neighbours, spread over the part."""
NEIGHBOURS = 5
LEAST_VARIANCE = 1e-12
"""Of a sample, in scaled units²: a smaller variance is rounding."""
MEMBERS, PROTOTYPES = 200, 16
"""Random sets of training samples, and samples in each, for `prototypes`."""
ROUNDING = 1e-12
"""As a share of what cancels, a difference in float64 that is no larger is rounding."""
MOST_NUMBERS = 2**24
"""Numbers that all these samples have at most."""
Score = Callable[[Tensor, Tensor | None], Tensor]
"""(N, *shape) raw samples and their labels to (N,) float64 scores: the higher, the more anomalous."""


def batch_size(model: Autoencoder, by: str = "error") -> int:
    """How many samples are scored at a time."""
    return BATCH if by == "likelihood" else inference_batch_size(max_width(model))


def element_errors(model: Autoencoder, samples: Samples) -> Tensor:
    """(N, *shape) squared error of each number, scaled; 0 for a missing number, 1 for a wrong category."""
    with eval_mode(model):
        return torch.cat([elements_of(model, out) for out in passes(model, samples, batch_size(model), damage=False)])


def elements_of(model: Autoencoder, out: Pass) -> Tensor:
    """(N, *shape) the same, for a pass; for tokens the nats of each, 0 after the end."""
    if isinstance(model.distance, Tokens):
        return model.distance.elements(out.output, out.clean).float().cpu()
    errors = (out.reconstruction.float() - out.clean.float()).square()
    if any(model.scaling.levels):
        categories = torch.tensor(model.scaling.levels, device=errors.device) > 0
        errors = torch.where(categories, (out.reconstruction.round() != out.clean).float(), errors)
    return (errors if out.observed is None else torch.where(out.observed, errors, 0)).cpu()


def count_unknown(model: Autoencoder, samples: Samples) -> Tensor:
    """(N,) the number of columns of each table row whose category is unknown to the model."""
    levels = torch.tensor(model.scaling.levels)
    if samples.kind != "table" or not bool(levels.any()):
        return torch.zeros(len(samples), dtype=torch.int64)
    return ((levels > 0) & (samples.tensor() >= levels)).sum(1)


def pass_of(model: Autoencoder, raw: Tensor, labels: Tensor | None) -> Pass:
    """The model's pass of raw samples, without draws."""
    return model(raw, labels=labels)


def _by_error(run: TrainedModel, *_: Any) -> tuple[Score, None]:
    model = run.model

    def score(raw: Tensor, labels: Tensor | None) -> Tensor:
        out = pass_of(model, raw, labels)
        there = counted(out.clean) if isinstance(model.distance, Tokens) else out.observed
        return _mean(elements_of(model, out), there)

    return score, None


def _by_unexplained(run: TrainedModel, *_: Any) -> tuple[Score, None]:
    r"""The error as a share of the sample's own variance, :math:`\sum (x - \hat x)^2 / \sum (x - \bar x_c)^2`.

    It is 1 if the model reconstructs only the mean of each channel c. It is 1 minus the coefficient of determination.
    """
    model = run.model
    if run.description["kind"] in ("table", "tokens"):
        raise UseError(
            "by='unexplained' needs pictures or series: the cells of a table's row and tokens have no common mean. "
            "Choose by='error' or by='neighbours'."
        )

    def score(raw: Tensor, labels: Tensor | None) -> Tensor:
        out = pass_of(model, raw, labels)
        clean = out.with_holes().cpu().double()
        around = clean - clean.flatten(2).nanmean(2).view(*clean.shape[:2], *[1] * (clean.ndim - 2))
        own = _mean(around.square(), out.observed)
        # a constant sample with a wrong reconstruction is as anomalous as possible
        return _mean(elements_of(model, out), out.observed) / own.clamp(min=LEAST_VARIANCE)

    return score, None


def _by_likelihood(run: TrainedModel, train: Samples, reference: Samples, same: bool, draws: int) -> tuple[Score, None]:
    model = run.model
    if not has_likelihood(model):
        raise UseError(
            f"This model has no likelihood: its code is {model.code.kind} and its distance {model.distance.kind}. "
            "Choose by='error' or by='neighbours', or train a recipe with a likelihood, such as 'vae'."
        )

    def score(raw: Tensor, labels: Tensor | None) -> Tensor:
        return -log_likelihood(model, Samples(raw, labels=labels), draws=draws).per_sample

    return score, None


def _by_distance(run: TrainedModel, train: Samples, reference: Samples, same: bool, draws: int) -> tuple[Score, None]:
    count, total, squares = 0, torch.zeros(()), torch.zeros(())
    for raw, labels in train.labelled(batch_size(run.model)):
        codes = _codes(run.model, raw, labels)
        count, total, squares = count + len(codes), total + codes.sum(0), squares + codes.T @ codes
    if count < 2:
        raise UseError("by='distance' needs two or more training samples, and there are fewer. Choose by='error'.")
    mean = total / count
    spread = squares / count - mean[:, None] * mean
    values, axes = torch.linalg.eigh(spread)
    # a direction without variance counts as one with a little variance, so that no distance is infinite
    kept = values.clamp(min=1e-4 * float(values.mean().clamp(min=1e-30)))

    def score(raw: Tensor, labels: Tensor | None) -> Tensor:
        return (((_codes(run.model, raw, labels) - mean) @ axes).square() / kept).sum(1).sqrt()

    return score, None


def _by_neighbours(
    run: TrainedModel, train: Samples, reference: Samples, same: bool, draws: int
) -> tuple[Score, Tensor | None]:
    chosen = train.some(MOST_CODES)
    observed = torch.cat([_codes(run.model, raw, labels) for raw, labels in chosen.labelled(batch_size(run.model))])
    near = min(NEIGHBOURS, len(observed) - 1)
    if near < 1:
        raise UseError("by='neighbours' needs two or more training samples, and there are fewer. Choose by='error'.")

    def score(raw: Tensor, labels: Tensor | None) -> Tensor:
        return torch.cdist(_codes(run.model, raw, labels), observed).topk(near, largest=False).values.mean(1)

    if not same:
        return score, None
    apart = torch.cat(
        [torch.cdist(rows, observed).topk(near + 1, largest=False).values[:, 1:] for rows in observed.split(BATCH)]
    )
    return score, apart.mean(1)  # the first neighbour of each is itself


def _by_prototypes(run: TrainedModel, train: Samples, reference: Samples, same: bool, draws: int) -> tuple[Score, None]:
    r"""The mean logarithm of the distance to the nearest of a few random training samples, over many such draws.

    Half of the draws see half of the numbers of a sample. Each set is an autoencoder without training: it reconstructs
    a sample as the nearest of its 16 prototypes. Anomalies that resemble each other are rare among so few samples, so
    they don't hide each other, as they do in a model of all training samples.

    Source: Pang et al., LeSiNN: Detecting anomalies by identifying least similar nearest neighbours, ICDM (2015).
    """
    model = run.model
    if run.description["kind"] == "tokens":
        raise UseError("by='prototypes' needs numbers that can be compared one by one, not tokens. Choose by='error'.")
    width = _spread_out(model, train.batch(torch.arange(1))).shape[1]
    members = max(2, min(MEMBERS, MOST_NUMBERS // (PROTOTYPES * width)))
    generator, size = torch.Generator().manual_seed(0), min(PROTOTYPES, len(train))
    drawn = torch.cat([torch.randperm(len(train), generator=generator)[:size] for _ in range(members)])
    values = _spread_out(model, train.batch(drawn))
    seen = torch.ones(members, width, dtype=torch.float64)
    for member in range(1, members, 2):
        seen[member, torch.randperm(width, generator=generator)[: width // 2]] = 0
    weights = seen.repeat_interleave(size, 0) * ~values.isnan()
    values = values.nan_to_num(0.0)
    floor = torch.zeros(members, dtype=torch.float64)

    def distances(raw: Tensor) -> Tensor:
        """(N, members) mean squared differences from the nearest sample of each member, over the known numbers."""
        given = _spread_out(model, raw)
        known = (~given.isnan()).double()
        given = given.nan_to_num(0.0)
        sizes = given.square() @ weights.T + known @ (weights * values.square()).T
        apart = sizes - 2 * given @ (weights * values).T
        apart = torch.where(apart > ROUNDING * sizes, apart, 0.0)  # of equal samples only rounding is left
        return (apart / (known @ weights.T).clamp(min=1)).view(len(raw), members, size).amin(2)

    usual = torch.cat([distances(raw) for raw, _ in reference.some(BATCH).labelled(BATCH)])
    floor = 1e-3 * usual.median(0).values + 1e-12  # a sample may be one of the prototypes itself

    def score(raw: Tensor, labels: Tensor | None) -> Tensor:
        return 0.5 * (distances(raw) + floor).log().mean(1)

    return score, None


def _spread_out(model: Autoencoder, raw: Tensor) -> Tensor:
    """(N, D) scaled numbers in float64, on the CPU, NaN where one is missing; each category as a number of its own.

    Two different categories are as far apart as two numbers that differ by one standard deviation.
    """
    scaled = model.scaling(raw).cpu().double().flatten(1)
    if not any(model.scaling.levels):
        return scaled
    columns = []
    for place, count in enumerate(model.scaling.levels):
        own = scaled[:, place, None]
        if count:
            hot = (own == torch.arange(count)).double() / math.sqrt(2)
            own = torch.where(own.isnan(), torch.nan, hot)
        columns.append(own)
    return torch.cat(columns, 1)


SCORES: dict[str, Callable[..., tuple[Score, Tensor | None]]] = {
    "error": _by_error,
    "unexplained": _by_unexplained,
    "likelihood": _by_likelihood,
    "distance": _by_distance,
    "neighbours": _by_neighbours,
    "prototypes": _by_prototypes,
}


def _mean(values: Tensor, observed: Tensor | None) -> Tensor:
    """(N,) float64 means of (N, *shape) values over each sample, or over its known numbers."""
    values = values.flatten(1).double()
    if observed is None:
        return values.mean(1)
    observed = observed.flatten(1).cpu()
    return torch.where(observed, values, 0).sum(1) / observed.sum(1).clamp(min=1)


def _codes(model: Autoencoder, raw: Tensor, labels: Tensor | None) -> Tensor:
    """(N, D) float64 codes."""
    return model.encode(raw, labels).flatten(1).cpu().double()

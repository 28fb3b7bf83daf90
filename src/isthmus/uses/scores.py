"""Anomaly scores: by the reconstruction, by the likelihood, by the code's position among the training codes."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from isthmus.data.samples import Samples, inference_batch_size
from isthmus.errors import UseError
from isthmus.measures import has_likelihood, log_likelihood
from isthmus.measures.passes import passes
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.shape_checks import max_width
from isthmus.parts.codes.one_class import Centre
from isthmus.parts.distances.tokens import Tokens, counted
from isthmus.parts.forward_pass import Pass
from isthmus.parts.model import eval_mode
from isthmus.shown import Shown
from isthmus.trained import TrainedModel
from isthmus.uses.nearest import NearestWindows
from isthmus.uses.prototypes import Numbers, Prototypes, most_rows

BATCH = 1024
"""Samples at a time for the likelihood, whose draws depend on it, and rows at a time in the search for neighbours."""
MOST_CODES = 5000
"""Training codes that are searched for neighbours, spread over the part."""
NEIGHBOURS = 5
LEAST_VARIANCE = 1e-12
"""Of a sample, in scaled units²: a smaller variance is rounding."""
WEIGHT, SERIES_WEIGHT, CLEAN_WEIGHT = 0.05, 0.1, 1 / 3
"""Of the model's error in `combined`: in tables, in series, and without anomalies among the training samples."""
LEAST_ERROR, LEAST_WRONG = 1e-6, 0.01
"""Of a column, in scaled units², and the share of wrong categories: added, so that none counts infinitely much."""
Score = Callable[[Tensor, Tensor | None], Tensor]
"""(N, *shape) raw samples and their labels to (N,) float64 scores: the higher, the more anomalous."""


@dataclass(frozen=True, eq=False, repr=False)
class Own(Shown):
    """What a score learns from: a run and its own samples.

    train: those that it was trained on. reference: those whose scores give the threshold. same: whether these are some
    of `train`. draws: per sample, for the likelihood. clean: whether `train` has no anomalies.
    """

    run: TrainedModel
    train: Samples
    reference: Samples
    same: bool
    draws: int
    clean: bool


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


def count_unknown(model: Autoencoder, raw: Tensor) -> Tensor:
    """(N,) the number of columns of each of (N, *shape) raw samples whose category is unknown to the model."""
    if not any(model.scaling.levels):
        return torch.zeros(raw.shape[0], dtype=torch.int64)
    levels = torch.tensor(model.scaling.levels)
    return ((levels > 0) & (raw.cpu() >= levels)).sum(1)


def pass_of(model: Autoencoder, raw: Tensor, labels: Tensor | None) -> Pass:
    """The model's pass of raw samples, without draws."""
    return model(raw, labels=labels)


def _by_error(own: Own) -> tuple[Score, None]:
    model = own.run.model

    def score(raw: Tensor, labels: Tensor | None) -> Tensor:
        out = pass_of(model, raw, labels)
        there = counted(out.clean) if isinstance(model.distance, Tokens) else out.observed
        return _mean(elements_of(model, out), there)

    return score, None


def _by_unexplained(own: Own) -> tuple[Score, None]:
    r"""The error as a share of the sample's own variance, :math:`\sum (x - \hat x)^2 / \sum (x - \bar x_c)^2`.

    It is 1 if the model reconstructs only the mean of each channel c. It is 1 minus the coefficient of determination.
    """
    model = own.run.model
    if own.run.description["kind"] in ("table", "tokens"):
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


def _by_likelihood(own: Own) -> tuple[Score, None]:
    model = own.run.model
    if not has_likelihood(model):
        raise UseError(
            f"This model has no likelihood: its code is {model.code.kind} and its distance {model.distance.kind}. "
            "Choose by='error' or by='neighbours', or train a recipe with a likelihood, such as 'vae'."
        )

    draws = own.draws  # a score that kept `own` would keep the training data

    def score(raw: Tensor, labels: Tensor | None) -> Tensor:
        return -log_likelihood(model, Samples(raw, labels=labels), draws=draws).per_sample

    return score, None


def _by_distance(own: Own) -> tuple[Score, None]:
    model, count, total, squares = own.run.model, 0, torch.zeros(()), torch.zeros(())
    for raw, labels in own.train.labelled(batch_size(model)):
        codes = _codes(model, raw, labels)
        count, total, squares = count + len(codes), total + codes.sum(0), squares + codes.T @ codes
    if count < 2:
        raise UseError("by='distance' needs two or more training samples, and there are fewer. Choose by='error'.")
    mean = total / count
    spread = squares / count - mean[:, None] * mean
    values, axes = torch.linalg.eigh(spread)
    # a direction without variance counts as one with a little variance, so that no distance is infinite
    kept = values.clamp(min=1e-4 * float(values.mean().clamp(min=1e-30)))

    def score(raw: Tensor, labels: Tensor | None) -> Tensor:
        return (((_codes(model, raw, labels) - mean) @ axes).square() / kept).sum(1).sqrt()

    return score, None


def _by_centre(own: Own) -> tuple[Score, None]:
    """The squared distance of a one-class code from its centre, in units of the pretraining's."""
    model = own.run.model
    centre = model.code_module
    if not isinstance(centre, Centre):
        raise UseError(
            f"by='centre' needs a one-class code, and this model's is {model.code.kind}. Train the recipe 'one-class', "
            "or choose by='distance' or by='error'."
        )

    def score(raw: Tensor, labels: Tensor | None) -> Tensor:
        return centre.squares(model.encode(raw, labels).flatten(1).double()).cpu()

    return score, None


def _by_neighbours(own: Own) -> tuple[Score, Tensor | None]:
    model, chosen = own.run.model, own.train.some(MOST_CODES)
    observed = torch.cat([_codes(model, raw, labels) for raw, labels in chosen.labelled(batch_size(model))])
    near = min(NEIGHBOURS, len(observed) - 1)
    if near < 1:
        raise UseError("by='neighbours' needs two or more training samples, and there are fewer. Choose by='error'.")

    def score(raw: Tensor, labels: Tensor | None) -> Tensor:
        return torch.cdist(_codes(model, raw, labels), observed).topk(near, largest=False).values.mean(1)

    if not own.same:
        return score, None
    apart = torch.cat(
        [torch.cdist(rows, observed).topk(near + 1, largest=False).values[:, 1:] for rows in observed.split(BATCH)]
    )
    return score, apart.mean(1)  # the first neighbour of each is itself


def _by_prototypes(own: Own) -> tuple[Score, None]:
    """The geometric mean of the distances from the nearest prototypes (`isthmus.uses.prototypes`)."""
    near = Prototypes(Numbers(own.run.model, own.train), own.train, own.reference, clean=own.clean)
    return lambda raw, labels: near(raw).exp(), None


def _by_combined(own: Own) -> tuple[Score, None]:
    """The same, with the distance from the model's reconstruction as one more of these distances, weighted.

    The model's error is normalised in each column: a deviation counts more in a column that is usually reconstructed
    well.
    """
    model = own.run.model
    if own.train.kind == "series":
        return CombinedWindows(own), None
    if own.train.kind != "table":
        raise UseError(
            "by='combined' needs a table or series: the errors of columns or channels are weighed one by one. Choose "
            "by='error'."
        )
    near = Prototypes(Numbers(model, own.train), own.train, own.reference, clean=own.clean)
    errors = element_errors(model, own.train.some(most_rows(model.shape[0]))).double()
    categories = torch.tensor([count > 0 for count in model.scaling.levels] or [False])
    usual = torch.where(categories, errors.mean(0) + LEAST_WRONG, errors.median(0).values + LEAST_ERROR)
    weight = CLEAN_WEIGHT if own.clean else WEIGHT

    def score(raw: Tensor, labels: Tensor | None) -> Tensor:
        out = pass_of(model, raw, labels)
        return torch.lerp(near(raw), _log_error(model, out, usual), weight).exp()

    return score, None


class CombinedWindows:
    """The same for series: the distance from the nearest training windows, and from the model's reconstruction."""

    def __init__(self, own: Own) -> None:
        self.model = own.run.model
        self.near = NearestWindows(self.model, own.train, own.reference)
        self.weight = CLEAN_WEIGHT if own.clean else SERIES_WEIGHT
        some = own.train.some(most_rows(math.prod(self.model.shape)))
        errors = torch.where(some.tensor().isnan(), torch.nan, element_errors(self.model, some).double())
        usual = errors.movedim(1, 0).flatten(1).nanmedian(1).values.nan_to_num(0.0) + LEAST_ERROR
        self.usual = usual.view(-1, *[1] * (errors.ndim - 2))
        """(channels, 1) the median squared error of each channel."""

    def __call__(self, raw: Tensor, labels: Tensor | None) -> Tensor:
        """(N,) float64: the geometric mean of both distances."""
        out = pass_of(self.model, raw, labels)
        near = self.near.log_distance(self.near(raw))
        return torch.lerp(near, _log_error(self.model, out, self.usual), self.weight).exp()

    def deviations(self, raw: Tensor, labels: Tensor | None) -> Tensor:
        """(N, channels, steps) float64: the weighted mean of both squared distances of each number, in usual ones."""
        error = elements_of(self.model, pass_of(self.model, raw, labels)).double() / self.usual
        return (1 - self.weight) * self.near(raw).elements / self.near.usual + self.weight * error


SCORES: dict[str, Callable[[Own], tuple[Score, Tensor | None]]] = {
    "error": _by_error,
    "unexplained": _by_unexplained,
    "likelihood": _by_likelihood,
    "distance": _by_distance,
    "neighbours": _by_neighbours,
    "centre": _by_centre,
    "prototypes": _by_prototypes,
    "combined": _by_combined,
}


def _log_error(model: Autoencoder, out: Pass, usual: Tensor) -> Tensor:
    """(N,) float64: the logarithm of the root mean squared error in units of the usual ones of columns or channels."""
    return 0.5 * (_mean(elements_of(model, out) / usual, out.observed) + LEAST_ERROR).log()


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

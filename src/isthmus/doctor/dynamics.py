"""Checks of the training: steps too large or too small, overfitting, or data with a bad scale."""

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from isthmus.doctor import cure
from isthmus.doctor.examination import Examination
from isthmus.doctor.finding import Finding, Picture, drawings
from isthmus.formatting import number

RISEN = 0.1
"""Of the lowest validation loss."""
RESTLESS = 0.05
"""Of the loss, a mean rise from one epoch to the next."""
FALLING = 0.2
"""Of the lowest loss of the first half."""
STILL, NOTHING = 0.01, 0.01
"""Of the loss; of the variance."""
BURST = 1000.0
"""Times the second epoch's loss."""
UNFINISHED = 0.4
"""Of the loss's fall in the first half of the epochs."""
LEAST_EPOCHS = 5
"""Fewer epochs show no trend."""
TOO_LARGE, TOO_SMALL = 30.0, 0.003
"""Standard deviations of scaled values."""
UNEQUAL = 100.0
"""Times, between a table's columns."""


def scaling(of: Examination) -> Finding | None:
    """Whether the scaled data are too large or too small for a network to start from.

    Measured: the standard deviation of the scaled values; pictures scaled from bytes have 0.1 to 0.4, standardised
    columns 1. Limits: 0.003 to 30. For tables, also a factor of 100 between the median column's deviation and any
    other's: beyond it, one column dominates the loss or disappears from it. Categories don't count.
    """
    levels = of.model.scaling.levels
    scaled = of.model.distance.as_input(of.scaled)
    rows = scaled[:, [not count for count in levels]] if levels else scaled
    deviations = _deviations(rows)
    if not len(deviations):
        return None
    whole = float(deviations.square().mean().sqrt())
    usual = float(deviations.median())
    furthest = max(float(deviations.max()) / usual, usual / float(deviations.min()))
    table = of.train.kind == "table" and len(deviations) > 2
    if table and furthest > UNEQUAL:
        measured, limit, healthy = furthest, UNEQUAL, "at most"
        unit, what = (
            "times between columns",
            f"The standard deviations of one column and the median column differ by a factor of {number(furthest)}",
        )
    elif whole > TOO_LARGE:
        measured, limit, healthy = whole, TOO_LARGE, "at most"
        unit, what = "standard deviation of scaled values", f"The scaled values vary by {number(whole)}"
    elif whole < TOO_SMALL:
        measured, limit, healthy = whole, TOO_SMALL, "at least"
        unit, what = "standard deviation of scaled values", f"The scaled values vary only by {number(whole)}"
    else:
        return None
    kind = "minmax" if of.train.kind == "pictures" and of.model.scaling.kind != "minmax" else "standardise"
    if of.model.scaling.kind == kind:  # no other scaling would help
        return None
    link = {"distance.link": "auto"} if of.model.blueprint and of.model.distance.link != "auto" else {}
    ordered = deviations.sort(descending=True).values.tolist()
    return Finding(
        "scaling",
        "serious",
        f"{what}. A network needs values with a standard deviation of about 1.",
        measured,
        unit,
        limit,
        healthy,
        f"Scale the data: {kind}.",
        cure.train_again(of, link, scaling=kind),
        Picture(
            lambda theme: drawings().ranks(ordered, label="standard deviation", log=True, theme=theme),
            f"Standard deviations of the scaled numbers, sorted: {number(ordered[0])} to {number(ordered[-1])}.",
            "Standard deviation of each number of a sample, after scaling.",
        ),
    )


def overfitting(of: Examination) -> Finding | None:
    """Whether the validation loss rose while the training loss kept falling, and from which epoch on.

    Measured: the rise from the lowest validation loss to the end (the median of the last three epochs), divided by the
    lowest. Limit: 10 %, and three times the usual change from one epoch to the next.
    """
    held = [row.get("validation_loss") for row in of.history]
    losses = [value for value in held if value is not None]
    if len(losses) < LEAST_EPOCHS or len(losses) < len(held) or not _steady(of):
        return None
    best = min(range(len(losses)), key=losses.__getitem__)
    end = sorted(losses[-3:])[1]
    rise = end - losses[best]
    usual = torch.tensor(losses).diff().abs().median().item()
    scale = max(abs(losses[best]), RISEN * (losses[0] - losses[best]))
    found = rise / scale if scale > 0 else 0.0
    trained = _losses(of)
    if not found > RISEN or rise < 3 * usual or trained[-1] >= trained[best]:
        return None
    epoch = best + 1
    return Finding(
        "overfitting",
        "mild",
        f"Since epoch {epoch}, the validation loss has risen by {100 * found:.0f} % while the training loss kept "
        f"falling. The weights of epoch {epoch} are kept.",
        found,
        "rise of the validation loss, divided by its lowest value",
        RISEN,
        "at most",
        "Stop early to save time. To get a better model, use more samples, a smaller network or a corruption.",
        cure.train_again(of, patience=max(3, epoch // 10)),
        _curves(of, epoch),
    )


def rate_too_high(of: Examination) -> Finding | None:
    """Whether the steps are so large that the loss jumps, or is no longer finite.

    Measured: the mean rise of the loss from epoch to epoch in the second half of the epochs, divided by the loss (falls
    count as 0). Limit: 5 %; at a good rate it is below 1 %. A loss that jumps but still falls clearly (the lowest
    validation loss of the second half is a fifth below that of the first half) jumps because of single samples, not
    because of the steps.
    """
    losses = _losses(of)
    if of.run is not None and of.status == "diverged":
        return _too_high(of, math.inf, of.run.reason or "The loss is no longer finite.")
    if len(losses) < LEAST_EPOCHS or not _steady(of):
        return None
    found = _mean_rise(losses)
    if _falls_on(of):
        return None
    rises = f"In the second half of training, the loss rises by {100 * found:.0f} % per epoch on average."
    return _too_high(of, found, rises) if found > RESTLESS else None


def thrown_off(of: Examination) -> Finding | None:
    """Whether the first steps were so large that the weights ended where no gradient is left.

    The loss does not move (by more than 1 % in the second half of the epochs), and the model reconstructs nothing: less
    than 1 % of the training samples' variance. Or the model's output is not finite. An unused sampled code is another
    problem (`posterior_collapse`).
    """
    losses = _losses(of)
    if of.varying and math.isnan(of.brought_back):
        return _too_high(of, math.inf, "The model's output is not finite.")
    half = losses[len(losses) // 2 :]
    if len(losses) < LEAST_EPOCHS or not _steady(of) or max(half) - min(half) > STILL * abs(half[-1]):
        return None
    if of.kl is not None or any(of.model.scaling.levels) or not of.brought_back <= NOTHING:
        return None
    return _too_high(
        of, _mean_rise(losses), "The loss does not move, and the reconstructions are no better than the data's mean."
    )


def burst(of: Examination) -> Finding | None:
    """Whether the loss exploded in the first epoch and recovered in the second.

    Measured: the first epoch's loss divided by the second's. Limit: 1000; usual runs have 1 to 10. Units and latent
    dimensions that such a burst destroys seldom recover.
    """
    losses = _losses(of)
    if len(losses) < 2 or not _steady(of) or not losses[0] > 0:
        return None
    found = losses[0] / max(abs(losses[1]), 1e-30)
    if not found > BURST:
        return None
    rate, settings = of.settings.learning_rate, of.settings
    warmup = max(1.0, 2 * settings.warmup)
    clipped = settings.clip or "auto"
    return Finding(
        "burst at the start",
        "serious",
        f"The first epoch's loss, {number(losses[0])}, was {number(found)} times the second's. The first steps threw "
        "the weights far off, and some units may never recover.",
        found,
        "times the second epoch's loss",
        BURST,
        "at most",
        f"Use a learning rate of {rate / 10:g} with a warm-up of {number(warmup)} epochs, and clip the gradients.",
        cure.train_again(of, learning_rate=rate / 10, warmup=warmup, clip=clipped),
        _curves(of),
    )


def rate_too_low(of: Examination) -> Finding | None:
    """Whether training ended long before it converged, because its steps were too small or too few.

    Measured: the fall of the loss in the second half of the epochs, divided by its fall in the first half (after the
    first epoch). In training that converges, the second half adds little: healthy runs have 0.01 to 0.15. Limit: 0.4.
    """
    losses = _losses(of)
    if len(losses) < LEAST_EPOCHS or not _steady(of):
        return None
    middle = losses[len(losses) // 2]
    first, second = losses[0] - middle, middle - losses[-1]
    if first <= 0 or second <= 0.01 * abs(losses[-1]) or second <= UNFINISHED * first:
        return None
    found = second / first
    rate = of.settings.learning_rate
    return Finding(
        "learning rate too low",
        "mild",
        f"Training has not converged: the loss fell {found:.2f} times as much in the second half of the epochs as in "
        "the first.",
        found,
        "times the first half's fall",
        UNFINISHED,
        "at most",
        f"Use a learning rate of {10 * rate:g}, not {rate:g}, or continue: {cure.resume(of, 4 * of.settings.epochs)}.",
        cure.train_again(of, learning_rate=10 * rate),
        _curves(of),
    )


def _too_high(of: Examination, found: float, what: str) -> Finding:
    rate = of.settings.learning_rate
    lower = min(rate / 10, 1e-3)
    return Finding(
        "learning rate too high",
        "serious",
        f"{what} The learning rate is {rate:g}.",
        found,
        "mean rise of the loss from epoch to epoch",
        RESTLESS,
        "at most",
        f"Use a learning rate of {lower:g}. A warm-up and clipped gradients also help.",
        cure.train_again(of, learning_rate=lower),
        _curves(of) if len(of.history) > 1 else None,
    )


def _losses(of: Examination) -> list[float]:
    return [float(row["loss"]) for row in of.history]


def _mean_rise(losses: Sequence[float]) -> float:
    """The mean rise in the second half, divided by the size of the loss; if it crosses 0, by its total fall."""
    half = losses[len(losses) // 2 :]
    size = max(abs(sum(half) / len(half)), 0.1 * (max(losses) - min(losses)), 1e-30)
    rises = [max(0.0, after - before) / size for before, after in itertools.pairwise(half)]
    return sum(rises) / max(1, len(rises))


def _falls_on(of: Examination) -> bool:
    """Whether the loss (of the validation part, if there is one) fell clearly in the second half of the epochs."""
    losses = [float(row.get("validation_loss", row["loss"])) for row in of.history]
    half = len(losses) // 2
    first, second = min(losses[:half]), min(losses[half:])
    return first - second > FALLING * abs(first)


def _steady(of: Examination) -> bool:
    """Whether the loss meant the same in every epoch: no weight and no code changed, and no adversary was trained."""
    penalties, changes = of.model.objective.penalties, of.model.code.scheduled
    return not (changes or of.model.objective.has_rival or any(p.warmup or p.cycle or p.scheduled for p in penalties))


def _deviations(rows: Tensor) -> Tensor:
    """(d,) standard deviations of those of (n, D) numbers that vary, over their known values; float64."""
    known = ~rows.isnan()
    count = known.sum(0).clamp(min=1)
    values = torch.where(known, rows, 0).double()
    mean = values.sum(0) / count
    deviation = (torch.where(known, values - mean, 0).square().sum(0) / count).sqrt()
    return deviation[deviation > 0]


def _curves(of: Examination, epoch: int = 0) -> Picture:
    history: Sequence = list(of.history)
    first, last = _losses(of)[0], _losses(of)[-1]
    return Picture(
        lambda theme: drawings().loss_curves(history, best_epoch=epoch, theme=theme),
        f"Training loss by epoch, from {number(first)} to {number(last)}, and the validation loss.",
        "The loss by epoch." + (f" Marked: epoch {epoch}, with the lowest validation loss." if epoch else ""),
    )

"""How training went: too fast, too slow, too long, or on numbers of the wrong size."""

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
"""Of what the first half of the epochs brought."""
LEAST_EPOCHS = 5
"""Fewer tell nothing of a course."""
TOO_LARGE, TOO_SMALL = 30.0, 0.003
"""Standard deviations of scaled values."""
UNEQUAL = 100.0
"""Times, between a table's columns."""


def scaling(of: Examination) -> Finding | None:
    """Whether the numbers that the model sees have a size that no network starts well from.

    The standard deviation of the scaled values; bytes have 0.1 to 0.4, standardised columns 1. Limits: 0.003 to 30; of
    a table also a hundredfold between the usual column's and any other's, beyond which the loss sees one column alone
    or misses it. Categories are no numbers, and don't count.
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
            f"One column varies {number(furthest)} times as much as the usual one, or as little",
        )
    elif whole > TOO_LARGE:
        measured, limit, healthy = whole, TOO_LARGE, "at most"
        unit, what = "standard deviation of scaled values", f"The scaled values vary by {number(whole)}"
    elif whole < TOO_SMALL:
        measured, limit, healthy = whole, TOO_SMALL, "at least"
        unit, what = "standard deviation of scaled values", f"The scaled values vary by {number(whole)} only"
    else:
        return None
    kind = "minmax" if of.train.kind == "pictures" and of.model.scaling.kind != "minmax" else "standardise"
    if of.model.scaling.kind == kind:  # no other scaling would mend it
        return None
    link = {"distance.link": "auto"} if of.model.blueprint and of.model.distance.link != "auto" else {}
    ordered = deviations.sort(descending=True).values.tolist()
    return Finding(
        "scaling",
        "serious",
        f"{what}; a network starts from numbers of about 1.",
        measured,
        unit,
        limit,
        healthy,
        f"Scale the data: {kind}.",
        cure.train_again(of, link, scaling=kind),
        Picture(
            lambda theme: drawings().ranks(ordered, label="standard deviation", log=True, theme=theme),
            f"Standard deviations of the scaled numbers, sorted: {number(ordered[0])} to {number(ordered[-1])}.",
            "How much each number of a sample varies, as the model sees it.",
        ),
    )


def overfitting(of: Examination) -> Finding | None:
    """Whether the validation loss rose while the training loss went on falling, and since when.

    How far the end (the middle one of its last three epochs) lies over the lowest validation loss, by that loss.
    Limit: 10 %, and three times what it usually moves from one epoch to the next.
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
        f"From epoch {epoch} on the validation loss has risen by {100 * found:.0f} % while the training loss went on "
        f"falling. The weights of epoch {epoch} are kept.",
        found,
        "rise of the validation loss, by its lowest",
        RISEN,
        "at most",
        "An early stop saves the time; more samples, a smaller network or a corruption go further.",
        cure.train_again(of, patience=max(3, epoch // 10)),
        _curves(of, epoch),
    )


def rate_too_high(of: Examination) -> Finding | None:
    """Whether the steps are so long that the loss leaps, or was lost.

    The mean of the loss's rises from epoch to epoch, over the second half of the epochs, by the loss itself (falls
    count as 0). Limit: 5 %; at a usual rate it is below 1 %. A loss that leaps and yet falls on (the validation loss's
    lowest of the second half lies a fifth below that of the first) leaps for what single samples weigh, not the steps.
    """
    losses = _losses(of)
    if of.run is not None and of.status == "diverged":
        return _too_high(of, math.inf, of.run.reason or "The loss was lost.")
    if len(losses) < LEAST_EPOCHS or not _steady(of):
        return None
    found = _mean_rise(losses)
    if _falls_on(of):
        return None
    return _too_high(of, found, f"The loss leaps up by {100 * found:.0f} % an epoch.") if found > RESTLESS else None


def thrown_off(of: Examination) -> Finding | None:
    """Whether the first steps were so long that they threw the weights where no gradient is left.

    The loss stands still (within 1 % over the second half of the epochs), and the model brings back nothing: less
    than 1 % of the training samples' variance. Or it makes numbers that are not finite. A drawn code that says nothing
    is another illness.
    """
    losses = _losses(of)
    if of.varying and math.isnan(of.brought_back):
        return _too_high(of, math.inf, "What the model makes is not finite.")
    half = losses[len(losses) // 2 :]
    if len(losses) < LEAST_EPOCHS or not _steady(of) or max(half) - min(half) > STILL * abs(half[-1]):
        return None
    if of.kl is not None or any(of.model.scaling.levels) or not of.brought_back <= NOTHING:
        return None
    return _too_high(
        of, _mean_rise(losses), "The loss stands still, and what comes back is no better than the data's mean."
    )


def burst(of: Examination) -> Finding | None:
    """Whether the first epoch's loss was of another size than the second's: something burst, and had to be mended.

    The first epoch's loss by the second's. Limit: 1000; usual runs have 1 to 10. What a burst threw away, units and
    whole numbers of a code, seldom comes back.
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
        f"The first epoch's loss, {number(losses[0])}, was {number(found)} times the second's: the first steps threw "
        "the weights far off, and what they broke may stay broken.",
        found,
        "times the second epoch's loss",
        BURST,
        "at most",
        f"A learning rate of {rate / 10:g} that grows over the first {number(warmup)} epochs, and clipped gradients.",
        cure.train_again(of, learning_rate=rate / 10, warmup=warmup, clip=clipped),
        _curves(of),
    )


def rate_too_low(of: Examination) -> Finding | None:
    """Whether training ended long before it was done, for its steps were too short or too few.

    What the second half of the epochs took off the loss, by what the first half took off after its first epoch.
    Training that settles leaves little to the second half: healthy runs 0.01 to 0.15. Limit: 0.4.
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
        f"The second half of the epochs took {found:.2f} times as much off the loss as the first: it was not done.",
        found,
        "times the first half's fall",
        UNFINISHED,
        "at most",
        f"A learning rate of {10 * rate:g} in place of {rate:g}; or go on: {cure.resume(of, 4 * of.settings.epochs)}.",
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
        f"A learning rate of {lower:g}; a warm-up and clipped gradients help too.",
        cure.train_again(of, learning_rate=lower),
        _curves(of) if len(of.history) > 1 else None,
    )


def _losses(of: Examination) -> list[float]:
    return [float(row["loss"]) for row in of.history]


def _mean_rise(losses: Sequence[float]) -> float:
    """Over the second half, by the size of the loss; of one that crosses 0, by what it has fallen."""
    half = losses[len(losses) // 2 :]
    size = max(abs(sum(half) / len(half)), 0.1 * (max(losses) - min(losses)), 1e-30)
    rises = [max(0.0, after - before) / size for before, after in itertools.pairwise(half)]
    return sum(rises) / max(1, len(rises))


def _falls_on(of: Examination) -> bool:
    """Whether the second half of the epochs brought the loss, of the validation part where there is one, well down."""
    losses = [float(row.get("validation_loss", row["loss"])) for row in of.history]
    half = len(losses) // 2
    first, second = min(losses[:half]), min(losses[half:])
    return first - second > FALLING * abs(first)


def _steady(of: Examination) -> bool:
    """Whether the loss meant the same in every epoch: no penalty's weight grew, nothing learnt against the model."""
    penalties = of.model.objective.penalties
    return not of.model.objective.has_rival and not any(p.warmup or p.cycle or p.scheduled for p in penalties)


def _deviations(rows: Tensor) -> Tensor:
    """(d,) standard deviations of those of (n, D) numbers that vary, of what is known; float64."""
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
        "What training minimised, by epoch." + (f" Marked: epoch {epoch}, after which it rose." if epoch else ""),
    )

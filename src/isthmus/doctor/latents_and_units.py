"""What is wrong inside: units that are dead, stuck or the same; a code that says nothing, or has gaps."""

import torch
from torch import Tensor

from isthmus.doctor import cure
from isthmus.doctor.examination import COMPARED, SEED, Examination, errors_of
from isthmus.doctor.finding import Finding, Picture, drawings, share
from isthmus.doctor.units import Units, twins
from isthmus.parts import ActivationL1, TopK
from isthmus.parts.model import picture_of

DEAD = 0.5
"""Of a layer's units."""
SWITCHED_OFF = 0.9
"""The same where a penalty or a competition switches units off by design."""
STUCK_SHARE = 0.95
"""Of a unit's answers."""
STUCK = 0.5
"""Of a layer's units."""
ALIKE = 0.99
"""Correlation of two units."""
REPEATED = 0.25
"""Of a layer's units."""
TELLS = 0.01
"""Nats."""
USED = 0.2
"""Of the code's numbers."""
GAP = 3.0
"""Times as far from the data as samples that are new to it."""
SURE = 3.0
"""Standard errors."""


def dead_units(of: Examination) -> Finding | None:
    """Whether most units of a layer answer every training sample alike, so that their weights do nothing.

    A unit that is silent for most samples is not dead: one different answer over the data is enough. Limit: half of
    the layer's units; nine in ten in a code from which an L1 penalty or a competition (top-k) switches units off, for
    that is what they are for.
    """
    sparse = isinstance(of.model.code, TopK) or any(
        isinstance(penalty, ActivationL1) for penalty in of.model.objective.penalties
    )
    over = [
        (float(units.dead.double().mean()), units, limit)
        for units in of.units
        if (limit := SWITCHED_OFF if sparse and units.name == "code" else DEAD)
    ]
    over = [(found, units, limit) for found, units, limit in over if found > limit]
    if not over:
        return None
    found, units, limit = max(over, key=lambda each: each[0])
    spans = units.span.sort(descending=True).values.tolist()
    return Finding(
        "dead units",
        "serious",
        f"{int(units.dead.sum())} of {len(units.low)} units of {units.title} answer every sample alike"
        f"{_and_others(over)}.",
        found,
        "share of the layer's units",
        limit,
        "at most",
        "A smaller learning rate, and an activation that isn't flat on one side.",
        cure.train_again(of, _smooth(of, units.name), learning_rate=of.settings.learning_rate / 3),
        Picture(
            lambda theme: drawings().ranks(spans, label="how far a unit's answers reach", theme=theme),
            f"The reach of each unit of {units.title}, sorted: {int(units.dead.sum())} of {len(spans)} are at 0.",
            f"How far apart the answers of each unit of {units.title} lie, the liveliest first.",
        ),
    )


def saturated_units(of: Examination) -> Finding | None:
    """Whether most units of a sigmoid or tanh layer stand at its flat ends, where nothing can be learnt.

    A unit is stuck where the slope is below a twentieth of the steepest in 95 % of its answers. Limit: half of the
    layer's units. A sparse sigmoid unit, near 0 for nine samples in ten, is not.
    """
    over = [
        (float((units.stuck >= STUCK_SHARE).double().mean()), units, STUCK)
        for units in of.units
        if units.stuck is not None
    ]
    over = [each for each in over if each[0] > STUCK]
    if not over:
        return None
    found, units, _ = max(over, key=lambda each: each[0])
    assert units.stuck is not None
    shares = units.stuck.sort(descending=True).values.tolist()
    return Finding(
        "saturated units",
        "serious",
        f"{share(found)} of the units of {units.title} stand at the flat ends of their activation{_and_others(over)}: "
        "no gradient gets through.",
        found,
        "share of the layer's units",
        STUCK,
        "at most",
        "Scaled data, weights drawn anew, or an activation that doesn't saturate.",
        cure.train_again(of, _smooth(of, units.name)),
        Picture(
            lambda theme: drawings().ranks(shares, label="share of flat answers", limit=STUCK_SHARE, theme=theme),
            f"The share of flat answers of each unit of {units.title}, sorted; {share(found)} are over the limit.",
            f"How many answers each unit of {units.title} gives at a flat end. Dashed: the limit.",
        ),
    )


def duplicate_units(of: Examination) -> Finding | None:
    """Whether numbers of the code repeat each other.

    Two are alike where they correlate by 0.99 or more, over samples of which at least one in a hundred moves each.
    Limit: a quarter of the numbers could be left out. A code with as many numbers as vary in the data, or more, may
    repeat itself, and so may hidden layers: behind a code of 2 numbers, 400 units can't all answer differently, and no
    smaller code would mend that.
    """
    units = next((units for units in of.units if units.name == "code"), None)
    if units is None or not 1 < len(units.low) < of.varying:
        return None
    repeated = twins(units, ALIKE)
    found = repeated / len(units.low)
    if not found > REPEATED:
        return None
    count = len(units.low) - repeated
    smaller = {"code": count} if len(of.model.code_shape) == 1 and cure.possible(of, {"code": count}) else {}
    numbers = f"number{'s' * (count != 1)}"
    return Finding(
        "duplicate units",
        "mild",
        f"{repeated} of the {len(units.low)} units of the code repeat others.",
        found,
        "share of the code's units",
        REPEATED,
        "at most",
        f"A code of {count} {numbers} holds as much." if smaller else "Weights drawn anew.",
        cure.train_again(of, smaller, seed=of.settings.seed + 1),
        Picture(
            lambda theme: drawings().matrix(units.likeness.abs().fill_diagonal_(1), label="correlation", theme=theme),
            f"Correlations between the units of the code, without sign; {repeated} repeat others.",
            "How alike each two units of the code answer; 1 is the same, up to sign and scale.",
        ),
    )


def posterior_collapse(of: Examination) -> Finding | None:
    """Whether the numbers of a drawn code say nothing of the sample, so that the decoder goes without them.

    A number is used where its KL to the prior is at least 0.01 nats on average. A VAE prunes numbers that it has no
    need of, at no cost, so most may be unused: limit: a fifth of them must be in use.

    Source: Burda et al., Importance weighted autoencoders, ICLR (2016), for active units; Lucas et al., Don't blame the
    ELBO!, NeurIPS (2019), for why some are pruned.
    """
    if of.kl is None:
        return None
    kl = of.kl.flatten()
    used = int((kl >= TELLS).sum())
    found = used / len(kl)
    if found >= USED:
        return None
    ordered = kl.sort(descending=True).values.tolist()
    penalty = next((name for name in of.model.objective.names if name.startswith("kl")), "")
    weight = next(
        (
            p.full_weight
            for n, p in zip(of.model.objective.names, of.model.objective.penalties, strict=True)
            if n == penalty
        ),
        0,
    )
    options = {f"{penalty}.weight": min(1.0, weight), f"{penalty}.warmup": max(1.0, of.settings.epochs // 4)}
    if weight <= 1 and of.model.bound == "mean":
        options[f"{penalty}.free_bits"] = 0.1
    return Finding(
        "posterior collapse",
        "serious",
        f"{used} of the code's {len(kl)} numbers say anything of a sample ({float(kl.sum()):.2g} nats in all): "
        "the decoder goes without them.",
        found,
        "share of the code's numbers in use",
        USED,
        "at least",
        "Let the KL's weight be 1 at most, and grow from 0 over a quarter of the epochs; then free bits, then fewer "
        "numbers.",
        cure.train_again(of, options if penalty else {}),
        Picture(
            lambda theme: drawings().ranks(ordered, label="KL to the prior (nats)", limit=TELLS, theme=theme),
            f"KL of each number of the code, sorted: {used} of {len(kl)} reach {TELLS:g} nats.",
            "What each number of the code tells of a sample. Below the dashed line it is not used.",
        ),
    )


def latent_gaps(of: Examination) -> Finding | None:
    """Whether what lies between two codes decodes to nothing like the data.

    Halfway between the codes of two held-out samples, decoded: how far is that from the nearest training sample, on
    average? By how far held-out samples themselves lie from theirs, or what the model makes of them, or what lies
    halfway between the samples themselves, whichever is furthest: where data fall into groups with nothing between
    them, that is how the data are, and no model's fault. Healthy models of digits have 0.8 to 1.1. Limit: 3, beyond 3
    standard errors. With a condition, both samples are of the same class.
    """
    model = of.model
    if not of.numeric or model.code_module is not None or not model.code.differentiable or model.conditioning.mask:
        return None
    if not model.decodes:
        return None
    codes, made, clean = of.outputs
    first, second, labels = _pairs(of, len(codes))
    if len(first) < 10:
        return None
    between = _decoded(of, (codes[first] + codes[second]) / 2, labels)
    far, nearest = of.nearest(between)
    halfway = of.nearest((clean[first] + clean[second]) / 2)[0]
    usual = max(*(float(each.mean()) for each in (of.apart, of.nearest(made)[0], halfway)), 1e-12)
    found = float(far.mean()) / usual
    if not (found > GAP and errors_of(far - GAP * usual) >= SURE):
        return None
    chosen = far.sort(descending=True).indices[:8]
    rows = {
        "one": made[first][chosen],
        "between": between[chosen],
        "other": made[second][chosen],
        "nearest": of.scaled[nearest[chosen]],
    }
    drawn = "bce" if model.scaling.range == (0.0, 1.0) else "gaussian"
    size = {"code": of.code_size} if len(model.code_shape) == 1 else {}
    return Finding(
        "latent gaps",
        "mild",
        f"Halfway between two codes lies nothing like the data: what it decodes to is {found:.1f} times as far from "
        "them as a new sample is, or as what lies halfway between two samples.",
        found,
        "times a new sample's distance from the data",
        GAP,
        "at most",
        "A code that is drawn around a mean closes gaps: recipe vae.",
        cure.train_again(of, size | {"distance": drawn}, recipe="vae", epochs=4 * of.settings.epochs),
        Picture(
            lambda theme: drawings().samples(rows, model.shape, bounds=model.scaling.range, theme=theme),
            f"{len(chosen)} pairs of samples, what lies halfway in the code, and the training samples nearest to that.",
            "Pairs of outputs, what lies between their codes, and the training sample nearest to that.",
        ),
    )


def _pairs(of: Examination, count: int) -> tuple[Tensor, Tensor, Tensor | None]:
    """Two samples each, which of those that `outputs` looks at, and their labels where the model wants them."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(SEED))
    if not of.model.conditioning.classes:
        return torch.arange(count), order, None
    labels = (of.held or of.train).some(COMPARED).labels
    assert labels is not None
    order = order[labels[order].sort(stable=True).indices]
    same = labels[order[:-1]] == labels[order[1:]]
    return order[:-1][same], order[1:][same], labels[order[:-1][same]]


@torch.no_grad()
def _decoded(of: Examination, codes: Tensor, labels: Tensor | None) -> Tensor:
    """(n, *code) to (n, D), scaled."""
    model = of.model
    labels = None if labels is None else labels.to(model.device)
    return picture_of(model, codes.to(model.device), labels).flatten(1).float().cpu()


def _smooth(of: Examination, layer: str) -> dict[str, str]:
    """The options that give this layer an activation which is flat nowhere."""
    blueprint = of.model.blueprint
    if blueprint is None:
        return {}
    if layer == "code":
        return {"code.activation": "identity"} if "activation" in type(blueprint.code).model_fields else {}
    return {"network.activation": "silu"} if "activation" in type(blueprint.network).model_fields else {}


def _and_others(over: list[tuple[float, Units, float]]) -> str:
    others = len(over) - 1
    return f", and most of {others} other layer{'s' * (others > 1)}" if others else ""

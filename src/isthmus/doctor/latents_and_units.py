"""Checks of units and latents: dead, saturated or duplicate units; a code that is unused or has gaps."""

from typing import Any

import torch
from torch import Tensor

from isthmus.doctor import cure
from isthmus.doctor.examination import COMPARED, SEED, Examination, errors_of
from isthmus.doctor.finding import Finding, Picture, drawings, share
from isthmus.doctor.units import Units, twins
from isthmus.parts import ActivationL1, DecoderL1
from isthmus.parts.model import eval_mode, picture_of, predicted

DEAD = 0.5
"""Of a layer's units."""
SWITCHED_OFF = 0.9
"""The same for a code in which a penalty or a competition switches units off by design."""
STUCK_SHARE = 0.95
"""Of a unit's outputs."""
STUCK = 0.5
"""Of a layer's units."""
ALIKE = 0.99
"""Correlation of two units."""
REPEATED = 0.25
"""Of a layer's units."""
TELLS = 0.01
"""Nats."""
USED = 0.2
"""Of the latent dimensions."""
HEARD = 1.05
"""Times the nats with the own codes, if codes are exchanged."""
GAP = 3.0
"""Times a new sample's distance from the data."""
SURE = 3.0
"""Standard errors."""


def dead_units(of: Examination) -> Finding | None:
    """Whether most units of a layer give the same output for every training sample, so that their weights are useless.

    A unit that is silent for most samples is not dead: one different output is enough. Limit: half of the layer's
    units; nine in ten for a code with an L1 penalty or a competition (top-k), which switch units off by design.
    """
    sparse = of.model.code.gates or any(
        isinstance(penalty, ActivationL1 | DecoderL1) for penalty in of.model.objective.penalties
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
        f"{int(units.dead.sum())} of {len(units.low)} units of {units.title}{_and_others(over)} give the same output "
        "for every sample.",
        found,
        "share of the layer's units",
        limit,
        "at most",
        "Use a smaller learning rate, and an activation that isn't flat on one side.",
        cure.train_again(of, _smooth(of, units.name), learning_rate=of.settings.learning_rate / 3),
        Picture(
            lambda theme: drawings().ranks(spans, label="range of a unit's outputs", theme=theme),
            f"The output range of each unit of {units.title}, sorted: {int(units.dead.sum())} of {len(spans)} are 0.",
            f"The output range of each unit of {units.title}, the largest first.",
        ),
    )


def saturated_units(of: Examination) -> Finding | None:
    """Whether most units of a sigmoid or tanh layer stay in its flat regions, where they can't learn.

    A unit is saturated if the slope is below a twentieth of the steepest for 95 % of its outputs. Limit: half of the
    layer's units. A sparse sigmoid unit, near 0 for nine samples in ten, is not saturated.
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
        f"{share(found)} of the units of {units.title}{_and_others(over)} stay in the flat regions of their activation:"
        " no gradient passes through.",
        found,
        "share of the layer's units",
        STUCK,
        "at most",
        "Scale the data, draw new weights, or use an activation that doesn't saturate.",
        cure.train_again(of, _smooth(of, units.name)),
        Picture(
            lambda theme: drawings().ranks(shares, label="share of saturated outputs", limit=STUCK_SHARE, theme=theme),
            f"The share of saturated outputs of each unit of {units.title}, sorted; {share(found)} exceed the limit.",
            f"The share of each unit's outputs in a flat region, for {units.title}. Dashed: the limit.",
        ),
    )


def duplicate_units(of: Examination) -> Finding | None:
    """Whether latent dimensions repeat each other.

    Two are alike if their correlation is 0.99 or more and each moves in at least one sample in a hundred. Limit: a
    quarter of the dimensions could be left out. Not checked: a code with at least as many dimensions as numbers vary in
    the data, and hidden layers. Behind a code with 2 dimensions, 400 units can't all differ, and a smaller code would
    not help.
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
    dimensions = f"latent dimension{'s' * (count != 1)}"
    return Finding(
        "duplicate units",
        "mild",
        f"{repeated} of the {len(units.low)} latent dimensions repeat others.",
        found,
        "share of the latent dimensions",
        REPEATED,
        "at most",
        f"Use {count} {dimensions}: they hold as much information." if smaller else "Draw new weights.",
        cure.train_again(of, smaller, seed=of.settings.seed + 1),
        Picture(
            lambda theme: drawings().matrix(units.likeness.abs().fill_diagonal_(1), label="correlation", theme=theme),
            f"Absolute correlations between the latent dimensions; {repeated} repeat others.",
            "Absolute correlation of each two latent dimensions; 1 means equal up to sign and scale.",
        ),
    )


def posterior_collapse(of: Examination) -> Finding | None:
    """Whether the latent dimensions of a sampled code carry no information, so that the decoder ignores them.

    A dimension is used if its KL to the prior is at least 0.01 nats on average. A VAE prunes dimensions that it doesn't
    need, at no cost, so most may be unused. Limit: at least a fifth must be in use.

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
    if weight <= 1 and not of.model.bound.by_draws:
        options[f"{penalty}.free_bits"] = 0.1
    return Finding(
        "posterior collapse",
        "serious",
        f"{used} of the code's {len(kl)} latent dimensions carry information about a sample ({float(kl.sum()):.2g} "
        "nats in total): the decoder ignores the code.",
        found,
        "share of the latent dimensions in use",
        USED,
        "at least",
        "Limit the KL's weight to 1, and let it grow from 0 over a quarter of the epochs. If that is not enough, use "
        "free bits, then fewer latent dimensions.",
        cure.train_again(of, options if penalty else {}),
        Picture(
            lambda theme: drawings().ranks(ordered, label="KL to the prior (nats)", limit=TELLS, theme=theme),
            f"KL of each latent dimension, sorted: {used} of {len(kl)} reach {TELLS:g} nats.",
            "Information in each latent dimension. Dimensions below the dashed line are not used.",
        ),
    )


def code_ignored(of: Examination) -> Finding | None:
    """Whether a decoder that sees the tokens before each predicts them as well with another sample's code.

    The nats of held-out samples with the codes of others, divided by those with their own codes. A decoder of tokens
    can model the language and ignore its code, even though the KL is kept up by free bits. Limit: at least 1.05.

    Source: Bowman et al., Generating sentences from a continuous space, CoNLL (2016), for decoders that ignore the
    code; the test with exchanged codes is that of He et al., Lagging inference networks, ICLR (2019), in simple form.
    """
    model = of.model
    if model.distance.kind != "tokens" or model.conditioning.classes:
        return None
    samples = (of.held or of.train).some(COMPARED)
    own = other = 0.0
    with eval_mode(model):
        for out in of.passes(samples):
            own += float(model.objective.distances(out).sum())
            other += float(model.distance(predicted(model, out.code.z.roll(1, 0), out.clean), out.clean).sum())
    found = other / max(own, 1e-12)
    if len(samples) < 2 or found >= HEARD:
        return None
    kl = next((name for name in model.objective.names if name.startswith("kl")), "")
    options: dict[str, Any] = {"word_dropout": 0.5}
    if kl:
        options |= {f"{kl}.free_bits": 0.5, f"{kl}.warmup": max(1.0, of.settings.epochs // 2)}
    return Finding(
        "code ignored",
        "serious",
        f"The decoder needs {share(found - 1)} more nats with the codes of other samples: it hardly uses the code.",
        found,
        "nats with exchanged codes, by those with the own",
        HEARD,
        "at least",
        "Hide more of the tokens before each from the decoder (word_dropout), let the KL's weight grow from 0, or use "
        "free bits.",
        cure.train_again(of, {name: value for name, value in options.items() if cure.possible(of, {name: value})}),
    )


def latent_gaps(of: Examination) -> Finding | None:
    """Whether points between two codes decode to something unlike the data.

    Measured: the mean distance from the decoded midpoint of two held-out codes to the nearest training sample. It is
    divided by the largest of three such distances: of held-out samples, of their reconstructions, and of the midpoints
    of the samples themselves. If the data form groups with nothing between them, that is no fault of the model. Healthy
    models of digits have 0.8 to 1.1. Limit: 3, beyond 3 standard errors. With a condition, both samples have the same
    class.
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
        "Points halfway between two codes decode to something unlike the data: their distance from the data is "
        f"{found:.1f} times that of new samples, or of points halfway between two samples.",
        found,
        "times a new sample's distance from the data",
        GAP,
        "at most",
        "Train the recipe vae: a code sampled around a mean closes gaps.",
        cure.train_again(of, size | {"distance": drawn}, recipe="vae", epochs=4 * of.settings.epochs),
        Picture(
            lambda theme: drawings().samples(rows, model.shape, bounds=model.scaling.range, theme=theme),
            f"{len(chosen)} pairs of samples, the decoded midpoints of their codes, and the nearest training samples.",
            "Pairs of outputs, the decoded midpoint of their codes, and the training sample nearest to the midpoint.",
        ),
    )


def _pairs(of: Examination, count: int) -> tuple[Tensor, Tensor, Tensor | None]:
    """Pairs of the samples of `Examination.outputs`, by number, and their labels if the model needs them."""
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
    """The options that give this layer an activation without flat regions."""
    blueprint = of.model.blueprint
    if blueprint is None:
        return {}
    if layer == "code":
        return {"code.activation": "identity"} if "activation" in type(blueprint.code).model_fields else {}
    return {"network.activation": "silu"} if "activation" in type(blueprint.network).model_fields else {}


def _and_others(over: list[tuple[float, Units, float]]) -> str:
    others = len(over) - 1
    return f" (and most units of {others} other layer{'s' * (others > 1)})" if others else ""

"""Checks of generalisation: models that copy, memorise samples, are worse than PCA, or fail on some classes."""

from typing import Any

import torch

from isthmus.doctor import cure
from isthmus.doctor.examination import Examination, errors_of
from isthmus.doctor.finding import Finding, Picture, drawings, share
from isthmus.formatting import number
from isthmus.parts import Plain
from isthmus.pca import PCA

COPIED = 0.9
"""Of the variance of shuffled samples."""
BY_HEART = 0.1
"""Of the variance of the data."""
REPLAYED = 0.25
"""Of the held-out samples."""
HALF_AS_FAR = 0.5
"""Of the distance to the sample itself, or of that sample's distance to its nearest training sample."""
BEHIND = 1.1
"""Times PCA's error."""
EXACT = 1e-3
"""Of the variance: PCA counts as exact if it loses less."""
UNEVEN = 2.5
"""Times the usual class's error."""
RARE = 0.5
"""Of the usual class's training samples."""
LEAST_EPOCHS = 20
"""Of a training that can improve on doing nothing."""
_DAMAGED = "a corruption, so that the model never sees the same input twice"
SURE = 3.0
"""Standard errors by which a number must exceed its limit, so that a small test part raises no false alarm."""


def copying(of: Examination) -> Finding | None:
    """Whether the code has room for a copy of the input, and the model copies even noise.

    Shuffled samples (each number taken from another sample) keep each number's own values but lose all relations
    between the numbers. A code that relies on such relations can't reconstruct them: PCA with half as many components
    as digits have pixels explains about three quarters of their variance. Limit: 90 % of their variance, if the code
    has as many latent dimensions as numbers vary in the data.

    A model that restores damaged samples copies the intact parts by design, so it is not checked.
    """
    if of.model.restores or not of.numeric or not of.overcomplete or of.varying < 2:
        return None
    found = of.explained("shuffled")
    if not found > COPIED:
        return None
    own = of.explained("train" if of.held is None else "held")
    named = {"own samples": own, "shuffled samples": found}
    return Finding(
        "copying",
        "serious",
        f"The model copies its input: the code has {of.code_size} latent dimensions, and {of.varying} numbers vary in "
        f"the data. It reconstructs {share(found)} of the variance of shuffled samples, which are noise, and "
        f"{share(own)} of its own samples'.",
        found,
        "share of shuffled samples' variance",
        COPIED,
        "at most",
        "A smaller code, or a corruption that makes copying useless.",
        cure.train_again(of, _squeezed(of)),
        Picture(
            lambda theme: drawings().bars(named, limit=COPIED, label="explained variance", theme=theme),
            f"Explained variance: own samples {share(own)}, shuffled samples {share(found)}.",
            "Explained variance of the model's own samples, and of noise with the same values. Dashed: the limit.",
        ),
    )


def no_bottleneck(of: Examination) -> Finding | None:
    """Whether the code has as many latent dimensions as numbers vary in the data, and nothing else prevents copying.

    Limit: one dimension fewer than numbers vary. A penalty, a corruption, sampling or a codebook also prevents copying.
    """
    model = of.model
    limited = model.objective.penalties or model.corruption.damages or type(model.code) is not Plain
    if not model.predicts.decodes or limited or not of.overcomplete or of.varying < 2:
        return None
    return Finding(
        "no bottleneck",
        "mild",
        f"The code has {of.code_size} latent dimensions, and {of.varying} numbers vary in the data, so nothing is "
        "compressed. PCA with as many components reconstructs the data exactly, without training.",
        of.code_size,
        "latent dimensions",
        of.varying - 1,
        "at most",
        "A smaller code, or a corruption that makes copying useless.",
        cure.train_again(of, _squeezed(of)),
    )


def memorising(of: Examination) -> Finding | None:
    """Whether single samples were memorised: the model is much better on the training part than on held-out samples.

    Measured: the explained variance of the training part minus that of held-out samples. A large model is always a
    little better on its training samples. Limit: 10 % of the variance. In addition, the median held-out error must be
    at least twice the mean training error, so that one class alone doesn't count, and larger by 3
    standard errors.
    """
    if of.held is None:
        return None
    train, held = (of.evaluation.errors[part]["model"].double() for part in ("train", "held"))
    gap = of.explained("train") - of.explained("held")
    doubled = float(held.median()) >= 2 * float(train.median())
    if not (gap > BY_HEART and doubled and errors_of(held - train.mean()) >= SURE):
        return None
    one = of.code_size == 1
    means = {"training part": float(train.mean()), "held-out part": float(held.mean())}
    what = (
        "The single latent dimension acts as an index of the training samples: it does not describe them. "
        if one
        else ""
    )
    return Finding(
        "memorising",
        "serious",
        f"{what}The model reconstructs {share(of.explained('train'))} of the training part's variance, but only "
        f"{share(of.explained('held'))} of held-out samples': it has memorised the rest.",
        gap,
        "share of the variance",
        BY_HEART,
        "at most",
        f"More samples; else {_DAMAGED if not of.model.corruption.damages else 'a tenth of the epochs'}.",
        _by_damage(of),
        Picture(
            lambda theme: drawings().bars(means, limit=None, label="mean squared error", theme=theme),
            f"Mean squared error: training part {number(means['training part'])}, "
            f"held-out {number(means['held-out part'])}.",
            "The error on the training part, and on samples not used in training.",
        ),
    )


def replaying(of: Examination) -> Finding | None:
    """Whether the model reconstructs new samples as training samples.

    For each held-out sample: is the output at most half as far from some training sample as from its input, and at most
    half as far as the input is from its nearest training sample? A blurred output lies between many samples, near none.
    Limit: a quarter of the samples. Healthy models of digits have 0 to 0.01; models that memorised a few samples have
    0.6 to 0.8.
    """
    if of.held is None or not of.numeric:
        return None
    _, made, clean = of.outputs
    distance, place = of.nearest(made)
    replayed = (distance < HALF_AS_FAR * (made - clean).norm(dim=1)) & (distance < HALF_AS_FAR * of.apart)
    found = float(replayed.double().mean())
    if not found > REPLAYED:
        return None
    chosen = replayed.nonzero()[:8, 0]
    rows = {"original": clean[chosen], "output": made[chosen], "training sample": of.scaled[place[chosen]]}
    return Finding(
        "replaying",
        "serious",
        f"For {share(found)} of the held-out samples, the model outputs a training sample in place of the input.",
        found,
        "share of held-out samples",
        REPLAYED,
        "at most",
        f"More samples; else {_DAMAGED if not of.model.corruption.damages else 'a tenth of the epochs'}.",
        _by_damage(of),
        Picture(
            lambda theme: drawings().samples(rows, of.model.shape, bounds=of.model.scaling.range, theme=theme),
            f"{len(chosen)} held-out samples, the model's outputs, and the training samples nearest to the outputs.",
            "The input, the model's output, and the training sample nearest to the output.",
        ),
    )


def worse_than_pca(of: Examination) -> Finding | None:
    """Whether PCA with as many components has a smaller mean squared error.

    Limit: 1.1 times PCA's error, beyond 3 standard errors of the difference, sample by sample. Models with another goal
    than a small error (a sampled or quantised code, a penalty, a corruption) are compared with PCA with one component.
    There is no comparison if PCA loses less than a thousandth of the variance.
    """
    if of.model.restores or (not of.numeric and not any(of.model.scaling.levels)):
        return None
    part = "train" if of.held is None else "held"
    errors = of.evaluation.errors[part]
    model, pca, numbers = errors["model"].double(), errors["pca"].double(), of.components.size
    if not _plain(of):
        pca, numbers = _first_component(of, part), 1
    exact = float(pca.mean()) < EXACT * float(_mean_errors(of, part).mean())
    if exact or not errors_of(model - BEHIND * pca) >= SURE:
        return None
    found = float(model.mean() / pca.mean())
    components = f"{numbers} component{'s' * (numbers > 1)}"
    means = {"model": float(model.mean()), f"PCA, {components}": float(pca.mean())}
    size = {"code": of.code_size if of.code_size < of.varying else max(1, of.varying // 4)}
    linear = cure.possible(of, size, recipe="pca")
    return Finding(
        "worse than PCA",
        "serious",
        f"The error is {found:.1f} times that of PCA with {components}, which needs no training.",
        found,
        "times PCA's error",
        BEHIND,
        "at most",
        "Use PCA itself, which is solved at once, or start the network from PCA (start=pca)."
        if linear
        else "Train for longer, with a network that suits the data.",
        cure.train_again(of, size, recipe="pca") if linear else cure.train_again(of, epochs=4 * of.settings.epochs),
        Picture(
            lambda theme: drawings().bars(means, limit=None, label="mean squared error", theme=theme),
            f"Mean squared error: {', '.join(f'{name} {number(value)}' for name, value in means.items())}.",
            "The error of the model and of PCA on samples not used in training.",
        ),
    )


def worse_than_nothing(of: Examination) -> Finding | None:
    """Whether a restoring model makes damaged samples worse, or no better.

    The mean squared error of the restored held-out samples, divided by that of the damaged ones. Limit: 1. The model
    must be better by 3 standard errors of the difference, sample by sample.
    """
    if not of.model.restores:
        return None
    errors = of.evaluation.errors["train" if of.held is None else "held"]
    model, nothing = errors["model"].double(), errors["nothing"].double()
    if not errors_of(model - nothing) > -SURE or not float(nothing.mean()) > 0:
        return None
    found = float(model.mean() / nothing.mean())
    means = {"restored": float(model.mean()), "damaged": float(nothing.mean())}
    told = ", ".join(f"{name} {number(value)}" for name, value in means.items())
    return Finding(
        "worse than nothing",
        "serious",
        f"The model does not improve damaged samples: the error of the restored ones is {found:.2f} times that of the "
        "damaged ones.",
        found,
        "times the error of doing nothing",
        1.0,
        "at most",
        "Train for longer, on more samples or on patches of larger pictures. If that is not enough, use a larger "
        "network.",
        cure.train_again(of, epochs=max(LEAST_EPOCHS, 4 * of.settings.epochs)),
        Picture(
            lambda theme: drawings().bars(means, limit=None, label="mean squared error", theme=theme),
            f"Mean squared error: {told}.",
            "The error of samples damaged as in training, before and after restoration.",
        ),
    )


def class_imbalance(of: Examination) -> Finding | None:
    """Whether a class with few training samples is reconstructed much worse than the median class.

    Two ratios count: the mean error of the worst class divided by the median class's; and the same for the share of the
    class's variance that is lost, because a class that varies more has larger errors even in a healthy model. Limit:
    2.5 for the smaller ratio (classes differ in difficulty: healthy models of digits reach 1.9), beyond 3 standard
    errors. A class with at least half as many training samples as the median class is difficult, not rare.
    """
    samples = of.held if of.held is not None and of.held.labels is not None else of.train
    labels = samples.labels
    if labels is None:
        return None
    part = "held" if samples is of.held else "train"
    errors, spread = of.evaluation.errors[part]["model"].double(), _mean_errors(of, part)
    kinds = [kind for kind in labels.unique().tolist() if int((labels == kind).sum()) > 1]
    if len(kinds) < 2:
        return None
    by_class = torch.stack([errors[labels == kind].mean() for kind in kinds])
    lost = torch.stack(
        [errors[labels == kind].mean() / spread[labels == kind].mean().clamp(min=1e-12) for kind in kinds]
    )
    worst = int((by_class / by_class.median()).minimum(lost / lost.median()).argmax())
    found = float(torch.minimum(by_class[worst] / by_class.median(), lost[worst] / lost.median()))
    own = errors[labels == kinds[worst]]
    if not (found > UNEVEN and errors_of(own - 2 * by_class.median()) >= SURE):
        return None
    names = [samples.label_names[kind] if kind < len(samples.label_names) else str(kind) for kind in kinds]
    counts = torch.tensor([float(_trained_on(of, kind)) for kind in kinds])
    count, usual = int(counts[worst]), int(counts.median())
    if count >= RARE * usual:
        return None
    means = dict(zip(names, by_class.tolist(), strict=True))
    return Finding(
        "class imbalance",
        "mild",
        f"The error of the class {names[worst]} is {found:.1f} times that of the median class. The training part has "
        f"{count} samples of it, and {usual} of the median class.",
        found,
        "times the median class's error",
        UNEVEN,
        "at most",
        f"Train on more samples of the class {names[worst]}, about {usual}. Until then, use the model for the other "
        "classes.",
        "",
        Picture(
            lambda theme: drawings().bars(
                means, limit=float(UNEVEN * by_class.median()), label="mean squared error", theme=theme
            ),
            f"Mean squared error by class: {', '.join(f'{name} {number(value)}' for name, value in means.items())}.",
            f"The error of each class. Dashed: {UNEVEN:g} times the median class's.",
        ),
    )


def _squeezed(of: Examination) -> dict[str, Any]:
    """The options for a code a quarter as large as the numbers that vary, or else for a corruption."""
    smaller = {"code": max(1, of.varying // 4)}
    return smaller if cure.possible(of, smaller) else {"corruption": "masking"}


def _by_damage(of: Examination) -> str:
    """Training with a corruption, so that no input comes twice; a shorter training for a model that has one already."""
    if not of.model.corruption.damages:
        return cure.train_again(of, {"corruption": "masking"})
    return cure.train_again(of, epochs=max(1, of.settings.epochs // 10))


def _plain(of: Examination) -> bool:
    """Whether the model minimises only the squared error or an equivalent."""
    model = of.model
    free = not model.objective.penalties and not model.corruption.damages and isinstance(model.code, Plain)
    return free and model.distance.kind in ("mse", "sse", "bce", "gaussian")


def _first_component(of: Examination, part: str) -> torch.Tensor:
    """(n,) mean squared errors of PCA with one component."""
    pca = of.components
    one = PCA(pca.mean, pca.components[:1], pca.variances[:1], pca.total_variance)
    return _errors(of, part, one)


def _mean_errors(of: Examination, part: str) -> torch.Tensor:
    """(n,) mean squared errors of the constant guess, the training part's mean."""
    pca = of.components
    return _errors(of, part, PCA(pca.mean, pca.components[:0], pca.variances[:0], pca.total_variance))


def _errors(of: Examination, part: str, pca: PCA) -> torch.Tensor:
    samples = of.train if part == "train" or of.held is None else of.held
    found = []
    for raw in samples.batches(1024):
        rows = of.model.scaling(raw).flatten(1).cpu()
        off = (pca.reconstruct(rows) - rows).double().square()
        found.append(off.nanmean(1).nan_to_num(0.0))
    return torch.cat(found)


def _trained_on(of: Examination, label: int) -> int:
    """How many samples of this class the training part has."""
    labels = of.run.open().train.labels if of.run else of.train.labels
    return 0 if labels is None else int((labels == label).sum())

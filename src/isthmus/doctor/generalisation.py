"""What was learnt: nothing but to copy, single samples by heart, less than PCA, or some classes only."""

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
"""From a training sample as from the sample itself, or as that is from any."""
BEHIND = 1.1
"""Times PCA's error."""
EXACT = 1e-3
"""Of the variance, what PCA may leave out and still be called exact."""
UNEVEN = 2.5
"""Times the usual class's error."""
RARE = 0.5
"""Of the usual class's training samples."""
LEAST_EPOCHS = 20
"""Of a training that is to do more than nothing."""
_DAMAGED = "damage to what the model sees, so that no sample comes twice"
SURE = 3.0
"""Standard errors by which a number must exceed its limit, so that a small test part raises no alarm."""


def copying(of: Examination) -> Finding | None:
    """Whether the code has room for a copy, and the model makes one: of noise, too.

    Shuffled samples (each number taken from another sample) have every number's own values and nothing of what the
    numbers have in common, so no code that rests on that brings them back: PCA with half of digits' numbers explains
    some three quarters of them. Limit: 90 % of their variance, with a code that has as many numbers as vary.

    A model that puts damaged samples right copies what needs no mending, and is meant to.
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
        f"The code has {of.code_size} numbers for {of.varying} that vary in the data, and the model copies: of samples "
        f"whose numbers were shuffled it brings back {share(found)} of the variance, of its own {share(own)}.",
        found,
        "share of shuffled samples' variance",
        COPIED,
        "at most",
        "A smaller code, or a corruption that makes copying useless.",
        cure.train_again(of, _squeezed(of)),
        Picture(
            lambda theme: drawings().bars(named, limit=COPIED, label="explained variance", theme=theme),
            f"Share of the variance that comes back: own samples {share(own)}, shuffled ones {share(found)}.",
            "What comes back of the model's own samples, and of noise with the same values. Dashed: the limit.",
        ),
    )


def no_bottleneck(of: Examination) -> Finding | None:
    """Whether the code has as many numbers as vary in the data, and nothing but that keeps the model from a copy.

    Limit: one number less than vary. A penalty, a corruption, a draw or a book does what a small code does otherwise.
    """
    model = of.model
    limited = model.objective.penalties or model.corruption.damages or type(model.code) is not Plain
    if not model.predicts.decodes or limited or not of.overcomplete or of.varying < 2:
        return None
    return Finding(
        "no bottleneck",
        "mild",
        f"The code has {of.code_size} numbers for {of.varying} that vary in the data: nothing is squeezed. PCA with as "
        "many brings all back, without training.",
        of.code_size,
        "numbers in the code",
        of.varying - 1,
        "at most",
        "A smaller code, or a corruption that makes copying useless.",
        cure.train_again(of, _squeezed(of)),
    )


def memorising(of: Examination) -> Finding | None:
    """Whether single samples were learnt by heart: much is known of the training part that isn't of any other.

    What comes back of the training part's variance less what comes back of held-out samples'. A large model is always
    a little better on what it has seen; limit: 10 % of the variance, where the usual (median) held-out error is also at
    least twice the usual training error, so that it isn't one class alone, and sure to be larger, by 3 standard errors.
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
        "The code of one number serves as a list of the training samples: it tells which one, not what it is like. "
        if one
        else ""
    )
    return Finding(
        "memorising",
        "serious",
        f"{what}Of the training part {share(of.explained('train'))} of the variance comes back, of held-out samples "
        f"{share(of.explained('held'))}: the rest was learnt by heart.",
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
            "The error on what the model was trained on, and on what it had not seen.",
        ),
    )


def replaying(of: Examination) -> Finding | None:
    """Whether what comes back of a new sample is a training sample instead.

    For each held-out sample: is the output at most half as far from some training sample as from the sample that went
    in, and at most half as far as that sample is, by itself, from its nearest training sample? A blurred output lies
    between many samples, near none. Limit: a quarter of the samples; healthy models of digits have 0 to 0.01, those
    that were trained until they knew their few samples by heart 0.6 to 0.8.
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
        f"Of {share(found)} of the held-out samples the output is a training sample, not the one that went in.",
        found,
        "share of held-out samples",
        REPLAYED,
        "at most",
        f"More samples; else {_DAMAGED if not of.model.corruption.damages else 'a tenth of the epochs'}.",
        _by_damage(of),
        Picture(
            lambda theme: drawings().samples(rows, of.model.shape, bounds=of.model.scaling.range, theme=theme),
            f"{len(chosen)} held-out samples, what the model made of them, and the training samples nearest to that.",
            "What went in, what came out, and the training sample that this is.",
        ),
    )


def worse_than_pca(of: Examination) -> Finding | None:
    """Whether PCA with as many numbers does better, by the mean squared error.

    Limit: 1.1 times PCA's error, beyond 3 standard errors of the difference, sample by sample. A code that is drawn,
    chosen from a book, penalised, or made from damaged samples pays for what it is for with some error: such a model
    is held against PCA with one number. Where PCA leaves out less than a thousandth, it is no rival.
    """
    if of.model.restores or (not of.numeric and not any(of.model.scaling.levels)):
        return None
    part = "train" if of.held is None else "held"
    errors = of.evaluation.errors[part]
    model, pca, numbers = errors["model"].double(), errors["pca"].double(), of.baseline.size
    if not _plain(of):
        pca, numbers = _first_component(of, part), 1
    exact = float(pca.mean()) < EXACT * float(_mean_errors(of, part).mean())
    if exact or not errors_of(model - BEHIND * pca) >= SURE:
        return None
    found = float(model.mean() / pca.mean())
    means = {"model": float(model.mean()), f"PCA, {numbers} number{'s' * (numbers > 1)}": float(pca.mean())}
    size = {"code": of.code_size if of.code_size < of.varying else max(1, of.varying // 4)}
    linear = cure.possible(of, size, recipe="pca")
    return Finding(
        "worse than PCA",
        "serious",
        f"The error is {found:.1f} times that of PCA with {numbers} number{'s' * (numbers > 1)}, which needs no "
        "training.",
        found,
        "times PCA's error",
        BEHIND,
        "at most",
        "PCA itself, which is trained at once; start=pca begins where PCA is."
        if linear
        else "A longer training of a network that fits the data.",
        cure.train_again(of, size, recipe="pca") if linear else cure.train_again(of, epochs=4 * of.settings.epochs),
        Picture(
            lambda theme: drawings().bars(means, limit=None, label="mean squared error", theme=theme),
            f"Mean squared error: {', '.join(f'{name} {number(value)}' for name, value in means.items())}.",
            "The error of the model and of PCA on samples that neither was trained on.",
        ),
    )


def worse_than_nothing(of: Examination) -> Finding | None:
    """Whether a model that puts damaged samples right leaves them worse than they came, or no better.

    The mean squared error of the restored held-out samples, by that of the damaged ones. Limit: 1, from 3 standard
    errors of the difference on, sample by sample.
    """
    if not of.model.restores:
        return None
    errors = of.evaluation.errors["train" if of.held is None else "held"]
    model, nothing = errors["model"].double(), errors["nothing"].double()
    if not errors_of(model - nothing) > -SURE or not float(nothing.mean()) > 0:
        return None
    found = float(model.mean() / nothing.mean())
    means = {"restored": float(model.mean()), "as they came": float(nothing.mean())}
    told = ", ".join(f"{name} {number(value)}" for name, value in means.items())
    return Finding(
        "worse than nothing",
        "serious",
        f"Damaged samples are no better for it: the error of the restored ones is {found:.2f} times that of those that "
        "came in.",
        found,
        "times the error of doing nothing",
        1.0,
        "at most",
        "A longer training, on more samples or on patches of larger pictures; a larger network after that.",
        cure.train_again(of, epochs=max(LEAST_EPOCHS, 4 * of.settings.epochs)),
        Picture(
            lambda theme: drawings().bars(means, limit=None, label="mean squared error", theme=theme),
            f"Mean squared error: {told}.",
            "The error of samples damaged as in training, before and after.",
        ),
    )


def class_imbalance(of: Examination) -> Finding | None:
    """Whether a class that the training part has few samples of comes back much worse than the usual one.

    The mean error of the worst class, divided by the middle class's; and the same of the share of the class's
    variance that is lost, since a class that varies more has larger errors without any illness. Limit: 2.5 for the
    smaller of the two (classes differ in difficulty: on digits healthy models reach 1.9), beyond 3 standard errors. A
    class with half as many training samples as the usual one, or more, is no imbalance, but hard.
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
        f"The class {names[worst]} comes back {found:.1f} times worse than the usual one; the training part has "
        f"{count} of its samples, of the usual class {usual}.",
        found,
        "times the middle class's error",
        UNEVEN,
        "at most",
        f"Train on more samples of the class {names[worst]}, some {usual}; until then, use the model on the others.",
        "",
        Picture(
            lambda theme: drawings().bars(
                means, limit=float(UNEVEN * by_class.median()), label="mean squared error", theme=theme
            ),
            f"Mean squared error by class: {', '.join(f'{name} {number(value)}' for name, value in means.items())}.",
            f"The error of each class. Dashed: {UNEVEN:g} times the middle one's.",
        ),
    )


def _squeezed(of: Examination) -> dict[str, Any]:
    """The options of a code that has room for a quarter of the numbers that vary, or else of a corruption."""
    smaller = {"code": max(1, of.varying // 4)}
    return smaller if cure.possible(of, smaller) else {"corruption": "masking"}


def _by_damage(of: Examination) -> str:
    """The training again in which no sample comes twice; of a model that sees damaged ones already, a short one."""
    if not of.model.corruption.damages:
        return cure.train_again(of, {"corruption": "masking"})
    return cure.train_again(of, epochs=max(1, of.settings.epochs // 10))


def _plain(of: Examination) -> bool:
    """Whether nothing but the squared error, or what stands for it, was asked of the model."""
    model = of.model
    free = not model.objective.penalties and not model.corruption.damages and isinstance(model.code, Plain)
    return free and model.distance.kind in ("mse", "sse", "bce", "gaussian")


def _first_component(of: Examination, part: str) -> torch.Tensor:
    """(n,) mean squared errors of PCA with one number."""
    pca = of.baseline
    one = PCA(pca.mean, pca.components[:1], pca.variances[:1], pca.total_variance)
    return _errors(of, part, one)


def _mean_errors(of: Examination, part: str) -> torch.Tensor:
    """(n,) mean squared errors of the training part's mean."""
    pca = of.baseline
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

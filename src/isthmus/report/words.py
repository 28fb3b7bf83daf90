"""What the report says in words: the verdict, and how it comes to it."""

import math

from isthmus.formatting import number, percent
from isthmus.measures import Evaluation
from isthmus.pca import PCA
from isthmus.quantised_pca import QuantisedPCA


def verdict(found: Evaluation, code_size: int, pca_size: int, bits: float | None = None) -> str:
    """One sentence: how the model does beside PCA, by the squared error on the part to judge by.

    Of one that puts damaged samples right: how it does beside doing nothing.

    code_size, pca_size: how many numbers the model's code and PCA's have. bits: that a quantised code takes; PCA has as
    many, rounded up.
    """
    part = found.chief_part
    row = found.measures[part]["sse"]
    model, pca = row["model"], row["pca"]
    start = f"The model's squared error on the {part} part is"
    if model is None or pca is None:
        return f"{start} not a finite number: training has diverged. Lower the learning rate, or clip the gradient."
    if nothing := row.get("nothing"):
        return f"On the {part} part, damaged as in training, the restored samples' {_improved(nothing, model)}"
    with_numbers = _with_numbers(code_size, pca_size) if bits is None else _with_bits(bits)
    if pca <= 1e-6 * (row["mean"] or 1) and bits is None:
        return f"{start} {number(model)}; PCA {with_numbers} is exact there: a code this large squeezes nothing."
    if model <= 0:
        return f"The model is exact on the {part} part; PCA {with_numbers} is off by {number(pca)}."
    return f"{start} {_beside(pca / model)} PCA's {with_numbers}."


def explanation(found: Evaluation) -> str:
    """A second sentence: the shares of variance that come back; empty where they are not defined."""
    part = found.chief_part
    row = found.measures[part]["explained_variance"]
    if row["model"] is None or row["pca"] is None or "nothing" in row:
        return ""
    sentence = f"It brings back {percent(row['model'])} of the {part} part's variance, PCA {percent(row['pca'])}."
    return sentence if row["model"] > 0 else f"{sentence} It does no better than always giving the mean."


def _beside(ratio: float) -> str:
    """`ratio` is PCA's error by the model's: above 1, the model does better."""
    if 0.99 <= ratio <= 1.01:
        return "as large as"
    word, times = ("smaller than", ratio) if ratio > 1 else ("larger than", 1 / ratio)
    if times < 1.2:
        share = 1 - 1 / times if ratio > 1 else times - 1
        return f"{percent(share, 0)} {word}"
    return f"{times:.1f} times {word}" if times < 10 else f"{times:.0f} times {word}"


def _improved(nothing: float, model: float) -> str:
    """The end of a sentence on the restored samples' error beside that of doing nothing."""
    if model >= nothing:
        return f"squared error is {_beside(nothing / model)} the damaged ones': the model does harm, or nothing."
    return f"squared error is {_beside(nothing / model) if model else 'none, unlike'} the damaged ones'."


def _with_numbers(code_size: int, pca_size: int) -> str:
    if code_size == pca_size:
        return f"with the same {code_size} numbers" if code_size != 1 else "with one number too"
    return f"with {pca_size} numbers where the model's code has {code_size}"


def pca_has(pca: PCA) -> str:
    """How much PCA has for a sample, in words."""
    count, unit = (pca.bits, "bit") if isinstance(pca, QuantisedPCA) else (pca.size, "number")
    return f"{count:,} {unit}{'s' * (count != 1)}"


def _with_bits(bits: float) -> str:
    if bits == round(bits):
        return f"with the same {bits:.0f} bits" if bits != 1 else "with one bit too"
    return f"with {math.ceil(bits)} bits where the model's code has {bits:.1f}"

"""What the report says in words: the verdict, and numbers as people write them."""

import math

from isthmus.measures import Evaluation

NARROW = "\u202f"
"""A narrow space at which no line breaks."""


def verdict(found: Evaluation, code_size: int, pca_size: int, bits: float | None = None) -> str:
    """One sentence: how the model does beside PCA, by the squared error on the part to judge by.

    Of one that puts damaged samples right: how it does beside doing nothing.

    code_size, pca_size: how many numbers the model's code and PCA's have. bits: that a quantised code takes.
    """
    part = found.chief_part
    row = found.measures[part]["sse"]
    model, pca = row["model"], row["pca"]
    start = f"The model's squared error on the {part} part is"
    if model is None or pca is None:
        return f"{start} not a finite number: training has diverged. Lower the learning rate, or clip the gradient."
    if nothing := row.get("nothing"):
        return f"On the {part} part, damaged as in training, the restored samples' {_improved(nothing, model)}"
    with_numbers = _with_numbers(code_size, pca_size)
    if pca <= 1e-6 * (row["mean"] or 1):
        if bits is not None:
            return f"{start} {number(model)}, of {bits:.0f} bits; PCA {with_numbers}, not quantised, is exact there."
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


def number(value: float | None, digits: int = 3) -> str:
    """So many significant digits, but all digits before the point; a dash for what is not defined."""
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        if abs(value) < 10**digits:
            value = float(f"{value:.{digits - 1}e}")  # first, so that 9.996 becomes 10.0 and not 10.00
        decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
        return f"{value:.{decimals}f}".replace("-", "−")
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa}×10^{int(exponent)}".replace("-", "−")


def percent(share: float) -> str:
    """A share of 1 as a percentage, with a second decimal near 0 % and 100 %."""
    text = f"{100 * share:.{1 if 0.001 <= abs(share) <= 0.999 else 2}f}"
    return f"{text if float(text) else 0}{NARROW}%".replace("-", "−")


def count(value: int) -> str:
    """An integer with thin spaces between thousands."""
    return f"{value:,}".replace(",", NARROW)


def _beside(ratio: float) -> str:
    """`ratio` is PCA's error by the model's: above 1, the model does better."""
    if 0.99 <= ratio <= 1.01:
        return "as large as"
    word, times = ("smaller than", ratio) if ratio > 1 else ("larger than", 1 / ratio)
    if times < 1.2:
        share = 1 - 1 / times if ratio > 1 else times - 1
        return f"{100 * share:.0f}{NARROW}% {word}"
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

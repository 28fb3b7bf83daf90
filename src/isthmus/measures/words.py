"""An evaluation in words: the verdict and its explanation."""

import math
from collections.abc import Mapping

from isthmus.formatting import number, percent
from isthmus.measures.evaluation import Evaluation
from isthmus.ngram import NGram
from isthmus.pca import PCA
from isthmus.quantised_pca import QuantisedPCA


def verdict(found: Evaluation, code_size: int, pca_size: int, bits: float | None = None) -> str:
    """One sentence: the model compared with PCA, by the squared error on the part that decides.

    A restoring model is compared with doing nothing.

    code_size, pca_size: the dimensions of the model's code and of PCA. bits: of a quantised code; PCA has as many,
    rounded up.
    """
    part = found.chief_part
    if found.of_tokens:
        return _verdict_of_tokens(found.measures[part], part)
    row = found.measures[part]["sse"]
    model, pca = row["model"], row["pca"]
    start = f"The model's squared error on the {part} part is"
    if model is None or pca is None:
        return f"{start} not finite: training has diverged. Lower the learning rate, or clip the gradients."
    if nothing := row.get("nothing"):
        return f"On the {part} part, damaged as in training, {_improved(nothing, model)}"
    with_numbers = _with_numbers(code_size, pca_size) if bits is None else _with_bits(bits)
    if pca <= 1e-6 * (row["mean"] or 1) and bits is None:
        return f"{start} {number(model)}. PCA {with_numbers} is exact there: a code this large compresses nothing."
    if model <= 0:
        return f"The model is exact on the {part} part. The squared error of PCA {with_numbers} is {number(pca)}."
    return f"{start} {_beside(pca / model)} that of PCA {with_numbers}."


def explanation(found: Evaluation) -> str:
    """A second sentence: the explained variances; empty if they are not defined."""
    part = found.chief_part
    if found.of_tokens:
        return _explanation_of_tokens(found.measures[part])
    row = found.measures[part]["explained_variance"]
    if row["model"] is None or row["pca"] is None or "nothing" in row:
        return ""
    sentence = f"It reconstructs {percent(row['model'])} of the {part} part's variance, PCA {percent(row['pca'])}."
    return sentence if row["model"] > 0 else f"{sentence} It is no better than a model that always outputs the mean."


def _verdict_of_tokens(measures: Mapping[str, Mapping[str, float | None]], part: str) -> str:
    """The model's nats compared with those of an n-gram model, with the code's own cost if it is known."""
    row = measures.get("nats_with_code", measures["nats"])
    model, ngram = row["model"], row["n-gram"]
    start = f"On the {part} part, the model needs"
    if model is None or ngram is None:
        return f"{start} a number of nats that is not finite: training has diverged. Lower the learning rate."
    cost = " with its code's own cost" if "nats_with_code" in measures else ", given the code"
    return f"{start} {number(model)} nats a token{cost}; an n-gram model without a code needs {number(ngram)}."


def _explanation_of_tokens(measures: Mapping[str, Mapping[str, float | None]]) -> str:
    """How much of the samples the decoder writes correctly from the code alone."""
    wrong = measures.get("wrong_from_code", {}).get("model")
    if wrong is None:
        return ""
    exact = measures["exact"]["model"] or 0.0
    return (
        f"From the code alone it writes {percent(1 - wrong)} of the tokens correctly; "
        f"{percent(exact)} of the samples are exact."
    )


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
    """The end of a sentence that compares the restored samples' error with that of the damaged ones."""
    if model <= 0 < nothing:
        return "the restored samples are exact."
    sentence = f"the squared error of the restored samples is {_beside(nothing / model)} that of the damaged ones"
    return f"{sentence}: the model makes them no better." if model >= nothing else f"{sentence}."


def _with_numbers(code_size: int, pca_size: int) -> str:
    if code_size == pca_size:
        return f"with as many dimensions ({code_size})" if code_size != 1 else "with one dimension too"
    return f"with {pca_size} dimensions (the model's code has {code_size})"


def pca_has(pca: PCA | NGram) -> str:
    """The size of the baseline, in words."""
    if isinstance(pca, NGram):
        return f"n-grams up to {pca.size} tokens"
    count, unit = (pca.bits, "bit") if isinstance(pca, QuantisedPCA) else (pca.size, "component")
    return f"{count:,} {unit}{'s' * (count != 1)}"


def _with_bits(bits: float) -> str:
    if bits == round(bits):
        return f"with as many bits ({bits:.0f})" if bits != 1 else "with one bit too"
    return f"with {math.ceil(bits)} bits (the model's code has {bits:.1f})"

"""What an evaluation says."""

import pytest
import torch

from isthmus.measures import Evaluation, words
from isthmus.pca import PCA
from isthmus.quantised_pca import QuantisedPCA


def found(model: float | None, pca: float | None, mean: float = 50.0, share: float | None = 0.9) -> Evaluation:
    measures = {
        "sse": {"model": model, "pca": pca, "mean": mean},
        "explained_variance": {"model": share, "pca": 0.7, "mean": -0.01},
    }
    return Evaluation({"train": measures, "test": measures}, {"test": {"model": torch.zeros(1)}})


@pytest.mark.parametrize(("model", "pca", "says"), [
    (5.0, 13.0, "The model's squared error on the test part is 2.6 times smaller than that of PCA"),
    (5.0, 13.0, "times smaller than that of PCA with as many dimensions (32)."),
    (13.0, 5.0, "2.6 times larger than that of PCA"),
    (10.0, 11.0, "9\u202f% smaller than that of PCA"),
    (11.0, 10.0, "10\u202f% larger than that of PCA"),
    (10.0, 10.05, "is as large as that of PCA"),
    (1.0, 40.0, "40 times smaller"),
    (0.0, 4.0, "The model is exact on the test part"),
    (3.0, 0.0, "is 3. PCA with as many dimensions (32) is exact there"),
    (None, 4.0, "not finite"),
])  # fmt: skip
def test_verdict_compares_with_pca(model, pca, says):
    assert says in words.verdict(found(model, pca), 32, 32)


def test_verdict_says_where_sizes_of_codes_differ():
    assert "with 512 dimensions (the model's code has 900)." in words.verdict(found(5, 10), 900, 512)
    assert "with one dimension too" in words.verdict(found(5, 10), 1, 1)


def test_explanation_tells_shares_and_names_the_useless_model():
    assert words.explanation(found(5, 10)) == (
        "It reconstructs 90.0\u202f% of the test part's variance, PCA 70.0\u202f%."
    )
    assert words.explanation(found(60, 10, share=-0.2)).endswith("no better than a model that always outputs the mean.")
    assert words.explanation(found(5, 10, share=None)) == ""


@pytest.mark.parametrize(("model", "says"), [
    (2.0, "the squared error of the restored samples is 2.0 times smaller than that of the damaged ones."),
    (8.0, "2.0 times larger than that of the damaged ones: the model makes them no better."),
    (4.0, "as large as that of the damaged ones: the model makes them no better."),
])  # fmt: skip
def test_verdict_on_a_model_that_restores_compares_with_doing_nothing(model, says):
    restored = found(model, 1.0)
    restored.measures["test"]["sse"]["nothing"] = 4.0
    assert says in words.verdict(restored, 32, 32)
    restored.measures["test"]["explained_variance"]["nothing"] = 0.5
    assert words.explanation(restored) == ""


@pytest.mark.parametrize(("bits", "says"), [
    (36.0, "2.0 times smaller than that of PCA with as many bits (36)."),
    (59.8, "2.0 times smaller than that of PCA with 60 bits (the model's code has 59.8)."),
    (1.0, "2.0 times smaller than that of PCA with one bit too."),
])  # fmt: skip
def test_a_quantised_code_is_compared_with_pca_by_bits(bits, says):
    assert words.verdict(found(5.0, 10.0), 64, 36, bits=bits).endswith(says)


def test_what_pca_has_is_counted_in_components_or_bits():
    plain = PCA(torch.zeros(2), torch.eye(2), torch.ones(2), 2.0)
    assert words.pca_has(plain) == "2 components"
    levels = (torch.arange(4.0), torch.zeros(1))
    assert words.pca_has(QuantisedPCA(torch.zeros(2), torch.eye(2), torch.ones(2), 2.0, levels)) == "2 bits"

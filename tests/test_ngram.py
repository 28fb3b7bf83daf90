"""The n-gram model: probabilities by hand, and what it is asked for."""

import math

import pytest
import torch

from isthmus.data.samples import Samples
from isthmus.errors import DataError
from isthmus.ngram import ORDER, NGram, learn_ngrams
from vocabularies import TOKENS, rows

TEXTS = Samples(torch.tensor([[2, 3, 0, 0], [2, 4, 0, 0], [2, 3, 3, 0]], dtype=torch.uint8), kind="tokens")


def test_unigrams_are_counted_up_to_the_end_and_mixed_with_equal_shares():
    nats = learn_ngrams(TEXTS, 5).nats(torch.tensor([[2]]), 1)
    assert float(nats) == pytest.approx(-math.log((3 + 4 / 5) / (10 + 4)))  # 10 tokens, 4 kinds of them


def test_longer_contexts_are_mixed_with_shorter_ones():
    found = learn_ngrams(TEXTS, 5)
    first = float(found.nats(torch.tensor([[2, 3]]), 1)[0, 1])
    shorter = math.exp(-first)
    expected = (2 + 2 * shorter) / (3 + 2)  # after 2: 3 twice, 4 once
    assert float(found.nats(torch.tensor([[2, 3]]), 2)[0, 1]) == pytest.approx(-math.log(expected))


@pytest.mark.parametrize("order", [1, 2, ORDER])
def test_the_probabilities_of_all_next_tokens_sum_to_one(order):
    found = learn_ngrams(Samples(rows(40, 8), kind="tokens"), TOKENS)
    start = rows(5, 4, seed=3)
    total = torch.zeros(5, dtype=torch.float64)
    for token in range(TOKENS):
        text = torch.cat([start, torch.full((5, 1), float(token))], 1)
        total += (-found.nats(text, order)[:, -1]).exp()
    torch.testing.assert_close(total, torch.ones(5, dtype=torch.float64))


def test_the_most_likely_token_is_the_one_that_most_often_followed():
    found = learn_ngrams(TEXTS, 5)
    assert found.reconstruct(torch.tensor([[2, 3, 0, 0]]))[0, :2].tolist() == [2, 3]
    assert found.mean.tolist() == [2, 3, 0, 0]


def test_large_vocabularies_have_shorter_ngrams():
    assert learn_ngrams(TEXTS, 5000).size == min(ORDER, int(62 / math.log2(5001)))
    assert learn_ngrams(TEXTS, 2**20).size == 3


def test_it_comes_back_from_its_tensors():
    found = learn_ngrams(TEXTS, 5)
    again = NGram.from_tensors(found.to_tensors())
    assert torch.equal(again.nats(rows(3, 4, 5)), found.nats(rows(3, 4, 5)))


@pytest.mark.parametrize(
    "spoil", [lambda t: t.pop("tokens"), lambda t: t.pop("grams1"), lambda t: t.update(counts2=t["counts1"])]
)
def test_damaged_tensors_are_refused(spoil):
    tensors = learn_ngrams(TEXTS, 5).to_tensors()
    spoil(tensors)
    with pytest.raises(DataError, match="n-grams"):
        NGram.from_tensors(tensors)

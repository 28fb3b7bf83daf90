"""The cross-entropy of tokens up to the end."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isthmus.errors import BlueprintError
from isthmus.parts import DataSpec, Tokens
from isthmus.parts.distances.tokens import counted
from vocabularies import rows

DISTANCE = Tokens(tokens=7)


def test_each_token_costs_its_negative_log_probability_and_none_after_the_end():
    target = torch.tensor([[3.0, 2.0, 0.0, 5.0]])
    logits = torch.randn(1, 7, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    shares = logits.softmax(1)
    expected = -math.log(float(shares[0, 3, 0] * shares[0, 2, 1] * shares[0, 0, 2]))
    assert float(DISTANCE(logits, target)) == pytest.approx(expected)
    assert float(DISTANCE.elements(logits, target)[0, 3]) == 0


@given(st.integers(1, 9), st.integers(0, 99))
def test_the_probabilities_of_all_texts_of_one_length_sum_to_one(length, seed):
    length = min(length, 3)
    logits = torch.randn(1, 3, length, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    every = torch.cartesian_prod(*[torch.arange(3.0)] * length).view(-1, length)
    ended = torch.stack([row for row in every if not bool((row * (row == 0).cumsum(0)).any())])  # 0 after an end
    nats = Tokens(tokens=3)(logits.expand(len(ended), -1, -1), ended)
    assert float((-nats).exp().sum()) == pytest.approx(1)


def test_the_first_end_counts_and_what_follows_does_not():
    assert counted(torch.tensor([[2, 0, 0, 3], [2, 3, 4, 5]])).tolist() == [[1, 1, 0, 0], [1, 1, 1, 1]]


def test_the_start_is_the_log_frequency_of_each_token():
    sample = torch.tensor([[2.0, 2.0, 0.0, 0.0], [3.0, 0.0, 0.0, 0.0]])
    shares = DISTANCE.start(sample).exp()
    assert float(shares.sum()) == pytest.approx(1)
    assert shares[[0, 2, 3]].tolist() == pytest.approx([3 / 12, 3 / 12, 2 / 12])


def test_the_picture_is_the_most_likely_token():
    logits = torch.nn.functional.one_hot(rows(3, 5).long(), 7).movedim(2, 1).float()
    assert torch.equal(DISTANCE.picture(logits), rows(3, 5))


def test_the_vocabulary_comes_from_the_data():
    assert Tokens().resolve(DataSpec(tokens=11)).outputs((5,)) == (11, 5)


@pytest.mark.parametrize("sample", [torch.rand(3, 5), torch.full((3, 5), 7.0), torch.zeros(3, 2, 2)])
def test_samples_that_are_no_tokens_are_refused(sample):
    with pytest.raises(BlueprintError, match="expects tokens"):
        DISTANCE.check(sample)

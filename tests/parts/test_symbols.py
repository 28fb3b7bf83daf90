"""Posteriors of symbols: their entropy, KL and probabilities against sums over all values."""

import itertools
import math

import pytest
import torch

from isthmus.parts.symbols import BitPosterior, SymbolPosterior, drawn_symbols


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_largest_of_a_draw_is_distributed_like_the_softmax_and_a_low_temperature_leaves_it_alone():
    logits = torch.tensor([[1.0, 0.0, -1.0], [0.0, 2.0, 0.5]], dtype=torch.float64)
    count = 20_000
    waits = torch.empty(2, count, 3, dtype=torch.float64).exponential_(generator=seeded())
    noisy, soft = drawn_symbols(logits, -waits.log(), 1e-4)
    shares = torch.nn.functional.one_hot(noisy.argmax(1), 3).view(count, 2, 3).double().mean(0)
    # four standard errors of a share of one half
    torch.testing.assert_close(shares, logits.softmax(1), atol=4 * 0.5 / math.sqrt(count), rtol=0)
    assert float((soft.max(1).values > 0.99).double().mean()) > 0.99


def test_the_kl_of_a_categorical_to_equal_shares_is_the_sum_over_its_values():
    logits = 3 * torch.randn(4, 3, 5, generator=seeded(), dtype=torch.float64)
    shares = logits.softmax(2)
    expected = (shares * (shares.log() - math.log(1 / 5))).sum(2)
    torch.testing.assert_close(SymbolPosterior(logits).kl(), expected)
    torch.testing.assert_close(SymbolPosterior(logits).entropy(), math.log(5) - expected)
    assert SymbolPosterior(torch.zeros(1, 1, 5)).kl().abs().max() < 1e-6


def test_the_kl_of_bits_to_fair_ones_is_the_sum_over_both_values():
    logits = 3 * torch.randn(4, 2, 3, generator=seeded(), dtype=torch.float64)
    on = logits.sigmoid()
    expected = on * (2 * on).log() + (1 - on) * (2 * (1 - on)).log()
    torch.testing.assert_close(BitPosterior(logits).kl(), expected.flatten(1))
    assert bool(BitPosterior(1e4 * logits).kl().isfinite().all())


@pytest.mark.parametrize("length", [1, 2, 5])
def test_the_usage_of_vectors_of_bits_is_the_mean_of_their_joint_distributions(length):
    logits = torch.randn(3, 2, length, generator=seeded(), dtype=torch.float64)
    on = logits.sigmoid().flatten(0, 1)
    expected = torch.zeros(2**length, dtype=torch.float64)
    for bits in itertools.product((0, 1), repeat=length):
        number = sum(bit << place for place, bit in enumerate(bits))
        chosen = torch.tensor(bits, dtype=torch.float64)
        expected[number] = (chosen * on + (1 - chosen) * (1 - on)).prod(1).mean()
    torch.testing.assert_close(BitPosterior(logits).usage(), expected)
    assert BitPosterior(logits).values == 2**length


def test_probabilities_of_all_codes_add_up_to_1_and_are_laid_out_like_the_code():
    logits = torch.randn(2, 4, 3, generator=seeded(), dtype=torch.float64)  # two positions of two variables each
    posterior, total = SymbolPosterior(logits), torch.zeros(2, dtype=torch.float64)
    for values in itertools.product(range(3), repeat=4):
        hot = torch.nn.functional.one_hot(torch.tensor(values), 3).double()  # (4, 3), position by position
        z = hot.view(2, 6).T[None].expand(2, -1, -1)  # (N, C, T)
        total += posterior.log_prob(z).exp()
    torch.testing.assert_close(total, torch.ones(2, dtype=torch.float64))
    bits, total = BitPosterior(logits[:, :1]), torch.zeros(2, dtype=torch.float64)
    for values in itertools.product((0.0, 1.0), repeat=3):
        total += bits.log_prob(torch.tensor(values, dtype=torch.float64).expand(2, 3)).exp()
    torch.testing.assert_close(total, torch.ones(2, dtype=torch.float64))

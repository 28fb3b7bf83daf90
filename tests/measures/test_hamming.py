"""Hamming distances of packed words, against a plain count."""

import numpy as np
import pytest

from isthmus.measures.hamming import nearest_bits, pack


@pytest.mark.parametrize("width", [1, 8, 60, 64, 65, 300])
def test_the_nearest_codes_are_those_of_a_plain_count_and_the_first_of_equals(width):
    random = np.random.default_rng(0)
    bits, asked = random.integers(0, 2, (500, width)), random.integers(0, 2, (3, width))
    distances, rows = nearest_bits(pack(bits), pack(asked), 7)
    for query, apart, found in zip(asked, distances, rows, strict=True):
        plain = (bits != query).sum(1)
        order = np.argsort(plain, kind="stable")[:7]
        assert found.tolist() == order.tolist()
        assert apart.tolist() == plain[order].tolist()


def test_there_are_no_more_matches_than_codes():
    packed = pack(np.eye(3, 16))
    distances, rows = nearest_bits(packed, packed[:1], 10)
    assert (distances.tolist(), rows.tolist()) == ([[0, 2, 2]], [[0, 1, 2]])

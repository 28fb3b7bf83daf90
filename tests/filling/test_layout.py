"""The wide layout: standardised numbers and indicators of categories."""

import torch

from isthmus.filling.layout import Layout

ROWS = torch.tensor([[1.0, 0.0, 5.0], [3.0, 2.0, torch.nan], [torch.nan, torch.nan, 5.0]], dtype=torch.float64)


def test_rows_come_back():
    layout = Layout.learn(ROWS, (0, 3, 0))
    values, known = layout.wide(ROWS)
    assert values.shape == (3, 5)
    assert known.tolist() == [[True] * 5, [True] * 4 + [False], [False] * 4 + [True]]
    there = ~ROWS.isnan()
    assert torch.allclose(layout.scaled(values)[there], ROWS[there])


def test_numbers_are_standardised_and_a_constant_keeps_its_size():
    layout = Layout.learn(ROWS, (0, 3, 0))
    assert layout.wide(ROWS)[0][:, 0].tolist() == [-1.0, 1.0, 0.0]
    assert layout.spread.tolist() == [1.0, 1.0, 1.0]


def test_an_unknown_category_counts_as_a_hole():
    layout = Layout.learn(ROWS, (0, 3, 0))
    _, known = layout.wide(torch.tensor([[1.0, 3.0, 5.0]]))
    assert known.tolist() == [[True, False, False, False, True]]


def test_a_column_without_a_known_number_is_left_at_zero():
    layout = Layout.learn(torch.full((4, 1), torch.nan), (0,))
    assert (layout.centre.tolist(), layout.spread.tolist()) == ([0.0], [1.0])

"""The distance for tables: each column's own loss, held against a second implementation."""

import math

import numpy as np
import pytest
import torch

from isthmus.errors import BlueprintError
from isthmus.parts import Columns, DataSpec
from isthmus.parts.distances.columns import constant_costs

LEVELS = (0, 2, 4, 1, 0)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def rows(count: int = 50) -> torch.Tensor:
    numbers = torch.randn(count, 5, generator=generator(), dtype=torch.float64) * 3
    for place, levels in enumerate(LEVELS):
        if levels:
            numbers[:, place] = torch.randint(0, levels, (count,), generator=generator(place)).double()
    return numbers


def test_each_column_has_its_own_loss():
    target, output = rows(), torch.randn(50, 8, generator=generator(1), dtype=torch.float64)
    found = Columns(levels=LEVELS).elements(output, target).numpy()
    x, o = target.numpy(), output.numpy()
    logit, logits = o[:, 1], o[:, 2:6]
    right = 1 / (1 + np.exp(-logit))
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = np.stack([
        (o[:, 0] - x[:, 0]) ** 2,
        -np.log(np.where(x[:, 1] == 1, right, 1 - right)),
        -np.log(shares[np.arange(50), x[:, 2].astype(int)]),
        np.zeros(50),
        (o[:, 7] - x[:, 4]) ** 2,
    ], 1)  # fmt: skip
    assert np.allclose(found, expected)


def test_the_best_constant_costs_one_in_every_column():
    target = rows(400)
    costs = constant_costs(target, LEVELS)
    distance = Columns().resolve(DataSpec(levels=LEVELS, constant_costs=costs))
    shares = torch.bincount(target[:, 2].long(), minlength=4).double() / 400
    half = target[:, 1].mean()
    constants = [
        target[:, :1].mean(0),
        (half / (1 - half)).log()[None],
        shares.log(),
        torch.zeros(1),
        target[:, 4:].mean(0),
    ]
    means = distance.elements(torch.cat(constants).expand(400, -1), target).mean(0)
    torch.testing.assert_close(means, torch.tensor([1.0, 1, 1, 0, 1], dtype=torch.float64), atol=1e-5, rtol=0)


def test_costs_leave_out_what_is_missing_and_are_one_where_nothing_varies():
    nan = torch.nan
    sample = torch.tensor([[1.0, 0.0, 2.0], [3.0, 1.0, 2.0], [nan, nan, 2.0]])
    assert constant_costs(sample, (0, 2, 0)) == pytest.approx((1.0, math.log(2), 1.0))


def test_the_picture_is_numbers_and_the_likeliest_categories():
    output = torch.tensor([[7.0, -0.1, 0.0, 3.0, 1.0, 2.0, 9.0, -4.0], [1.0, 0.1, 5.0, 3.0, 1.0, 2.0, -9.0, 4.0]])
    assert Columns(levels=LEVELS).picture(output).tolist() == [[7, 0, 1, 0, -4], [1, 1, 0, 0, 4]]


def test_it_starts_at_the_means_and_with_no_category_preferred():
    distance = Columns(levels=LEVELS)
    output = distance.output(rows(3).float())
    assert output.shape == (3, *distance.outputs((5,)))
    assert not output[:, 1:7].any()


def test_numbers_alone_need_no_levels():
    distance, x = Columns(), torch.randn(4, 3, generator=generator())
    assert distance.outputs((3,)) == (3,)
    assert torch.equal(distance.picture(distance.output(x)), x)
    torch.testing.assert_close(distance(x + 2, x), torch.full((4,), 4.0))


def test_what_is_not_known_does_not_count():
    target, output = rows(), torch.randn(50, 8, generator=generator(1), dtype=torch.float64)
    observed = torch.rand(50, 5, generator=generator(2)) < 0.6
    distance = Columns(levels=LEVELS)
    elements = distance.elements(output, target)
    expected = [float(row[keep].mean()) if keep.any() else 0.0 for row, keep in zip(elements, observed, strict=True)]
    assert distance(output, torch.where(observed, target, 0), observed).tolist() == pytest.approx(expected)


def test_what_is_no_table_or_no_category_is_refused():
    with pytest.raises(BlueprintError, match="expects rows of a table"):
        Columns().check(torch.rand(3, 1, 4, 4))
    with pytest.raises(BlueprintError, match="Column 1 has the categories 0 to 1"):
        Columns(levels=LEVELS).check(rows() + 1)

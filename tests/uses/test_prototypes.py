"""Prototypes against a plain loop over them, in the units of robust ranges, with and without holes and categories."""

import numpy as np
import pyarrow as pa
import pytest
import torch

import isthmus as ist
from isthmus.uses import prototypes as module
from isthmus.uses.prototypes import Numbers, Prototypes


def prototypes(model, train, reference, **words):
    return Prototypes(Numbers(model, train), train, reference, **words)


def test_distances_are_those_from_the_nearest_of_each_set(table, monkeypatch):
    monkeypatch.setattr(module, "MEMBERS", 2)
    run, _ = table
    near = prototypes(run.model, run.data.train, run.data.test)
    unit = near.numbers.unit
    train = run.model.scaling(run.data.train.tensor()).double() / unit
    test = run.model.scaling(run.data.test.tensor()).double() / unit
    generator = torch.Generator().manual_seed(0)
    drawn = [torch.randperm(len(train), generator=generator)[:8] for _ in range(2)]
    half = torch.ones(train.shape[1])
    half[torch.randperm(train.shape[1], generator=generator)[: train.shape[1] // 2]] = 0
    for member, (rows, seen) in enumerate(zip(drawn, (torch.ones_like(half), half), strict=True)):
        squares = ((test[:, None] - train[rows]).square() * seen).sum(2) / seen.sum()
        found = near.distances(run.data.test.tensor())[:, member]
        assert found.numpy() == pytest.approx(squares.amin(1).numpy(), rel=1e-6, abs=1e-9)


def test_units_are_standard_deviations_without_the_tails():
    generator = np.random.default_rng(0)
    normal, few = generator.normal(size=2000), np.where(np.arange(2000) < 40, 1.0, 0.0)
    tailed = generator.normal(size=2000)
    tailed[:40] *= 10
    data = ist.open_data(np.stack([normal, tailed, few], 1), kind="table", scaling="standardise", test=0, validation=0)
    run = ist.fit(ist.recipe("deep", code=1).build(data), data, epochs=1, progress=False)
    unit = prototypes(run.model, data.train, data.train).numbers.unit * data.scaling.scale.flatten().double()
    assert unit[:2].numpy() == pytest.approx([1, 1], rel=0.1)
    assert tailed.std() > 1.5
    assert unit[2].item() == pytest.approx(few.std(), rel=1e-3)  # a column with few values has no such range


def test_holes_leave_the_distance_to_the_other_numbers():
    generator = np.random.default_rng(0)
    values = generator.normal(size=(200, 4))
    data = ist.open_data(values, kind="table", missing="keep", test=0, validation=0)
    run = ist.fit(ist.recipe("table", code=2).build(data), data, epochs=1, progress=False)
    near = prototypes(run.model, data.train, data.train)
    raw = torch.as_tensor(values[:20], dtype=torch.float32)
    whole = near.distances(raw)
    holed = raw.clone()
    holed[:, 1] = torch.nan
    assert bool(near.distances(holed).isfinite().all())
    assert not torch.allclose(near.distances(holed), whole)
    several = torch.cat([holed, raw])  # holes of some rows change nothing in the others
    assert near.distances(several)[20:].numpy() == pytest.approx(whole.numpy(), rel=1e-9, abs=1e-9)


def test_different_categories_are_one_standard_deviation_apart():
    table = pa.table({"kind": ["a", "b"] * 100})
    data = ist.open_data(table, test=0, validation=0)
    run = ist.fit(ist.recipe("table", code=1).build(data), data, epochs=1, progress=False)
    numbers = Numbers(run.model, data.train)(torch.tensor([[0.0], [1.0], [torch.nan]]))
    assert float((numbers[0] - numbers[1]).square().sum()) == pytest.approx(1)
    assert bool(numbers[2].isnan().all())


@pytest.mark.parametrize("rows", [4, 40])
def test_few_training_samples_are_not_all_prototypes_of_a_set(rows):
    values = np.random.default_rng(0).normal(size=(rows, 3))
    data = ist.open_data(values, kind="table", test=0, validation=0)
    run = ist.fit(ist.recipe("deep", code=1).build(data), data, epochs=1, progress=False)
    near = prototypes(run.model, data.train, data.train)
    assert near.size == min(8, rows // 2)
    assert bool(near(data.train.tensor()).isfinite().all())
    assert prototypes(run.model, data.train, data.train, clean=True).size == rows // 2


def test_a_sample_among_others_is_exactly_0_from_itself():
    values = np.random.default_rng(0).normal(100, 1, size=(60, 7))
    data = ist.open_data(values, kind="table", scaling="none", test=0, validation=0)
    run = ist.fit(ist.recipe("deep", code=1).build(data), data, epochs=1, progress=False)
    near = prototypes(run.model, data.train, data.train)
    whole = near.distances(data.train.tensor())
    one_by_one = torch.cat([near.distances(row[None]) for row in data.train.tensor()])
    assert bool(((whole == 0) == (one_by_one == 0)).all())
    assert bool((whole == 0).any())

"""Samples by their places, one after another, and in batches for the loops of others."""

import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus.data import Samples
from isthmus.errors import DataError


@pytest.fixture(scope="module")
def data():
    return ist.open_data("digits")


def test_a_place_is_a_sample_and_several_are_samples(data):
    train = data.train
    assert torch.equal(train[0], train.tensor()[0])
    assert torch.equal(train[-1], train.tensor()[-1])
    assert torch.equal(train[np.int64(3)], train[3])
    for chosen in (slice(2, 8, 2), [2, 4, 6], torch.tensor([2, 4, 6]), np.isin(np.arange(len(train)), [2, 4, 6])):
        some = train[chosen]
        assert isinstance(some, Samples)
        assert torch.equal(some.tensor(), train.tensor()[[2, 4, 6]])
        assert some.labels is not None
        assert torch.equal(some.labels, train.labels[[2, 4, 6]])
    assert len(train[[]]) == len(train[5:5]) == 0
    with pytest.raises(IndexError, match=f"no sample {len(train)}"):
        train[len(train)]


def test_iteration_gives_each_sample_once(data, tmp_path):
    np.save(tmp_path / "x.npy", data.test.tensor().numpy())
    mapped = ist.read_samples(tmp_path / "x.npy", memory_map=True, kind="pictures")
    for samples in (data.test, mapped):
        assert torch.equal(torch.stack(list(samples)), samples.tensor())


def test_a_loader_gives_every_sample_scaled(data):
    batches = list(data.train.loader(100, scaling=data.scaling))
    assert [len(batch) for batch in batches] == [100] * 14 + [37]
    assert torch.equal(torch.cat(batches), data.scaling(data.train.tensor()))
    assert next(iter(data.train.loader(4))).dtype == torch.uint8


def test_a_shuffling_loader_repeats_its_orders_by_seed_and_leaves_the_global_state(data):
    state = torch.get_rng_state()
    one, other = (data.train.loader(64, shuffle=True, seed=3) for _ in range(2))
    first, second = torch.cat(list(one)), torch.cat(list(one))
    assert torch.equal(torch.cat(list(other)), first)
    assert not torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_loader_gives_labels_if_they_are_wanted(data):
    batch, labels = next(iter(data.train.loader(8, labels=True, shuffle=True, drop_last=True)))
    for sample, label in zip(batch, labels, strict=True):
        same = (data.train.tensor() == sample).flatten(1).all(1)
        assert label in data.train.labels[same]
    with pytest.raises(DataError, match="have no labels"):
        Samples(torch.zeros(3, 2)).loader(labels=True)
    with pytest.raises(DataError, match="rejects these options"):
        data.train.loader(8, workers=3)


def test_a_loader_trains_a_foreign_model(data):
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 8), torch.nn.Linear(8, 64))
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    losses = []
    for batch in data.train.loader(128, shuffle=True, scaling=data.scaling):
        loss = (model(batch) - batch.flatten(1)).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]

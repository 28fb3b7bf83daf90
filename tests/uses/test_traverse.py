"""Traversing: order and figures against a linear model's closed form, what is told of each kind of data, wrong use."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import isthmus as ist
from isthmus.errors import DataError, UseError
from isthmus.training import Settings
from isthmus.uses.traverse import section
from rounding import through_network

WEIGHTS = torch.tensor([[0.0, 2.0, 0.0], [0.0, 0.0, 0.5], [0.0, -1.0, 0.0], [0.0, 0.0, 0.0]])
"""The output's four columns by the code's three numbers: the first does nothing, the second most."""


@pytest.fixture(scope="module")
def linear() -> ist.Run:
    """A decoder of known weights, on a table of four columns."""
    values = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    data = ist.open_data(pd.DataFrame(values, columns=["up", "little", "down", "still"]), scaling="none")
    encoder, decoder = nn.Linear(4, 3, bias=False), nn.Linear(3, 4)
    with torch.no_grad():
        encoder.weight.copy_(torch.eye(4)[:3])
        decoder.weight.copy_(WEIGHTS)
    model = ist.Autoencoder(encoder, decoder, shape=(4,), scaling=data.scaling)
    return ist.Run(model.eval(), Settings(), data=data, description=data.description)


def test_changes_and_their_order_are_those_of_the_closed_form(linear):
    found = ist.traverse(linear, steps=5)
    assert [move.number for move in found.moves] == [1, 2, 0]
    assert found.idle == (0,)
    codes = linear.data.train.tensor()[:, :3]
    low, high = codes.quantile(torch.tensor([0.02, 0.98]), 0)
    for move in found.moves:
        reach = float(high[move.number] - low[move.number])
        assert move.values.tolist() == pytest.approx(
            torch.linspace(low[move.number], high[move.number], 5).tolist(), abs=1e-6
        )
        # three evenly spaced values have a standard deviation of reach / sqrt(6)
        assert move.change == pytest.approx(
            reach / 6**0.5 * float(WEIGHTS[:, move.number].square().mean().sqrt()), abs=1e-6
        )


def test_a_table_names_the_columns_that_move_and_from_what_to_what(linear):
    first, second, idle = ist.traverse(linear, "test:0").moves
    columns = first.effect.figures["columns"]
    assert [column["column"] for column in columns] == ["up", "down"]
    assert columns[0]["high"] - columns[0]["low"] == pytest.approx(
        2 * float(first.values[-1] - first.values[0]), rel=1e-4
    )
    assert columns[1]["high"] < columns[1]["low"]
    assert second.effect.words.startswith("little ")
    assert idle.effect.words == "does nothing"


def test_the_others_stay_and_the_sample_is_the_one_asked_for(linear):
    move = ist.traverse(linear, "test:3", numbers=[1]).moves[0]
    code = linear.encode(linear.data.test.take([3]))[0]
    code[1] = move.values[2]
    assert torch.allclose(move.samples[2], linear.decode(code)[0])


def test_the_numbers_that_matter_most_rebuild_the_data_best(vae):
    order = [move.number for move in ist.traverse(vae).moves]
    codes, middle = vae.encode(vae.data.test), vae.encode(vae.data.train).mean(0)
    given = vae.data.test.tensor().float()

    def error(kept: list[int]) -> float:
        only = middle.expand_as(codes).clone()
        only[:, kept] = codes[:, kept]
        return float((vae.decode(only) - given).square().mean())

    assert error(order[:2]) < 0.9 * error(order[-2:])
    assert error(order) <= error(order[:3])


def test_the_kl_is_that_of_the_gaussian_and_can_order(vae):
    found = ist.traverse(vae, by="kl")
    train = vae.data.train
    with torch.no_grad():
        posterior = vae.model(train.tensor()).code.distribution
    expected = posterior.kl().mean(0)
    costs = [move.kl or 0.0 for move in found.moves]
    assert costs == sorted(costs, reverse=True)
    for move in found.moves:
        assert move.kl == pytest.approx(float(expected[move.number]), rel=1e-3)


def test_pictures_tell_where_they_grow_brighter_and_the_heat_picture_agrees(vae):
    move = ist.traverse(vae, "test:3").moves[0]
    gained = (move.samples[-1] - move.samples[0])[0]
    told = move.effect.figures["brighter"]
    weights = gained.clamp(min=0).square()
    assert told["row"] == pytest.approx(float((weights.sum(1) * torch.arange(8.0)).sum() / weights.sum()), rel=1e-3)
    assert move.where.shape == (1, 8, 8)
    assert "pixels" in move.effect.words


def test_series_tell_their_steps_and_maps_of_codes_are_counted_flat(barely):
    rows = np.sin(np.linspace(0, 9, 40) + np.random.default_rng(0).uniform(0, 9, 60)[:, None]).astype(np.float32)
    run = barely("series", ist.open_data(rows, kind="series"), code=2)
    first, last = ist.traverse(run).moves[0].effect.figures["steps"]
    assert 0 <= first <= last < 40
    conv = barely("conv", ist.open_data("digits"))
    found = ist.traverse(conv, most=3, steps=3)
    assert found.size == int(np.prod(conv.model.code_shape))
    assert found.moves[0].samples.shape == (3, 1, 8, 8)
    assert found.draw().get_size_inches()[0] > 5


def test_a_unit_that_is_mostly_silent_goes_from_its_smallest_to_its_largest(barely):
    run = barely("k-sparse", ist.open_data("digits"), code=400)
    codes = run.encode(run.data.train).flatten(1)
    rare = int(((codes != 0).float().mean(0) - 0.01).abs().argmin())
    move = ist.traverse(run, numbers=[rare], steps=2).moves[0]
    expected = [float(codes[:, rare].min()), float(codes[:, rare].max())]
    assert move.values.tolist() == pytest.approx(expected, abs=through_network(float(codes.max())))


def test_a_model_that_is_told_labels_moves_with_the_sample_s_own(barely):
    run = barely("cvae", ist.open_data("digits"), code=2)
    sample = run.data.test.take([4])
    move = ist.traverse(run, "test:4", numbers=[0]).moves[0]
    code = run.encode(sample)[0]
    code[0] = move.values[0]
    assert torch.allclose(move.samples[0], run.decode(code, sample.labels)[0], atol=1e-4)


def test_what_cannot_be_done_is_refused_with_what_to_do_instead(vae, linear, barely):
    with pytest.raises(DataError, match="no latent dimension 6: it has 6 \\(0 to 5\\)"):
        ist.traverse(vae, numbers=[6])
    with pytest.raises(UseError, match="code has no KL"):
        ist.traverse(linear, by="kl")
    with pytest.raises(DataError, match="expected 2 to 1,000 steps"):
        ist.traverse(vae, steps=1)
    run = barely("fsq", ist.open_data("digits"), code=8)
    with pytest.raises(UseError, match=r"quantised.*Train a model such as vae\.$"):
        ist.traverse(run)
    assert section(run) is None


def test_all_is_json_and_the_report_shows_it(vae):
    assert json.loads(json.dumps(ist.traverse(vae).to_json()))["numbers"][0]["does"]
    shown = section(vae)
    assert shown is not None
    assert "pixels" in shown.words[0]

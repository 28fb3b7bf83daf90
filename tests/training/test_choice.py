"""What a training leaves open is chosen by the model and the data alone, and what is given stays."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import isthmus as ist
from isthmus.training import Callback, Settings, choice
from isthmus.training.choice import chosen, in_words, seconds_a_step


def table(count: int = 400, width: int = 6) -> ist.Data:
    draw = np.random.default_rng(0)
    return ist.open_data((draw.normal(size=(count, 2)) @ draw.normal(size=(2, width))).astype(np.float32))


@pytest.fixture(scope="module")
def data() -> ist.Data:
    return table()


@pytest.fixture
def short(monkeypatch):
    """So that a training by default takes a moment."""
    monkeypatch.setattr(choice, "STEPS", 30)
    monkeypatch.setattr(choice, "PASSES", 2)


def build(data: ist.Data, name: str = "deep", **options) -> ist.Autoencoder:
    return ist.recipe(name, **options).build(data, remarks=False)


def test_with_epochs_given_nothing_is_chosen(data):
    assert chosen(build(data), data.train, {"epochs": 3}) == Settings(epochs=3)


def test_the_same_model_and_data_get_the_same_settings(data):
    assert chosen(build(data), data.train, {}) == chosen(build(data), data.train, {})


def test_small_data_get_the_steps_that_are_asked_for():
    series = ist.open_data(np.random.default_rng(0).normal(size=(400, 1, 6)).astype(np.float32), kind="series")
    settings = chosen(build(series), series.train, {})
    assert isinstance(settings.batch_size, int)
    steps = settings.epochs * -(-len(series.train) // settings.batch_size)
    assert choice.STEPS <= steps < choice.STEPS + len(series.train)
    assert (settings.schedule, settings.patience) == ("cosine", settings.epochs // 3)


@pytest.mark.parametrize(("count", "width"), [(1000, 20), (4000, 20)])
def test_four_times_the_numbers_of_a_table_are_given_twice_the_work(count, width):
    some = table(count, width)
    settings, batch = chosen(model := build(some), some.train, {}), choice.batch_size("table", len(some.train))
    steps = settings.epochs * -(-len(some.train) // batch)
    assert settings.batch_size == batch
    limit = 2 * (len(some.train) * width / 20_000) ** 0.5
    assert steps > choice.TABLE_STEPS
    assert 0.9 * limit < steps * seconds_a_step(model, some.train, batch) <= limit


def test_a_tiny_table_gets_a_second_and_a_huge_one_two_minutes():
    assert choice.limit_seconds("table", 8, 2) == 1.0
    assert choice.limit_seconds("table", 16_000, 20) == pytest.approx(8.0)
    assert choice.limit_seconds("table", 10**9, 20) == 120.0


def test_a_model_whose_steps_take_long_gets_longer_for_a_table(data, monkeypatch):
    model = build(data, "iwae")
    steps, step = -(-len(data.train) // 32), seconds_a_step(model, data.train, 32)
    monkeypatch.setattr(choice, "TABLE_STEPS", 100)
    for limit, wanted in ((10 * step, 30), (50 * step, 100), (200 * step, 200)):
        monkeypatch.setattr(choice, "LEAST_TABLE_SECONDS", limit * 1.001)
        monkeypatch.setattr(choice, "TABLE_SECONDS", 0)
        assert chosen(model, data.train, {}).epochs == wanted // steps


@given(st.integers(1, 10**7))
def test_batches_of_a_table_are_powers_of_two_that_make_few_steps_an_epoch(count):
    batch = choice.batch_size("table", count)
    assert batch in {32, 64, 128, 256, 512, 1024, 2048}
    assert -(-count // batch) <= 16 or batch >= 256
    assert batch <= max(32, count)
    assert -(-count // batch) <= max(1024 * 2, -(-count // 2048))


def test_a_single_graph_gets_the_steps_of_its_own_work_and_not_of_a_batch_of_graphs():
    graph = ist.open_data("karate-club")
    settings = chosen(ist.recipe("vgae").build(graph), graph.train, {})
    assert settings.epochs > 1000, "an epoch is one step here"


def test_what_is_given_stays(data):
    own = {"batch_size": 7, "schedule": "linear", "learning_rate": 0.01, "patience": None, "seed": 3, "clip": 1.0}
    settings = chosen(build(data), data.train, own)
    assert {name: getattr(settings, name) for name in own} == own
    model = build(data)
    a_second = seconds_a_step(model, data.train, 7) * -(-len(data.train) // 7)
    assert settings.epochs == int(choice.TABLE_STEPS * a_second / -(-len(data.train) // 7) / a_second)


def test_more_work_than_the_limit_means_fewer_epochs(data, monkeypatch):
    model = build(data)
    steps = -(-len(data.train) // 32)
    monkeypatch.setattr(choice, "MOST_SECONDS", 5 * steps * seconds_a_step(model, data.train, 32) * 1.001)
    assert chosen(model, data.train, {}).epochs == 5
    monkeypatch.setattr(choice, "MOST_SECONDS", 1e-9)
    assert chosen(model, data.train, {}).epochs == 1


def test_a_wider_network_and_a_larger_batch_are_more_work(data):
    narrow, wide = build(data), build(data, widths=(2000, 2000))
    assert seconds_a_step(wide, data.train, 32) > seconds_a_step(narrow, data.train, 32)
    assert seconds_a_step(wide, data.train, 64) > seconds_a_step(wide, data.train, 32)


def test_short_texts_are_less_work():
    longer = ist.open_data(["abcdef" * 5] * 40, kind="text")
    shorter = ist.open_data(["abcdef"] * 39 + ["abcdef" * 5], kind="text", validation=0, test=0)
    model = build(longer, "text-vae", code=4, widths=[8], embedding=4)
    assert shorter.train.shape == longer.train.shape
    assert seconds_a_step(model, shorter.train, 32) < 0.5 * seconds_a_step(model, longer.train, 32)


def test_long_texts_are_trained_for_more_than_one_epoch():
    lines = ["the quick brown fox jumps over it"] * 25_000 + ["x" * 63]  # about as many and as long as Shakespeare's
    texts = ist.open_data(lines, kind="text", validation=0, test=0)
    assert chosen(build(texts, "text-vae"), texts.train, {}).epochs > 1


def test_counting_the_work_leaves_model_and_global_state_alone(data):
    model = build(data, "vae").train()
    before, weights = torch.random.get_rng_state(), [weight.clone() for weight in model.parameters()]
    seconds_a_step(model, data.train, 32)
    assert model.training
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(one, other) for one, other in zip(weights, model.parameters(), strict=True))


def test_a_model_with_a_rival_is_not_stopped_early(data):
    assert chosen(build(data, "aae"), data.train, {}).patience is None


def test_the_choice_is_said_in_one_line(data):
    words = in_words(build(data, code=2), Settings(epochs=12, batch_size=32, learning_rate=0.003, schedule="cosine"))
    assert words == "code 2, 12 epochs of batches of 32, cosine from 0.003"


def test_a_resumed_default_run_equals_an_unbroken_one(data, short, tmp_path, capsys):
    class StopAfterOne(Callback):
        def epoch_end(self, training):
            training.stop("interrupted")

    whole = ist.fit(build(data), data, out=tmp_path / "whole")
    assert f"Chosen: {in_words(whole.model, whole.settings)}; change with epochs=" in capsys.readouterr().err
    ist.fit(build(data), data, out=tmp_path / "broken", progress=False, callbacks=[StopAfterOne()])
    again = ist.resume(tmp_path / "broken", data=data, progress=False)
    assert again.settings == whole.settings
    assert [row["loss"] for row in again.history] == [row["loss"] for row in whole.history]


def test_the_same_default_run_is_not_done_twice(data, short, tmp_path):
    from isthmus.fitting import fit_once

    first = fit_once(build(data), data, out=tmp_path / "run", progress=False)
    assert fit_once(build(data), data, out=tmp_path / "run", progress=False).history == first.history

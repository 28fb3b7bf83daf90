"""What was chosen for a run, and why, is recorded with it."""

import numpy as np
import pytest

import isthmus as ist
from isthmus.trained.choices import BY_HAND
from isthmus.training import choice


def table(count: int = 200, width: int = 6) -> ist.Data:
    draw = np.random.default_rng(0)
    return ist.open_data((draw.normal(size=(count, 2)) @ draw.normal(size=(2, width))).astype(np.float32))


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """So that a training by default takes a moment."""
    monkeypatch.setattr(choice, "LEAST_TABLE_SECONDS", 0.03)
    monkeypatch.setattr(choice, "TABLE_SECONDS", 0.03)


def fitted(data: ist.Data, recipe: str = "deep", out=None, options=None, **settings) -> ist.Run:
    return ist.fit(ist.recipe(recipe, **options or {}).build(data), data, out=out, progress=False, **settings)


def rows(run: ist.Run) -> dict[str, tuple[str, str, str]]:
    return {row.what: (row.value, row.why, row.option) for row in run.choices()}


def test_a_choice_has_its_value_its_reason_and_its_option():
    run = fitted(table())
    said = rows(run)
    assert said["Code"] == ("2 dimensions", "as many principal components explain 75\u202f% of the variance", "code=")
    assert said["Hidden layers"][0] == "64, 32"
    assert said["Epochs"][0].startswith(f"at most {run.settings.epochs}")
    assert "of work on two cores is the limit" in said["Epochs"][1]
    assert said["Batch"] == ("32 samples", "5 steps an epoch", "batch_size=")
    assert said["Scaling"][0] == "standardise"
    assert said["Noise"][0] == "none"
    assert set(said) >= {"Start", "Learning rate", "Early stopping", "Regularisation"}


def test_what_you_give_is_said_to_be_given():
    said = rows(fitted(table(), options={"code": 3, "widths": [8]}, epochs=2, batch_size=64))
    for name, value in (("Code", "3 dimensions"), ("Hidden layers", "8"), ("Batch", "64 samples")):
        assert said[name][:2] == (value, BY_HAND)
    assert said["Epochs"][1] == said["Learning rate"][1] == BY_HAND
    assert said["Early stopping"][0] == "off"


@pytest.mark.parametrize(
    ("count", "width", "why"),
    [
        (12, 30, "every 4 of the 10 training samples"),
        (400, 3, "half of the 3 numbers"),
        (800, 90, "the recipe's limit"),
    ],
)
def test_the_bound_that_decides_the_size_of_the_code_is_named(count, width, why):
    rough = ist.open_data(np.random.default_rng(0).normal(size=(count, width)).astype(np.float32))
    assert why in rows(fitted(rough))["Code"][1]


def test_few_validation_samples_are_said_to_be_a_rough_guess():
    assert rows(fitted(table(30)))["Early stopping"][1].startswith("only 3 validation samples")
    data = ist.open_data(table(30).train.tensor().numpy(), validation=0.0)
    assert rows(fitted(data))["Early stopping"][0] == "off"


def test_a_corruption_and_penalties_are_stated():
    said = rows(fitted(table(), "table"))
    assert said["Noise"][0].startswith("hide, share 0.3")
    assert "kl" in rows(fitted(table(), "vae"))["Regularisation"][0]


def test_the_choices_are_saved_and_survive_a_resumption(tmp_path):
    data = table()
    run = fitted(data, out=tmp_path / "run")
    assert ist.load(tmp_path / "run").choices() == run.choices()
    again = ist.resume(tmp_path / "run", data=data, epochs=run.settings.epochs + 1, progress=False)
    assert rows(again)["Code"] == rows(run)["Code"]
    assert rows(again)["Batch"] == rows(run)["Batch"]

"""Functions and modules of your own as distances."""

import pytest
import torch
from torch import nn

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.parts import Custom, Dense, Mse, Plain

SHAPE = (2, 3)


def squares(picture, target):
    return (picture - target).square()


def pair(count=5):
    generator = torch.Generator().manual_seed(0)
    return [torch.rand(count, *SHAPE, generator=generator) for _ in range(2)]


@pytest.mark.parametrize(
    ("function", "reduced"),
    [
        (nn.MSELoss(), torch.mean),
        (nn.MSELoss(reduction="sum"), torch.sum),
        (nn.MSELoss(reduction="none"), torch.mean),
        (squares, torch.mean),
        (lambda picture, target: squares(picture, target).flatten(1).sum(1), torch.sum),
    ],
    ids=["mean", "sum", "none", "numbers", "samples"],
)
def test_a_loss_is_reduced_sample_by_sample(function, reduced):
    picture, target = pair()
    expected = torch.stack([reduced(each) for each in squares(picture, target)])
    torch.testing.assert_close(Custom(function=function, link="identity")(picture, target), expected)


def test_a_single_number_counts_for_every_sample_of_the_batch():
    picture, target = pair()
    distance = Custom(function=lambda a, b: squares(a, b).mean(), link="identity")
    torch.testing.assert_close(distance(picture, target), squares(picture, target).mean().expand(5))


def test_what_is_missing_does_not_count():
    picture, target = pair()
    observed = torch.rand(5, *SHAPE, generator=torch.Generator().manual_seed(1)) > 0.4
    found = Custom(function=nn.MSELoss(), link="identity")(picture, target, observed)
    torch.testing.assert_close(found, Mse(link="identity")(picture, target, observed))


def test_a_loss_of_another_shape_is_refused_when_the_model_is_built():
    with pytest.raises(BlueprintError, match=r"cut returns the shape \(2, 2\) for 2 samples: expected"):
        ist.Autoencoder(nn.Linear(3, 2), nn.Linear(2, 3), shape=(3,), distance=cut)


def cut(picture, target):
    return (picture - target)[:, 1:]


@pytest.mark.parametrize("function", [nn.L1Loss(), squares], ids=["module", "function"])
def test_a_run_is_trained_saved_and_loaded_with_the_same_function_given_again(function, tmp_path):
    data = ist.open_data(torch.rand(60, 6, generator=torch.Generator().manual_seed(0)).numpy())
    blueprint = ist.Blueprint(network=Dense(), code=Plain(size=2), distance=function)
    run = ist.fit(blueprint.build(data), data, epochs=2, out=tmp_path / "run", progress=False, compile=False)
    assert run.history[1]["loss"] < run.history[0]["loss"]
    again = ist.load(tmp_path / "run", model=blueprint.build(data, seed=1))
    assert torch.equal(again.encode(data.test), run.encode(data.test))
    with pytest.raises(BlueprintError, match=r"is a custom function, which is code and is not saved\. Build"):
        ist.load(tmp_path / "run")

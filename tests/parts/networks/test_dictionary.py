"""Dictionaries: their start, their directions of norm 1, and their common bias."""

from typing import Any, cast

import pytest
import torch

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.parts import Dictionary
from isthmus.parts.networks.dictionary import geometric_median
from isthmus.training.optimisers import Optimiser
from isthmus.training.settings import Settings


def built(data=(6,), **options: Any):
    return cast(Any, ist.recipe("topk", code=12, k=3, **options).build(data, remarks=False))


def test_the_encoder_starts_as_the_decoders_transpose_of_norm_1():
    model = built()
    torch.testing.assert_close(model.encoder.code.weight, model.decoder.output.weight.T)
    torch.testing.assert_close(model.decoder.output.weight.norm(dim=0), torch.ones(12))


def test_the_encoder_subtracts_what_the_decoder_adds():
    model = built()
    bias = torch.randn(6, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        model.decoder.output.bias.copy_(bias)
    assert not model.encode(bias[None]).any()
    torch.testing.assert_close(model.reconstruct(bias[None])[0], bias)
    alone = built(centred=False)
    with torch.no_grad():
        alone.decoder.output.bias.copy_(bias)
    assert alone.encode(bias[None]).any()


def test_the_bias_starts_at_the_geometric_median_or_the_mean():
    rows = torch.randn(200, 6, generator=torch.Generator().manual_seed(2)) + 3
    rows[:10] = 1000
    data = ist.open_data(rows.numpy(), scaling="none", validation=0, test=0)
    median = built(data).decoder.output.bias
    assert bool((median - 3).abs().max() < 0.5)
    torch.testing.assert_close(built(data, centre="mean").decoder.output.bias, rows.mean(0), rtol=1e-5, atol=1e-4)


def test_the_geometric_median_has_the_least_sum_of_distances():
    rows = torch.randn(40, 3, generator=torch.Generator().manual_seed(2))
    median = geometric_median(rows)
    least = (rows - median).norm(dim=1).sum()
    for step in torch.eye(3) * 0.05:
        assert (rows - median - step).norm(dim=1).sum() > least
        assert (rows - median + step).norm(dim=1).sum() > least
    row = torch.tensor([[1.0, 2.0]])
    torch.testing.assert_close(geometric_median(row.repeat(5, 1)), row)


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_directions_move_along_the_sphere(optimiser):
    generator = torch.Generator().manual_seed(3)
    weight = torch.nn.functional.normalize(torch.randn(5, 4, generator=generator), dim=0)
    free, before = weight.clone(), weight.clone()
    gradient = torch.randn(5, 4, generator=generator)
    settings = Settings(optimiser=optimiser, momentum=0.0)
    Optimiser(settings, {"w": weight, "v": free}, unit={"w"}).step([gradient, gradient], 0.1)
    torch.testing.assert_close(weight.norm(dim=0), torch.ones(4))
    assert not torch.allclose(free.norm(dim=0), torch.ones(4))
    if optimiser == "sgd":
        along = before - 0.1 * (gradient - (gradient * before).sum(0) * before)
        torch.testing.assert_close(weight, along / along.norm(dim=0))


def test_trained_directions_have_norm_1_unless_they_are_free():
    rows = torch.randn(64, 6, generator=torch.Generator().manual_seed(4)).numpy()
    data = ist.open_data(rows)
    for unit in (True, False):
        run = ist.fit(built(data, unit=unit), data, epochs=2, progress=False, compile=False)
        norms = cast(Any, run.model).decoder.output.weight.detach().norm(dim=0)
        assert torch.allclose(norms, torch.ones(12), atol=1e-5) == unit


def test_a_centred_dictionary_needs_an_input_of_the_outputs_size():
    with pytest.raises(BlueprintError, match="Set centred=False"):
        ist.Blueprint(network=Dictionary(), code=ist.parts.TopK(size=4), missing="mask").build((6,))

"""The network of picture compression: its normalisation, its sizes and its start."""

from typing import Any

import pytest
import torch

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.parts.networks.gdn import DivisiveNorm, Gdn, Pad

SMALL = {"channels": (6, 8, 10), "decoder_channels": (8, 6)}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def norm(inverse=False):
    made = DivisiveNorm(3, (3, 4, 4), inverse=inverse).double()
    with torch.no_grad():
        made.beta.copy_(torch.tensor([0.5, 1.0, 2.0]))
        made.gamma.copy_(torch.randn(3, 3, 1, 1, generator=generator()))
    return made


@torch.no_grad()
@pytest.mark.parametrize("inverse", [False, True])
def test_normalisation_divides_or_multiplies_by_the_channels_activity(inverse):
    made, x = norm(inverse), torch.randn(2, 3, 4, 4, generator=generator(1), dtype=torch.float64)
    beta, gamma = made.beta.square() + 1e-6, made.gamma.square()[:, :, 0, 0]
    activity = beta[:, None, None] + torch.einsum("ij,njhw->nihw", gamma, x.abs())
    torch.testing.assert_close(made(x), x * activity if inverse else x / activity)


@torch.no_grad()
def test_normalisation_without_activity_only_scales():
    for inverse in (False, True):
        made, x = norm(inverse), torch.randn(2, 3, 4, 4, generator=generator(1), dtype=torch.float64)
        made.gamma.zero_()
        scale = (made.beta.square() + 1e-6)[:, None, None]
        torch.testing.assert_close(made(x), x * scale if inverse else x / scale)


def test_normalisation_has_the_right_gradient():
    x = torch.randn(1, 3, 2, 2, generator=generator(1), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(norm(), (x,))
    assert torch.autograd.gradcheck(norm(inverse=True), (x,))


def test_padding_repeats_the_last_row_and_column():
    x = torch.arange(6.0).view(1, 1, 2, 3)
    padded = Pad(1.0, 4)(x)
    assert padded.shape == (1, 1, 4, 4)
    torch.testing.assert_close(padded[0, 0, 3], torch.tensor([2.0, 3.0, 4.0, 4.0]))


@pytest.mark.parametrize("shape", [(3, 32, 48), (1, 17, 5), (2, 50)])
def test_pictures_and_series_of_any_size_come_back_in_their_shape(shape):
    network = Gdn(**SMALL)
    code = network.natural_code(shape)
    encoder, decoder = network.pair(shape, code, code, shape, generator())
    x = torch.rand(2, *shape)
    assert tuple(encoder(x).shape[1:]) == code
    assert decoder(encoder(x)).shape == x.shape


def test_a_flat_code_is_possible():
    model = ist.recipe("image-codec", code=12, **SMALL).build((3, 32, 32), remarks=False)
    assert model.encode(torch.rand(2, 3, 32, 32)).shape == (2, 12)
    assert model.reconstruct(torch.rand(2, 3, 32, 32)).shape == (2, 3, 32, 32)


def test_the_start_sets_the_mean_and_keeps_the_weights():
    data = ist.open_data("digits")
    model: Any = ist.recipe("image-codec", **SMALL).build(data, remarks=False)
    mean = data.scaling(data.train.tensor()).mean()
    torch.testing.assert_close(model.decoder.output.bias.mean(), mean, rtol=0.05, atol=0.02)
    assert bool(model.decoder.output.weight.any())
    assert model.blueprint.network.centre == 0.5


def test_stages_that_don_t_mirror_each_other_are_refused():
    with pytest.raises(BlueprintError, match="needs 2 decoder_channels, but 1 are given"):
        ist.recipe("image-codec", channels=(6, 8, 10), decoder_channels=(8,)).build((3, 32, 32))

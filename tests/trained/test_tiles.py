"""Tiles: a picture in pieces is the picture as a whole, whatever its size."""

import pytest
import torch

from isthmus.errors import UseError
from isthmus.model.blueprint import Blueprint
from isthmus.model.recipes import recipe
from isthmus.parts import Conv, Dense, Holes, Plain, PredictsResidual, Residual, Shrink
from isthmus.trained.tiles import Tiles, at_size


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def shaken(blueprint, shape=(3, 32, 32), by=0.05):
    """A model with weights that do something, for at the start it does nothing."""
    model = blueprint.build(shape, remarks=False).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(by * torch.randn(weight.shape, generator=generator()))
    return model


def resized(model, shape):
    other = at_size(model, shape)
    assert other is not None
    return other


NAMES = {name: recipe(name, channels=(8, 12)) for name in ("denoise", "recolour", "upscale")}


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_in_tiles_is_the_picture_as_a_whole(name):
    model = shaken(NAMES[name])
    factor = model.shape[1] // model.input_shape[1]
    seen = torch.rand(1, model.input_shape[0], 224 // factor, 288 // factor, generator=generator())
    with torch.no_grad():
        whole = resized(model, (3, 224, 288)).reconstruct(seen)
    tiled = Tiles(model, side=96, overlap=64)(seen)
    done = (whole - model.corruption.as_clean(seen, (3, 224, 288))).abs().mean()
    assert float(done) > 0.01, "else it would be no test"
    assert float((tiled - whole).abs().max()) < 0.02 * float(done)


def test_tiles_that_know_nothing_of_each_other_would_show_a_seam():
    """The measure of the test above finds what it looks for."""
    model = shaken(NAMES["denoise"])
    seen = torch.rand(1, 3, 64, 128, generator=generator())
    with torch.no_grad():
        whole = resized(model, (3, 64, 128)).reconstruct(seen)
        alone = torch.cat([resized(model, (3, 64, 64)).reconstruct(half) for half in seen.split(64, 3)], 3)
    done = (whole - seen).abs().mean()
    assert float((alone - whole)[..., 60:68].abs().max()) > 0.5 * float(done)


def test_where_tiles_of_different_brightness_meet_one_fades_into_the_other():
    tiles = Tiles(shaken(Blueprint(network=Dense(), code=Plain(size=9), corruption=Holes()), (1, 16, 16)))
    assert not tiles.convolutional
    ramp = torch.linspace(0, 1, 101).expand(1, 1, 50, 101)
    flat = tiles(ramp, lambda _, seen: seen.mean((2, 3), keepdim=True).expand_as(seen))
    assert flat.shape == ramp.shape
    steps = (flat[..., 1:] - flat[..., :-1]).abs()
    assert float(steps.max()) < 0.16 / 5, "two tiles side by side would differ by 0.16 at once"
    assert float((flat - ramp).abs().max()) < 0.09


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (32, 33), (97, 64)])
@pytest.mark.parametrize("factor", [2, 3, 4])
def test_every_size_comes_out_as_often_as_large_as_it_came(size, factor):
    model = shaken(
        Blueprint(network=Residual(channels=(4,)), corruption=Shrink(factor=factor), predicts=PredictsResidual())
    )
    assert Tiles(model, side=64, overlap=32)(torch.rand(2, 3, *size)).shape == (2, 3, *(factor * side for side in size))


def test_a_model_with_a_flat_code_knows_one_size_only():
    model = shaken(Blueprint(network=Conv(channels=(4,)), code=Plain(size=5), corruption=Holes()))
    assert at_size(model, (3, 64, 64)) is None
    assert at_size(model, (3, 32, 32)) is model
    assert Tiles(model)(torch.rand(1, 3, 40, 20)).shape == (1, 3, 40, 20)


def test_a_model_at_another_size_has_the_same_weights():
    model = shaken(recipe("denoise", channels=(4,)))
    other = resized(model, (3, 50, 20))
    assert other.shape == (3, 50, 20)
    assert all(torch.equal(weight, other.state_dict()[name]) for name, weight in model.state_dict().items())


def test_progress_is_told_to_the_end():
    seen = []
    tiles = Tiles(shaken(recipe("denoise", channels=(4,))), side=64, overlap=32)
    tiles(torch.rand(1, 3, 400, 500), progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1] > 1
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_what_takes_no_pictures_is_refused():
    with pytest.raises(UseError, match=r"but tiles need pictures\. Use reconstruct"):
        Tiles(recipe("denoising").build((7,), remarks=False))

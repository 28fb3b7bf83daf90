"""Distances of pictures as they are seen, against another implementation and by hand."""

import numpy as np
import pytest
import torch
from pytorch_msssim import ms_ssim
from torch import nn
from torch.nn import functional as F

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.parts import DataSpec, MsSsim, Perceptual
from isthmus.parts.structure import SCALES, multi_scale_similarity, scales_of


def pictures(count=2, channels=2, height=170, width=177, seed=0):
    generator = torch.Generator().manual_seed(seed)
    smooth = F.avg_pool2d(torch.rand(count, channels, height + 4, width + 4, generator=generator), 5, 1)
    return (smooth - smooth.min()) / (smooth.max() - smooth.min())


@pytest.mark.parametrize("count", [1, 3, 5])
def test_the_similarity_is_that_of_another_implementation(count):
    x, y = pictures(), (pictures() + 0.2 * pictures(seed=1)) / 1.2
    weights = [weight / sum(SCALES[:count]) for weight in SCALES[:count]]
    known = ms_ssim(x, y, data_range=1.0, weights=weights, size_average=False)
    torch.testing.assert_close(multi_scale_similarity(x, y, scales=count), known, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("side", "count"), [(1, 1), (8, 1), (20, 1), (21, 2), (28, 2), (176, 5), (1000, 5)])
def test_small_pictures_have_fewer_scales(side, count):
    assert scales_of(side, 2 * side) == count


def test_the_distance_is_0_for_the_same_picture_and_mixes_in_the_absolute_error():
    x = pictures(height=30, width=24)
    for absolute in (0.0, 0.16, 1.0):
        distance = MsSsim(link="identity", absolute=absolute, span=1.0)
        torch.testing.assert_close(distance(x, x), torch.zeros(2), atol=1e-5, rtol=0)
        y = x + 0.1
        expected = (1 - absolute) * (1 - multi_scale_similarity(y, x)) + absolute * 0.1
        torch.testing.assert_close(distance(y, x), expected, atol=1e-5, rtol=0)
    half = torch.arange(24) < 12
    observed = half.expand_as(x)
    assert float(MsSsim(link="identity")(x + 0.5 * ~half, x, observed).max()) < 1e-5


def test_its_gradient_is_finite_even_for_opposite_and_constant_pictures():
    x = pictures(height=24, width=24)
    for start in (1 - x, torch.zeros_like(x), x):
        output = start.clone().requires_grad_()
        gradient = torch.autograd.grad(MsSsim(link="identity")(output, x).sum(), output)[0]
        assert bool(gradient.isfinite().all())


def test_it_takes_the_span_of_the_data_and_refuses_what_is_no_picture():
    assert MsSsim().resolve(DataSpec(range=(0.0, 1.0))).span == 1
    assert MsSsim().resolve(DataSpec(range=(-1.0, 3.0))).span == 4
    assert MsSsim().resolve(DataSpec(range=None)).span == 1
    with pytest.raises(BlueprintError, match="compares pictures"):
        ist.recipe("deep", code=2, distance="ms-ssim").build((9,), remarks=False)


def two_layers():
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.Dropout(0.5)).train()


def test_a_perceptual_distance_is_that_of_the_features():
    network = two_layers()
    distance = Perceptual(function=network, link="identity", pixels=0.5)
    x, y = pictures(3, 1, 9, 8), pictures(3, 1, 9, 8, seed=1)
    one, other = (F.normalize(network[0](of), dim=1) for of in (x, y))
    known = (one - other).square().sum(1).mean((1, 2)) + 0.5 * (x - y).square().mean((1, 2, 3))
    torch.testing.assert_close(distance(x, y), known)
    assert network.training, "the given network stays as it is"
    assert not any(weight.requires_grad for weight in distance.function.parameters())
    several = Perceptual(function=lambda x: {"a": x, "b": x.flatten(1)}, link="identity", pixels=0)
    torch.testing.assert_close(several(x, x), torch.zeros(3))


def test_a_runs_encoder_gives_features_and_the_model_learns_by_them(tmp_path):
    data = ist.open_data((np.random.default_rng(0).random((40, 1, 8, 8)) * 255).astype(np.uint8))
    teacher = ist.fit(ist.recipe("conv", channels=(4, 4)).build(data, remarks=False), data, epochs=1, progress=False)
    before = {name: weight.clone() for name, weight in teacher.model.state_dict().items()}
    blueprint = ist.recipe("deep", code=3, widths=[8], distance=Perceptual(function=teacher))
    run = ist.fit(blueprint.build(data, remarks=False), data, epochs=2, progress=False, out=tmp_path / "run")
    assert run.history[-1]["loss"] < run.history[0]["loss"]
    distance = run.model.distance
    assert isinstance(distance, Perceptual)
    assert len(distance.function(torch.rand(2, 1, 8, 8))) > 1, "one for each layer"
    assert all(torch.equal(before[name], weight) for name, weight in teacher.model.state_dict().items())
    with pytest.raises(ist.IsthmusError, match="is not saved"):
        ist.load(tmp_path / "run")
    again = ist.load(tmp_path / "run", model=blueprint.build(data, remarks=False))
    torch.testing.assert_close(again.reconstruct(data.test), run.reconstruct(data.test))

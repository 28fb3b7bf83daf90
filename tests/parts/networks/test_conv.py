"""Convolutional networks: the lectures' one layer for layer, and pictures of every size."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from isthmus.errors import BlueprintError, UseError
from isthmus.model.blueprint import Blueprint
from isthmus.parts import Conv, Plain


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def build(shape, code=None, **fields):
    return Blueprint(network=Conv(**fields), code=Plain(size=code, activation="relu")).build(shape, remarks=False)


def kinds(module: nn.Module) -> list[str]:
    return [type(layer).__name__ for layer in module.modules() if not list(layer.children())]


def test_the_lectures_network_comes_out_layer_for_layer():
    model = build((1, 28, 28))
    seen = model(torch.rand(2, 1, 28, 28, generator=generator()))
    assert {name: tuple(made.shape[1:]) for name, made in seen.layers.items()} == {
        "encoder.conv1": (16, 28, 28),
        "encoder.pool1": (16, 14, 14),
        "encoder.conv2": (8, 14, 14),
        "encoder.pool2": (8, 7, 7),
        "encoder.conv3": (8, 7, 7),
        "encoder.pool3": (8, 4, 4),
        "decoder.conv1": (8, 4, 4),
        "decoder.up1": (8, 8, 8),
        "decoder.conv2": (8, 8, 8),
        "decoder.up2": (8, 16, 16),
        "decoder.conv3": (16, 14, 14),
        "decoder.up3": (16, 28, 28),
        "decoder.output": (1, 28, 28),
    }
    assert kinds(model.encoder) == ["Conv2d", "ReLU", "MaxPool2d"] * 3
    assert kinds(model.decoder) == ["Conv2d", "ReLU", "Upsample"] * 3 + ["Conv2d"]
    assert model.code_shape == (8, 4, 4)


def test_the_lectures_network_has_its_weights():
    model = build((1, 28, 28))
    found = [tuple(weight.shape) for weight in model.parameters() if weight.ndim > 1]
    assert found == [(o, i, 3, 3) for o, i in [(16, 1), (8, 16), (8, 8), (8, 8), (8, 8), (16, 8), (1, 16)]]
    assert sum(weight.numel() for weight in model.parameters()) == 4385


def test_only_the_third_convolution_of_the_decoder_goes_without_padding():
    model = build((1, 28, 28))
    paddings = [layer.padding for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    assert paddings == [(1, 1)] * 5 + [(0, 0), (1, 1)]


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    colours=st.integers(1, 3),
    channels=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    kernel=st.sampled_from([1, 3, 5, 7]),
    form=st.sampled_from(["pooled", "strided"]),
    code=st.sampled_from([None, 1, 5]),
    normalisation=st.sampled_from([None, "layer", "batch"]),
    dropout=st.sampled_from([0.0, 0.5]),
    skips=st.booleans(),
)
@settings(max_examples=120)
def test_every_picture_comes_back_in_its_own_size(
    height, width, colours, channels, kernel, form, code, normalisation, dropout, skips
):
    shape = (colours, height, width)
    kernel = max(kernel, 3) if form == "strided" else kernel
    fields = {"normalisation": normalisation, "dropout": dropout, "skips": skips and len(channels) > 1}
    model = build(shape, code, channels=tuple(channels), kernel=kernel, form=form, **fields).eval()
    seen = model(torch.rand(2, *shape, generator=generator()), model.draw(2, generator()))
    halvings = 2 ** len(channels)
    natural = (channels[-1], math.ceil(height / halvings), math.ceil(width / halvings))
    assert model.code_shape == (natural if code is None else (code,))
    assert seen.code.z.shape == (2, *model.code_shape)
    assert seen.output.shape == (2, *shape)
    assert torch.isfinite(seen.output).all()


@pytest.mark.parametrize("form", ["pooled", "strided"])
@pytest.mark.parametrize("size", [13, 28, 31])
@pytest.mark.parametrize("kernel", [3, 5])
def test_every_pixel_of_the_output_can_be_reached(form, size, kernel):
    model = build((1, size, size), form=form, kernel=kernel, activation="softplus")
    z = torch.rand(1, *model.code_shape, generator=generator()).requires_grad_()
    rows = torch.autograd.functional.jacobian(model.decoder, z).reshape(size * size, -1)
    assert rows.abs().sum(1).min() > 0


@pytest.mark.parametrize("form", ["pooled", "strided"])
def test_the_code_may_have_other_channels_at_its_own_positions(form):
    model = build((3, 30, 20), (2, 4, 3), form=form)
    assert model(torch.zeros(1, 3, 30, 20)).code.z.shape == (1, 2, 4, 3)
    assert isinstance(model.encoder.get_submodule("code"), nn.Conv2d)


@pytest.mark.parametrize("code", [(8, 5, 4), (8, 16), (2, 2, 2, 2)])
def test_a_code_of_other_positions_is_refused(code):
    with pytest.raises(BlueprintError, match=r"codes of 4×4 positions.*Set it to \(\d+, 4, 4\)") as caught:
        build((1, 28, 28), code)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(784,), (1, 1, 28, 28)])
def test_what_is_neither_picture_nor_series_is_refused(shape):
    with pytest.raises(BlueprintError, match=r"needs pictures of shape \(C, H, W\).*Use a dense network") as caught:
        build(shape)
    assert str(shape) in str(caught.value)


def test_a_strided_network_that_would_skip_pixels_is_refused():
    with pytest.raises(BlueprintError, match=r"kernel=1.*Set kernel=3"):
        build((1, 28, 28), form="strided", kernel=1)


def test_no_channels_are_refused():
    with pytest.raises(BlueprintError, match=r"channels.*\[16, 8, 8\]"):
        build((1, 28, 28), channels=())


def test_strided_form_halves_and_doubles_by_its_convolutions():
    model = build((1, 28, 28), form="strided")
    assert kinds(model.encoder) == ["Conv2d", "ReLU"] * 3
    assert kinds(model.decoder) == ["ConvTranspose2d", "ReLU"] * 2 + ["ConvTranspose2d"]
    seen = model(torch.zeros(1, 1, 28, 28))
    sizes = [made.shape[-1] for name, made in seen.layers.items()]
    assert sizes == [14, 7, 4, 7, 14, 28]


@pytest.mark.parametrize(("normalisation", "kind"), [("batch", nn.BatchNorm2d), ("layer", nn.GroupNorm)])
def test_normalisation_stands_between_convolution_and_activation(normalisation, kind):
    stage = build((1, 28, 28), normalisation=normalisation).encoder.get_submodule("conv1")
    assert isinstance(stage, nn.Sequential)
    assert [type(step) for step in stage] == [nn.Conv2d, kind, nn.ReLU]
    before = stage[:2](torch.rand(64, 1, 28, 28, generator=generator()))
    axes = (0, 2, 3) if normalisation == "batch" else (1, 2, 3)
    assert before.mean(axes).abs().max() < 1e-4
    assert (before.std(axes, correction=0) - 1).abs().max() < 1e-2


def test_dropout_acts_by_the_draws_it_is_given():
    model = build((1, 12, 12), dropout=0.5)
    x = torch.rand(3, 1, 12, 12, generator=generator())
    draws = model.draw(3, generator(1))
    assert {name: tuple(mask.shape) for name, mask in draws["encoder"].items()} == {
        "dropout1": (3, 16, 12, 12),
        "dropout2": (3, 8, 6, 6),
        "dropout3": (3, 8, 3, 3),
    }
    seen = model(x, draws)
    expected = seen.layers["decoder.conv1"] * draws["decoder"]["dropout1"]
    assert torch.equal(seen.layers["decoder.dropout1"], expected)
    assert torch.equal(model(x).layers["decoder.dropout1"], model(x).layers["decoder.conv1"])


@given(
    length=st.integers(1, 70),
    inputs=st.integers(1, 3),
    channels=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    kernel=st.sampled_from([3, 5, 7]),
    form=st.sampled_from(["pooled", "strided"]),
    code=st.sampled_from([None, 1, 5]),
    normalisation=st.sampled_from([None, "layer", "batch"]),
)
@settings(max_examples=60)
def test_every_series_comes_back_in_its_own_length(length, inputs, channels, kernel, form, code, normalisation):
    shape = (inputs, length)
    model = build(shape, code, channels=tuple(channels), kernel=kernel, form=form, normalisation=normalisation)
    assert model.eval()(torch.rand(2, *shape)).output.shape == (2, *shape)


def test_a_series_is_halved_along_its_time():
    model = build((1, 28))
    assert model.code_shape == (8, 4)
    assert kinds(model.encoder) == ["Conv1d", "ReLU", "MaxPool1d"] * 3


@pytest.mark.parametrize("shape", [(3, 30, 21), (2, 45)], ids=str)
@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("strided", {"conv1": "conv2", "conv2": "conv1"}),
        ("pooled", {"up1": "conv3", "crop2": "conv2", "crop3": "conv1"}),
    ],
)
def test_skips_add_each_stage_of_the_encoder_to_the_decoders_of_its_size(form, expected, shape):
    fields = {"channels": (4, 5, 6), "form": form, "activation": "silu"}
    model, plain = build(shape, skips=True, **fields), build(shape, **fields)
    assert model.decoder.skips == expected
    assert plain.state_dict().keys() == model.state_dict().keys(), "skips have no weights of their own"
    seen = model(torch.rand(2, *shape, generator=generator()))
    names = list(dict(model.decoder.named_children()))
    for own, other in expected.items():
        given = seen.layers[f"decoder.{names[names.index(own) - 1]}"] if own != names[0] else seen.code.z
        alone = model.decoder.get_submodule(own)(given)
        torch.testing.assert_close(seen.layers[f"decoder.{own}"], alone + seen.layers[f"encoder.{other}"])


@pytest.mark.parametrize("form", ["pooled", "strided"])
def test_with_skips_the_code_alone_is_not_enough(form):
    model = build((1, 28, 28), form=form, skips=True)
    raw = torch.rand(2, 1, 28, 28, generator=generator())
    torch.testing.assert_close(model.reconstruct(raw), model(raw).reconstruction)
    with pytest.raises(UseError, match="has skip connections around the code, so its code alone can't be decoded"):
        model.decode(model.encode(raw))


def test_skips_with_nothing_to_skip_are_refused():
    with pytest.raises(BlueprintError, match=r"one stage can't have skips.*Set more channels"):
        build((1, 28, 28), form="strided", channels=(4,), skips=True)


@pytest.mark.parametrize("stride", [2, 3, 4, 8])
@pytest.mark.parametrize("length", [63, 64, 65, 1000])
def test_any_stride_comes_back_to_any_length(stride, length):
    model = build((1, length), channels=(3, 4), kernel=9, form="strided", stride=stride, code_channels=2)
    assert model.code_shape == (2, math.ceil(math.ceil(length / stride) / stride))
    assert model(torch.zeros(2, 1, length)).reconstruction.shape == (2, 1, length)


def test_strides_of_four_work_on_pictures_and_with_skips():
    model = build((1, 30, 41), channels=(3, 4, 5), kernel=5, form="strided", stride=4, skips=True)
    assert model(torch.zeros(2, 1, 30, 41)).reconstruction.shape == (2, 1, 30, 41)


def test_code_channels_leave_out_the_last_stages_activation():
    model = build((1, 64), channels=(4,), kernel=5, form="strided", stride=4, activation="relu", code_channels=3)
    assert [name for name, _ in model.encoder.named_children()] == ["conv1", "code"]
    assert isinstance(model.encoder.code, nn.Conv1d)
    assert model.encoder(torch.randn(1, 1, 64, generator=generator())).min() < 0


def test_a_kernel_shorter_than_the_stride_is_refused():
    with pytest.raises(BlueprintError, match="Set kernel=5 or more"):
        build((1, 64), channels=(4,), kernel=3, form="strided", stride=4)


def test_a_pooled_network_has_no_stride():
    with pytest.raises(BlueprintError, match="form='strided'"):
        build((1, 64), channels=(4,), stride=4)

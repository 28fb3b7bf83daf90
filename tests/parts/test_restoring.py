"""What a restoring model is made of: damage that changes the shape, skips beside the code, and corrections."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from isthmus.data.scaling import Scaling
from isthmus.errors import BlueprintError, UseError
from isthmus.model.blueprint import Blueprint
from isthmus.parts import (
    Blur,
    Conv,
    Dense,
    GaussianNoise,
    Grey,
    Holes,
    Mse,
    Plain,
    PredictsResidual,
    Residual,
    Shrink,
    Watermark,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def corrupt(corruption, clean, seed=0):
    return corruption(clean, corruption.draw(len(clean), tuple(clean.shape[1:]), generator(seed)))


def as_picture(values):
    """(3, H, W) in 0..1 as a picture of Pillow's."""
    return Image.fromarray((values * 255).round().to(torch.uint8).permute(1, 2, 0).numpy())


def smooth(height=32, width=48):
    rows, columns = torch.meshgrid(torch.linspace(0, 3, height), torch.linspace(0, 2, width), indexing="ij")
    return torch.stack([0.5 + 0.4 * torch.sin(rows * (1 + c) + columns) for c in range(3)])[None]


def test_grey_is_what_picture_files_are_converted_to():
    clean = (torch.rand(1, 3, 20, 30, generator=generator()) * 255).round() / 255
    expected = np.asarray(as_picture(clean[0]).convert("L")) / 255
    assert np.abs(Grey()(clean)[0, 0].numpy() - expected).max() < 1.01 / 255


@pytest.mark.parametrize("factor", [2, 4])
def test_shrinking_is_pillows_bicubic(factor):
    clean = (smooth() * 255).round() / 255
    small = Shrink(factor=factor)(clean)
    expected = np.asarray(as_picture(clean[0]).resize((48 // factor, 32 // factor), Image.Resampling.BICUBIC)) / 255
    assert np.abs(small[0].permute(1, 2, 0).numpy() - expected).max() < 1.5 / 255
    again = Shrink(factor=factor).as_clean(small, (3, 32, 48))
    expected = np.asarray(as_picture(small[0].clamp(0, 1)).resize((48, 32), Image.Resampling.BICUBIC)) / 255
    assert np.abs(again[0].permute(1, 2, 0).numpy() - expected).max() < 2.5 / 255


@given(st.integers(1, 40), st.integers(1, 40), st.integers(2, 7))
@settings(max_examples=40)
def test_every_size_shrinks_and_comes_back(height, width, factor):
    corruption, clean = Shrink(factor=factor), torch.full((2, 1, height, width), 0.25)
    small = corruption(clean)
    assert tuple(small.shape[1:]) == corruption.shape((1, height, width))
    torch.testing.assert_close(corruption.as_clean(small, (1, height, width)), clean)


def test_a_watermark_lightens_its_letters_and_nothing_else():
    corruption, clean = Watermark(strength=0.4), torch.zeros(50, 3, 64, 64)
    marked = corrupt(corruption, clean)
    assert float(marked.min()) == 0
    assert float(marked.max()) == pytest.approx(0.4 * 4 / 3, abs=0.02)
    share = (marked[:, 0] > 0).float().mean((1, 2))
    assert 0.1 < float(share.min()) < float(share.max()) < 0.5
    assert torch.equal(corrupt(corruption, torch.ones(2, 3, 20, 20)), torch.ones(2, 3, 20, 20))


def test_watermarks_are_letters():
    """One upright word of a single letter, enlarged, is that letter."""
    corruption = Watermark(letters=1, height=7.0, strength=0.5)
    draws = torch.full((1, 6), 0.5)
    draws[0, 1:3] = 0
    draws[0, 5] = 11.5 / 26  # L
    rows = (corruption.opacity(draws, 7, 5)[0, 0] > 0).int().tolist()
    assert rows == [[1, 0, 0, 0, 0]] * 6 + [[1] * 5]


def test_holes_are_rectangles_that_the_encoder_is_told_of():
    corruption = Holes(count=1, size=0.5)
    lost = corruption.draw(200, (3, 20, 30), generator())
    assert torch.equal(lost[:, 0], lost[:, 1])
    for hole in lost[:, 0]:
        rows, columns = hole.any(1).sum(), hole.any(0).sum()
        assert int(hole.sum()) == int(rows * columns)
        assert 3 <= int(rows) <= 10
        assert 5 <= int(columns) <= 15
    model = Blueprint(network=Residual(channels=(4,)), corruption=corruption).build((3, 20, 30))
    seen = model(torch.rand(2, 3, 20, 30), {"corruption": lost[:2]})
    assert seen.observed is not None
    assert bool(seen.observed.all()), "what is hidden still counts in the loss"
    assert torch.equal(seen.corrupted, corruption.filled(seen.clean, ~lost[:2]))
    assert torch.equal(seen.corrupted[~lost[:2]], seen.clean[~lost[:2]])


def test_stored_is_what_a_file_keeps():
    clean = smooth()
    noisy = corrupt(GaussianNoise(sigma=0.3), clean)
    kept = GaussianNoise(sigma=0.3, as_bytes=True).quantised(noisy)
    file = io.BytesIO()
    as_picture(noisy[0].clamp(0, 1)).save(file, "PNG")
    assert np.array_equal(np.asarray(Image.open(file)), (kept[0] * 255).round().byte().permute(1, 2, 0).numpy())
    assert torch.equal(GaussianNoise().quantised(noisy), noisy)


def test_data_without_bounds_are_not_stored():
    class Series:
        shape, scaling = (3, 8, 8), Scaling("standardise", 1.0, 2.0)

    with pytest.raises(BlueprintError, match="as_bytes=True rounds samples to bytes"):
        Blueprint(network=Residual(channels=(4,)), corruption=Blur(as_bytes=True)).build(Series())


@pytest.mark.parametrize("corruption", [GaussianNoise(), Shrink(), Grey(), Holes()], ids=str)
@pytest.mark.parametrize("network", [Residual(channels=(4, 6), skips=True), Conv(channels=(4, 4))], ids=str)
def test_a_correction_begins_by_doing_nothing(network, corruption):
    model = Blueprint(network=network, corruption=corruption, predicts=PredictsResidual()).build((3, 18, 13))
    clean = torch.rand(4, 3, 18, 13, generator=generator())
    seen = model(clean, model.draw(4, generator()))
    assert torch.equal(seen.reconstruction, model.corruption.as_clean(seen.corrupted, model.shape))
    assert model.distance.link == "identity"


def test_a_correction_is_added_to_what_came_in():
    model = Blueprint(network=Dense(), code=Plain(size=2), predicts=PredictsResidual()).build((5,))
    x = torch.rand(3, 5)
    alone = model.decoder(model.encoder(x))
    torch.testing.assert_close(model(x).output, x + alone)
    torch.testing.assert_close(model.reconstruct(x), x + alone)


def test_a_correction_leaves_alone_what_the_damage_has_left():
    """Grey pictures keep their brightness, and pictures with holes what is known of them."""
    clean = torch.rand(2, 3, 16, 16, generator=generator())
    grey = Blueprint(network=Conv(channels=(4,)), corruption=Grey(), predicts=PredictsResidual()).build((3, 16, 16))
    holed = Blueprint(network=Conv(channels=(4,)), corruption=Holes(), predicts=PredictsResidual()).build((3, 16, 16))
    for model in (grey, holed):
        output = model.decoder.get_submodule("output")
        torch.nn.init.normal_(output.get_parameter("weight"), generator=generator())
    made = grey.reconstruct(clean).detach()
    assert float((made - Grey()(clean)).abs().max()) > 0.01
    torch.testing.assert_close(Grey()(made), Grey()(clean))
    draws = holed.draw(2, generator())
    lost, seen = draws["corruption"], holed(clean, draws).detached()
    assert torch.equal(seen.output[~lost], clean[~lost])
    assert float((seen.output - seen.corrupted)[lost].abs().max()) > 0.01


def test_samples_that_are_filled_already_stay_so():
    """Whoever fills a large picture as a whole gives its tiles like that, and says what of them was known."""
    model = Blueprint(network=Residual(channels=(4,), skips=True), corruption=Holes(), predicts=PredictsResidual())
    model = model.build((1, 12, 12))
    torch.nn.init.normal_(model.decoder.get_submodule("output").get_parameter("weight"), generator=generator())
    clean = torch.rand(2, 1, 12, 12, generator=generator())
    observed = torch.rand(2, 1, 12, 12, generator=generator(1)) < 0.8
    filled = Holes().filled(clean, observed)
    expected = model.reconstruct(torch.where(observed, clean, torch.nan))
    torch.testing.assert_close(model.reconstruct(filled, observed=observed), expected)
    assert not torch.allclose(model.reconstruct(torch.where(observed, clean, 0.0), observed=observed), expected)


def test_a_correction_needs_an_output_that_is_the_picture():
    with pytest.raises(BlueprintError, match="predicts='residual' needs a decoder whose output is the sample itself"):
        Blueprint(network=Conv(), predicts=PredictsResidual(), distance=Mse(link="sigmoid")).build((1, 16, 16))


def test_skips_add_each_stage_of_the_encoder_to_the_decoders_of_its_size():
    model = Blueprint(network=Residual(channels=(4, 6, 8), skips=True)).build((3, 32, 32))
    assert model.decoder.skips == {"conv1": "stage2", "conv2": "stage1"}
    seen = model(torch.rand(2, 3, 32, 32, generator=generator()))
    before = model.decoder.get_submodule("conv1")(seen.layers["decoder.up1"])
    torch.testing.assert_close(seen.layers["decoder.conv1"], before + seen.layers["encoder.stage2"])
    plain = Blueprint(network=Residual(channels=(4, 6, 8))).build((3, 32, 32))
    assert plain.state_dict().keys() == model.state_dict().keys(), "skips have no weights of their own"


def test_what_passes_beside_the_code_keeps_it_from_being_decoded_alone():
    for blueprint, why in (
        (Blueprint(network=Residual(channels=(4, 6), skips=True)), "has skip connections around the code"),
        (Blueprint(network=Conv(channels=(4,)), predicts=PredictsResidual()), "adds its output to its input"),
    ):
        model = blueprint.build((3, 16, 16), remarks=False)
        raw = torch.rand(2, 3, 16, 16)
        assert not model.decodes
        with pytest.raises(UseError, match=f"This model {why}, so its code alone can't be decoded") as refused:
            model.decode(model.encode(raw))
        assert "\n" not in str(refused.value)
        torch.testing.assert_close(model.reconstruct(raw), model(raw).reconstruction)


@pytest.mark.parametrize("kind", [Grey, Holes, Shrink, Watermark])
def test_damage_of_pictures_is_refused_to_other_samples(kind):
    with pytest.raises(BlueprintError, match=r"samples have shape \(7,\)"):
        Blueprint(network=Dense(), code=Plain(size=2), corruption=kind()).build((7,))

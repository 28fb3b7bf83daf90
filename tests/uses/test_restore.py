"""Restoring: better than doing nothing, on every kind of picture, and clear where a model can't serve."""

import warnings

import numpy as np
import pytest
import torch
from PIL import Image

import isthmus as ist
from isthmus.errors import BlueprintError, IsthmusError, Remark, UseError
from isthmus.measures.reconstruction import psnr
from isthmus.uses.restore import section
from rounding import through_network

SETTINGS = {"learning_rate": 5e-3, "schedule": "cosine", "batch_size": 32, "compile": False, "progress": False}
SMALL = {"channels": (16,)}
NEAR = {"rtol": 0, "atol": through_network(255)}


def trained(name, data, epochs, **options):
    return ist.fit(ist.recipe(name, **SMALL | options).build(data), data, epochs=epochs, **SETTINGS)


@pytest.fixture(scope="module")
def denoiser():
    return trained("denoise", ist.open_data("digits"), 6, sigma=0.3)


def untrained(name, shape=(3, 16, 16), **options):
    """A run that has learnt nothing, on made-up pictures."""
    pictures = np.random.default_rng(0).integers(0, 256, (12, *shape), dtype=np.uint8)
    data = ist.open_data(pictures, channels="first")
    return ist.fit(ist.recipe(name, **{"channels": (4,)} | options).build(data), data, epochs=1, **SETTINGS)


def test_it_takes_noise_off_digits_that_it_has_not_seen(denoiser):
    found = ist.restoration(denoiser)
    assert found.scores["psnr"]["restored"] > found.scores["psnr"]["nothing"] + 3
    assert found.scores["ssim"]["restored"] > found.scores["ssim"]["nothing"] + 0.04


def test_it_fills_holes_in_digits():
    run = trained("inpaint", ist.open_data("digits"), 5, corruption__size=0.5)
    found = ist.restoration(run)
    assert found.scores["psnr"]["restored"] > found.scores["psnr"]["nothing"] + 1, "nothing is a smooth filling"


def test_what_it_restores_is_what_training_saw(denoiser):
    found = ist.restoration(denoiser, most=5)
    for clean, damaged, restored in zip(found.clean, found.damaged, found.restored, strict=True):
        made = ist.restore(denoiser, denoiser.model.scaling.inverse(damaged))
        again = denoiser.model.scaling(made).clamp(0, 1).cpu()
        torch.testing.assert_close(again, restored, rtol=0, atol=through_network())
        assert float(psnr(again[None], clean[None])) > float(psnr(damaged[None], clean[None]))


def test_a_picture_as_pillow_gives_it_is_the_same_picture():
    run = untrained("denoise")
    values = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    made = ist.restore(run, values)
    assert made.shape == (3, 20, 30)
    assert torch.equal(made, ist.restore(run, values.transpose(2, 0, 1)))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1"])
def test_a_picture_of_pillows_is_restored_as_its_file_is(mode, tmp_path):
    run = untrained("denoise")
    values = np.random.default_rng(0).integers(0, 256, (20, 30, 4), dtype=np.uint8)
    Image.fromarray(values).convert(mode).save(tmp_path / "a.png")
    picture = Image.open(tmp_path / "a.png")
    ist.restore_files(run, tmp_path / "a.png", tmp_path / "b.png")
    expected = np.asarray(Image.open(tmp_path / "b.png")).reshape(20, 30, -1)
    made = ist.restore(run, picture)
    assert np.array_equal(made.round().to(torch.uint8).permute(1, 2, 0), expected)
    if mode in ("RGB", "RGBA"):
        array = np.asarray(picture)
        array.flags.writeable = False
        assert torch.equal(ist.restore(run, array), made)


@pytest.mark.parametrize("scaling", ["auto", "standardise"])
def test_what_is_made_is_neither_darker_than_black_nor_brighter_than_white(scaling):
    pictures = np.random.default_rng(0).integers(0, 2, (12, 3, 16, 16), dtype=np.uint8) * 255
    data = ist.open_data(pictures, channels="first", scaling=scaling)
    run = trained("denoise", data, 1, channels=(4,), corruption__as_bytes=False)
    made = ist.restore(run, pictures[0])
    assert float(made.min()) == 0
    assert float(made.max()) == 255


def test_numbers_without_bounds_are_restored_without_bounds():
    values = np.random.default_rng(0).normal(size=(12, 3, 16, 16)).astype(np.float32)
    data = ist.open_data(values, channels="first", scaling="standardise")
    run = trained("denoise", data, 1, channels=(4,), corruption__as_bytes=False)
    assert float(ist.restore(run, 5 * values[0]).max()) > float(values.max())


def test_numbers_up_to_one_are_remarked_on_where_bytes_were_learnt():
    run = untrained("denoise")
    picture = np.random.default_rng(0).random((3, 16, 16))
    with pytest.warns(Remark, match=r"The ndarray has values up to 0\.9.*multiply them by 255"):
        ist.restore(run, picture)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ist.restore(run, picture * 255)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("photo.png", "is a path: expected a picture. Use ist.restore_files"),
        (["photo"], "The list is not a picture: expected an array"),
        ([[1.0], [1.0, 2.0]], "The list is not a picture: expected an array"),
        (None, "expected"),
    ],
)
def test_what_is_no_picture_is_said_in_one_line(denoiser, given, words):
    with pytest.raises(IsthmusError, match=words):
        ist.restore(denoiser, given)


def test_scores_are_the_same_every_time(denoiser):
    assert ist.restoration(denoiser).to_json() == ist.restoration(denoiser).to_json()
    assert ist.restoration(denoiser, most=7).to_json()["pictures"] == 7


def test_the_report_shows_what_it_puts_right(denoiser):
    found = section(denoiser)
    assert found is not None
    assert "dB restored" in found.words[0]
    assert len(found.plates) == 1


def test_a_model_without_a_corruption_has_no_such_section():
    data = ist.open_data("digits")
    run = ist.fit(ist.recipe("vanilla", code=4).build(data), data, epochs=1, **SETTINGS)
    assert section(run) is None
    with pytest.raises(UseError, match=r"so it can't restore anything\. Train one with the recipe 'denoise'"):
        ist.restore(run, torch.zeros(1, 8, 8))


def test_a_grey_model_restores_each_colour_by_itself(denoiser):
    picture = torch.randint(0, 17, (3, 20, 13), generator=torch.Generator().manual_seed(0)).float()
    made = ist.restore(denoiser, picture)
    for channel in range(3):
        torch.testing.assert_close(
            made[channel], ist.restore(denoiser, picture[channel])[0], rtol=0, atol=through_network(255)
        )


def test_a_colour_model_keeps_a_grey_picture_grey_and_opacity_as_it_was():
    run = untrained("denoise")
    grey = torch.rand(1, 30, 20) * 255
    assert ist.restore(run, grey).shape == (1, 30, 20)
    with_opacity = torch.cat((torch.rand(3, 30, 20) * 255, grey))
    made = ist.restore(run, with_opacity)
    assert made.shape == (4, 30, 20)
    assert torch.equal(made[3:], grey)


def test_what_is_enlarged_has_its_opacity_enlarged_too():
    made = ist.restore(untrained("upscale"), torch.full((4, 9, 11), 200.0))
    assert made.shape == (4, 18, 22)
    assert torch.allclose(made[3], torch.tensor(200.0))


def test_colours_come_to_a_grey_picture_and_to_what_is_grey_of_a_colour_picture():
    run = untrained("recolour")
    colour = torch.rand(3, 20, 20) * 255
    weights = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
    torch.testing.assert_close(
        ist.restore(run, colour), ist.restore(run, (colour * weights).sum(0)), rtol=0, atol=through_network(255)
    )


def test_what_is_known_stays_as_it_was_and_holes_are_filled():
    run = untrained("inpaint")
    picture, observed = torch.rand(3, 20, 20) * 255, torch.ones(20, 20, dtype=torch.bool)
    observed[5:9, 3:8] = False
    made = ist.restore(run, picture, observed=observed)
    assert torch.equal(made[:, observed], picture[:, observed])
    assert bool(made.isfinite().all())
    torch.testing.assert_close(
        ist.restore(run, torch.where(observed, picture, torch.nan)), made, rtol=0, atol=through_network(255)
    )


@pytest.mark.parametrize(
    ("name", "picture", "observed", "words"),
    [
        ("denoise", torch.zeros(3, 8, 8), torch.ones(8, 8), "This model fills no holes"),
        ("inpaint", torch.zeros(3, 8, 8), None, "has no mask of them"),
        ("inpaint", torch.zeros(3, 8, 8), torch.ones(8, 9), "The mask has size (8, 9)"),
        ("denoise", torch.zeros(5, 8, 8), None, "expected (C, height, width) with 1 to 4 channels C"),
    ],
)  # fmt: skip
def test_what_it_can_not_do_is_said(name, picture, observed, words):
    with pytest.raises(IsthmusError) as refused:
        ist.restore(untrained(name), picture, observed=observed)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_model_with_skips_says_that_its_code_alone_can_not_be_decoded(denoiser):
    codes = denoiser.encode(denoiser.data.test)
    with pytest.raises(UseError, match=r"code alone can't be decoded\. Reconstruct or restore whole samples"):
        denoiser.decode(codes[:2])


def test_colours_can_not_be_learnt_from_grey_pictures():
    with pytest.raises(BlueprintError, match=r"'grey' needs colour pictures of shape \(3, H, W\)"):
        ist.recipe("recolour").build((1, 28, 28))


def test_holes_are_filled_by_their_rim_however_large_the_picture_and_its_tiles():
    """A slope goes on through holes that are larger than a tile, and what is far away changes nothing."""
    run = untrained("inpaint")
    slope = (torch.arange(200.0)[:, None] * 0.5 + torch.arange(300.0) * 0.4).expand(3, 200, 300)
    observed = torch.ones(200, 300, dtype=torch.bool)
    observed[60:130, 70:180] = False
    with torch.no_grad():
        for weight in run.model.decoder.get_submodule("output").parameters():
            weight.zero_()
    made = ist.restore(run, slope, observed=observed, tile=64, overlap=32)
    assert float((made - slope).abs().max()) < 3
    far = slope.clone()
    far[:, 180:] = 0
    torch.testing.assert_close(
        ist.restore(run, far, observed=observed, tile=64, overlap=32)[:, :150],
        made[:, :150],
        rtol=0,
        atol=through_network(255),
    )

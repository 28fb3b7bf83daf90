"""Pairs: clean samples and damaged ones find each other, and a model learns from them."""

import numpy as np
import pytest
import torch
from PIL import Image

import isthmus as ist
from isthmus.errors import BlueprintError, DataError

CLEAN = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)


def folder(path, pictures, suffix=".png", names=None):
    path.mkdir()
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(path / f"{names[number] if names else number:03}{suffix}")
    return path


def damaged_of(samples):
    assert samples.damaged is not None
    return samples.damaged


def smaller(pictures):
    return pictures.reshape(-1, 4, 2, 4, 2, 3).mean((2, 4)).astype(np.uint8)


def test_pictures_of_two_folders_belong_together_by_their_names(tmp_path):
    clean = folder(tmp_path / "clean", CLEAN)
    damaged = folder(tmp_path / "damaged", 255 - CLEAN[::-1], ".bmp", names=list(range(40))[::-1])
    data = ist.open_data(clean, damaged=damaged, seed=3)
    for part in data.parts.values():
        assert torch.equal(damaged_of(part), 255 - part.tensor())
    again = ist.data.reopen(data.description)
    assert torch.equal(damaged_of(again.test), damaged_of(data.test))


@pytest.mark.parametrize(
    ("damaged", "seen"),
    [
        (255 - CLEAN, (3, 8, 8)),
        (smaller(CLEAN), (3, 4, 4)),
        (CLEAN[..., :1], (1, 8, 8)),
        (smaller(CLEAN)[..., :1], (1, 4, 4)),
    ],
    ids=["alike", "smaller", "grey", "both"],
)
def test_what_the_encoder_gets_is_the_damaged_sample(damaged, seen):
    data = ist.open_data(CLEAN, damaged=damaged, channels="last")
    model = ist.recipe("denoise", corruption="pairs", channels=(4,)).build(data)
    assert model.input_shape == seen
    given = data.scaling(damaged_of(data.train))
    found = model(data.train.tensor(), damaged=data.train.damaged)
    assert torch.equal(found.corrupted, given)
    assert model.corruption.as_clean(given, model.shape).shape == found.clean.shape
    run = ist.fit(model, data, epochs=1, progress=False, compile=False)
    assert run.reconstruct(data.test).shape == data.test.tensor().shape
    assert ist.restore(run, torch.full(seen, 9.0)).shape == (3, 8, 8)


def test_a_model_learns_from_pairs_what_puts_them_right():
    data = ist.open_data("digits")
    clean = torch.cat([part.tensor() for part in data.parts.values()]).numpy()
    data = ist.open_data(clean, damaged=clean.max() - clean)
    model = ist.recipe("denoise", corruption="pairs", channels=(16,)).build(data)
    run = ist.fit(model, data, epochs=8, learning_rate=5e-3, batch_size=32, progress=False, compile=False)
    found = ist.restoration(run)
    assert found.scores["psnr"]["nothing"] < 6
    assert found.scores["psnr"]["restored"] > found.scores["psnr"]["nothing"] + 10


def test_pairs_go_through_the_command(tmp_path):
    from typer.testing import CliRunner

    from isthmus.cli.main import app

    clean, damaged = folder(tmp_path / "clean", CLEAN), folder(tmp_path / "damaged", 255 - CLEAN)
    words = ["--recipe", "denoise", "--set", "channels=4,", "--epochs", "1", "--compile", "no", "--quiet"]
    out = str(tmp_path / "run")
    result = CliRunner().invoke(app, ["train", str(clean), "--damaged", str(damaged), *words, "--out", out])
    assert result.exit_code == 0, result.output
    run = ist.load(out)
    assert run.model.corruption is not None
    assert run.model.corruption.kind == "pairs"
    assert run.open().test.damaged is not None
    assert CliRunner().invoke(app, ["resume", out, "--epochs", "2", "--quiet"]).exit_code == 0


@pytest.mark.parametrize(
    ("damaged", "words"),
    [
        (CLEAN[:30], "has 40 samples and"),
        (CLEAN[:, :5], "expected the same shape, or damaged pictures that are grey or smaller by a whole factor"),
    ],
)
def test_what_can_not_belong_together_is_refused(damaged, words):
    with pytest.raises(DataError, match=words):
        ist.open_data(CLEAN, damaged=damaged)


def test_a_missing_partner_is_named(tmp_path):
    with pytest.raises(DataError, match=r"damaged lacks 039\.png: expected a damaged picture of the same name"):
        ist.open_data(folder(tmp_path / "clean", CLEAN), damaged=folder(tmp_path / "damaged", CLEAN[:39]))


def test_pairs_and_their_corruption_want_each_other():
    with pytest.raises(BlueprintError, match=r"contain damaged samples, but this model damages clean samples itself"):
        ist.recipe("denoise").build(ist.open_data(CLEAN, damaged=CLEAN))
    with pytest.raises(BlueprintError, match=r"needs data with damaged samples, but these have none"):
        ist.recipe("denoise", corruption="pairs").build(ist.open_data(CLEAN))


def test_frames_of_stacks_belong_together_by_their_numbers(tmp_path):
    for folder_of, values in (("clean", CLEAN), ("damaged", 255 - CLEAN)):
        (tmp_path / folder_of).mkdir()
        first, *more = map(Image.fromarray, values)
        first.save(tmp_path / folder_of / "a.tiff", save_all=True, append_images=more)
    data = ist.open_data(tmp_path / "clean", damaged=tmp_path / "damaged", step=1)
    for part in data.parts.values():
        assert torch.equal(damaged_of(part), 255 - part.tensor())


def test_rows_of_another_length_are_the_input_of_a_model_that_makes_the_clean_ones():
    random = np.random.default_rng(0)
    given = random.normal(size=(120, 7)).astype(np.float32)
    made = given @ random.normal(size=(7, 4)).astype(np.float32)
    data = ist.open_data(made, damaged=given, scaling="rms")
    with pytest.raises(ist.IsthmusError, match="centred=False"):
        ist.recipe("topk", code=12, k=3, corruption="pairs").build(data, remarks=False)
    model = ist.recipe("topk", code=12, k=3, corruption="pairs", centred=False).build(data, remarks=False)
    run = ist.fit(model, data, epochs=3, progress=False, compile=False)
    assert (run.model.shape, run.model.input_shape) == ((4,), (7,))
    assert run.history[-1]["loss"] < run.history[0]["loss"]
    assert run.reconstruct(given).shape == (120, 4)
    assert run.evaluate()["test"]["mse"]["model"] > 0
    assert ist.latents(run, "test").l0 <= 3
    with pytest.raises(ist.IsthmusError, match=r"shape \(4,\): expected \(7,\)"):
        run.encode(made)
    with pytest.raises(ist.IsthmusError, match="not what it takes"):
        run.model.encode(torch.from_numpy(made))

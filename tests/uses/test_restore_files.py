"""Restoring files: formats and modes are kept, inputs are safe, and what can't be read is told."""

import os

import numpy as np
import pytest
from PIL import Image

import isthmus as ist
from isthmus.errors import DataError, UseError


def run_of(name, shape=(3, 16, 16), **options):
    pictures = np.random.default_rng(0).integers(0, 256, (12, *shape), dtype=np.uint8)
    data = ist.open_data(pictures, channels="first")
    model = ist.recipe(name, **{"channels": (4,)} | options).build(data)
    return ist.fit(model, data, epochs=1, batch_size=64, compile=False, progress=False)


@pytest.fixture(scope="module")
def denoiser():
    return run_of("denoise")


def opened(path):
    with Image.open(path) as image:
        image.load()
        return image


def picture(mode="RGB", size=(40, 25), seed=0):
    channels = len(mode) if mode != "L" else 0
    values = np.random.default_rng(seed).integers(0, 256, (*size[::-1], channels) if channels else size[::-1])
    return Image.fromarray(values.astype(np.uint8))


@pytest.mark.parametrize(
    ("name", "mode", "kind"),
    [
        ("a.png", "RGB", "PNG"),
        ("a.png", "L", "PNG"),
        ("a.png", "LA", "PNG"),
        ("a.png", "RGBA", "PNG"),
        ("a.jpg", "RGB", "JPEG"),
        ("a.JPG", "L", "JPEG"),
        ("a.webp", "RGBA", "WEBP"),
        ("a.tif", "RGB", "TIFF"),
        ("a.bmp", "RGB", "BMP"),
    ],
)
def test_a_picture_keeps_its_format_size_and_mode(denoiser, tmp_path, name, mode, kind):
    picture(mode).save(tmp_path / name)
    ist.restore_files(denoiser, tmp_path / name, tmp_path / f"made-{name}")
    made = opened(tmp_path / f"made-{name}")
    assert (made.format, made.size) == (kind, (40, 25))
    assert made.mode == ("RGBA" if mode == "LA" else mode)


def test_a_folder_is_restored_below_its_own_names(denoiser, tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    picture().save(tmp_path / "in" / "a.png")
    picture("L", (300, 60)).save(tmp_path / "in" / "deep" / "b.jpg")
    picture("L").convert("P").save(tmp_path / "in" / "c.gif")
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    told = []
    found = ist.restore_files(denoiser, tmp_path / "in", tmp_path / "out", progress=lambda *words: told.append(words))
    made = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert made == ["a.png", "c.png", "deep/b.jpg"]
    assert opened(tmp_path / "out/deep/b.jpg").size == (300, 60)
    assert (len(found.written), found.skipped) == (3, {})
    assert {name for name, *_ in told} == {"a.png", "c.gif", "deep/b.jpg"}
    assert all(total == 3 and done < 3 and 0 <= share <= 1 for _, done, total, share in told)


def test_a_folder_that_was_stopped_goes_on_where_it_was(denoiser, tmp_path):
    (tmp_path / "in").mkdir()
    for name in "abc":
        picture().save(tmp_path / "in" / f"{name}.png")

    def stop(name, *_):
        if name == "b.png":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ist.restore_files(denoiser, tmp_path / "in", tmp_path / "out", progress=stop)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.png"]
    words = "exists already. Choose another target, or pass overwrite=True, or resume=True to restore only the others"
    with pytest.raises(DataError, match=words):
        ist.restore_files(denoiser, tmp_path / "in", tmp_path / "out")
    (tmp_path / "out" / "a.png").write_bytes(b"kept as it is")
    found = ist.restore_files(denoiser, tmp_path / "in", tmp_path / "out", resume=True)
    assert found.to_json() | {"written": 0} == {
        "restored": 2, "unreadable": 0, "there_already": 1, "written": 0, "skipped": {},
        "kept": [str(tmp_path / "out" / "a.png")],
    }  # fmt: skip
    assert (tmp_path / "out" / "a.png").read_bytes() == b"kept as it is"
    with pytest.raises(DataError, match="exclude each other: expected one"):
        ist.restore_files(denoiser, tmp_path / "in", tmp_path / "out", resume=True, overwrite=True)


def test_going_on_takes_the_place_of_nothing_that_is_read(denoiser, tmp_path):
    picture().save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a\.png is a source and would be overwritten"):
        ist.restore_files(denoiser, tmp_path, tmp_path, resume=True)


def test_what_can_not_be_read_is_left_out_and_told(denoiser, tmp_path):
    (tmp_path / "in").mkdir()
    picture().save(tmp_path / "in" / "good.png")
    (tmp_path / "in" / "bad.png").write_bytes((tmp_path / "in" / "good.png").read_bytes()[:200])
    found = ist.restore_files(denoiser, tmp_path / "in", tmp_path / "out")
    assert list(found.skipped) == ["bad.png"]
    assert "bad.png can't be read" in found.skipped["bad.png"]
    assert found.to_json()["restored"] == found.to_json()["unreadable"] == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.png"]


def test_a_single_picture_that_can_not_be_read_is_an_error(denoiser, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"bad\.png can't be read as a picture"):
        ist.restore_files(denoiser, tmp_path / "bad.png", tmp_path / "made.png")
    assert not (tmp_path / "made.png").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows lets administrators alone make links")
def test_what_is_read_is_never_overwritten(denoiser, tmp_path):
    picture().save(tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()
    (tmp_path / "link").symlink_to(tmp_path)
    for source, target in (("a.png", "a.png"), ("a.png", "."), (".", "."), (".", "link")):
        for overwrite in (False, True):
            with pytest.raises(DataError, match=r"a\.png is a source and would be overwritten"):
                ist.restore_files(denoiser, tmp_path / source, tmp_path / target, overwrite=overwrite)
    assert (tmp_path / "a.png").read_bytes() == before


def test_a_mask_is_never_overwritten(tmp_path):
    picture().save(tmp_path / "a.png")
    picture("L").save(tmp_path / "mask.png")
    with pytest.raises(DataError, match=r"mask\.png is a source and would be overwritten"):
        ist.restore_files(
            run_of("inpaint"), tmp_path / "a.png", tmp_path / "mask.png", mask=tmp_path / "mask.png", overwrite=True
        )


def test_what_is_there_is_overwritten_only_when_told_to(denoiser, tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png"):
        picture().save(tmp_path / "in" / name)
    picture("L").save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a\.png exists already\. Choose another target, or pass overwrite=True"):
        ist.restore_files(denoiser, tmp_path / "in", tmp_path)
    assert opened(tmp_path / "a.png").mode == "L"
    ist.restore_files(denoiser, tmp_path / "in", tmp_path, overwrite=True)
    assert opened(tmp_path / "a.png").mode == "RGB"
    with pytest.raises(DataError, match=r"a\.png and 1 more exist already"):
        ist.restore_files(denoiser, tmp_path / "in", tmp_path)


def test_nothing_is_left_half_written(denoiser, tmp_path, monkeypatch):
    picture().save(tmp_path / "a.png")

    def fail(self, path, **how):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(ist.IsthmusError, match="the disk is full"):
        ist.restore_files(denoiser, tmp_path / "a.png", tmp_path / "b.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("by", ["mask", "folder of masks", "transparency"])
def test_holes_are_told_by_a_mask_or_by_what_is_transparent(tmp_path, by):
    run = run_of("inpaint")
    observed = np.ones((25, 40), bool)
    observed[4:10, 6:20] = False
    shown = picture()
    (tmp_path / "in").mkdir()
    (tmp_path / "masks").mkdir()
    Image.fromarray((~observed * 255).astype(np.uint8)).save(tmp_path / "masks" / "a.png")
    if by == "transparency":
        shown.putalpha(Image.fromarray((observed * 255).astype(np.uint8)))
    shown.save(tmp_path / "in" / "a.png")
    mask = {"mask": tmp_path / "masks" / "a.png", "folder of masks": tmp_path / "masks"}.get(by)
    ist.restore_files(run, tmp_path / "in", tmp_path / "out", mask=mask)
    made, before = (np.asarray(opened(tmp_path / at / "a.png").convert("RGB")) for at in ("out", "in"))
    assert opened(tmp_path / "out" / "a.png").mode == "RGB"
    assert np.array_equal(made[observed], before[observed])
    assert not np.array_equal(made[~observed], before[~observed])


@pytest.mark.parametrize(
    ("mask", "words"),
    [("none.png", r"none\.png does not exist: expected a mask"), ("masks", "There is no mask of a.png in")],
)
def test_a_mask_that_is_not_there_is_said_to_be_missing(tmp_path, mask, words):
    picture().save(tmp_path / "a.png")
    (tmp_path / "masks").mkdir()
    with pytest.raises(DataError, match=words):
        ist.restore_files(run_of("inpaint"), tmp_path / "a.png", tmp_path / "b.png", mask=tmp_path / mask)


def test_what_is_enlarged_is_written_enlarged(tmp_path):
    picture().save(tmp_path / "a.png")
    ist.restore_files(run_of("upscale", factor=4), tmp_path / "a.png", tmp_path / "b.png")
    assert opened(tmp_path / "b.png").size == (160, 100)


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("none.png", "b.png", "does not exist"),
        ("a.png", "b.xyz", "can't write a picture as '.xyz'"),
        ("a.png", "b.gif", "can't write a picture as '.gif'"),
        ("empty", "out", "has no pictures in it"),
        ("folder", "a.png", "is a file: expected a folder"),
    ],
)
def test_wrong_places_are_refused_before_any_work(denoiser, tmp_path, source, target, words):
    picture().save(tmp_path / "a.png")
    for folder in ("empty", "folder"):
        (tmp_path / folder).mkdir()
    picture().save(tmp_path / "folder" / "a.png")
    with pytest.raises(DataError) as refused:
        ist.restore_files(denoiser, tmp_path / source, tmp_path / target)
    assert words in str(refused.value)


def test_a_mask_for_a_model_that_fills_nothing_is_refused(denoiser, tmp_path):
    picture().save(tmp_path / "a.png")
    with pytest.raises(UseError, match="This model fills no holes"):
        ist.restore_files(denoiser, tmp_path / "a.png", tmp_path / "b.png", mask=tmp_path / "a.png")

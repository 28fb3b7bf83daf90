import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isthmus.data import open_data, pictures, read_samples
from isthmus.data.decoders.deep import write_deep
from isthmus.data.entries import Entry, UnreadableError
from isthmus.data.options import Options
from isthmus.data.pictures import is_picture, read_pictures
from isthmus.errors import DataError, Remark

GREY = np.arange(48, dtype=np.uint8).reshape(6, 8)
COLOUR = np.stack([GREY, GREY + 50, GREY + 100], 2)


def packed(pixels: np.ndarray | Image.Image, format: str = "PNG", **words) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    image.save(buffer, format=format, **words)
    return buffer.getvalue()


def decode(content: bytes | Image.Image, called: str, options: Options) -> tuple[np.ndarray, str]:
    return pictures.decode(io.BytesIO(content) if isinstance(content, bytes) else content, called, options)


def entries(**pictures: np.ndarray | bytes) -> list[Entry]:
    contents = {name: held if isinstance(held, bytes) else packed(held) for name, held in pictures.items()}
    return [Entry(f"{name}.png", lambda content=content: io.BytesIO(content)) for name, content in contents.items()]


@pytest.mark.parametrize(
    ("format", "words"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("PPM", {}),
        ("WEBP", {"lossless": True}),
        ("TIFF", {"compression": "jpeg"}),
    ],
)
def test_formats_are_decoded(format, words):
    pixels, mode = decode(packed(COLOUR, format, **words), "it", Options())
    assert mode == "RGB"
    assert pixels.shape == (3, 6, 8)
    assert np.abs(pixels.astype(int) - np.moveaxis(COLOUR, 2, 0)).max() <= (60 if "compression" in words else 0)


def test_jpeg_and_gif_are_decoded():
    assert np.abs(decode(packed(GREY, "JPEG"), "it", Options())[0][0].astype(int) - GREY).max() < 10
    assert np.array_equal(decode(packed(GREY, "GIF"), "it", Options(mode="L"))[0][0], GREY)


@pytest.mark.parametrize(
    ("image", "mode"),
    [
        (Image.fromarray(GREY), "L"),
        (Image.fromarray(GREY > 20), "L"),
        (Image.fromarray(COLOUR), "RGB"),
        (Image.fromarray(COLOUR).quantize(256), "RGB"),
        (Image.fromarray(COLOUR).convert("RGBA"), "RGBA"),
        (Image.fromarray(GREY).convert("LA"), "RGBA"),
    ],
)
def test_modes_are_kept_in_eight_bits(image, mode):
    pixels, found = decode(packed(image), "it", Options())
    assert found == mode
    assert pixels.dtype == np.uint8
    assert len(pixels) == len(mode)


def test_sixteen_bits_keep_all_levels_or_become_eight_on_request():
    deep = packed(Image.fromarray(GREY.astype(np.uint16) * 257))
    assert np.array_equal(decode(deep, "it", Options())[0][0], GREY.astype(np.float32) * 257)
    assert np.array_equal(decode(deep, "it", Options(depth=8))[0][0], GREY)


def test_what_is_see_through_is_laid_on_white():
    clear = Image.new("RGBA", (3, 2), (200, 0, 0, 0))
    assert (decode(packed(clear), "it", Options(mode="RGB"))[0] == 255).all()
    assert (decode(packed(clear), "it", Options(mode="L"))[0] == 255).all()


def test_exif_orientation_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6
    content = packed(Image.fromarray(GREY), "JPEG", exif=exif)
    assert decode(content, "it", Options())[0].shape == (1, 8, 6)


def test_sizes_and_modes_are_unified_on_request():
    raw = read_pictures(entries(a=GREY, b=COLOUR[:4, :4]), Options(size=(5, 3), mode="L"), "It")
    assert raw.values.shape == (2, 1, 5, 3)


def test_different_sizes_name_two_files_and_the_option():
    with pytest.raises(DataError, match=r"a\.png has 6 x 8 .*b\.png has 4 x 4 .*size=\(6, 8\)"):
        read_pictures(entries(a=GREY, b=GREY[:4, :4]), Options(), "It")


def test_different_modes_name_two_files_and_the_option():
    with pytest.raises(DataError, match=r"a\.png has mode L, but b\.png has RGB.*mode='L'"):
        read_pictures(entries(a=GREY, b=COLOUR), Options(), "It")


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
@pytest.mark.parametrize("keep", [3, 30, 0.6])
def test_truncated_pictures_are_refused(format, keep):
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    content = packed(noise, format)
    with pytest.raises(UnreadableError, match="it can't be read"):
        decode(content[: int(keep if keep > 1 else len(content) * keep)], "it", Options())


def test_picture_bomb_is_refused_before_it_is_decoded(monkeypatch):
    header = b"IHDR" + struct.pack(">IIBBBBB", 50_000, 50_000, 1, 0, 0, 0, 0)
    chunks = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + struct.pack(">I", 99) + b"IDAT"
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(DataError, match=r"50000 x 50000 pixels.*raise max_pixels"):
        decode(b"\x89PNG\r\n\x1a\n" + chunks + bytes(99), "it", Options())


def test_limit_of_pillow_neither_counts_nor_changes(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode(packed(GREY), "it", Options(max_pixels=48))[0].shape == (1, 6, 8)
    assert Image.MAX_IMAGE_PIXELS == 10
    with pytest.raises(DataError, match="max_pixels=47"):
        decode(packed(GREY), "it", Options(max_pixels=47))


def test_set_that_grows_too_large_is_refused():
    with pytest.raises(DataError, match=r"96 bytes for 2 pictures.*max_bytes=50"):
        read_pictures(entries(a=GREY, b=GREY), Options(max_bytes=50), "It")


def test_unreadable_pictures_are_named():
    with pytest.raises(DataError, match=r"2 of 3 pictures can't be read .b\.png, c\.png."):
        read_pictures(entries(a=GREY, b=b"", c=b"no picture"), Options(), "It")


def test_unreadable_pictures_can_be_left_out():
    with pytest.warns(Remark, match=r"1 of 3 .*b\.png"):
        raw = read_pictures(entries(a=GREY, b=b"", c=GREY), Options(missing="drop"), "It")
    assert raw.names == ("a.png", "c.png")


def test_nothing_readable_at_all_is_refused():
    with pytest.raises(DataError, match="none of its 2 pictures"):
        read_pictures(entries(a=b"", b=b""), Options(missing="drop"), "It")


@pytest.mark.parametrize("name", [".a.png", "x/.hidden/a.png", "__MACOSX/a.png", "a.txt", "png"])
def test_hidden_files_and_others_are_no_pictures(name):
    assert not is_picture(name)


def test_errors_are_one_line():
    for content in (
        b"",
        b"\x89PNG\r\n\x1a\n" + bytes(50),
        b"GIF89a" + bytes(9),
        b"II*\0" + bytes(60),
        b"BM" + bytes(40),
    ):
        with pytest.raises(UnreadableError) as caught:
            decode(content, "it", Options())
        assert "\n" not in str(caught.value)


DEEP = np.random.default_rng(0).integers(0, 4096, (6, 8)).astype(np.uint16)


def test_pictures_of_a_camera_keep_their_levels(tmp_path):
    for number in range(20):
        Image.fromarray(DEEP + number).save(tmp_path / f"{number}.png")
    data = open_data(tmp_path)
    assert (data.train.dtype, data.scaling.kind, data.description["depth"]) == ("float32", "minmax", 16)
    assert set(np.unique(data.train.tensor().numpy())) <= set(range(4096 + 20))
    assert len(np.unique(data.train.tensor().numpy())) > 100


@pytest.mark.parametrize("depth", [8, 16])
def test_depths_that_differ_are_refused_with_advice_that_helps(depth):
    mixed = entries(a=GREY, b=DEEP * 16)
    with pytest.raises(DataError, match=r"a\.png has 8 bits for each value, but b\.png has 16.*depth=8 or depth=16"):
        read_pictures(mixed, Options(), "It")
    raw = read_pictures(mixed, Options(depth=depth), "It")
    assert raw.values.dtype == (np.uint8 if depth == 8 else np.float32)
    assert raw.values[0].max() == int(GREY.max()) * (1 if depth == 8 else 257)


def test_another_depth_is_refused():
    with pytest.raises(DataError, match="depth=12: expected 8 or 16 bits"):
        Options(depth=12)


def test_levels_that_vanish_in_eight_bits_are_remarked_on():
    with pytest.warns(Remark, match="1 pictures of 16 bits.*with 15 of 255 as the brightest value.*Leave depth=8 out"):
        read_pictures(entries(a=np.full((2, 2), 4095, np.uint16)), Options(depth=8), "It")


def test_modes_and_sizes_of_deep_pictures_are_unified():
    content = write_deep(np.stack([DEEP, DEEP * 2, DEEP * 3]), ".png")
    grey = read_pictures(entries(a=content, b=DEEP), Options(mode="L"), "It").values
    assert np.allclose(grey[0], 0.299 * DEEP + 0.587 * 2.0 * DEEP + 0.114 * 3.0 * DEEP, rtol=1e-5)
    colour = read_pictures(entries(a=content, b=DEEP), Options(mode="RGBA", size=(3, 4)), "It").values
    assert colour.shape == (2, 4, 3, 4)
    assert np.array_equal(colour[1, 0], colour[1, 2])
    assert (colour[:, 3] == 65535).all()


def stack(path: Path, *shades: int, side: int = 4) -> None:
    frames = [Image.fromarray(np.full((side, side), shade, np.uint8)) for shade in shades]
    path.parent.mkdir(parents=True, exist_ok=True)
    frames[0].save(path, save_all=True, append_images=frames[1:])


def test_frames_of_several_files_are_counted(tmp_path):
    stack(tmp_path / "a.tiff", 1, 2, 3)
    stack(tmp_path / "b.tiff", 4)
    stack(tmp_path / "c.tiff", 5, 6)
    with pytest.warns(Remark, match="2 of 3 files have several frames; 5 in all are read, each as a sample"):
        samples = read_samples(tmp_path)
    assert samples.names == ("a.tiff@0", "a.tiff@1", "a.tiff@2", "b.tiff", "c.tiff@0", "c.tiff@1")
    assert samples.tensor()[:, 0, 0, 0].tolist() == [1, 2, 3, 4, 5, 6]


def test_all_frames_of_a_file_stay_in_one_part(tmp_path):
    for number in range(20):
        stack(tmp_path / "set" / f"{number:02d}.tiff", *range(5))
    with pytest.warns(Remark, match="20 of 20 files"):
        data = open_data(tmp_path / "set", validation=0.2, test=0.2)
    files = [{name.partition("@")[0] for name in part.names} for part in data.parts.values()]
    assert [len(some) for some in files] == [12, 4, 4]
    assert len(set.union(*files)) == 20


def test_frames_as_channels_need_equal_counts(tmp_path):
    stack(tmp_path / "a.tiff", 1, 2, 3)
    stack(tmp_path / "b.tiff", 4, 5)
    with pytest.raises(DataError, match=r"3 frames of L, but b\.tiff has 2 frames.*frames='samples'"):
        read_samples(tmp_path, frames="channels")
    stack(tmp_path / "b.tiff", 4, 5, 6)
    samples = read_samples(tmp_path, frames="channels")
    assert samples.tensor()[:, :, 0, 0].tolist() == [[1, 2, 3], [4, 5, 6]]


def test_a_damaged_frame_leaves_out_its_whole_file(tmp_path):
    stack(tmp_path / "a.tiff", 1)
    stack(tmp_path / "b.tiff", *range(20, 26), side=40)
    content = (tmp_path / "b.tiff").read_bytes()
    (tmp_path / "b.tiff").write_bytes(content[: len(content) * 2 // 3])
    with pytest.warns(Remark, match=r"1 of 2 pictures can't be read and are left out: b\.tiff"):
        samples = read_samples(tmp_path, missing="drop")
    assert samples.names == ("a.tiff",)


def test_frames_are_cut_into_patches_at_the_same_places(tmp_path):
    stack(tmp_path / "a.tiff", *range(8), side=64)
    with pytest.warns(Remark, match="8 frames"):
        data = open_data(tmp_path, patches=20, size=8)
    places = [{name.partition("@")[2].partition(".")[0] for name in part.names} for part in data.parts.values()]
    assert all(places)
    assert not places[0] & places[1]
    assert not places[0] & places[2]


def test_a_set_with_many_frames_may_not_grow_beyond_the_limit(tmp_path):
    stack(tmp_path / "a.tiff", *range(50))
    with pytest.raises(DataError, match="max_bytes=400"):
        read_samples(tmp_path, max_bytes=400)


def test_new_pictures_get_the_depth_of_a_model(tmp_path):
    for number in range(12):
        for folder, values in (("deep", DEEP * 16), ("flat", (DEEP // 16).astype(np.uint8))):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(values + number).save(tmp_path / folder / f"{number}.png")
    deep, flat = (open_data(tmp_path / folder).description for folder in ("deep", "flat"))
    with pytest.warns(Remark, match="12 pictures of 16 bits.*as in the training of the model"):
        assert read_samples(tmp_path / "deep", like=flat).dtype == "uint8"
    with pytest.warns(Remark, match="trained on pictures of 16.*depth=16"):
        read_samples(tmp_path / "flat", like=deep)
    assert read_samples(tmp_path / "flat", like=deep, depth=16).tensor().max() > 60_000

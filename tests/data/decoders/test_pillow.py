import struct

import imagecodecs
import numpy as np
import pillow_heif
import pytest
from PIL import Image

from isthmus.data import read_samples
from isthmus.data.decoders.deep import write_deep
from isthmus.data.options import Options
from isthmus.data.pictures import decode
from isthmus.errors import DataError, Remark

GENERATOR = np.random.default_rng(0)
DEEP = GENERATOR.integers(0, 65536, (4, 6, 8)).astype(np.uint16)
COLOUR = (DEEP[:3] >> 8).astype(np.uint8)


def values(path, **options) -> np.ndarray:
    return read_samples(path, **options).tensor()[0].numpy()


@pytest.mark.parametrize(("suffix", "channels"), [(s, c) for s in (".png", ".tif", ".ppm") for c in (1, 3, 4)][:-1])
def test_all_levels_of_sixteen_bits_are_kept(tmp_path, suffix, channels):
    (tmp_path / f"a{suffix}").write_bytes(write_deep(DEEP[:channels], suffix))
    assert np.array_equal(values(tmp_path / f"a{suffix}"), DEEP[:channels])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
def test_all_levels_of_colour_tiffs_of_other_programs_are_kept(tmp_path, order, compression):
    tifffile = pytest.importorskip("tifffile")
    pixels = np.moveaxis(DEEP[:3], 0, 2)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", byteorder=order, compression=compression)
    assert np.array_equal(values(tmp_path / "a.tif"), DEEP[:3])


def test_grey_of_sixteen_bits_with_opacity_keeps_its_levels(tmp_path):
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(np.moveaxis(DEEP[:2], 0, 2).copy()))
    assert np.array_equal(values(tmp_path / "a.png"), DEEP[[0, 0, 0, 1]])


@pytest.mark.parametrize("content", [b"P2\n# by hand\n2 1\n4095\n7 4095\n", b"P5 2 1 4095\n\x00\x07\x0f\xff"])
def test_twelve_bits_of_netpbm_are_not_stretched(tmp_path, content):
    (tmp_path / "a.pgm").write_bytes(content)
    assert values(tmp_path / "a.pgm").tolist() == [[[7, 4095]]]


def test_floats_and_whole_numbers_of_32_bits_are_read(tmp_path):
    floats = GENERATOR.normal(size=(6, 8)).astype(np.float32)
    Image.fromarray(floats).save(tmp_path / "f.tiff")
    Image.fromarray(DEEP[0].astype(np.int32) - 100).save(tmp_path / "i.tiff")
    assert np.array_equal(values(tmp_path / "f.tiff")[0], floats)
    assert np.array_equal(values(tmp_path / "i.tiff")[0], DEEP[0].astype(np.float32) - 100)


def test_missing_pixels_of_floats_are_missing_values(tmp_path):
    floats = np.ones((6, 8), np.float32)
    floats[0, 0] = np.nan
    Image.fromarray(floats).save(tmp_path / "f.tiff")
    with pytest.raises(DataError, match=r"NaN.*missing='drop'"):
        read_samples(tmp_path / "f.tiff")
    assert values(tmp_path / "f.tiff", missing="fill").min() == 1
    assert np.isnan(values(tmp_path / "f.tiff", missing="keep")).sum() == 1


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_pictures_of_any_depth_are_turned_upright(tmp_path, suffix, orientation, deep):
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = DEEP[0] if deep else COLOUR[0]
    Image.fromarray(pixels).save(tmp_path / f"a{suffix}", exif=exif)
    turned = {1: pixels, 3: pixels[::-1, ::-1], 6: np.rot90(pixels, -1), 8: np.rot90(pixels)}
    turned |= {2: pixels[:, ::-1], 4: pixels[::-1], 5: pixels.T, 7: pixels[::-1, ::-1].T}
    assert np.array_equal(values(tmp_path / f"a{suffix}")[0], turned[orientation])


@pytest.mark.parametrize("format", ["gif", "webp", "png", "tiff", "avif"])
def test_frames_are_samples_with_a_remark(tmp_path, format):
    frames = [Image.fromarray(np.full((16, 16), 40 * shade, np.uint8)) for shade in range(4)]
    words = {"webp": {"lossless": True}, "avif": {"quality": 100}}.get(format, {})
    frames[0].save(tmp_path / f"a.{format}", save_all=True, append_images=frames[1:], **words)
    with pytest.warns(Remark, match="4 frames are read, each as a sample.*frames='channels'.*frames='first'"):
        samples = read_samples(tmp_path / f"a.{format}", mode="L")
    assert samples.names == tuple(f"a.{format}@{number}" for number in range(4))
    assert np.abs(samples.tensor()[:, 0, 8, 8].numpy().astype(int) - [0, 40, 80, 120]).max() <= 2
    assert read_samples(tmp_path / f"a.{format}", frames="channels", mode="L").shape == (4, 16, 16)
    first = read_samples(tmp_path / f"a.{format}", frames="first")
    assert first.names == (f"a.{format}",)
    assert len(read_samples(tmp_path / f"a.{format}", step=3)) == 2


def test_previews_and_masks_of_a_tiff_are_no_frames(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(DEEP[0])
        file.write(DEEP[0, ::2, ::2], subfiletype=1)
        file.write(DEEP[0] > 9, subfiletype=4)
    assert np.array_equal(values(tmp_path / "a.tif")[0], DEEP[0])
    assert len(read_samples(tmp_path / "a.tif")) == 1


@pytest.mark.parametrize("suffix", [".jp2", ".tga", ".avif"])
def test_further_formats_of_pillow_are_read(tmp_path, suffix):
    pixels = np.full((16, 16, 3), (200, 100, 30), np.uint8)
    Image.fromarray(pixels).save(tmp_path / f"a{suffix}")
    found = read_samples(tmp_path / f"a{suffix}")
    assert found.dtype == "uint8"
    assert np.abs(found.tensor()[0, :, 8, 8].numpy().astype(int) - [200, 100, 30]).max() <= 4


def test_jpeg_2000_in_colour_keeps_its_levels(tmp_path):
    (tmp_path / "a.jp2").write_bytes(imagecodecs.jpeg2k_encode(np.moveaxis(DEEP[:3], 0, 2).copy(), level=0))
    assert np.array_equal(values(tmp_path / "a.jp2"), DEEP[:3])


def test_avif_of_ten_bits_keeps_its_levels(tmp_path):
    ramp = np.repeat(np.arange(0, 1024, 16, dtype=np.uint16)[None, :, None], 64, 0).repeat(3, 2)
    (tmp_path / "a.avif").write_bytes(imagecodecs.avif_encode(ramp, bitspersample=10, level=100))
    assert len(np.unique(values(tmp_path / "a.avif")[0])) >= 64
    assert values(tmp_path / "a.avif").max() > 60_000


def test_a_format_is_known_by_its_content_too(tmp_path):
    pillow_heif.from_pillow(Image.fromarray(np.moveaxis(COLOUR, 0, 2))).save(tmp_path / "a.heic")
    (tmp_path / "a.heic").rename(tmp_path / "a.jpg")
    assert read_samples(tmp_path / "a.jpg").shape == (3, 6, 8)


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    (tmp_path / "a.tif").write_bytes(write_deep(DEEP[:3], ".tif"))
    (tmp_path / "a.png").write_bytes(write_deep(DEEP[:3], ".png"))
    (tmp_path / "a.pgm").write_bytes(b"P5 60000 60000 65535\n")
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda *_: pytest.fail("it was decoded"))
    for name, most in (("a.tif", 47), ("a.png", 47), ("a.pgm", 10**9)):
        with pytest.raises(DataError, match="max_pixels"):
            read_samples(tmp_path / name, max_pixels=most)


@pytest.mark.parametrize("content", [b"", b"II*\0", b"II*\0\xff\xff\xff\xff", struct.pack("<4sIH", b"II*\0", 8, 9)])
def test_damaged_tiffs_are_one_line(tmp_path, content):
    (tmp_path / "a.tif").write_bytes(content + bytes(2))
    with pytest.raises(DataError, match=r"a\.tif can't be read as a picture"):
        read_samples(tmp_path / "a.tif")


@pytest.mark.parametrize("suffix", [".png", ".ppm", ".tif"])
def test_deep_pictures_that_are_cut_short_are_one_line(tmp_path, suffix):
    content = write_deep(DEEP[:3], suffix)
    (tmp_path / f"a{suffix}").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="can't be read as a picture") as caught:
        read_samples(tmp_path / f"a{suffix}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_open_picture_of_sixteen_bits_keeps_its_levels(tmp_path, channels):
    (tmp_path / "a.png").write_bytes(write_deep(DEEP[:channels], ".png"))
    with Image.open(tmp_path / "a.png") as image:
        assert np.array_equal(decode(image, "it", Options())[0], DEEP[:channels])

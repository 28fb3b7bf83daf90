import numpy as np
import pytest
from PIL import Image

from isthmus.data import read_samples, write_samples
from isthmus.errors import DataError

heif = pytest.importorskip("pillow_heif")
COLOUR = np.full((16, 24, 3), (200, 100, 30), np.uint8)


def test_photographs_of_telephones_are_read_upright(tmp_path):
    image = Image.fromarray(COLOUR)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.info["exif"] = exif.tobytes()
    heif.from_pillow(image).save(tmp_path / "a.heic")
    samples = read_samples(tmp_path / "a.heic")
    assert samples.dtype == "uint8"
    assert samples.shape in ((3, 24, 16), (3, 16, 24))  # by the version of libheif
    assert np.abs(samples.tensor()[0, :, 8, 8].numpy().astype(int) - [200, 100, 30]).max() <= 6


def test_grey_and_ten_bits_are_kept(tmp_path):
    heif.from_bytes("L", (24, 16), np.full((16, 24), 90, np.uint8).tobytes()).save(tmp_path / "grey.heic")
    ramp = np.repeat(np.linspace(0, 65_535, 64).astype(np.uint16)[None, :, None], 64, 0).repeat(3, 2)
    heif.from_bytes("RGB;16", (64, 64), ramp.tobytes()).save(tmp_path / "deep.heic", quality=-1)
    assert read_samples(tmp_path / "grey.heic").shape == (1, 16, 24)
    deep = read_samples(tmp_path / "deep.heic")
    assert deep.dtype == "float32"
    assert len(np.unique(deep.tensor().numpy())) > 60


def test_pictures_are_written_as_heic(tmp_path):
    write_samples(tmp_path / "a.heic", np.moveaxis(COLOUR, 2, 0)[None])
    found = read_samples(tmp_path / "a.heic").tensor()[0, :, 8, 8]
    assert np.abs(found.numpy().astype(int) - [200, 100, 30]).max() <= 6


def test_damage_and_size_are_one_line(tmp_path):
    heif.from_pillow(Image.fromarray(COLOUR)).save(tmp_path / "a.heic")
    with pytest.raises(DataError, match="max_pixels=100"):
        read_samples(tmp_path / "a.heic", max_pixels=100)
    content = (tmp_path / "a.heic").read_bytes()
    (tmp_path / "a.heic").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"a\.heic can't be read as a picture"):
        read_samples(tmp_path / "a.heic")

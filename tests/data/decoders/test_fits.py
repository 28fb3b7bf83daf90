from typing import Any

import numpy as np
import pytest

from isthmus.data import read_samples
from isthmus.errors import DataError, Remark

fits = pytest.importorskip("astropy.io.fits")
CUBE = np.random.default_rng(0).integers(0, 60_000, (5, 6, 8)).astype(np.uint16)


@pytest.mark.parametrize("name", ["a.fits", "a.fits.gz", "a.fit"])
def test_planes_of_a_cube_are_samples(tmp_path, name):
    fits.PrimaryHDU(CUBE).writeto(tmp_path / name)
    with pytest.warns(Remark, match="5 frames are read"):
        assert np.array_equal(read_samples(tmp_path / name).tensor()[:, 0].numpy(), CUBE)
    assert read_samples(tmp_path / name, frames="channels").shape == (5, 6, 8)


def test_missing_pixels_are_missing_values(tmp_path):
    image = fits.PrimaryHDU(np.array([[1, 2], [-999, 4]], np.int16))
    image.header["BLANK"] = -999
    image.writeto(tmp_path / "a.fits")
    with pytest.raises(DataError, match="NaN"):
        read_samples(tmp_path / "a.fits")
    assert np.isnan(read_samples(tmp_path / "a.fits", missing="keep").tensor()[0, 0].numpy()).tolist() == [
        [False, False],
        [True, False],
    ]


def test_the_first_image_is_read_and_others_are_counted(tmp_path):
    images = [fits.ImageHDU(plane.astype(np.float32)) for plane in CUBE[:3]]
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(tmp_path / "a.fits")
    with pytest.warns(Remark, match="has 3 images; only the first is read"):
        assert np.array_equal(read_samples(tmp_path / "a.fits").tensor()[0, 0].numpy(), CUBE[0])


def test_compressed_images_are_read(tmp_path):
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(CUBE[0])]).writeto(tmp_path / "a.fits.fz")
    assert np.array_equal(read_samples(tmp_path / "a.fits.fz").tensor()[0, 0].numpy(), CUBE[0])


def test_tables_damage_and_size_are_one_line(tmp_path):
    fits.BinTableHDU.from_columns([fits.Column("a", "E", array=[1.0, 2.0])]).writeto(tmp_path / "t.fits")
    with pytest.raises(DataError, match="it has tables but no image"):
        read_samples(tmp_path / "t.fits")
    fits.PrimaryHDU(CUBE).writeto(tmp_path / "a.fits")
    limits: list[Any] = [{"max_pixels": 40}, {"max_bytes": 100}]
    for limit in limits:
        with pytest.raises(DataError, match=next(iter(limit))):
            read_samples(tmp_path / "a.fits", **limit)
    content = (tmp_path / "a.fits").read_bytes()
    for damaged in (content[:1000], content[:3000], b"words"):
        (tmp_path / "a.fits").write_bytes(damaged)
        with pytest.raises(DataError, match=r"a\.fits can't be read as a picture") as caught:
            read_samples(tmp_path / "a.fits")
        assert "\n" not in str(caught.value)

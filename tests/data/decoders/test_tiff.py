from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isthmus.data import read_samples
from isthmus.errors import DataError, Remark
from isthmus.extras import MissingPackageError

tifffile = pytest.importorskip("tifffile")
GENERATOR = np.random.default_rng(0)


def save(path: Path, bands: np.ndarray, planar: Any = "contig") -> None:
    tifffile.imwrite(path, bands, planarconfig=planar, photometric="minisblack")


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("bands", [2, 5, 13])
def test_bands_of_a_satellite_are_channels(tmp_path, bands, planar):
    values = GENERATOR.integers(0, 60_000, (bands, 6, 8)).astype(np.uint16)
    save(tmp_path / "a.tif", values if planar == "separate" else np.moveaxis(values, 0, 2), planar)
    samples = read_samples(tmp_path / "a.tif")
    assert np.array_equal(samples.tensor()[0].numpy(), values)
    assert read_samples(tmp_path / "a.tif", size=(3, 4)).shape == (bands, 3, 4)
    with pytest.raises(DataError, match=f"{bands} bands.*Leave mode out"):
        read_samples(tmp_path / "a.tif", mode="RGB")


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "f2", "f4", "f8"])
@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "zstd"])
def test_colours_of_any_type_are_read(tmp_path, compression, dtype, planar):
    values = (GENERATOR.random((3, 6, 8)) * 200).astype(dtype)
    pixels = values if planar == "separate" else np.moveaxis(values, 0, 2)
    tifffile.imwrite(tmp_path / "a.tif", pixels, planarconfig=planar, photometric="rgb", compression=compression)
    assert np.array_equal(read_samples(tmp_path / "a.tif").tensor()[0].numpy(), values.astype("f4"))


def test_stacks_of_imagej_are_read_whole(tmp_path):
    values = GENERATOR.integers(0, 60_000, (5, 6, 8)).astype(np.uint16)
    about = "ImageJ=1.53\nimages=5\nslices=5\n"
    tifffile.imwrite(tmp_path / "a.tif", values[0], description=about, metadata=None)
    with (tmp_path / "a.tif").open("ab") as file:  # as ImageJ does above 4 GB: one page, and all values behind it
        file.write(values[1:].tobytes())
    tifffile.imwrite(tmp_path / "b.tif", values, imagej=True)
    with pytest.warns(Remark, match="5 frames"):
        assert np.array_equal(read_samples(tmp_path / "b.tif").tensor()[:, 0].numpy(), values)
    with pytest.warns(Remark, match="5 frames"):
        assert np.array_equal(read_samples(tmp_path / "a.tif").tensor()[:, 0].numpy(), values)


def test_pixels_and_bytes_are_limited_before_decoding(tmp_path, monkeypatch):
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros((6, 8, 13), np.uint16), planarconfig="contig", photometric="minisblack"
    )
    monkeypatch.setattr(tifffile.TiffPage, "asarray", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(DataError, match="max_pixels=47"):
        read_samples(tmp_path / "a.tif", max_pixels=47)
    with pytest.raises(DataError, match="max_bytes=1000"):
        read_samples(tmp_path / "a.tif", max_bytes=1000)


def test_the_extra_is_named_where_it_is_missing(tmp_path, monkeypatch):
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros((6, 8, 13), np.uint16), planarconfig="contig", photometric="minisblack"
    )
    monkeypatch.setitem(__import__("sys").modules, "tifffile", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'isthmus\[pictures\]'"):
        read_samples(tmp_path / "a.tif")

"""The page of a codec: its figures and words, and what it compares."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import isthmus as ist
from isthmus.codec.report import Point, _at_psnr, _busiest, _of_size, _opened, _psnr, _saved
from isthmus.data.scaling import Scaling
from isthmus.run import Run
from isthmus.training import Settings


def test_the_page_of_lossless_digits_compares_with_other_formats(deep, digits, tmp_path: Path) -> None:
    ist.compress(deep, digits[:300], tmp_path / "a.isth", report=tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    for words in ("Where the bits go", "Rate and error", "PNG, lossless", "xz, lossless", "bits for a number"):
        assert words in page
    assert "Crops" not in page  # the digits are smaller than a crop


def test_the_page_of_a_table_shows_the_bits_of_each_column(trained, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    table = np.stack([random.integers(0, 3, 400), random.integers(0, 99, 400), random.integers(0, 2, 400)], 1)
    run = trained("deep", table.astype(np.float32), code=2)
    ist.compress(run, table.astype(np.float32), tmp_path / "a.isth", report=tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "Bits of each column" in page
    assert "JPEG" not in page


def test_the_page_of_photographs_has_crops_at_equal_bytes(tmp_path: Path) -> None:
    model = ist.recipe("image-codec", channels=(8, 12, 16), decoder_channels=(12, 8)).build((3, 32, 32), remarks=False)
    model.scaling = Scaling("bytes", 0.0, 255.0, (0.0, 1.0))
    run = Run(model, Settings(), description={"shape": [3, 32, 32], "kind": "pictures", "options": {"patches": 1}})
    rows, columns = np.mgrid[:150, :200]
    Image.fromarray(np.stack([rows, columns, rows + columns], 2).astype(np.uint8)).save(tmp_path / "a.png")
    made = ist.compress(run, tmp_path / "a.png", tmp_path / "a.isth", report=tmp_path / "a.html")
    assert made.method == "picture"
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "Crops at equal bytes" in page
    assert "bits for a pixel at" in page


def test_the_rival_rate_is_read_off_between_two_points() -> None:
    curve = [Point("1", 0.5, 30.0), Point("2", 2.0, 40.0)]
    assert _at_psnr(curve, 35.0) == pytest.approx(1.0)
    assert _at_psnr(curve, 45.0) is None


def test_a_rival_gets_its_best_quality_within_the_bytes() -> None:
    picture = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 40, 50)).astype(np.uint8))
    content = _of_size(picture, "JPEG", 2000)
    assert len(content) <= 2000
    better = _of_size(picture, "JPEG", 4000)
    assert _psnr(picture, _opened(better, 3)) > _psnr(picture, _opened(content, 3))
    assert torch.equal(_opened(_saved(picture, "PNG"), 3), picture)
    assert _psnr(picture, picture) == 99.0


def test_the_crop_lies_where_most_edges_are() -> None:
    picture = torch.zeros(1, 400, 400, dtype=torch.uint8)
    picture[:, 250:, 250:] = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (150, 150)).astype(np.uint8))
    top, left = _busiest(picture)
    assert 180 <= top <= 300
    assert 180 <= left <= 300

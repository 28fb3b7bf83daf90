"""The published table: its rows are the networks that it names, and its lines say what is scaled."""

from typing import Any

import numpy as np
import pytest
import torch
from benchmarks.published.__main__ import line, markdown
from benchmarks.published.data import digits_file
from benchmarks.published.rows import ROWS


@pytest.mark.parametrize("name", ROWS)
def test_a_row_has_the_network_that_it_names(name):
    row = ROWS[name]
    model = row.blueprint(row.scaled).build((1, 28, 28), remarks=False)
    widths = [layer.out_features for layer in model.encoder.modules() if isinstance(layer, torch.nn.Linear)]
    factor = 2 if row.activation == "gated" else 1
    assert widths == [*(factor * width for width in row.widths), 2 * row.code]
    assert model.corruption.damages == row.dynamic
    full: Any = row.blueprint(row.full)
    assert getattr(full.code, "draws", 1) == row.full.draws
    if name in ("miwae", "piwae"):
        assert max(full.bound.groups, full.bound.encoder_groups or 1) == 8


def test_a_line_has_the_difference_and_its_standard_error():
    row = ROWS["vae"]
    budget = {"samples": 10, "epochs": 1, "batch": 5, "draws": 1, "tested": 4, "importance": 2}
    own = {"nll": [100.0, 101.0, 102.0, 103.0], "seconds": 1.0, "budget": budget}
    said = line(row, own, {"nll": [101.0, 103.0, 103.0, 105.0], "seconds": 2.0}, full=False)
    assert "| 101.50 | 103.00 | -1.50 \u00b1 0.29 | 1 / 2 |" in said
    assert "to the published" in line(row, own, None, full=True)
    assert "to the published" not in line(row, own, None, full=False)


def test_the_digits_are_drawn_once_or_stay_grey(tmp_path, monkeypatch):
    source = tmp_path / "mnist.npz"
    place = np.random.default_rng(0)
    grey = {
        name: place.integers(0, 256, (count, 28, 28), dtype=np.uint8) for name, count in (("x_train", 6), ("x_test", 4))
    }
    np.savez(source, x_train=grey["x_train"], x_test=grey["x_test"])
    monkeypatch.setattr("benchmarks.published.data.find_digits", lambda: source)
    for dynamic in (False, True):
        path, title = digits_file(tmp_path / "made", 5, 3, dynamic=dynamic)
        with np.load(path) as file:
            assert file["x_train"].shape == (5, 28, 28)
            assert np.array_equal(file["x_train"], grey["x_train"][:5]) == dynamic
            assert set(np.unique(file["x_test"])) == {0, 255}
        assert title == "MNIST"
    assert "SCALED" in markdown(tmp_path, full=False, title="MNIST")

"""Bits-back coding: nothing is lost, and it costs the negative ELBO."""

import math
from typing import Any

import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus.codec.bits_back import FIRST, BitsBack
from isthmus.codec.exact_model import ExactModel
from isthmus.codec.grid import Grid
from isthmus.data.samples import Samples
from isthmus.measures.likelihood import elbo

RECIPES: dict[str, dict[str, Any]] = {
    "vae": {"code": 4, "widths": (64,)},
    "iwae": {"code": 4, "widths": (64,)},
    "ladder-vae": {"code": 6, "widths": (32,)},
    "conv-vae": {"code": 4, "channels": (4, 8)},
}


def _coder(run: ist.Run, samples: Samples) -> tuple[BitsBack, torch.Tensor]:
    grid = Grid.natural(samples)
    return BitsBack(ExactModel(run.model), grid), grid.levels(samples.tensor().flatten(1))


@pytest.mark.parametrize("name", RECIPES)
def test_the_rate_is_the_negative_elbo(trained, black_and_white: np.ndarray, name: str) -> None:
    run = trained(name, black_and_white, **RECIPES[name])
    samples = Samples(values=torch.from_numpy(black_and_white[:1000])[:, None], kind="pictures")
    coder, levels = _coder(run, samples)
    _, first = coder.encode(levels[:300])
    batches, words = coder.encode(levels)
    expected = -elbo(run.model, samples).value / math.log(2)
    # the first samples pay for their codes in full; the codes are drawn, so that the rate varies
    assert 32 * (len(words) - len(first)) / (len(levels) - 300) == pytest.approx(expected, rel=0.03)
    assert 32 * len(words) / len(levels) < 1.05 * expected
    assert torch.equal(coder.decode(batches, words), levels)


def test_with_many_samples_the_rate_is_within_half_a_percent(vae: ist.Run, black_and_white: np.ndarray) -> None:
    many = np.concatenate([black_and_white] * 3)
    samples = Samples(values=torch.from_numpy(many)[:, None], kind="pictures")
    coder, levels = _coder(vae, samples)
    _, words = coder.encode(levels)
    assert 32 * len(words) / len(many) == pytest.approx(-elbo(vae.model, samples).value / math.log(2), rel=0.005)


@pytest.mark.parametrize("count", [1, FIRST, FIRST + 1, 40])
def test_few_samples_come_back(vae: ist.Run, black_and_white: np.ndarray, count: int) -> None:
    samples = Samples(values=torch.from_numpy(black_and_white[:count])[:, None], kind="pictures")
    coder, levels = _coder(vae, samples)
    batches, words = coder.encode(levels)
    assert sum(batch.size for batch in batches) == count
    assert not batches[0].drawn
    assert torch.equal(coder.decode(batches, words), levels)


def test_a_table_under_a_gaussian_likelihood_comes_back_with_its_holes_and_outliers(trained, tmp_path) -> None:
    random = np.random.default_rng(0)
    inner = random.normal(size=(500, 2)) @ random.normal(size=(2, 6)) + 0.1 * random.normal(size=(500, 6))
    values = np.round(inner, 2).astype(np.float32)
    run = trained("vae", values, code=2, widths=(16,), distance="gaussian")
    wild = values.copy()
    wild[3], wild[7, 2], wild[:, 5] = 0, 9999.25, 1.5
    made = ist.compress(run, wild, tmp_path / "a.isth")
    assert made.method == "bits-back"
    assert np.array_equal(ist.decompress(tmp_path / "a.isth", run=run).tensor().numpy(), wild)


def test_a_likelihood_of_levels_codes_grey_values(trained, digits: np.ndarray, tmp_path) -> None:
    run = trained("vae", digits, code=4, widths=(32,), distance="discretised-logistic")
    made = ist.compress(run, digits[:300], tmp_path / "a.isth")
    assert made.method == "bits-back"
    assert made.elbo is None
    assert np.array_equal(ist.decompress(tmp_path / "a.isth", run=run).tensor().numpy()[:, 0], digits[:300])

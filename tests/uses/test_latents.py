"""Latents: their figures by hand, the samples that activate them most, and the page."""

import numpy as np
import pandas as pd
import pytest
import torch

import isthmus as ist


@pytest.fixture(scope="module")
def run():
    rows = np.random.default_rng(0).normal(size=(300, 6)).astype(np.float32)
    data = ist.open_data(rows, scaling="rms")
    return ist.fit(ist.recipe("topk", code=12, k=2).build(data), data, epochs=2, progress=False, compile=False)


def test_its_figures_are_those_of_the_codes(run):
    found = ist.latents(run, "train", top=3)
    samples = run.data.train
    z, made, x = run.encode(samples), run.reconstruct(samples).double(), samples.tensor().double()
    active = z != 0
    assert found.l0 == pytest.approx(float(active.sum(1).double().mean()))
    torch.testing.assert_close(found.density, active.double().mean(0))
    assert found.dead == pytest.approx(float((~active.any(0)).double().mean()))
    spread = (x - x.mean(0)).square().sum()
    assert found.explained == pytest.approx(float(1 - (x - made).square().sum() / spread), rel=1e-6)
    for place in range(12):
        order = z[:, place].argsort(descending=True)[:3]
        expected = [row for row in order.tolist() if z[row, place] > 0]
        assert [row for row in found.top[place].tolist() if row >= 0] == expected
        torch.testing.assert_close(found.values[place], z[order, place])
    torch.testing.assert_close(found.mean, z.double().sum(0) / active.sum(0).clamp(min=1))


def test_a_dimension_that_is_never_active_is_dead_and_has_no_samples(run):
    found = ist.latents(run, np.zeros((1, 6), dtype=np.float32) + run.data.train.tensor()[:1].numpy())
    assert found.dead >= 10 / 12
    assert bool((found.top[found.density == 0] == -1).all())


def test_the_page_shows_each_dimension_with_its_samples(run, tmp_path):
    found = ist.latents(run, "test")
    page = found.page(tmp_path / "latents.html", lambda row: f"token <{row}>", which=[3, 5]).read_text()
    assert page.count("<h3>Dimension") == 2
    assert "token &lt;" in page
    assert "10 other dimensions" in page
    assert "sample " in found.page(tmp_path / "own.html").read_text()
    assert found.to_json()["samples"] == 30
    assert "active for each sample" in str(found)


def test_pictures_are_shown_as_thumbnails(vae, tmp_path):
    found = ist.latents(vae, vae.open().test[:20], top=3)
    page = found.page(tmp_path / "latents.html", which=[0, 1]).read_text()
    assert page.count("<figure title=") == sum(int((found.top[place] >= 0).sum()) for place in (0, 1)) > 0
    assert page.count("data:image/png") >= page.count("<figure title=")


def test_the_numbers_of_a_table_have_the_names_of_their_columns(tmp_path):
    rows = np.random.default_rng(0).normal(size=(60, 2))
    data = ist.open_data(pd.DataFrame(rows, columns=["tall", "wide"]))
    run = ist.fit(ist.recipe("pca", code=1).build(data), data, progress=False)
    page = ist.latents(run, data.test).page(tmp_path / "latents.html").read_text()
    assert "tall " in page
    assert "wide " in page


def test_no_samples_are_refused(run):
    with pytest.raises(ist.IsthmusError, match="no samples"):
        ist.latents(run, run.data.test[:0])

"""Models of values that stay float64: reconstructions come back as float64, near the originals."""

import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus.errors import UseError

NOISE = np.random.default_rng(0).normal(size=600)
TABLE = np.column_stack([1.7e9 + np.arange(600.0), 1e8 + NOISE.round(2), NOISE])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    data = ist.open_data(TABLE)
    model = ist.recipe("pca", code=2).build(data, remarks=False)
    return ist.fit(model, data, out=tmp_path_factory.mktemp("runs") / "run", progress=False)


def test_reconstructions_are_within_a_fraction_of_the_spread(run):
    made = run.reconstruct(TABLE)
    assert made.dtype == torch.float64
    assert bool(((made - torch.from_numpy(TABLE)).abs().amax(0) < 0.01 * torch.from_numpy(TABLE.std(0))).all())
    assert len(made[:, 0].unique()) == 600


def test_a_single_row_has_the_code_that_it_has_among_others(run):
    codes = run.encode(TABLE)
    assert torch.allclose(run.encode(TABLE[7:8]), codes[7:8], atol=1e-5)
    assert torch.allclose(run.model.encode(torch.from_numpy(TABLE[7:8])), codes[7:8], atol=1e-5)


def test_a_loaded_run_reconstructs_the_same(run):
    again = ist.load(run.folder)
    assert again.description["dtype"] == "float64"
    assert torch.equal(again.reconstruct(TABLE), run.reconstruct(TABLE))


def test_streams_give_what_whole_reads_give(run, tmp_path):
    np.save(tmp_path / "a.npy", TABLE)
    pieces = [made for _, made in run.stream(tmp_path / "a.npy", rows=100).through(run.reconstruct)]
    assert torch.allclose(torch.cat(pieces), run.reconstruct(TABLE), rtol=0, atol=1e-3)


def test_anomalies_are_found_and_told_exactly(run):
    strange = TABLE.copy()
    strange[5, 1] += 30
    found = ist.detect(run, strange).most_anomalous[0]
    assert found.sample == 5
    assert found.columns[0][:2] == ("column 2", strange[5, 1])


def test_content_is_blended_in_float64(run):
    found = ist.blend(run, "test:0", "test:1", steps=3, ways="content", compare=0)
    ends = run.open().test.tensor()[:2]
    assert torch.allclose(found.samples["content"][1], ends.mean(0), rtol=1e-12)


@pytest.mark.parametrize("recipe", ["deep", "vae"])
def test_whole_numbers_and_decimals_are_compressed_without_loss(recipe, tmp_path):
    values = np.column_stack([1.7e9 + np.arange(600.0), 1e8 + NOISE.round(2)])
    data = ist.open_data(values)
    model = ist.recipe(recipe, code=1, widths=(8,)).build(data, remarks=False)
    run = ist.fit(model, data, epochs=1, batch_size=64, compile=False, progress=False)
    ist.compress(run, values, tmp_path / "a.isth")
    made = ist.decompress(tmp_path / "a.isth", run=run)
    assert made.dtype == "float64"
    assert torch.equal(made.tensor(), torch.from_numpy(values))


def test_other_numbers_are_refused_in_one_line_or_kept_within_an_error(run, tmp_path):
    with pytest.raises(UseError, match="more than 6 digits"):
        ist.compress(run, TABLE, tmp_path / "a.isth")
    ist.compress(run, TABLE, tmp_path / "a.isth", max_error=1e-3)
    made = ist.decompress(tmp_path / "a.isth", run=run).tensor()
    assert float((made - torch.from_numpy(TABLE)).abs().max()) <= 1e-3


def test_pictures_in_tiles_keep_their_values():
    pictures = 1e8 + np.random.default_rng(1).normal(size=(60, 1, 8, 8))
    data = ist.open_data(pictures)
    run = ist.fit(ist.recipe("conv", code=8).build(data, remarks=False), data, epochs=1, compile=False, progress=False)
    made = ist.trained.tiles.Tiles(run.model)(torch.from_numpy(1e8 + np.zeros((1, 1, 20, 20))))
    assert made.dtype == torch.float64
    assert float((made - 1e8).abs().max()) < 20


def test_a_model_in_float64_takes_them_too(run):
    model = ist.load(run.folder).model.double()
    made = model.reconstruct(torch.from_numpy(TABLE))
    assert torch.allclose(made, run.reconstruct(TABLE), rtol=0, atol=1e-2)

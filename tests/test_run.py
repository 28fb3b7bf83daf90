"""A run: trained, kept, loaded, used; and what is said when that can't be."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

import isthmus as ist
from isthmus.errors import DataError, RunError


@pytest.fixture(scope="module")
def data() -> ist.Data:
    return ist.open_data("digits")


@pytest.fixture(scope="module")
def run(data: ist.Data, tmp_path_factory: pytest.TempPathFactory) -> ist.Run:
    model = ist.recipe("multilayer", code=6).build(data)
    return ist.fit(model, data, epochs=4, out=tmp_path_factory.mktemp("runs") / "digits", progress=False)


def _folder(run: ist.Run) -> Path:
    assert run.folder is not None
    return run.folder


def test_folder_holds_safetensors_and_json_alone(run: ist.Run) -> None:
    names = {path.name for path in _folder(run).iterdir()} - {".lock"}
    assert names == {
        "baseline.safetensors",
        "checkpoint.safetensors",
        "data.json",
        "environment.json",
        "history.json",
        "model.json",
        "settings.json",
        "weights.safetensors",
    }
    assert json.loads((_folder(run) / "model.json").read_text())["blueprint"]["network"]["kind"] == "dense"


def test_loaded_run_is_the_run(run: ist.Run, data: ist.Data) -> None:
    loaded = ist.load(_folder(run))
    assert torch.equal(loaded.encode(data.test), run.encode(data.test))
    assert torch.equal(loaded.reconstruct(data.test), run.reconstruct(data.test))
    assert loaded.model.blueprint == run.model.blueprint
    assert loaded.settings == run.settings
    assert (loaded.status, loaded.best_epoch, loaded.history) == (run.status, run.best_epoch, run.history)
    assert loaded.evaluate() == run.evaluate()  # the data are opened again


def test_evaluation_puts_model_pca_and_mean_side_by_side(run: ist.Run, data: ist.Data) -> None:
    found = run.evaluate()
    assert set(found) == {"train", "validation", "test"}
    assert set(found["test"]["sse"]) == {"model", "pca", "mean"}
    reconstruction = run.reconstruct(data.test) / 255
    error = (reconstruction - data.test.tensor() / 255).square().flatten(1).sum(1).mean()
    assert found["test"]["sse"]["model"] == pytest.approx(float(error), rel=1e-4)
    assert run.baseline().size == 6
    given = run.evaluate(data.test)
    assert given == {"given": found["test"]}


def test_codes_and_reconstructions_are_in_raw_units(run: ist.Run, data: ist.Data) -> None:
    codes = run.encode(data.test)
    assert codes.shape == (len(data.test), 6)
    pictures = run.decode(codes)
    assert pictures.shape == (len(data.test), 1, 8, 8)
    assert pictures.max() > 100  # bytes, not 0..1
    assert torch.equal(pictures, run.reconstruct(data.test))
    torch.testing.assert_close(run.decode(codes[0].numpy()), pictures[:1], rtol=1e-4, atol=1e-3)
    assert torch.equal(run.encode(data.test.tensor().numpy()), codes)


def test_a_run_is_told_in_a_line(run: ist.Run) -> None:
    told = repr(run)
    assert told.count("\n") == 0
    assert len(told) < 250
    assert str(run.folder) in told
    assert f"{len(run.history)} epochs, {run.status}" in told


def test_report_is_written_where_asked(run: ist.Run, tmp_path: Path) -> None:
    assert run.report(tmp_path / "page.html").read_text().startswith("<!")


def test_run_in_memory_writes_its_report_into_a_temporary_folder(data: ist.Data, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run = ist.fit(ist.recipe("vanilla", code=2).build(data), data, epochs=1, progress=False)
    assert run.folder is None
    first, second = run.report(), run.report()
    assert first != second
    assert all(tmp_path in page.parents and page.read_text().startswith("<!") for page in (first, second))


def test_codes_of_another_size_are_refused(run: ist.Run) -> None:
    with pytest.raises(DataError, match="7 numbers each, but the model's codes have 6"):
        run.decode(np.zeros((3, 7)))


def test_all_parts_at_once_are_refused(run: ist.Run, data: ist.Data) -> None:
    with pytest.raises(DataError, match=r"data\.test"):
        run.encode(data)


def test_samples_of_another_shape_are_refused(run: ist.Run, data: ist.Data) -> None:
    with pytest.raises(DataError):
        run.encode(np.zeros((3, 9, 9), np.uint8))
    model = ist.recipe("vanilla", code=2).build((1, 9, 9))
    with pytest.raises(DataError, match=r"\(1, 8, 8\), but the model takes \(1, 9, 9\)"):
        ist.fit(model, data)


def test_data_from_memory_are_asked_for_again(data: ist.Data, tmp_path: Path) -> None:
    values = data.train.tensor().numpy()
    mine = ist.open_data(values)
    model = ist.recipe("vanilla", code=2).build(mine)
    ist.fit(model, mine, epochs=1, out=tmp_path / "run", progress=False)
    loaded = ist.load(tmp_path / "run")
    assert loaded.evaluate(values)["given"]["mse"]["pca"] > 0  # the baseline was kept
    with pytest.raises(DataError):
        loaded.evaluate()
    assert len(ist.resume(tmp_path / "run", data=mine, epochs=2, progress=False).history) == 2


def test_modules_of_ones_own_are_trained_kept_and_given_again(data: ist.Data, tmp_path: Path) -> None:
    def build() -> ist.Autoencoder:
        encoder = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3))
        decoder = torch.nn.Sequential(torch.nn.Linear(3, 64), torch.nn.Unflatten(1, (1, 8, 8)))
        return ist.Autoencoder(encoder, decoder, shape=(1, 8, 8), scaling=data.scaling)

    run = ist.fit(build(), data, epochs=1, out=tmp_path / "run", progress=False)
    with pytest.raises(RunError, match="uses custom modules"):
        ist.load(tmp_path / "run")
    assert torch.equal(ist.load(tmp_path / "run", model=build()).encode(data.test), run.encode(data.test))


@pytest.mark.data
def test_deep_recipe_beats_pca_on_mnist_in_three_epochs() -> None:
    whole = ist.open_data("mnist")
    data = replace(whole, train=whole.train.take(range(35_000)), test=whole.test.take(range(3_000)))  # enough for it
    run = ist.fit(ist.recipe("deep", code=32).build(data), data, epochs=3, progress=False)
    found = run.evaluate()["test"]["sse"]
    assert found["model"] < found["pca"] < found["mean"]


def test_series_come_back_as_long_as_they_came(tmp_path: Path) -> None:
    lengths = np.random.default_rng(0).integers(8, 15, 40)
    given = [np.sin(np.arange(length, dtype=np.float32) + length) for length in lengths]
    given[0][3] = np.nan
    data = ist.open_data(given, missing="keep")
    run = ist.fit(ist.recipe("series", code=2).build(data), data, epochs=1, progress=False, out=tmp_path / "run")
    made = ist.load(tmp_path / "run").reconstruct(given)
    assert [int(series.isfinite().sum()) for series in made] == lengths.tolist()
    assert run.evaluate(given)["given"]["mse"]["model"] > 0
    assert run.evaluate()["test"]["explained_variance"]["pca"] > 0
    assert run.report().exists()


def test_a_model_of_whole_samples_refuses_holes() -> None:
    values = np.random.default_rng(0).normal(size=(30, 4))
    whole = ist.open_data(values)
    model = ist.recipe("deep", code=2).build(whole)
    run = ist.fit(model, whole, epochs=1, progress=False)
    values[3, 1] = np.nan
    for use in (run.encode, run.reconstruct, run.evaluate):
        with pytest.raises(DataError, match=r"1 of 30 samples have missing numbers .sample 3.*missing='mask'"):
            use(values, missing="keep")
    with pytest.raises(DataError, match="have missing numbers"):
        ist.fit(model, ist.open_data(values, missing="keep"), epochs=1, progress=False)


def test_columns_in_another_order_or_of_other_names_or_categories_are_refused() -> None:

    place = np.random.default_rng(0)
    columns = {name: place.normal(size=60) for name in "abc"} | {"kind": place.choice(["x", "y"], 60)}

    def opened(names: str | tuple[str, ...], **other: Any) -> ist.Data:
        return ist.open_data(pa.table({name: (columns | other)[name] for name in names}), categorical="auto")

    data = opened(("a", "b", "c", "kind"))
    model = ist.recipe("table", code=2).build(data)
    run = ist.fit(model, data, epochs=1, progress=False)
    ist.fit(run.model, data, epochs=1, progress=False)
    with pytest.raises(DataError, match=r"Column 0 of the data is 'c'.*columns=\['a', 'b', 'c', 'kind'\]"):
        ist.fit(model, opened(("c", "b", "a", "kind")), epochs=1, progress=False)
    with pytest.raises(DataError, match="Column 3 of the data has the categories"):
        ist.fit(model, opened(("a", "b", "c", "kind"), kind=place.choice(["x", "z"], 60)), epochs=1, progress=False)


def test_a_loaded_run_knows_its_columns(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    data = ist.open_data(pa.table({name: generator.normal(size=40) for name in "ab"}))
    ist.fit(ist.recipe("vanilla", code=1).build(data), data, epochs=1, out=tmp_path / "run", progress=False)
    assert ist.load(tmp_path / "run").model.columns == ("a", "b")


@pytest.mark.parametrize("name", ["deep", "conv", "vae", "resnet"])
@pytest.mark.parametrize("use", ["encode", "reconstruct"])
def test_exported_models_take_a_batch_of_any_size(name: str, use: str) -> None:
    class Use(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = ist.recipe(name, code=2).build((1, 9, 8), remarks=False).eval()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return getattr(self.model, use)(x)

    module, raw = Use(), torch.rand(7, 1, 9, 8, generator=torch.Generator().manual_seed(0))
    exported = torch.export.export(module, (raw[:4],), dynamic_shapes=({0: torch.export.Dim("batch")},)).module()
    torch.testing.assert_close(exported(raw), module(raw))

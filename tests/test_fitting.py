"""Fitting: what is refused, and what is said of it."""

import errno
import os
from pathlib import Path

import filelock
import pytest
import torch

import isthmus as ist
from isthmus.errors import BlueprintError, IsthmusError, Remark, RunError


@pytest.fixture(scope="module")
def data() -> ist.Data:
    return ist.open_data("digits")


def test_folder_with_a_run_is_not_overwritten_unasked(data: ist.Data, tmp_path: Path) -> None:
    def fit(**more) -> ist.Run:
        model = ist.recipe("vanilla", code=2).build(data)
        return ist.fit(model, data, epochs=1, progress=False, out=tmp_path / "run", **more)

    fit()
    with pytest.raises(RunError, match=r"has a run already.*overwrite"):
        fit()
    assert fit(overwrite=True, seed=5).settings.seed == 5


def test_two_runs_into_one_folder_are_refused(data: ist.Data, tmp_path: Path) -> None:
    model = ist.recipe("vanilla", code=2).build(data)
    with filelock.FileLock(tmp_path / ".lock"), pytest.raises(RunError, match="Another process is writing"):
        ist.fit(model, data, epochs=1, out=tmp_path, progress=False)


def test_closed_form_is_a_run_like_any_other(data: ist.Data, tmp_path: Path) -> None:
    run = ist.fit(ist.recipe("pca", code=5).build(data), data, out=tmp_path / "run")
    loaded = ist.load(tmp_path / "run")
    found = loaded.evaluate()["test"]["sse"]
    assert found["model"] == pytest.approx(found["pca"], rel=1e-4)
    assert torch.equal(loaded.encode(data.test), run.encode(data.test))
    loaded.report()


def test_overcomplete_code_is_allowed_with_a_remark(data: ist.Data) -> None:
    with pytest.warns(Remark, match=r"code=100 is larger than the data \(64 numbers\)"):
        model = ist.recipe("vanilla", code=100).build(data)
    assert ist.fit(model, data, epochs=1, progress=False).encode(data.test).shape == (180, 100)


def test_full_disk_leaves_nothing_half_written(data: ist.Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    model = ist.recipe("vanilla", code=2).build(data)
    with pytest.raises(IsthmusError, match="the disk is full") as caught:
        ist.fit(model, data, epochs=1, out=tmp_path / "run", progress=False)
    assert "\n" not in str(caught.value)
    assert {path.name for path in (tmp_path / "run").iterdir()} <= {".lock"}


def test_folder_that_cannot_be_made_is_named(data: ist.Data, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    model = ist.recipe("vanilla", code=2).build(data)
    with pytest.raises(IsthmusError, match="file, not a folder"):
        ist.fit(model, data, epochs=1, out=tmp_path / "file" / "run", progress=False)


def test_something_else_than_a_model_and_data_is_said_in_one_line(data: ist.Data) -> None:
    blueprint = ist.recipe("vanilla", code=2)
    with pytest.raises(ist.IsthmusError, match=r"expected an Autoencoder.*blueprint\.build"):
        ist.fit(blueprint, data)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ist.IsthmusError, match="'digits': expected the result of open_data"):
        ist.fit(blueprint.build(data), "digits")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("wrong", [{"epohcs": 3}, {"epochs": 0}, {"optimiser": "adm"}])
def test_wrong_settings_are_said_before_anything_is_written(data: ist.Data, tmp_path: Path, wrong: dict) -> None:
    model = ist.recipe("vanilla", code=2).build(data)
    with pytest.raises(BlueprintError):
        ist.fit(model, data, out=tmp_path / "run", **wrong)
    assert not (tmp_path / "run").exists()


def test_bfloat16_where_it_is_slow_gets_a_remark(data: ist.Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isthmus.fitting.multiplies_bfloat16", lambda device: False)
    model = ist.recipe("vanilla", code=2).build(data)
    with pytest.warns(Remark, match="no instructions for bfloat16"):
        run = ist.fit(model, data, epochs=1, precision="bf16", progress=False)
    assert run.settings.precision == "bfloat16"

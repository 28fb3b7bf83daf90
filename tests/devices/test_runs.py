"""Every recipe, use and command on an accelerator: trained, resumed, looked at and used there and on the CPU."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import isthmus as ist
from isthmus.cli.main import app
from isthmus.storage.checked import load_json, save_json

sys.path.insert(0, str(Path(__file__).parents[1]))
from model.test_varieties import GRADIENT, SETTINGS, StopInTheMiddle, build, opened, weights_of

FOUND = torch.accelerator.current_accelerator()
HERE = FOUND.type if FOUND is not None else "cpu"
""""pretend", or that of the machine."""
LOOKED_AT = ["deep", "cvae", "conv", "vq", "inpaint", "series", "table", "pca"]
"""A report and a diagnosis of each kind; they take seconds."""


def trained(name, folder, **settings: Any):
    data = opened(ist.RECIPES[name].data)
    chosen: dict[str, Any] = SETTINGS | {"epochs": 2} | settings
    return ist.fit(build(name, data), data, out=folder, **chosen), data


@pytest.mark.parametrize("name", ist.RECIPES)
def test_a_run_of_the_accelerator_is_used_there_and_on_the_cpu(name, tmp_path):
    run, data = trained(name, tmp_path / "run")
    assert run.model.device.type == HERE
    assert data.scaling.scale.device.type == "cpu", "the data stay where they are"
    assert build(name, data).device.type == "cpu"
    measure = "nats" if data.kind == "tokens" else "mse"
    figures = run.evaluate()["test"][measure]
    if name in LOOKED_AT:
        assert run.report().exists()
        assert ist.diagnose(run) is not None
    code = run.encode(data.test)
    for device in ("cpu", "auto"):
        again = ist.load(tmp_path / "run", device=device)
        again.data = data
        assert again.model.device.type == ("cpu" if device == "cpu" else HERE)
        torch.testing.assert_close(again.encode(data.test), code)
        torch.testing.assert_close(again.reconstruct(data.test), run.reconstruct(data.test))
        assert again.evaluate()["test"][measure] == pytest.approx(figures, rel=1e-4)


@pytest.mark.parametrize("name", GRADIENT)
def test_resumed_on_the_accelerator_it_has_the_same_bits(name, tmp_path):
    whole, data = trained(name, tmp_path / "whole")
    trained(name, tmp_path / "broken", callbacks=[StopInTheMiddle()])
    resumed = ist.resume(tmp_path / "broken", data=data, progress=False)
    for weight, other in zip(weights_of(resumed.model).values(), weights_of(whole.model).values(), strict=True):
        assert torch.equal(weight, other)


@pytest.mark.parametrize(("first", "second"), [(HERE, "cpu"), ("cpu", HERE)])
@pytest.mark.parametrize("name", ["deep", "vae", "conv", "stacked", "vq", "aae"])
def test_a_run_goes_on_on_another_device(name, first, second, tmp_path):
    _, data = trained(name, tmp_path / "run", device=first, callbacks=[StopInTheMiddle()])
    with pytest.warns(ist.Remark, match="written on another device"):
        run = ist.resume(tmp_path / "run", data=data, device=second, progress=False)
    assert (run.status, run.model.device.type) == ("finished", second)
    assert run.settings.device.startswith(second)


def test_a_run_of_a_device_that_is_gone_goes_on_with_a_remark(tmp_path):
    _, data = trained("deep", tmp_path / "run", device="cpu", callbacks=[StopInTheMiddle()])
    settings = tmp_path / "run" / "settings.json"
    save_json(settings, load_json(settings, sealed=True) | {"device": "cuda:7"})
    gone, other = "trained on cuda:7, which is not available here. It continues on", "written on another device"
    with pytest.warns(ist.Remark, match=gone), pytest.warns(ist.Remark, match=other):
        run = ist.resume(tmp_path / "run", data=data, progress=False)
    assert run.status == "finished"


def test_bfloat16_trains_there(tmp_path):
    for name in ("deep", "conv", "vae"):
        run, _ = trained(name, tmp_path / name, precision="bfloat16")
        assert np.isfinite(run.history[-1]["loss"])


COMMANDS = {
    "evaluate": "evaluate {run} --json",
    "report": "report {run} {out}.html",
    "doctor": "doctor {run}",
    "encode": "encode {run} digits {out}.npy",
    "reconstruct": "reconstruct {run} digits {out}.zip",
    "decode": "decode {run} {codes} {out}.zip",
    "detect": "detect {run} digits",
    "detect by neighbours": "detect {run} digits --by neighbours",
    "sample": "sample {run} {out}.npy",
    "sample and judge": "sample {run} {out}.png --judge --count 20",
    "blend": "blend {run} test:0 test:1 --out {out}.png",
    "traverse": "traverse {run} --out {out}.png",
    "map": "map {run} --out {out}.png",
    "info": "info {run}",
}


@pytest.fixture(scope="module")
def vae(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "vae"
    data = ist.open_data("digits")
    run = ist.fit(ist.recipe("vae", code=4).build(data), data, out=folder, epochs=1, compile=False, progress=False)
    np.save(folder.parent / "codes.npy", run.encode(data.test).numpy())
    return folder


@pytest.mark.parametrize("device", ["auto", "cpu"])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_computes_where_it_is_told(command, device, vae, tmp_path):
    words = COMMANDS[command].format(run=vae, out=tmp_path / "out", codes=vae.parent / "codes.npy").split()
    said = CliRunner().invoke(app, [*words, *([] if command == "info" else ["--device", device])])
    assert said.exit_code == 0, said.output


@pytest.mark.parametrize("name", ["inpaint", "upscale", "denoising"])
def test_a_restorer_restores_and_says_how_well(name):
    data = ist.open_data(ist.open_data("digits").train.take(range(120)))
    run = ist.fit(ist.recipe(name).build(data), data, epochs=1, compile=False, progress=False)
    assert np.isfinite(ist.restoration(run, most=4).scores["psnr"]["restored"])
    side = 4 if name == "upscale" else 8
    observed = {"observed": np.eye(8) == 0} if name == "inpaint" else {}
    assert ist.restore(run, np.zeros((side, side), dtype=np.uint8), **observed).device.type == "cpu"


def test_a_device_that_is_not_there_is_refused_in_one_line(vae):
    said = CliRunner().invoke(app, ["encode", str(vae), "digits", "codes.npy", "--device", "tpu9"])
    assert said.exit_code == 1
    assert "There is no device 'tpu9' here." in said.output


@pytest.mark.parametrize("name", ["table", "pca"])
def test_values_of_float64_are_trained_on_and_come_back_as_float64(name, tmp_path):
    values = np.random.default_rng(0).normal(size=(200, 3)) + np.array([1.7e9, 1e8, 0])
    data = ist.open_data(values)
    run = ist.fit(ist.recipe(name, code=2).build(data, remarks=False), data, **SETTINGS, out=tmp_path / "run")
    assert run.model.device.type == HERE
    made = run.reconstruct(values)
    assert made.dtype == torch.float64
    assert bool(((made - torch.from_numpy(values)).abs() < 10).all())
    alone = ist.load(tmp_path / "run", device="cpu")
    torch.testing.assert_close(alone.encode(values), run.encode(values))
    assert ist.detect(run, values).scores.isfinite().all()
    assert run.evaluate(values)["given"]["mse"]["model"] < 10

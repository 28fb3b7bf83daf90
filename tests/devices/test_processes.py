"""Several processes on an accelerator take the steps of one process."""

import os
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import isthmus as ist

sys.path.insert(0, str(Path(__file__).parents[1]))
from model.test_varieties import build, opened, weights_of
from training.ranks import together

FOUND = torch.accelerator.current_accelerator()
HERE = FOUND.type if FOUND is not None else "cpu"
NAMES = ["deep", "sparse-kl", "vq", "aae"]
SETTINGS = {"epochs": 2, "batch_size": 22, "compile": False, "progress": False, "optimiser": "sgd", "clip": 1.0}


def every_fit(folder: Path, device: str) -> None:
    if device == "pretend":
        sys.path.insert(0, str(Path(__file__).parent))
        import pretend

        pretend.load()
    for name in NAMES:
        data = opened(ist.RECIPES[name].data)
        run = ist.fit(build(name, data), data, device=device, seed=2, learning_rate=2**-6, **SETTINGS)
        assert run.model.device.type == device
        weights = {key: value.contiguous() for key, value in weights_of(run.model).items()}
        if os.environ.get("RANK", "0") == "0":
            save_file(weights, folder / f"{name}.safetensors")


@pytest.mark.skipif(HERE == "cuda" and torch.cuda.device_count() == 1, reason="NCCL wants a device for each process")
def test_two_processes_take_the_steps_of_one_on_the_device(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    every_fit(tmp_path / "one", HERE)
    assert together(every_fit, tmp_path / "two", HERE) == [0, 0]
    for name in NAMES:
        theirs = load_file(tmp_path / "two" / f"{name}.safetensors")
        for key, value in load_file(tmp_path / "one" / f"{name}.safetensors").items():
            torch.testing.assert_close(value, theirs[key], rtol=1e-3, atol=1e-5, msg=f"{name}: {key}")

"""The Hub: runs are pushed to a stand-in of it, and loaded from there; no data, no private paths, no code."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import isthmus as ist
from hub_server import TOKEN, StandIn
from isthmus.cli.main import app
from isthmus.errors import RunError
from isthmus.hub import address

pytest.importorskip("huggingface_hub")
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of huggingface_hub's own uploads


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    data = ist.open_data("digits")
    out = tmp_path_factory.mktemp("runs") / "digits"
    return ist.fit(ist.recipe("vanilla", code=4).build(data), data, epochs=2, out=out, progress=False)


@pytest.fixture(scope="module")
def server(run):
    """The stand-in, with the run pushed to me/digits."""
    with StandIn() as server, pytest.MonkeyPatch.context() as patched:
        patched.setenv("HF_ENDPOINT", server.address)
        for name in ("HF_HUB_DISABLE_PROGRESS_BARS", "HF_HUB_DISABLE_XET"):  # the stand-in speaks Git LFS
            patched.setattr(f"huggingface_hub.constants.{name}", True)
        address = run.push_to_hub("me/digits", token=TOKEN, license="apache-2.0")
        assert address == f"{server.address}/me/digits"
        yield server


@pytest.fixture
def hub(server, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return server


def test_a_pushed_run_is_loaded_from_its_address(hub, run):
    loaded = ist.load("hf://me/digits")
    samples = run.open().test.tensor()
    assert torch.equal(loaded.reconstruct(samples), run.reconstruct(samples))
    assert loaded.history == run.history
    assert loaded.folder is None
    ours, theirs = run.baseline().to_tensors(), loaded.baseline().to_tensors()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert torch.equal(
        ist.from_pretrained("me/digits", revision=hub.sha("me/digits")).encode(samples), run.encode(samples)
    )


def test_safetensors_json_and_the_card_are_pushed_and_nothing_else(hub):
    assert set(hub.repos["me/digits"]) == {
        ".gitattributes", "README.md", "baseline.safetensors", "data.json", "environment.json", "history.json",
        "loss.png", "model.json", "reconstructions.png", "settings.json", "weights.safetensors",
    }  # fmt: skip


def test_files_of_an_earlier_push_are_removed_in_the_same_commit(hub, run):
    hub.repos["me/again"] = dict(hub.repos["me/digits"])
    run.push_to_hub("me/again", pictures=False, message="Without pictures")
    assert set(hub.repos["me/digits"]) - set(hub.repos["me/again"]) == {"reconstructions.png"}
    assert hub.commits[-1] == "Without pictures"


def test_the_card_has_metadata_figures_the_data_and_how_to_use_the_run(hub, run):
    import yaml

    card = hub.repos["me/digits"]["README.md"].decode()
    _, head, body = card.split("---\n", 2)
    metadata = yaml.safe_load(head)
    assert metadata["library_name"] == "isthmus"
    assert metadata["license"] == "apache-2.0"
    (results,) = metadata["model-index"][0]["results"]
    measured = {one["type"]: one["value"] for one in results["metrics"]}
    assert measured["mse"] == run.evaluate()["test"]["mse"]["model"]
    assert 'ist.load("hf://me/digits")' in body
    assert "| counts train | 1437 |" in body
    assert "![Samples of the test part, and their reconstructions](reconstructions.png)" in body
    for picture in re.findall(r"\]\((\S+\.png)\)", body):
        assert hub.repos["me/digits"][picture].startswith(b"\x89PNG")


def test_no_training_data_and_no_private_path_are_pushed(hub, tmp_path, monkeypatch):
    folder = tmp_path / "secret-project"
    folder.mkdir()
    rows = torch.rand(80, 3, generator=torch.Generator().manual_seed(0)).double().numpy() * 1000
    np.savetxt(folder / "rows.csv", rows, delimiter=",", header="a,b,c", comments="")
    monkeypatch.setattr("sys.argv", ["isthmus", "train", str(folder / "rows.csv"), "--out", f"{folder}/run"])
    data = ist.open_data(folder / "rows.csv")
    run = ist.fit(ist.recipe("vanilla").build(data), data, epochs=1, out=folder / "run", progress=False)
    run.push_to_hub("me/rows", private=True)
    assert hub.private["me/rows"]
    files = hub.repos["me/rows"]
    text = b"".join(files.values())
    assert b"secret-project" not in text
    assert str(tmp_path).encode() not in text
    assert json.loads(files["environment.json"])["command"] == "isthmus train rows.csv --out run"
    assert json.loads(files["data.json"])["source"] == "rows.csv"
    cells = {f"{cell:.3f}" for cell in rows.flat}
    words = set(re.findall(r"\d+\.\d{3}", files["README.md"].decode()))
    assert not cells & words
    assert ist.load("hf://me/rows").encode(rows).shape[0] == 80


def test_only_a_runs_own_files_are_downloaded(hub, tmp_path):
    odd = {"modeling.py": b"raise SystemExit", "weights.pkl": b"cos\nsystem\n(S'true'\ntR."}
    hub.repos["me/odd"] = hub.repos["me/digits"] | odd
    ist.load("hf://me/odd")
    names = {file for _, _, files in os.walk(tmp_path / "cache") for file in files}
    assert "model.json" in names
    assert not names & {"modeling.py", "weights.pkl", "README.md"}


def test_a_private_repository_needs_a_token(hub, run, monkeypatch):
    hub.repos["me/own"], hub.private["me/own"] = hub.repos["me/digits"], True
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(RunError, match=r"can't be loaded from me/own on .* you have no access to it"):
        ist.load("hf://me/own")
    assert ist.from_pretrained("me/own", token=TOKEN).history == run.history


def test_a_wrong_token_is_named_but_not_printed(hub, run):
    with pytest.raises(RunError, match="your token has no access") as error:
        run.push_to_hub("me/digits", token="hf_wrong")
    assert "hf_wrong" not in str(error.value)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("hf://me/nothing", "there is none of this name"),
        ("hf://me/digits@v9", "it has no such revision"),
        ("hf://digits", "expected hf://name/repo"),
    ],
)
def test_a_wrong_address_is_explained(hub, place, message):
    with pytest.raises(RunError, match=message):
        ist.load(place)


def test_a_hub_that_cant_be_reached_is_named(run, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(RunError, match=r"127\.0\.0\.1:9: the server can't be reached"):
        ist.load("hf://me/digits")


def test_a_run_of_custom_modules_isnt_pushed(run, monkeypatch):
    monkeypatch.setattr(run.model, "blueprint", None)
    with pytest.raises(RunError, match="custom modules"):
        run.push_to_hub("me/digits")


def test_a_command_takes_an_address(hub, tmp_path):
    result = CliRunner().invoke(app, ["encode", "hf://me/digits", "digits", str(tmp_path / "codes.npy")])
    assert result.exit_code == 0, result.output
    assert np.load(tmp_path / "codes.npy").shape == (1797, 4)


def test_the_command_pushes(hub, run):
    words = ["--private", "--license", "mit", "--no-pictures", "--message", "From a shell"]
    result = CliRunner().invoke(app, ["push", str(run.folder), "me/shell", *words])
    assert result.exit_code == 0, result.output
    assert f"{hub.address}/me/shell" in result.stdout.splitlines()
    assert hub.private["me/shell"]
    assert hub.commits[-1] == "From a shell"
    assert 'license: "mit"' in hub.repos["me/shell"]["README.md"].decode()
    assert "reconstructions.png" not in hub.repos["me/shell"]


def test_the_command_says_in_one_line_what_the_hub_refuses(hub, run, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    result = CliRunner().invoke(app, ["push", str(run.folder), "me/shell", "--quiet"])
    assert result.exit_code == 1
    assert "your token has no access" in result.stderr
    assert "hf_wrong" not in result.output


def test_the_guide_does_what_it_says(hub, run, tmp_path, monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "hub.md").read_text()
    monkeypatch.chdir(tmp_path)
    run.save("runs/digits")
    names: dict = {}
    for block in re.findall(r"```py\n(.*?)```", page, re.DOTALL):
        exec(block, names)
    assert len(names["codes"]) == 1797


def test_addresses():
    assert address("hf://me/digits@v1") == ("me/digits", "v1")
    assert address("hf:/me/digits") == ("me/digits", None)
    assert address("runs/digits") is None

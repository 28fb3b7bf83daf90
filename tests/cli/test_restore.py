"""The command `restore`: what it says, and how it ends."""

import json

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="module")
def run(isthmus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "digits-denoise"
    words = ["--recipe", "denoise", "--set", "channels=8,12", "--epochs", 1, "--compile", "no", "--quiet"]
    said = isthmus("train", "digits", *words, "--out", folder)
    assert said.code == 0, said.err
    return folder


@pytest.fixture
def pictures(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(2):
        noise = np.random.default_rng(number).integers(0, 256, (30, 50, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / "in" / f"{number}.png")
    return tmp_path / "in"


def test_a_folder_is_restored(isthmus, run, pictures, tmp_path):
    said = isthmus("restore", run, pictures, tmp_path / "out")
    assert said.code == 0, said.err
    assert said.out.strip().endswith("out: 2 restored")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0.png", "1.png"]


def test_an_unreadable_picture_is_named_and_the_exit_code_tells(isthmus, run, pictures, tmp_path):
    (pictures / "broken.png").write_bytes(b"?")
    said = isthmus("restore", run, pictures, tmp_path / "out", "--json")
    assert said.code == 1
    assert "broken.png can't be read as a picture" in said.err
    assert json.loads(said.out) | {"written": 0, "skipped": 0} == {
        "restored": 2, "unreadable": 1, "there_already": 0, "written": 0, "skipped": 0, "kept": [],
    }  # fmt: skip


def test_what_is_there_is_overwritten_with_force_only(isthmus, run, pictures, tmp_path):
    words = ("restore", run, pictures / "0.png", tmp_path / "out.png", "--quiet")
    assert isthmus(*words).code == 0
    said = isthmus(*words)
    assert said.code == 1
    assert "exists already. Choose another target, or pass --force" in said.err
    assert said.err.count("\n") == 1
    assert isthmus(*words, "--force").code == 0


def test_a_folder_that_was_stopped_tells_how_far_it_came_and_goes_on(isthmus, run, pictures, tmp_path, monkeypatch):
    from isthmus.uses import restore_files

    def stopped(restorer, picture, known, told):
        if (tmp_path / "out" / "0.png").exists():
            raise KeyboardInterrupt
        return picture

    words = ("restore", run, pictures, tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr(restore_files, "restored", stopped)
        said = isthmus(*words)
    assert said.code == 130
    assert said.err == "isthmus: Stopped; 1 of 2 files are done. The same command with --resume goes on.\n"
    said = isthmus(*words)
    assert said.code == 1
    assert "Choose another target, or pass --force, or --resume to restore only the others." in said.err
    said = isthmus(*words, "--resume")
    assert said.code == 0, said.err
    assert said.out.strip().endswith("out: 1 restored, 1 there already")
    assert isthmus(*words, "--resume", "--force").code == 2


def test_a_run_that_restores_nothing_says_what_to_do(isthmus, trained, pictures, tmp_path):
    said = isthmus("restore", trained, pictures, tmp_path / "out")
    assert said.code == 1
    assert "so it can't restore anything. Train one with the recipe 'denoise'" in said.err
    assert not (tmp_path / "out").exists()


def test_its_code_alone_is_not_decoded(isthmus, run, tmp_path):
    assert isthmus("encode", run, "digits", tmp_path / "codes.npy", "--quiet").code == 0
    said = isthmus("decode", run, tmp_path / "codes.npy", tmp_path / "back.npy", "--quiet")
    assert said.code == 1
    assert "its code alone can't be decoded" in said.err
    assert said.err.count("\n") == 1


def test_photographs_of_different_sizes_are_learnt_from_in_patches(isthmus, tmp_path):
    (tmp_path / "photos").mkdir()
    for number, sides in enumerate([(40, 50), (37, 80), (64, 64)]):
        picture = np.random.default_rng(number).integers(0, 256, (*sides, 3), dtype=np.uint8)
        Image.fromarray(picture).save(tmp_path / "photos" / f"{number}.png")
    train = (
        "train",
        tmp_path / "photos",
        "--recipe",
        "inpaint",
        "--epochs",
        1,
        "--compile",
        "no",
        "--set",
        "channels=4,",
    )
    said = isthmus(*train, "--out", tmp_path / "run")
    assert said.code == 1
    assert "Resize them with --size 40x50, for example, or cut 100" in said.err
    said = isthmus(*train, "--out", tmp_path / "run", "--patches", 40, "--size", 16)
    assert said.code == 0, said.err
    assert "On the test part, damaged as in training, the squared error of the restored samples is" in said.out
    head = next(line for line in said.out.splitlines() if "model" in line)
    assert head.split() == ["model", "nothing", "mean"]
    assert "Or use it:  isthmus restore" in said.out
    data = json.loads((tmp_path / "run" / "data.json").read_text())
    assert data["shape"] == [3, 16, 16]
    assert sum(data["counts"].values()) == 120
    said = isthmus("train", tmp_path / "photos", "--patches", 40)
    assert said.code == 1
    assert "--patches 40 needs the size of the patches: add --size 32" in said.err

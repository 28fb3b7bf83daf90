"""The options that say how a source is read."""

import inspect
import json

import numpy as np
import pytest
from PIL import Image

import isthmus as ist
from isthmus.cli.data_options import READING
from isthmus.cli.judge import evaluate
from isthmus.cli.train import train
from isthmus.cli.use import encode, reconstruct


@pytest.mark.parametrize("command", [train, evaluate, encode, reconstruct])
def test_every_command_that_reads_data_has_them_all(command):
    assert set(READING) <= set(inspect.signature(command).parameters)


def test_pictures_unlike_those_of_the_training_are_read_as_the_options_say(isthmus, trained, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(3):
        Image.new("RGB", (20 + number, 30), (40 * number, 0, 0)).save(photos / f"{number}.png")
    assert isthmus("evaluate", trained, photos).code == 1
    as_digits = ["--size", "8", "--mode", "L"]
    found = isthmus("evaluate", trained, photos, *as_digits, "--json")
    expected = ist.load(trained).evaluate(photos, size=8, mode="L")
    assert json.loads(found.out) == expected
    for command in ("encode", "reconstruct"):
        said = isthmus(command, trained, photos, tmp_path / f"{command}.npy", *as_digits)
        assert said.code == 0, said.err
    run = ist.load(trained)
    assert np.allclose(np.load(tmp_path / "encode.npy"), run.encode(photos, size=8, mode="L").numpy())


def test_how_to_read_without_something_to_read_is_wrong_use(isthmus, trained):
    said = isthmus("evaluate", trained, "--label", "kind")
    assert said.code == 2
    assert "SOURCE" in said.err
    assert said.err.count("\n") == 1


def test_codes_are_decoded_out_of_the_columns_that_are_named(isthmus, trained, tmp_path):
    table = np.random.default_rng(0).normal(size=(4, 9))
    head = ["height", *(f"c{number}" for number in range(8))]
    lines = [",".join(head), *(",".join(map(str, row)) for row in table)]
    (tmp_path / "codes.csv").write_text("\n".join(lines))
    assert isthmus("decode", trained, tmp_path / "codes.csv", tmp_path / "out.npy").code == 1
    said = isthmus("decode", trained, tmp_path / "codes.csv", tmp_path / "out.npy", "--exclude", "height")
    assert said.code == 0, said.err
    assert len(np.load(tmp_path / "out.npy")) == 4
    (tmp_path / "named.csv").write_text("\n".join(lines).replace("c", "z"))
    assert isthmus("decode", trained, tmp_path / "named.csv", tmp_path / "same.npy").code == 0
    assert np.array_equal(np.load(tmp_path / "same.npy"), np.load(tmp_path / "out.npy"))

"""`isthmus export`: the files that it names, what it says of the check, and what it refuses in one line."""

import json

import pytest

from isthmus.exporting import Export

FACTS = {"checked": {"samples": 180, "largest_difference": 2e-7, "mean_difference": 1e-8}}


@pytest.fixture
def asked(monkeypatch):
    """What Python's function is asked for, which is not done."""
    words = {}

    def export(run, target, part, **options):
        words.update(options, part=part)
        return Export(target, ("encoder.onnx", "encoder.json"), {"encoder": FACTS})

    monkeypatch.setattr("isthmus.exporting.export", export)
    return words


def test_it_passes_everything_on_and_says_what_was_written(isthmus, trained, tmp_path, asked):
    words = ["--part", "encoder,score", "--opset", 17, "--draws", "--int8", "--by", "error", "--example"]
    said = isthmus("export", trained, tmp_path / "out", *words)
    assert said.code == 0, said.err
    assert said.out.splitlines()[:2] == [f"{tmp_path}/out/encoder.onnx", f"{tmp_path}/out/encoder.json"]
    assert "encoder: differs from the run's own by at most 2.000×10⁻⁷ of the data's range" in said.out
    assert asked == {
        "part": ["encoder", "score"],
        "format": "onnx",
        "opset": 17,
        "draws": True,
        "int8": True,
        "by": "error",
        "example": True,
        "overwrite": False,
    }


def test_it_prints_json(isthmus, trained, tmp_path, asked):
    said = isthmus("export", trained, tmp_path / "out", "--json")
    assert json.loads(said.out)["parts"] == {"encoder": FACTS}
    assert asked["part"] == ["model"]


def test_weights_are_exported_without_a_package(isthmus, trained, tmp_path):
    said = isthmus("export", trained, tmp_path / "out", "--format", "safetensors+json")
    assert said.code == 0, said.err
    assert f"{tmp_path}/out/weights.safetensors" in said.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--part", "encodr"], "There is no part 'encodr'. Did you mean 'encoder'"),
        (["--format", "torch-export", "--int8"], "takes no int8"),
        (["--opset", "99"], "There is no opset 99"),
        (["--format", "onx"], "onx"),
    ],
)
def test_wrong_words_are_refused_in_one_line(isthmus, trained, tmp_path, words, message):
    said = isthmus("export", trained, tmp_path / "out", *words)
    assert said.code in (1, 2)
    assert message in said.err
    assert len(said.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_that_exists_and_one_that_is_no_run_are_refused(isthmus, trained, tmp_path):
    assert "is there already" in isthmus("export", trained, tmp_path).err
    assert "contains no model" in isthmus("export", tmp_path, tmp_path / "out").err
    assert "There is no folder" in isthmus("export", tmp_path / "nothing", tmp_path / "out").err

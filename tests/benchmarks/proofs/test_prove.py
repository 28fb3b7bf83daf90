"""The proofs: found by their files, not done twice, resumed where they were cut, told in one table."""

import importlib
import json
import sys

import numpy as np
import pytest
from benchmarks.proofs.proving import Bench
from benchmarks.proofs.shelves import find_proof, proof_names

import isthmus as ist
from benchmarks.proofs import prove as prove_module
from benchmarks.proofs import varieties
from isthmus.storage.checked import load_json, save_json

PROOF = '''"""Tiny pictures can be learnt."""

import numpy as np
import isthmus as ist
from benchmarks.proofs.proving import Row

EPOCHS = 2


def prove(bench):
    pictures = np.random.default_rng(0).integers(0, 255, (64, 4, 4), dtype=np.uint8)
    data = bench.open("no such file", stand_in=pictures)
    blueprint = ist.recipe("vanilla", code=3)
    errors = [bench.train(title, blueprint, data, seed=seed).evaluate()["test"]["mse"]["model"]
              for seed, title in enumerate(("first", "second"))]
    return [Row.at_most("error", errors[0], {limit}, "twice the other's", beside=errors[1]), Row("seeds", 2)]
'''


class StopAfterOne(ist.Callback):
    """Ends training after its first epoch."""

    def epoch_end(self, training):
        training.stop("interrupted")


@pytest.fixture
def prove(monkeypatch, tmp_path):
    """The command, with one more proof: `vanilla`."""
    (tmp_path / "proofs").mkdir()
    (tmp_path / "proofs" / "vanilla.py").write_text(PROOF.replace("{limit}", "2 * errors[1]"))
    monkeypatch.setattr(varieties, "__path__", [str(tmp_path / "proofs"), *varieties.__path__])
    monkeypatch.delitem(sys.modules, "benchmarks.proofs.varieties.vanilla", raising=False)
    return prove_module


@pytest.fixture
def trained(monkeypatch):
    """The folders that were trained into from the start."""
    folders, fit = [], ist.fit

    def counting(model, data, **settings):
        folders.append(settings["out"].name)
        return fit(model, data, **settings)

    monkeypatch.setattr(importlib.import_module("isthmus.fitting"), "fit", counting)
    return folders


def test_a_proof_is_done_once_unless_asked_for_again_or_of_another_length(prove, trained, tmp_path):
    words = ["--only", "vanilla", "--out", str(tmp_path / "out")]
    for more, expected in (([], 2), ([], 2), (["--epochs", "3"], 4), (["--epochs", "3"], 4), (["--again"], 6)):
        assert prove.main("varieties", [*words, *more]) == 0
        assert len(trained) == expected
    found = json.loads((tmp_path / "out" / "vanilla.json").read_text())
    assert found["epochs"] == 2
    assert found["data"] == ["made up, for want of no such file: 58 to train, 6 to test"]


def test_what_was_done_before_a_blueprint_had_this_option_is_still_done(prove, trained, tmp_path):
    words = ["--only", "vanilla", "--out", str(tmp_path / "out")]
    prove.main("varieties", words)
    files = [tmp_path / "out" / "vanilla.json", *(tmp_path / "out" / "vanilla").glob("*/model.json")]
    assert len(files) == 3
    for file in files:
        saved = load_json(file, sealed=False)
        del saved["blueprint"]["solution"]
        save_json(file, saved) if file.name == "model.json" else file.write_text(json.dumps(saved))
    prove.main("varieties", words)
    files[0].unlink()
    prove.main("varieties", words)
    assert len(trained) == 2


def test_what_was_cut_goes_on_and_is_the_same_as_if_it_had_not_been(prove, trained, tmp_path):
    data = ist.open_data(np.random.default_rng(0).integers(0, 255, (64, 4, 4), dtype=np.uint8), validation=0)
    whole = Bench("a", tmp_path, 3).train("run", ist.recipe("vanilla", code=3), data)
    model = ist.recipe("vanilla", code=3).build(data, remarks=False)
    ist.fit(model, data, epochs=3, out=tmp_path / "b" / "run", progress=False, callbacks=[StopAfterOne()])
    resumed = Bench("b", tmp_path, 3).train("run", ist.recipe("vanilla", code=3), data)
    assert trained == ["run", "run"]
    assert [row["loss"] for row in resumed.history] == [row["loss"] for row in whole.history]


def test_what_is_asked_and_not_reached_is_told_and_ends_with_1(prove, tmp_path):
    (tmp_path / "proofs" / "vanilla.py").write_text(PROOF.replace("{limit}", "0.0"))
    assert prove.main("varieties", ["--only", "vanilla", "--out", str(tmp_path)]) == 1
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert lines[0] == "| of | number | it | beside | asked | reached |"
    assert lines[2].startswith("| vanilla | error | ")
    assert lines[2].endswith(" | ≤ 0, twice the other's | NO |")
    assert lines[3] == "|  | seeds | 2 |  |  |  |"


def test_every_proof_says_what_it_shows_and_for_how_long_it_trains(prove, capsys):
    every = [(shelf, name) for shelf in ("varieties", "uses") for name in proof_names(shelf)]
    for place in every:
        proof = find_proof(*place)
        assert proof.claim.endswith(".")
        assert proof.epochs > 0
    assert prove.main("varieties", ["--list"]) == 0
    assert "vanilla: Tiny pictures can be learnt." in capsys.readouterr().out


def test_an_unknown_name_is_refused_with_the_known_ones(prove, capsys):
    with pytest.raises(SystemExit):
        prove.main("varieties", ["--only", "sparce"])
    assert "there are" in capsys.readouterr().err

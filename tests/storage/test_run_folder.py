"""The files of a run: checked when they are read, whatever they say; old ones load; a run is saved whole."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus.errors import IsthmusError, RunError
from isthmus.storage.checked import load_json, load_tensors, save_json, save_tensors

FIXTURES = Path(__file__).parents[1] / "fixtures"
CODES = [[0.7504478693, -2.0475625992], [-0.7459595203, -0.4895459414], [2.2352688313, 0.8107790947]]
"""Of the test part's first three digits, by the runs of format 1, when they were made."""
UPSCALED = 0.05006330
"""The mean squared error on the test part of a small `upscale`, when it was made."""

pytestmark = pytest.mark.filterwarnings("ignore::isthmus.errors.Remark")
JSON = ("model.json", "data.json", "settings.json", "history.json", "environment.json")
TENSORS = ("weights.safetensors", "checkpoint.safetensors", "baseline.safetensors")


@pytest.fixture(scope="module")
def data() -> ist.Data:
    return ist.open_data("digits")


@pytest.fixture(scope="module")
def table() -> ist.Data:
    return ist.open_data(np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32))


def _fit(data: ist.Data, **more: Any) -> ist.Run:
    model = ist.recipe("deep", widths=(4,), code=2).build(data)
    return ist.fit(model, data, epochs=2, compile=False, progress=False, **more)


@pytest.fixture(scope="module")
def folder(table: ist.Data, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _fit(table, out=tmp_path_factory.mktemp("runs") / "run").folder or pytest.fail("it has no folder")


def test_runs_of_format_1_load_and_encode_as_they_did(data: ist.Data) -> None:
    for name, status, epochs in (("finished", "finished", 3), ("unfinished", "interrupted", 2)):
        run = ist.load(FIXTURES / f"format-1-{name}")
        assert (run.status, len(run.history)) == (status, epochs)
    run = ist.load(FIXTURES / "format-1-finished")
    torch.testing.assert_close(run.encode(data.test)[:3], torch.tensor(CODES), rtol=1e-4, atol=1e-4)
    assert run.evaluate()["test"]["mse"]["pca"] > 0


def test_a_run_of_format_1_goes_on_and_is_prolonged(data: ist.Data, tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "format-1-unfinished", tmp_path / "run")
    run = ist.resume(tmp_path / "run", progress=False)
    assert (run.status, len(run.history)) == ("finished", 3)
    torch.testing.assert_close(run.encode(data.test)[:3], torch.tensor(CODES), rtol=1e-3, atol=1e-3)
    ist.resume(tmp_path / "run", epochs=4, progress=False)
    assert len(ist.load(tmp_path / "run").history) == 4


def test_a_prolongation_that_an_older_version_forgot_is_taken_up(tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "format-1-finished", tmp_path / "run")
    settings = json.loads((tmp_path / "run" / "settings.json").read_text())
    (tmp_path / "run" / "settings.json").write_text(json.dumps(settings | {"epochs": 4}))
    (tmp_path / "run" / "weights.safetensors").unlink()
    assert len(ist.resume(tmp_path / "run", progress=False).history) == 4


def test_a_run_that_an_older_version_left_between_two_states_is_finished(tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "format-1-finished", tmp_path / "run")
    path = tmp_path / "run" / "weights.safetensors"
    tensors, notes = load_tensors(path)
    save_tensors(path, tensors, notes | {"status": "interrupted", "reason": "SIGINT"})
    assert ist.resume(tmp_path / "run", progress=False).status == "finished"
    assert ist.load(tmp_path / "run").status == "finished"


def test_a_run_with_a_rival_goes_on_under_the_names_that_its_weights_have_now(data: ist.Data, tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "format-2-aae", tmp_path / "run")
    run = ist.resume(tmp_path / "run", progress=False)
    assert (run.status, len(run.history)) == ("finished", 2)
    expected = [[-1.1310, -0.2888], [-1.1749, -0.1311], [-1.8423, -0.3835]]
    torch.testing.assert_close(run.encode(data.test)[:3], torch.tensor(expected), rtol=1e-3, atol=1e-3)
    again = ist.load(tmp_path / "run").model
    assert [name for name, _ in again.named_parameters() if name.startswith("objective.penalty_modules.code-adversary")]


def test_a_model_that_learnt_a_correction_predicts_a_residual_now() -> None:
    run = ist.load(FIXTURES / "format-2-upscale")
    assert run.model.predicts.kind == "residual"
    assert run.model.corruption.as_bytes
    assert run.evaluate()["test"]["mse"]["model"] == pytest.approx(UPSCALED, rel=1e-4)


def test_equal_seeds_make_equal_bytes(data: ist.Data, tmp_path: Path) -> None:
    for name in "ab":
        _fit(data, out=tmp_path / name)
    for name in ("weights.safetensors", "baseline.safetensors", "model.json", "data.json", "settings.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


@pytest.mark.parametrize("name", JSON)
def test_a_flipped_bit_in_json_is_refused_or_changes_nothing(folder: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(folder, tmp_path / "run")
    path, before = tmp_path / "run" / name, load_json(folder / name, sealed=True)
    whole, accepted = path.read_bytes(), 0
    for place in np.random.default_rng(0).permutation(len(whole))[:150]:
        changed = bytearray(whole)
        changed[place] ^= 1 << (int(place) % 8)
        path.write_bytes(changed)
        try:
            said = load_json(path, sealed=True)
        except RunError as error:
            assert str(path) in str(error)  # noqa: PT017 many of them in one test
        else:
            accepted += 1
            assert said == before
    assert accepted < 50  # blanks between the fields


def test_a_file_without_its_checksum_is_refused(folder: Path, tmp_path: Path) -> None:
    for name in JSON:
        run = tmp_path / name / "run"
        shutil.copytree(folder, run)
        (run / name).write_text(json.dumps(load_json(run / name, sealed=True)))
        with pytest.raises(RunError, match="checksum is missing"):
            ist.load(run)


def _replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _replaced(value[path[0]], path[1:], new)
    return copy


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, one in inner for found in _paths(one, (*path, key)))]


ODD = [None, True, -1, 0, 3.5, 10**25, "odd", [], {}, [1, "a"], {"kind": []}]


@pytest.mark.parametrize("name", JSON)
def test_json_that_says_anything_at_all_is_refused_or_used(folder: Path, tmp_path: Path, name: str) -> None:
    """With a checksum that goes with it, as somebody who means it would write."""
    run = tmp_path / "run"
    shutil.copytree(folder, run)
    value = load_json(folder / name, sealed=True)
    choice = np.random.default_rng(1)
    paths = _paths(value)
    for _ in range(60):
        path, new = paths[choice.integers(len(paths))], ODD[choice.integers(len(ODD))]
        odd = _replaced(value, path, new)
        if not (isinstance(odd, dict) or (isinstance(odd, list) and odd and all(isinstance(o, dict) for o in odd))):
            continue
        save_json(run / name, odd)
        _refused_or_used(run)


@pytest.mark.parametrize("name", TENSORS)
def test_tensors_that_are_anything_at_all_are_refused_or_used(folder: Path, tmp_path: Path, name: str) -> None:
    run = tmp_path / "run"
    shutil.copytree(folder, run)
    tensors, notes = load_tensors(folder / name)
    changes: list[Callable[[torch.Tensor], torch.Tensor]] = [
        lambda t: t.reshape(-1)[:0],
        lambda t: t.reshape(-1)[:1],
        lambda t: t.bool(),
        lambda t: torch.full_like(t, 200),
        lambda t: t.double() * torch.nan,
        lambda t: t[None],
    ]
    choice = np.random.default_rng(2)
    names, paths = list(tensors), _paths(notes)
    for _ in range(60):
        odd = dict(tensors)
        chosen = names[choice.integers(len(names))]
        how = choice.integers(len(changes) + 2)
        if how == len(changes):
            odd[f"{chosen}.odd"] = odd.pop(chosen)
        elif how < len(changes):
            odd[chosen] = changes[how](odd[chosen])
        said = (
            _replaced(notes, paths[choice.integers(len(paths))], ODD[choice.integers(len(ODD))]) if how > 5 else notes
        )
        save_tensors(run / name, odd, said)
        _refused_or_used(run)
        if name == "checkpoint.safetensors":
            (run / "weights.safetensors").unlink(missing_ok=True)
            _refused_or_used(run)
            try:
                ist.resume(run, data=ist.open_data(np.ones((40, 3), np.float32) + np.eye(40, 3)), progress=False)
            except IsthmusError as error:
                assert "\n" not in str(error)  # noqa: PT017


def _refused_or_used(folder: Path) -> None:
    try:
        run = ist.load(folder)
        assert run.encode(np.ones((2, 3), np.float32)).shape == (2, 2)
        repr(run)
    except IsthmusError as error:
        assert "\n" not in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 500 + "1" + "}" * 500, '{"format": 1e999}', '{"a": NaN}', "9" * 5000]
)
def test_json_that_python_alone_would_take_or_stumble_over_is_damaged(folder: Path, tmp_path: Path, text: str) -> None:
    for name in JSON:
        shutil.copytree(folder, tmp_path / name)
        (tmp_path / name / name).write_text(text)
        with pytest.raises(RunError, match=r"is damaged|is not an Isthmus"):
            ist.load(tmp_path / name)


@pytest.mark.parametrize("widths", [[10**6, 10**6], [20_000, 20_000], [3_000, 9_000]])
def test_a_model_far_larger_than_its_weights_is_refused(folder: Path, tmp_path: Path, widths: list[int]) -> None:
    shutil.copytree(folder, tmp_path / "run")
    path = tmp_path / "run" / "model.json"
    said = load_json(path, sealed=True)
    said["blueprint"]["network"]["widths"] = widths
    save_json(path, said)
    with pytest.raises(RunError, match=r"model\.json is damaged"):
        ist.load(tmp_path / "run")


def test_a_run_in_memory_is_saved_whole_and_comes_back(table: ist.Data, tmp_path: Path) -> None:
    run = _fit(table)
    run.baseline()
    assert run.save(tmp_path / "run") == run.folder == tmp_path / "run"
    again = ist.load(tmp_path / "run")
    assert torch.equal(again.encode(table.test), run.encode(table.test))
    assert (again.status, again.history, again.settings) == (run.status, run.history, run.settings)
    assert again.evaluate(table.test.tensor().numpy()) == run.evaluate(table.test)
    assert {path.name for path in (tmp_path / "run").iterdir()} == {*JSON, TENSORS[0], TENSORS[2], ".lock"}
    with pytest.raises(RunError, match="has no checkpoint"):
        ist.resume(tmp_path / "run", data=table, epochs=5, progress=False)


def test_a_copy_of_a_run_goes_on_as_the_run_would(table: ist.Data, folder: Path, tmp_path: Path) -> None:
    run = ist.load(folder)
    run.save(tmp_path / "copy")
    assert run.folder == folder
    shutil.copytree(folder, tmp_path / "straight")
    ends = [ist.resume(tmp_path / name, data=table, epochs=4, progress=False) for name in ("copy", "straight")]
    assert torch.equal(ends[0].encode(table.test), ends[1].encode(table.test))


def test_a_run_is_not_saved_over_another_unasked(table: ist.Data, folder: Path, tmp_path: Path) -> None:
    run, other = _fit(table, seed=5), ist.load(folder)
    run.save(tmp_path)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(RunError, match="has a run already"):
        other.save(tmp_path)
    other.save(tmp_path, overwrite=True)
    assert ist.load(tmp_path).settings.seed == 0
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert other.save(folder, overwrite=True) == folder  # onto itself
    assert torch.equal(ist.load(folder).encode(table.test), other.encode(table.test))


def test_a_save_that_fails_leaves_what_was_there(table: ist.Data, folder: Path, tmp_path: Path, monkeypatch) -> None:
    _fit(table, seed=5).save(tmp_path)
    monkeypatch.setattr("isthmus.run.describe_model", lambda model: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ist.load(folder).save(tmp_path, overwrite=True)
    assert ist.load(tmp_path).settings.seed == 5
    assert not (tmp_path / ".new").exists()

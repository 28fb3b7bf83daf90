"""Exported parts: the run's own results, from raw samples to raw units, with everything that they need to be used."""

import errno
import json
import zipfile

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

import isthmus as ist
from isthmus.errors import DataError, IsthmusError, UseError
from isthmus.exporting import onnx_file, writing
from isthmus.exporting.checks import Case, Checked, check, compare
from isthmus.exporting.parts import exportable
from isthmus.extras import MissingPackageError
from isthmus.storage import files


def test_a_table_with_categories_and_holes_goes_in_raw_and_comes_back_raw(trained, result, tmp_path):
    run = trained("table")
    ist.export(run, tmp_path / "out", ["encoder", "decoder", "model"])
    rows = run.open().train.tensor()[:20]
    assert bool(rows.isnan().any())
    rows[3, 0] = 3  # a category that the model doesn't know
    codes = result(tmp_path / "out" / "encoder.onnx", raw=rows.numpy())
    np.testing.assert_allclose(codes, run.model.encode(rows).detach(), atol=1e-5)
    made = result(tmp_path / "out" / "decoder.onnx", code=codes)
    np.testing.assert_allclose(made, run.model.reconstruct(rows).detach(), atol=1e-5)
    np.testing.assert_allclose(made, result(tmp_path / "out" / "model.onnx", raw=rows.numpy()), atol=1e-5)
    facts = json.loads((tmp_path / "out" / "model.json").read_text())
    assert facts["columns"][0] == {"name": "kind", "categories": ["a", "b", "c"]}
    assert facts["columns"][1] == {"name": "size"}
    assert facts["inputs"][0]["shape"] == ["batch", 4]


def test_the_score_of_a_table_is_that_of_detect_also_of_unknown_categories(trained, result, tmp_path):
    run = trained("table")
    found = ist.detector(run)
    made = ist.export(run, tmp_path / "out", "score")
    rows = run.open().train.tensor()[:9].clone()
    rows[3, 0], rows[4, 3] = 3, 2
    wanted = found.scores(ist.Samples(rows))
    assert wanted[3] > found.usual.max()
    np.testing.assert_allclose(result(tmp_path / "out" / "score.onnx", raw=rows.numpy()), wanted, rtol=1e-5)
    assert made.parts["score"]["score"]["threshold"] == found.threshold


def test_labels_and_noise_are_inputs_and_bytes_stay_bytes(trained, result, tmp_path):
    run = trained("cvae")
    made = ist.export(run, tmp_path / "out", "encoder", draws=True)
    test = run.open().test
    assert test.labels is not None
    raw, labels = test.tensor(), test.labels
    assert [port["type"] for port in made.parts["encoder"]["inputs"]] == ["uint8", "int64", "float32"]
    noise = torch.randn(len(raw), 4, generator=torch.Generator().manual_seed(1))
    inputs = {"raw": raw.numpy(), "labels": labels.numpy()}
    drawn = result(tmp_path / "out" / "encoder.onnx", **inputs, noise=noise.numpy())
    posterior = run.model(raw, labels=labels).code.distribution
    np.testing.assert_allclose(drawn, posterior.sample(noise[:, None]).detach(), atol=1e-5)
    mean = result(tmp_path / "out" / "encoder.onnx", **inputs, noise=np.zeros_like(noise))
    np.testing.assert_allclose(mean, run.encode(test), atol=1e-5)
    assert made.parts["encoder"]["classes"] == ["0", "1"]


def test_the_metadata_in_the_file_are_those_next_to_it_and_name_no_file_of_this_machine(trained, tmp_path):
    import onnx

    ist.export(trained("vanilla"), tmp_path / "out", opset=17)
    model = onnx.load(tmp_path / "out" / "model.onnx")
    onnx.checker.check_model(model)
    said = {prop.key: prop.value for prop in model.metadata_props}
    facts = json.loads((tmp_path / "out" / "model.json").read_text())
    assert {name: value if isinstance(value, str) else json.dumps(value) for name, value in facts.items()} == said
    assert facts["opset"] == model.opset_import[0].version == 17
    assert facts["isthmus"] == ist.__version__
    assert facts["blueprint"]["code"]["kind"] == "plain"
    assert b"/site-packages/" not in model.SerializeToString()
    assert b".py" not in model.SerializeToString()


def test_int8_is_smaller_and_its_difference_is_stated(trained, result, tmp_path):
    run = trained("vae")
    whole = ist.export(run, tmp_path / "float", "decoder").folder / "decoder.onnx"
    made = ist.export(run, tmp_path / "int8", "decoder", int8=True)
    small = tmp_path / "int8" / "decoder.onnx"
    assert small.stat().st_size < whole.stat().st_size / 2
    checked = made.parts["decoder"]["checked"]
    assert 1e-5 < checked["largest_difference"] < 0.2
    assert made.parts["decoder"]["int8"] is True
    codes = run.encode(run.open().test)
    apart = np.abs(result(small, code=codes.numpy()) - result(whole, code=codes.numpy())).max() / 255
    assert apart == pytest.approx(checked["largest_difference"], rel=0.1)


def test_pytorchs_program_has_no_pickle_and_is_the_same(trained, tmp_path):
    run = trained("conv")
    ist.export(run, tmp_path / "out", format="torch-export")
    with zipfile.ZipFile(tmp_path / "out" / "model.pt2") as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    assert not any(b"\x80\x02" in content[:4] or content[:2] == b"PK" for content in contents.values())
    assert not any(b"site-packages" in content for content in contents.values())
    program = torch.export.load(tmp_path / "out" / "model.pt2").module()
    raw = run.open().test.tensor()
    torch.testing.assert_close(program(raw), run.reconstruct(raw), rtol=1e-5, atol=1e-3)


def test_weights_and_blueprint_are_a_run(trained, tmp_path):
    run = trained("deep")
    made = ist.export(run, tmp_path / "out", format="safetensors+json")
    assert {"model.json", "weights.safetensors"} <= set(made.files)
    test = run.open().test
    assert torch.equal(ist.load(tmp_path / "out").encode(test), run.encode(test))
    assert load_file(tmp_path / "out" / "weights.safetensors").keys() == run.model.state_dict().keys()


def test_a_part_that_differs_is_not_written(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "compare", lambda *_: Checked(4, 3e-4, 1e-5))
    with pytest.raises(UseError, match=r"model differs from the run's own by 3\.00×10⁻⁴ of.*Nothing was written"):
        ist.export(trained("vanilla"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_differences_are_shares_of_each_columns_own_range(trained):
    run = trained("table")
    case = Case.of(exportable(run, "model"), run.open().test)
    spread = run.open().test.tensor().double()
    off = case.wanted.copy()
    off[:, 2] += 1e-3 * float(spread[:, 2].max() - spread[:, 2].min())
    places = iter(np.split(off, np.cumsum([1, 7])))
    found = compare(case, lambda _: next(places))
    assert 0.5e-3 < found.largest < 1.1e-3
    with pytest.raises(UseError, match="differs"):
        check(case.part, found)
    check(case.part, compare(case, lambda given: case.part(*map(torch.from_numpy, given)).detach().numpy()))


def test_a_part_that_the_model_does_not_have_is_named(trained, tmp_path):
    with pytest.raises(UseError, match=r"The decoder can't be exported\. This model has skip connections"):
        ist.export(trained("denoise"), tmp_path / "out", "decoder")
    with pytest.raises(UseError, match="code isn't drawn at random"):
        ist.export(trained("deep"), tmp_path / "out", draws=True)
    with pytest.raises(UseError, match="The decoder draws nothing"):
        ist.export(trained("vae"), tmp_path / "out", "decoder", draws=True)
    with pytest.raises(UseError, match="The score 'likelihood' can't be exported"):
        ist.export(trained("vae"), tmp_path / "out", "score", by="likelihood")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"part": "encodr"}, "There is no part 'encodr'. Did you mean 'encoder'"),
        ({"part": []}, "There is no part to export"),
        ({"format": "onx"}, "There is no format 'onx'. Did you mean 'onnx'"),
        ({"opset": 99}, "There is no opset 99: expected a whole number from 7 to"),
        ({"opset": 6}, "There is no opset 6"),
        ({"opset": 12, "int8": True}, "needs opset 13 or newer"),
        ({"format": "torch-export", "int8": True}, "takes no int8"),
        ({"format": "safetensors+json", "part": "encoder"}, "holds the whole model"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_done(words, message, trained, tmp_path):
    with pytest.raises(UseError, match=message):
        ist.export(trained("vanilla"), tmp_path / "out", **words)
    assert not (tmp_path / "out").exists()


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(UseError, match="is a path: expected a run"):
        ist.export("runs/digits", tmp_path / "out")  # pyright: ignore[reportArgumentType]


def test_a_folder_that_exists_is_left_alone_unless_it_may_be_written_into(trained, tmp_path):
    (tmp_path / "model.json").write_text("mine")
    (tmp_path / "other.txt").write_text("mine")
    with pytest.raises(DataError, match="is there already"):
        ist.export(trained("vanilla"), tmp_path)
    assert (tmp_path / "model.json").read_text() == "mine"
    ist.export(trained("vanilla"), tmp_path, overwrite=True)
    assert (tmp_path / "model.json").read_text() != "mine"
    assert (tmp_path / "other.txt").read_text() == "mine"


def test_a_full_disk_leaves_no_part_of_a_new_folder(trained, tmp_path, monkeypatch):

    whole, done = files.whole_file, []

    def full(path):
        if done:
            raise OSError(errno.ENOSPC, "No space left on device")
        done.append(path)
        return whole(path)

    def write(path):
        from isthmus.storage.files import unwritable

        try:
            return full(path)
        except OSError as error:
            raise unwritable(path, error) from error

    monkeypatch.setattr(writing, "whole_file", write)
    with pytest.raises(IsthmusError, match="the disk is full"):
        ist.export(trained("vanilla"), tmp_path / "out")
    assert done
    assert not (tmp_path / "out").exists()


def test_a_missing_package_is_named_with_the_extra(trained, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'isthmus\[onnx\]'"):
        ist.export(trained("vanilla"), tmp_path / "out")


def test_weights_too_large_for_one_file_are_refused(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_file, "LARGEST", 100)
    with pytest.raises(UseError, match="an ONNX file has at most 2 GB"):
        ist.export(trained("vanilla"), tmp_path / "out")


@pytest.mark.parametrize("opset", [13, 20])
def test_opsets_before_and_after_the_usual_one_are_written(opset, trained, tmp_path):
    made = ist.export(trained("vanilla"), tmp_path / "out", opset=opset)
    assert made.parts["model"]["checked"]["largest_difference"] <= 1e-5


def test_an_operation_that_an_opset_does_not_have_is_named(trained, tmp_path):
    with pytest.raises(UseError, match="can't be exported with opset 7, because it needs the operation"):
        ist.export(trained("table"), tmp_path / "out", opset=7)


@pytest.mark.filterwarnings("ignore:Heavy tails")
def test_values_of_float64_with_heavy_tails_stay_exact(tmp_path):
    draws = np.random.default_rng(0).normal(size=(200, 2))
    data = ist.open_data({"a": 1e9 + np.exp(2.5 * draws[:, 0]), "b": 1.7e9 + draws[:, 1]})
    assert data.train.dtype == "float64"
    assert data.scaling.curve is not None
    run = ist.fit(ist.recipe("vanilla", code=1).build(data, remarks=False), data, epochs=1, progress=False)
    made = ist.export(run, tmp_path / "out")
    assert [port["type"] for port in made.parts["model"]["inputs"]] == ["float64"]
    assert made.parts["model"]["checked"]["largest_difference"] <= 1e-5

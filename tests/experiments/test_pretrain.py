"""Pretraining: where an encoder knows what few labels don't tell, it is ahead; and what can't be pretrained with."""

import json

import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus.classifier import CodeBody
from isthmus.data import Samples
from isthmus.errors import BlueprintError, DataError, Remark, RunError
from isthmus.experiments.classify import pipeline, regressed, settings_for, unlearnt
from isthmus.experiments.labelled import draw_few
from isthmus.experiments.pretraining import Pretraining, called, said_of
from isthmus.experiments.table import entries


def clouds(count=800, width=200):
    """Two classes that one of two strong directions tells apart, under much noise in every column."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, count)
    hidden = np.stack([3.0 * (2 * labels - 1), 3 * generator.normal(size=count)], 1)
    rows = hidden @ generator.normal(size=(2, width)) + 10 * generator.normal(size=(count, width))
    return rows.astype(np.float32), labels


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    rows, labels = clouds()
    path = tmp_path_factory.mktemp("clouds") / "clouds.npz"
    np.savez(path, x=rows, y=labels)
    return path


@pytest.fixture(scope="module")
def run(source, tmp_path_factory):
    data = ist.open_data(source)
    folder = tmp_path_factory.mktemp("runs") / "clouds"
    blueprint = ist.recipe("tied", code=2)
    return ist.fit(
        blueprint.build(data), data, out=folder, epochs=12, learning_rate=1e-2, compile=False, progress=False
    )


@pytest.fixture(scope="module")
def found(run, tmp_path_factory):
    out = tmp_path_factory.mktemp("pretrain")
    return ist.pretrain(run, labels=[8], out=out, seeds=3, epochs=60, learning_rate=1e-2, body_rate=0.01)


def test_with_few_labels_the_pretrained_are_ahead(found):
    tuned, fresh = found.accuracy("fine-tuned", 8), found.accuracy("from scratch", 8)
    assert tuned[0] > fresh[0] + 0.02
    assert found.accuracy("codes, logistic regression", 8)[0] > found.accuracy("data, k nearest", 8)[0]
    assert found.verdict.startswith("With 8 labels, ")


@pytest.mark.parametrize(
    ("tuned", "best", "words"),
    [
        ((0.90, 0.91), (0.80, 0.81), "Pretraining pays."),
        ((0.80, 0.81), (0.90, 0.91), "Pretraining does not pay."),
        ((0.80, 0.90), (0.82, 0.90), "The difference is within the standard deviations."),
        ((0.80,), (0.90,), "With one seed, the difference may be chance."),
    ],
)
def test_verdict_holds_it_against_the_best_that_needs_no_pretraining(tmp_path, tuned, best, words):
    shares = {"fine-tuned": tuned, "from scratch": (0.5, 0.5), "data, logistic regression": best}
    table = [
        {"candidate": called(way, 20), "seed": seed, "error": None, "test_accuracy": share}
        for way, each in shares.items()
        for seed, share in enumerate(each[: len(tuned)])
    ]
    found = Pretraining(tmp_path, "test", tuple(table), tuple(entries(table)), (20,), "")
    said = said_of(found, 20)
    assert said.endswith(words)
    assert "training from scratch 50.0" in said


def test_verdict_says_when_the_fresh_network_is_hardly_trained(run, tmp_path):
    found = ist.pretrain(run, labels=[8], out=tmp_path, seeds=1, epochs=2, ways=["fine-tuned", "from scratch"])
    assert "With the fewest labels, the networks were trained for only 2 steps" in found.verdict


def test_its_table_and_page_hold_every_way(found):
    said = json.loads((found.folder / "results.json").read_text())
    assert len(said["accuracy"]) == 6
    assert len(said["rows"]) == 6 * 3
    assert said["accuracy"]["fine-tuned"]["8"]["mean"] == found.accuracy("fine-tuned", 8)[0]
    page = (found.folder / "report.html").read_text()
    assert "from scratch" in page
    assert "8 labels" in page


def test_from_scratch_is_the_same_network_with_other_weights(run):
    fresh = unlearnt(run.model, seed=5)
    before, after = run.model.state_dict(), fresh.state_dict()
    assert {name: value.shape for name, value in before.items()} == {n: value.shape for n, value in after.items()}
    weights = [name for name in before if name.startswith("encoder") and name.endswith("weight")]
    assert not any(torch.equal(before[name], after[name]) for name in weights)
    assert torch.equal(fresh.scaling.scale, run.model.scaling.scale)


def test_the_body_makes_the_codes_and_leaves_the_model_as_it_is(run):
    body = CodeBody(run.model)
    batch = run.open().test.tensor()
    with torch.no_grad():
        assert torch.allclose(body(run.model.scaling(batch)), run.model.encode(batch))
        for weight in body.parameters():
            weight.zero_()
        assert float(run.model.encode(batch).abs().max()) > 0


def test_features_are_scaled_inside():
    rows, labels = clouds(200)
    few = Samples(torch.from_numpy(rows), labels=torch.from_numpy(labels), label_names=("a", "b"))
    large = rows * np.array([1e4] + [1.0] * 199, dtype=np.float32)
    for kind in ("logistic", "k nearest"):
        scores = [pipeline(kind, few).fit(given, labels).score(given, labels) for given in (rows, large)]
        assert scores[0] == pytest.approx(scores[1], abs=0.02)


@pytest.mark.parametrize(("labels", "epochs"), [(100, 286), (1000, 32), (10_000, 26), (60_000, 20)])
def test_a_network_takes_two_thousand_steps_however_few_the_labels(labels, epochs):
    assert settings_for(labels, 0, {}).epochs == epochs
    assert settings_for(labels, 0, {"epochs": 7}).epochs == 7


def test_other_data_with_the_same_columns_in_another_order_are_taken(tmp_path):
    pandas = pytest.importorskip("pandas")
    rows, labels = clouds(120)
    table = pandas.DataFrame(rows[:, :5], columns=list("abcde"))
    data = ist.open_data(table)
    run = ist.fit(
        ist.recipe("vanilla", code=2).build(data), data, out=tmp_path / "run", epochs=1, compile=False, progress=False
    )
    labelled = pandas.DataFrame(rows[:, 4::-1], columns=list("edcba")).assign(species=np.array(["x", "y"])[labels])
    labelled.to_csv(tmp_path / "labelled.csv", index=False)
    found = ist.pretrain(
        run, tmp_path / "labelled.csv", [10], out=tmp_path / "out", seeds=1, epochs=2, read_options={"label": "species"}
    )
    assert not found.failures
    with pytest.raises(DataError, match=r"no labels"):
        ist.pretrain(run, table, [10], out=tmp_path / "other")


def test_what_cannot_be_pretrained_with_is_said_before_any_training(run, source, tmp_path):
    data, short = ist.open_data(source), {"epochs": 1, "compile": False, "progress": False}
    cvae = ist.fit(ist.recipe("cvae", code=2, distance="mse").build(data), data, out=tmp_path / "c", **short)
    with pytest.raises(BlueprintError, match=r"needs labels"):
        ist.pretrain(cvae, labels=[10], out=tmp_path / "out")
    memory = ist.fit(ist.recipe("tied", code=2).build(data), data, **short)
    with pytest.raises(RunError, match=r"no folder"):
        ist.pretrain(memory, labels=[10], out=tmp_path / "out")
    with pytest.raises(DataError, match=r"2 or more labels"):
        ist.pretrain(run, labels=[1], out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_more_labels_than_there_are_samples_are_left_out(run, tmp_path):
    with pytest.warns(Remark, match=r"640 samples"):
        found = ist.pretrain(run, labels=[10, 10_000], out=tmp_path, seeds=1, epochs=1)
    assert found.labels == (10,)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_last_layer_begins_as_the_logistic_regression(run, classes):
    few = draw_few(run.open().train, 30, seed=0)
    labels = torch.arange(30) % classes
    few = Samples(few.tensor(), labels=labels, label_names=tuple("abcd"[: classes + 1]))
    body = CodeBody(run.model, few)
    head = regressed(body, run.model.scaling, few)
    with torch.no_grad():
        made = head(body(run.model.scaling(few.tensor()))).softmax(1)
    solved = pipeline("logistic", few).fit(run.encode(few).numpy(), labels.numpy())
    expected = solved.predict_proba(run.encode(few).numpy())
    assert float(made[:, classes].max()) < 0.05
    known = made[:, :classes] / made[:, :classes].sum(1, keepdim=True)
    assert torch.allclose(known, torch.from_numpy(expected).float(), atol=1e-3)

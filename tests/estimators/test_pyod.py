"""PyOD's interface."""

import importlib
import importlib.util

import numpy as np
import pytest

from estimators.common import numbers
from isthmus.pyod import AutoEncoder
from isthmus.sklearn import AutoencoderDetector

PARAMETERS = {"contamination": 0.05, "epoch_num": 3, "lr": 0.01, "batch_size": 32, "hidden_neuron_list": [8, 2]}


def anomalous():
    X = numbers(200)
    X[:5] = 9 * np.sign(numbers(5))[:, ::-1]
    return X


def script(kind):
    """What a user of PyOD writes."""
    X, new = anomalous(), numbers(30)
    model = kind(**PARAMETERS, random_state=0, verbose=0)
    model.fit(X)
    labels, confidence = model.predict(new, return_confidence=True)
    return {
        "decision_scores_": model.decision_scores_,
        "labels_": model.labels_,
        "threshold_": np.array(model.threshold_),
        "scores": model.decision_function(new),
        "labels": labels,
        "confidence": confidence,
        "linear": model.predict_proba(new),
        "unify": model.predict_proba(new, method="unify"),
        "fit_predict": model.fit_predict(X),
    }


def test_scores_are_higher_and_labels_are_1_for_anomalies():
    found = script(AutoEncoder)
    assert found["labels_"].sum() == 10
    assert found["labels_"][:5].tolist() == [1] * 5
    assert np.array_equal(found["labels_"], found["decision_scores_"] > found["threshold_"])
    assert np.array_equal(found["fit_predict"], found["labels_"])
    for name in ("linear", "unify"):
        assert found[name].shape == (30, 2)
        assert np.allclose(found[name].sum(1), 1)
    assert ((found["confidence"] >= 0) & (found["confidence"] <= 1)).all()


@pytest.mark.skipif(importlib.util.find_spec("pyod") is None, reason="PyOD is not installed")
@pytest.mark.filterwarnings("ignore")
def test_a_script_for_pyod_runs_and_gives_results_of_the_same_form():
    theirs = script(importlib.import_module("pyod.models.auto_encoder").AutoEncoder)
    ours = script(AutoEncoder)
    for name, value in theirs.items():
        assert np.shape(ours[name]) == np.shape(value), name
        assert np.asarray(ours[name]).dtype.kind == np.asarray(value).dtype.kind, name
    assert ours["labels_"][:5].tolist() == theirs["labels_"][:5].tolist()


def test_the_parameters_of_pyod_reach_the_model(tmp_path):
    model = AutoEncoder(
        **PARAMETERS, optimizer_name="adamw", optimizer_params={"weight_decay": 1e-3}, dropout_rate=0.1, batch_norm=True
    ).fit(anomalous())
    run = model.detector_.run_
    assert run.model.code_shape == (2,)
    assert run.model.blueprint.network.widths == (8,)
    assert run.model.blueprint.network.dropout == 0.1
    assert (run.settings.optimiser, run.settings.weight_decay, run.settings.epochs) == ("adamw", 1e-3, 3)
    loaded = AutoencoderDetector.load(model.save(tmp_path / "saved"))
    assert np.array_equal(-loaded.score_samples(anomalous()), model.decision_function(anomalous()))

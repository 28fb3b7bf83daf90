"""The estimators among scikit-learn's."""

import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

import isthmus
from estimators.common import ALL, SMALL, messy, numbers
from isthmus.sklearn import AutoencoderDensity, AutoencoderDetector, AutoencoderImputer, AutoencoderTransformer


def test_a_pipeline_of_imputer_transformer_and_classifier_is_searched_in_two_processes():
    X, y = numbers(80), np.arange(80) % 2
    X[::9, 1] = np.nan
    steps = make_pipeline(AutoencoderImputer(**SMALL), AutoencoderTransformer(**SMALL), LogisticRegression())
    found = GridSearchCV(steps, {"autoencodertransformer__code": [1, 3]}, cv=2, n_jobs=2).fit(X, y)
    assert np.isfinite(found.cv_results_["mean_test_score"]).all()
    assert found.best_estimator_[:-1].transform(X[:5]).shape[1] == found.best_params_["autoencodertransformer__code"]


def test_models_are_compared_by_their_own_score():
    found = cross_validate(AutoencoderDensity(**SMALL), numbers(), cv=3)
    assert np.isfinite(found["test_score"]).all()
    searched = GridSearchCV(AutoencoderTransformer(code=2, epochs=1), {"recipe": ["pca", "vae"]}, cv=2).fit(
        numbers(100)
    )
    assert searched.best_params_ == {"recipe": "pca"}


def test_columns_go_to_different_transformers():
    frame = messy().drop(columns=["day"])
    both: Any = ColumnTransformer(
        [
            ("codes", AutoencoderTransformer(**SMALL), ["age", "city", "visits"]),
            ("filled", AutoencoderImputer(**SMALL), make_column_selector(dtype_include=["float", "boolean"])),
        ]
    ).set_output(transform="pandas")
    made = both.fit_transform(frame)
    assert list(made.columns) == [
        *("codes__autoencodertransformer0", "codes__autoencodertransformer1"),
        *("filled__age", "filled__member"),
    ]
    assert made.index.equals(frame.index)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_results_are_frames_of_the_library_that_is_asked_for(library):
    frame = messy()
    made: Any = AutoencoderImputer(**SMALL).set_output(transform=library).fit_transform(frame)
    assert type(made).__module__.startswith(library)
    assert list(made.columns) == list(frame.columns)
    if library == "pandas":
        assert isinstance(made["kind"].dtype, pd.CategoricalDtype)
        assert made.index.equals(frame.index)


def test_weights_reach_a_step_by_metadata_routing():
    X = numbers()
    weights = np.repeat([0, 1], 30)
    with sklearn.config_context(enable_metadata_routing=True):
        model = AutoencoderDetector(**SMALL).set_fit_request(sample_weight=True)
        steps = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), model)
        steps.fit(X, sample_weight=weights)
    fitted: Any = steps[-1]
    assert len(fitted.run_.data) == 30


@pytest.mark.parametrize("kind", ALL)
def test_estimators_are_cloned_shown_and_tagged(kind):
    model: Any = kind(**SMALL, options={"activation": "gelu"})
    copied: Any = clone(model)
    assert copied.get_params()["options"] == {"activation": "gelu"}
    assert kind.__name__ in model._repr_html_()
    assert kind.__name__ in repr(model)
    tags = get_tags(model)
    assert tags.input_tags.allow_nan
    assert tags.input_tags.sparse


def test_the_library_does_not_import_scikit_learn_until_it_is_needed():
    code = "import sys, isthmus; assert not {'sklearn', 'torch', 'pandas'} & {*sys.modules}"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert isthmus.sklearn.AutoencoderDetector is AutoencoderDetector

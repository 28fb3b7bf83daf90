"""The estimators' own methods."""

import copy
import pickle
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal
from sklearn.exceptions import NotFittedError

import isthmus as ist
from estimators.common import ALL, SMALL, messy, numbers, same, use
from isthmus.errors import RunError
from isthmus.sklearn import (
    AutoencoderDenoiser,
    AutoencoderDensity,
    AutoencoderDetector,
    AutoencoderImputer,
    AutoencoderTransformer,
)


@pytest.mark.parametrize("kind", ALL)
def test_an_estimator_survives_pickle_joblib_copy_and_its_own_store(kind, tmp_path):
    frame = messy()
    model = kind(**SMALL).fit(frame)
    made = use(model, frame)
    joblib.dump(model, tmp_path / "model.joblib")
    model.save(tmp_path / "saved")
    others = {
        "pickle": pickle.loads(pickle.dumps(model)),
        "copy": copy.copy(model),
        "deepcopy": copy.deepcopy(model),
        "joblib": joblib.load(tmp_path / "model.joblib"),
        "store": kind.load(tmp_path / "saved"),
    }
    for name, other in others.items():
        assert same(use(other, frame), made), name
        assert other.get_params() == model.get_params() or kind is AutoencoderImputer  # NaN differs from itself
        assert list(other.feature_names_in_) == list(frame.columns)


def test_a_saved_estimator_keeps_parameters_of_every_type_and_is_a_run(tmp_path):
    penalty, blueprint = ist.parts.ActivationL1(), ist.recipe("deep", code=2)
    model = AutoencoderTransformer(
        blueprint,
        epochs=1,
        options={"penalties": (penalty,), "dropout": np.float64(0.1)},
        random_state=np.random.RandomState(3),
    )
    model.fit(numbers()).set_output(transform="pandas")
    folder = model.save(tmp_path / "saved")
    loaded = AutoencoderTransformer.load(folder)
    assert loaded.recipe == blueprint
    assert loaded.options == model.options
    assert isinstance(loaded.random_state, int)
    assert loaded.transform(numbers()).equals(model.transform(numbers()))
    assert ist.load(folder).model.code_shape == (2,)
    assert not [path for path in folder.iterdir() if path.suffix in (".pkl", ".joblib", ".pt")]
    with pytest.raises(RunError, match="AutoencoderTransformer"):
        AutoencoderDetector.load(folder)
    with pytest.raises(RunError, match="overwrite=True"):
        model.save(folder)
    assert model.save(folder, overwrite=True) == folder


def test_what_is_not_fitted_or_no_estimator_is_refused(tmp_path):
    with pytest.raises(NotFittedError):
        AutoencoderTransformer().save(tmp_path / "none")
    run = AutoencoderTransformer(**SMALL).fit(numbers()).run_
    run.save(tmp_path / "run")
    with pytest.raises(RunError, match="no estimator"):
        AutoencoderTransformer.load(tmp_path / "run")


def test_codes_go_back_and_the_score_is_the_explained_share():
    X = numbers(200)
    model = AutoencoderTransformer("pca", code=2).fit(X)
    assert model.score(X) > 0.9
    assert np.allclose(model.inverse_transform(model.transform(X)), model.reconstruct(X), atol=1e-4)
    assert model.score(X, sample_weight=np.ones(200)) == pytest.approx(model.score(X))
    assert list(model.get_feature_names_out()) == ["autoencodertransformer0", "autoencodertransformer1"]


def test_every_option_of_a_recipe_and_of_the_training_can_be_set():
    model = AutoencoderTransformer(
        "denoising",
        **SMALL,
        options={"corruption": "masking", "activation": "gelu"},
        settings={"optimiser": "sgd", "weight_decay": 0.01},
        reading={"scaling": "minmax"},
    ).fit(numbers())
    assert model.run_.model.corruption.kind == "masking"
    assert model.run_.settings.optimiser == "sgd"
    assert model.run_.model.scaling.kind == "minmax"


def test_seeds_of_every_kind_are_taken():
    X = numbers()
    zero, again = (AutoencoderTransformer(**SMALL).fit(X).transform(X) for _ in range(2))
    assert same(zero, again)
    for seed in (1, np.random.RandomState(1), np.random.default_rng(1), None):
        assert not same(AutoencoderTransformer(**SMALL, random_state=seed).fit(X).transform(X), zero)


def test_no_global_state_changes_and_nothing_is_printed(capfd):
    before: Any = np.random.get_state()  # noqa: NPY002
    AutoencoderTransformer(**SMALL).fit(numbers())
    after: Any = np.random.get_state()  # noqa: NPY002
    assert np.array_equal(after[1], before[1])
    assert capfd.readouterr() == ("", "")


def test_a_warm_start_continues_and_keeps_the_scaling():
    X = numbers()
    model = AutoencoderTransformer(**SMALL, warm_start=True).fit(X)
    shift = model.run_.model.scaling.shift.clone()
    model.set_params(epochs=20).fit(X + 0.1)
    assert model.n_iter_ == 22
    assert [row["epoch"] for row in model.run_.history] == list(range(1, 23))
    assert bool((model.run_.model.scaling.shift == shift).all())
    assert model.score(X) > 0.9


def test_parts_of_the_data_train_like_the_whole():
    X = numbers(400)
    settings: dict[str, Any] = {**SMALL, "learning_rate": 0.01}
    model = AutoencoderTransformer(**settings)
    for _ in range(10):
        for part in np.split(X, 4):
            model.partial_fit(part)
    whole = AutoencoderTransformer(**{**settings, "epochs": 10}).fit(X)
    assert model.n_iter_ == 40
    assert model.score(X) > whole.score(X) - 0.1


def test_predictions_follow_the_contamination_and_anomalies_are_found():
    X = numbers(200)
    X[:4] = 8 * np.sign(numbers(4))[:, ::-1]
    model = AutoencoderDetector(**SMALL, contamination=0.05)
    labels = model.fit_predict(X)
    assert (labels == -1).sum() == 10
    assert (labels[:4] == -1).all()
    assert np.allclose(model.decision_function(X), model.score_samples(X) - model.offset_)


def test_a_row_is_explained_by_its_columns():
    frame = pd.DataFrame(numbers(200), columns=list("abcd"))
    model = AutoencoderDetector("pca", code=2).fit(frame)
    frame.loc[0, "c"] += 20
    found = model.explain(frame[:1])[0]
    assert found.reasons[0].column == "c"
    assert found.anomalous == (model.predict(frame[:1])[0] == -1)


@pytest.mark.parametrize("frame", [True, False])
def test_missing_values_are_drawn_several_times(frame):
    X = numbers(200)
    holes = np.random.default_rng(0).random(X.shape) < 0.2
    given = pd.DataFrame(np.where(holes, np.nan, X), columns=list("abcd")) if frame else np.where(holes, np.nan, X)
    model = AutoencoderImputer(epochs=3).fit(given)
    several = np.stack([np.asarray(each) for each in model.draw(given, 4)])
    assert (several[:, ~holes] == X[~holes]).all()
    assert (several[:, holes].std(0) > 0).all()
    assert np.array_equal(several, [np.asarray(each) for each in model.draw(given, 4)])
    with pytest.raises(ValueError, match="n_draws is 0"):
        model.draw(given, 0)


def test_missing_values_are_filled_better_than_by_the_mean():
    X = numbers(300)
    holes = np.random.default_rng(0).random(X.shape) < 0.2
    given = np.where(holes, np.nan, X)
    model = AutoencoderImputer(epochs=25, learning_rate=0.02, patience=None).fit(given)
    made = model.transform(given)
    assert np.array_equal(made[~holes], X[~holes])
    mean = np.broadcast_to(np.nanmean(given, 0), X.shape)
    assert np.square(made - X)[holes].mean() < 0.5 * np.square(mean - X)[holes].mean()


def test_the_imputer_has_the_parameters_of_simple_imputer():
    X = numbers(40)
    X[:5, 0] = np.nan
    X[:, 2] = np.nan
    X[7] = np.nan  # a row without any value
    model = AutoencoderImputer(**SMALL, add_indicator=True).fit(X)
    assert list(model.get_feature_names_out()) == [
        *("x0", "x1", "x3"),
        *("missingindicator_x0", "missingindicator_x1", "missingindicator_x3"),
    ]
    made = model.transform(X)
    assert made.shape == (40, 6)
    assert np.isfinite(made).all()
    assert made[:, 3].tolist() == [1.0] * 5 + [0.0] * 2 + [1.0] + [0.0] * 32
    kept = AutoencoderImputer(**SMALL, keep_empty_features=True).fit_transform(X)
    assert kept.shape == (40, 4)
    assert (kept[:, 2] == 0).all()


def test_another_sign_can_mean_a_missing_value():
    X = numbers(40).round(3)
    X[3, 1] = -999
    made = AutoencoderImputer(**SMALL, missing_values=-999).fit_transform(X)
    assert abs(made[3, 1]) < 50
    frame = messy()
    frame.iloc[9, 1] = "unknown"
    filled = AutoencoderImputer(**SMALL, missing_values="unknown", add_indicator=True).fit_transform(frame)
    assert filled["city"].iloc[9] in ("Bonn", "Oslo", "Rome")
    assert bool(filled["missingindicator_city"].iloc[9])


def test_a_density_is_in_the_units_of_x():
    X = numbers(400, 2)
    spread: Any = np.cov(X.T)
    normal = multivariate_normal(X.mean(0), spread).logpdf(X).mean()
    trained: dict[str, Any] = {"epochs": 30, "batch_size": 100, "learning_rate": 0.01, "widths": (16,), "code": 2}
    assert AutoencoderDensity("vae", **trained).fit(X).score(X) == pytest.approx(normal, abs=0.7)
    for recipe in ("vae", "table-vae"):
        once, tenfold = (AutoencoderDensity(recipe, **SMALL).fit(each).score(each) for each in (X, 10 * X))
        assert tenfold == pytest.approx(once - 2 * np.log(10), abs=0.05)


def test_samples_of_a_density_have_the_form_of_x():
    frame = messy()
    drawn = AutoencoderDensity(**SMALL).fit(frame).sample(5)
    assert list(drawn.columns) == list(frame.columns)
    assert set(drawn["city"]) <= {"Bonn", "Oslo", "Rome"}
    model = AutoencoderDensity(**SMALL).fit(numbers())
    assert same(model.sample(5), model.sample(5))
    assert not same(model.sample(5), model.sample(5, random_state=1))


def test_noise_is_removed():
    X = numbers(400, 8)
    noisy = X + 0.5 * X.std(0) * np.random.default_rng(0).normal(size=X.shape)
    made = (
        AutoencoderDenoiser(epochs=20, batch_size=50, widths=(64,), learning_rate=0.01, code=2).fit(X).transform(noisy)
    )
    assert np.square(made - X).mean() < 0.6 * np.square(noisy - X).mean()

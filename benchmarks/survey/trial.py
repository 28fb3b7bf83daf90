"""One row of the survey: a recipe, trained on a data set, and all measures that it has."""

import contextlib
import functools
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

import isthmus as ist
from benchmarks.survey.sets import SETS, Budget, Opened, opened
from isthmus.classifier import train_classifier
from isthmus.data.samples import Samples
from isthmus.errors import IsthmusError
from isthmus.experiments.classify import pipeline
from isthmus.experiments.trial import Counting, Fit, Surroundings, Tell
from isthmus.measures import elbo, evaluate, has_likelihood, judge_draws, log_likelihood
from isthmus.measures.generation import Generation
from isthmus.model.recipe import Recipe
from isthmus.parts import Dictionary
from isthmus.pca import principal_components
from isthmus.run import Run
from isthmus.seeds import seeded
from isthmus.storage.checked import read_json
from isthmus.storage.files import write_json
from isthmus.storage.run_folder import WEIGHTS
from isthmus.trained.trained_model import LARGEST_BASELINE
from isthmus.training import Callback
from isthmus.uses.sample import has_prior, source_of

LIKELIHOOD_SAMPLES, LIKELIHOOD_DRAWS = 64, 100
JUDGED, PROBED, FEATURES = 1000, 2000, 32
"""Draws, samples whose codes the probe learns from, and principal components to compare draws in."""
MOST_PROBED = 4096
"""The largest code that is probed."""
LEAST_VARIANCE, LEAST_SHARE = 0.01, 1e-3
"""A latent dimension with a smaller variance isn't in use; the second is a share of the largest variance."""
SECONDS = "seconds.json"


def options_of(recipe: Recipe, budget: Budget) -> dict[str, Any]:
    """The budget's size of code if the recipe leaves it to the data; quantised ones keep their own."""
    code, network = recipe.blueprint.code, recipe.blueprint.network
    if isinstance(network, Dictionary):
        return {} if budget.directions is None else {"code": budget.directions}
    if getattr(code, "size", None) != "auto":
        return {}
    most: int = getattr(code, "most", budget.code)
    return {"code": budget.code} if code.bits((most,)) is None else {}


def row_of(recipe: Recipe, of: str, size: str, seed: int = 0) -> "Surveyed":
    """The row of a recipe on a data set, for a survey of this size."""
    budget = SETS[of].budgets[size]
    return Surveyed(
        candidate=recipe.name,
        seed=seed,
        blueprint=recipe.blueprint,
        options=options_of(recipe, budget),
        settings=budget.settings,
        of=of,
        size=size,
    )


class Surveyed(Fit):
    """Train a recipe on a data set, and take all measures of the survey.

    of: the data set. size: of the survey, "quick" or "full".
    """

    of: str
    size: str

    def work(self, study: Surroundings, tell: Tell) -> dict[str, Any]:
        """The row: the size of the code, weights, the likelihood's name, `measures`, and why others are missing."""
        return self.measured(self.trained(study, [Counting(tell)]), study)

    def trained(self, study: Surroundings, callbacks: Sequence[Callback]) -> Run:
        """As for `Fit`; the seconds of processor time are kept, also those of an interrupted training."""
        path, asked = study.place(self) / SECONDS, self.to_json()
        kept = read_json(path) if path.exists() else {}
        kept = kept if kept.get("trial") == asked else {}
        began, finished = time.process_time(), False
        try:
            run = super().trained(study, callbacks)
            finished = True
            return run
        finally:
            if not kept.get("finished"):  # else it is only loaded
                seconds = kept.get("seconds", 0.0) + time.process_time() - began
                write_json(path, {"seconds": seconds, "finished": finished, "trial": asked})

    def measured(self, run: Run, study: Surroundings) -> dict[str, Any]:
        """The result of a run, as JSON (see `work`)."""
        torch.manual_seed(0)
        wide = self.blueprint.code.size == "wide" if hasattr(self.blueprint.code, "size") else False
        measuring = Measuring(run, opened(self.of, self.size), study, features_of(self.of, self.size), wide=wide)
        found: dict[str, float | None] = {}
        missing: dict[str, str] = {}
        for take in (_errors, _likelihood, _use_of_code, _draws, _probe, _anomalies):
            try:
                found |= take(measuring)
            except (IsthmusError, ValueError, ArithmeticError) as error:
                missing[take.__name__.strip("_")] = str(error)
        seconds = read_json(study.place(self) / SECONDS)["seconds"]
        found |= {"seconds": seconds, "megabytes": (study.place(self) / WEIGHTS).stat().st_size / 1e6}
        return {
            "code": math.prod(run.model.code_shape),
            "likelihood": run.model.distance.kind if has_likelihood(run.model) else None,
            "measures": found,
            "missing": missing,
            "status": run.status,
        }


class Measuring:
    """A trained model, the data, and what the measures share.

    wide: whether the recipe's code may be larger than the sample, because few of its numbers are used at a time.
    """

    def __init__(self, run: Run, on: Opened, study: Surroundings, features: "Features", *, wide: bool) -> None:
        self.run, self.on, self.study, self.features, self.wide = run, on, study, features, wide
        self.test = on.data.test

    @functools.cached_property
    def codes(self) -> Tensor:
        """(N, K) of the test part."""
        return self.run.encode(self.test).flatten(1)


def _errors(of: Measuring) -> dict[str, float | None]:
    run, model = of.run, of.run.model
    pca = run.baseline()
    measures = evaluate(model, {"test": of.test}, pca, pca.mean).to_json()["test"]
    found: dict[str, float | None] = {}
    if "nats" in measures:
        row = measures["nats"]
        return {"error": row["model"], "relative_error": _ratio(row["model"], row["n-gram"])}
    error, rivals = measures["mse"]["model"], measures["mse"]
    found["error"] = error
    if "auc" in measures:
        found["links"] = measures["auc"]["model"]
    if "nothing" in rivals:
        undone = _ratio(error, rivals["nothing"])
        return found | {"undone": None if undone is None else 1 - undone}
    if of.on.data.train.damaged is not None:  # PCA would see the target
        return found
    size, most = math.prod(model.code_shape), min(math.prod(model.shape) - 1, LARGEST_BASELINE)
    if of.wide:
        kept = max(1, int((of.codes != 0).double().sum(1).mean().round()))
        if kept > most:
            return found
        few = of.study.pca(kept)
        rivals = evaluate(model, {"test": of.test}, few, few.mean).to_json()["test"]["mse"]
    elif size > most and model.code.bits(model.code_shape) is None:
        return found
    return found | {"relative_error": _ratio(error, rivals["pca"])}


def _ratio(value: float | None, other: float | None) -> float | None:
    return value / other if value is not None and other else None


def _likelihood(of: Measuring) -> dict[str, float | None]:
    if not has_likelihood(of.run.model):
        return {}
    found: dict[str, float | None] = {}
    with contextlib.suppress(IsthmusError):  # without a KL in closed form there is still a likelihood
        found["kl"] = float(elbo(of.run.model, of.test).kl.sum())
    some = of.test.some(LIKELIHOOD_SAMPLES)
    return found | {"nll": -log_likelihood(of.run.model, some, draws=LIKELIHOOD_DRAWS).mean}


def _use_of_code(of: Measuring) -> dict[str, float | None]:
    if len(of.test) < 2:
        return {}
    spread = of.codes.double().var(0)
    most = float(spread.max())
    least = LEAST_VARIANCE if has_likelihood(of.run.model) else LEAST_SHARE * most
    return {"active": int((spread > least).sum())} if math.isfinite(most) else {}


def _draws(of: Measuring) -> dict[str, float | None]:
    run = of.run
    if not has_prior(run) or not run.model.decodes or of.features is None:
        return {}
    real = of.test.some(JUDGED)
    drawn = source_of(run).draw(len(real), seeded(1)).values
    return _of_draws(judge_draws(of.features(drawn), of.features(real)))


def _of_draws(found: Generation) -> dict[str, float | None]:
    return {"frechet": found.frechet, "precision": found.precision, "recall": found.recall}


def _probe(of: Measuring) -> dict[str, float | None]:
    """Not of conditional models, whose encoder sees the label."""
    train = of.on.data.train
    if train.labels is None or of.test.labels is None or of.run.model.conditioning.classes:
        return {}
    if of.codes.shape[1] > MOST_PROBED:
        return {}
    some = train.some(PROBED)
    assert some.labels is not None
    codes = of.run.encode(some).flatten(1).double().numpy()
    learnt = pipeline("logistic", some).set_params(logisticregression__max_iter=200).fit(codes, some.labels.numpy())
    return {"probe": float(learnt.score(of.codes.double().numpy(), of.test.labels.numpy()))}


def _anomalies(of: Measuring) -> dict[str, float | None]:
    if of.on.outlier is None:
        return {}
    judged = of.run.read(of.on.judged)
    found: dict[str, float | None] = {}
    ways: dict[str, Literal["auto", "error"]] = {"auroc": "auto", "auroc_error": "error"}
    for name, by in ways.items():
        scores = ist.detector(of.run, by).scores(judged).numpy()
        found[name] = float(roc_auc_score(of.on.outlier, np.nan_to_num(scores, posinf=np.finfo(float).max)))
    return found


Features = Callable[[Samples | Tensor], Tensor] | None


@functools.cache
def features_of(name: str, size: str) -> Features:
    """The features to compare draws in: of a classifier, or principal components; None for tokens and one graph."""
    data = opened(name, size).data
    if data.kind == "tokens" or len(data.test) < 2:
        return None
    if data.train.labels is not None and data.kind == "pictures":
        return train_classifier(data.train, scaling=data.scaling).features
    plane = principal_components(data.train, data.scaling, min(FEATURES, math.prod(data.shape)))

    def projected(given: Samples | Tensor) -> Tensor:
        raw = given.tensor() if isinstance(given, Samples) else given
        return plane.encode(data.scaling(raw).nan_to_num(0.0)).cpu()

    return projected


def of_perfect(name: str, size: str) -> dict[str, float | None]:
    """The measures of draws for training samples in place of draws: what a perfect model would get."""
    data, features = opened(name, size).data, features_of(name, size)
    if features is None:
        return {}
    real = data.test.some(JUDGED)
    if len(data.train) < len(real):
        return {}
    return _of_draws(judge_draws(features(data.train.some(len(real))), features(real)))

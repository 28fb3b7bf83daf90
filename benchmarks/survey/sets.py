"""The survey's data sets: real data of each kind, and which recipes take them."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import isthmus as ist
from benchmarks.digits import find_file
from benchmarks.proofs.heartbeats import heartbeats
from isthmus.errors import DataError
from isthmus.model.recipe import Recipe


@dataclass(frozen=True)
class Budget:
    """The effort that all recipes share on a data set.

    samples: of the training part; 0 for all. tested: of the test part. epochs, batch: of each training. rate: the
    highest learning rate, which falls to 0 by a cosine. code: latent dimensions of all recipes whose size of code is
    left to the data. directions: of dictionaries; None for their own number, four times the numbers of a sample.
    """

    samples: int
    tested: int
    epochs: int
    batch: int = 50
    rate: float = 1e-3
    code: int = 16
    directions: int | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """Those of a training. It runs on the processor and isn't compiled, so that seconds compare."""
        words: dict[str, Any] = {"epochs": self.epochs, "batch_size": self.batch, "learning_rate": self.rate}
        return words | {"schedule": "cosine", "compile": False, "device": "cpu"}


@dataclass(frozen=True)
class Opened:
    """A data set, opened.

    judged, outlier: samples to detect anomalies in, and which of them are; None if nobody knows.
    """

    data: ist.Data
    judged: Any = None
    outlier: np.ndarray | None = None


@dataclass(frozen=True)
class SurveySet:
    """One data set of the survey.

    kind, what: in words. takes: the kinds of data (`Recipe.data`) whose recipes are trained on it. open: with a budget.
    budgets: by the survey's size, "quick" or "full".
    """

    kind: str
    what: str
    takes: tuple[str, ...]
    open: Callable[[Budget], Opened]
    budgets: Mapping[str, Budget] = field(default_factory=dict)

    def fits(self, recipe: Recipe) -> bool:
        """Whether a recipe takes such data."""
        return recipe.data in self.takes


def _mnist(budget: Budget) -> Opened:
    with np.load(_path("mnist.npz"), allow_pickle=False) as file:
        return Opened(_divided(file, budget, kind="pictures"))


def _cifar(budget: Budget) -> Opened:
    with np.load(_path("cifar10_small.npz"), allow_pickle=False) as file:
        return Opened(_divided(file, budget, kind="pictures"))


def _divided(file: Mapping[str, np.ndarray], budget: Budget, **options: Any) -> ist.Data:
    counts = {"train": budget.samples or None, "test": budget.tested}
    arrays = {f"{axis}_{part}": file[f"{axis}_{part}"][:count] for part, count in counts.items() for axis in "xy"}
    return ist.open_data(arrays, validation=0, **options)


def _cardio(budget: Budget) -> Opened:
    with np.load(_path("adbench/6_cardio.npz"), allow_pickle=False) as file:
        rows, outlier = file["X"].astype(np.float32), file["y"].ravel().astype(bool)
    split: Any = train_test_split(rows, outlier, test_size=0.3, random_state=0, stratify=outlier)
    train, test, _, outlier = split
    data = ist.open_data({"x_train": train, "x_test": test}, kind="table", validation=0)
    return Opened(data, test, outlier)


def _grades(budget: Budget) -> Opened:
    with np.load(_path("adbench/4_breastw.npz"), allow_pickle=False) as file:
        grades, finding = file["X"].astype(int), file["y"].ravel().astype(int)
    columns: dict[str, Any] = {
        f"trait {place}": [f"grade {grade:02}" for grade in column] if place < 6 else column.astype(float)
        for place, column in enumerate(grades.T, start=1)
    }
    table = pa.table(columns | {"finding": np.array(["benign", "malignant"])[finding]})
    return Opened(ist.open_data(table, categorical="auto", label="finding", validation=0, test=0.3))


def _heartbeats(budget: Budget) -> Opened:
    train, rest, outlier = heartbeats()
    arrays = {"x_train": train[:, None], "x_test": rest[~outlier][:, None]}
    return Opened(ist.open_data(arrays, kind="series", validation=0), rest[:, None], outlier)


def _lines(budget: Budget) -> Opened:
    lines = [line for line in _path("text/shakespeare.txt").read_text("utf-8").splitlines() if 8 <= len(line) <= 48]
    count = budget.samples + budget.tested if budget.samples else len(lines)
    return Opened(ist.open_data(lines[:count], kind="text", validation=0, test=budget.tested / count))


def _chorales(budget: Budget, **options: Any) -> Opened:
    path = _path("music/jsb_chorales_16th.json")
    whole = ist.open_data(path, **options)
    if not budget.samples:
        return Opened(whole)
    parts = {"train": whole.train.some(budget.samples), "test": whole.test.some(budget.tested)}
    return Opened(
        ist.Data(
            train=parts["train"],
            validation=whole.validation.some(0) if len(whole.validation) else whole.validation,
            test=parts["test"],
            scaling=whole.scaling,
            description=whole.description | {"counts": {name: len(part) for name, part in parts.items()}},
        )
    )


def _rolls(budget: Budget) -> Opened:
    return _chorales(budget, kind="roll", step=1)


def _tones(budget: Budget) -> Opened:
    """Plucked strings: eight partials that fade, at 8 kHz for an eighth of a second."""
    random = np.random.default_rng(0)
    count, time = budget.samples + budget.tested, np.arange(1024) / 8000
    pitch = random.uniform(100, 400, (count, 1, 1))
    order = np.arange(1, 9)[None, :, None]
    fade = random.uniform(2, 12, (count, 1, 1)) * order
    strength = random.uniform(0, 1, (count, 8, 1)) / order
    phase = random.uniform(0, 2 * np.pi, (count, 8, 1))
    waves = (strength * np.exp(-fade * time) * np.sin(2 * np.pi * pitch * order * time + phase)).sum(1)
    waves = (0.5 * waves / np.abs(waves).max(1, keepdims=True)).astype(np.float32)[:, None]
    arrays = {"x_train": waves[: budget.samples], "x_test": waves[budget.samples :]}
    return Opened(ist.open_data(arrays, kind="series", validation=0))


def _novel(budget: Budget) -> Opened:
    return Opened(ist.open_data("les-miserables", validation=0))


def _layers(budget: Budget) -> Opened:
    """The activations before and after the second hidden layer of a network that reads digits."""
    with np.load(_path("mnist.npz"), allow_pickle=False) as file:
        pictures, labels = file["x_train"][: budget.samples + budget.tested], file["y_train"]
    flat = pictures.reshape(len(pictures), -1).astype(np.float32) / 255
    reader = MLPClassifier((64, 64), max_iter=15, random_state=0).fit(flat[: budget.samples], labels[: budget.samples])
    layers = [flat]
    for weights, bias in zip(reader.coefs_[:2], reader.intercepts_[:2], strict=True):
        layers.append(np.maximum(layers[-1] @ weights + bias, 0).astype(np.float32))
    test = budget.tested / len(flat)
    return Opened(ist.open_data(layers[2], damaged=layers[1], scaling="rms", validation=0, test=test))


def _path(name: str) -> Any:
    path = find_file(name)
    if path is None:
        raise DataError(f"{name} is missing. Put it into a folder and set ISTHMUS_DATA to that folder.")
    return path


GENERAL = ("any", "table")
SETS: dict[str, SurveySet] = {
    "digits": SurveySet(
        "grey pictures",
        "handwritten digits (MNIST)",
        ("any", "pictures"),
        _mnist,
        {"quick": Budget(2000, 1000, 8, directions=512), "full": Budget(0, 10_000, 20, 128, directions=1024)},
    ),
    "cardio": SurveySet(
        "table of numbers",
        "heart rates before birth (ADBench's cardio); 10 % of the rows are anomalies, in training too",
        GENERAL,
        _cardio,
        {"quick": Budget(0, 0, 20, 32, code=5), "full": Budget(0, 0, 100, 32, code=5)},
    ),
    "beats": SurveySet(
        "series",
        "heartbeats of 140 steps (ECG5000); all models learn from normal ones",
        ("any", "series"),
        _heartbeats,
        {"quick": Budget(0, 0, 40, 32, code=8), "full": Budget(0, 0, 200, 32, code=8)},
    ),
    "colours": SurveySet(
        "colour pictures",
        "photographs of 32 × 32 pixels in ten classes (CIFAR-10)",
        ("any", "pictures", "colour"),
        _cifar,
        {"quick": Budget(800, 500, 6, directions=512), "full": Budget(0, 2000, 30, 64, directions=1024)},
    ),
    "grades": SurveySet(
        "table with categories",
        "traits of cells (Wisconsin breast cancer): six columns of ten grades as text, three of numbers",
        GENERAL,
        _grades,
        {"quick": Budget(0, 0, 30, 32, code=3), "full": Budget(0, 0, 100, 32, code=3)},
    ),
    "lines": SurveySet(
        "text",
        "lines of Shakespeare's plays, up to 48 characters",
        ("text",),
        _lines,
        {"quick": Budget(2000, 300, 3), "full": Budget(0, 1000, 10, 128)},
    ),
    "chorales": SurveySet(
        "music as notes",
        "two bars of the upper voice of Bach's chorales",
        ("text",),
        _chorales,
        {"quick": Budget(1000, 300, 4), "full": Budget(0, 0, 20, 128)},
    ),
    "rolls": SurveySet(
        "music as piano rolls",
        "two bars of all four voices of Bach's chorales",
        ("series",),
        _rolls,
        {"quick": Budget(800, 300, 20), "full": Budget(0, 0, 20, 128)},
    ),
    "tones": SurveySet(
        "sound",
        "made-up plucked strings, an eighth of a second at 8 kHz",
        ("sound",),
        _tones,
        {"quick": Budget(600, 200, 25, 32), "full": Budget(5000, 1000, 30, 32)},
    ),
    "novel": SurveySet(
        "one graph",
        "77 people of Les Misérables who meet in a chapter; a tenth of the meetings is held out",
        ("graph",),
        _novel,
        {"quick": Budget(0, 0, 150, 1, 1e-2), "full": Budget(0, 0, 200, 1, 1e-2)},
    ),
    "layers": SurveySet(
        "pairs",
        "activations before and after a hidden layer of 64 units of a network that reads digits",
        ("pairs",),
        _layers,
        {"quick": Budget(2500, 1000, 20), "full": Budget(20_000, 5000, 30, 128)},
    ),
}


@functools.cache
def opened(name: str, size: str) -> Opened:
    """The data set of this name, opened once."""
    found = SETS[name]
    return found.open(found.budgets[size])

"""Tables of any size with the defaults alone: seconds and test errors, next to scikit-learn's network and PCA.

    python -m benchmarks.tables                                   # 1,000 × 20 and 50,000 × 30, and small real tables
    python -m benchmarks.tables --data 10x2,10x20000,500x20000,1000000x2,10000000x5 --no-peers
    python -m benchmarks.tables --data wine,cardio --recipes deep --seeds 3 --epochs 20
    python -m benchmarks.tables --recipes pca,random-features,extreme-learning,deep --no-peers

Every row is one recipe on one table. `MLP` is scikit-learn's MLPRegressor with the same hidden layers and otherwise its
own defaults, trained to reconstruct the same scaled training rows. Errors are the mean squared error of the test part
in scaled units. Seconds are those of `fit` alone, by the clock and of the processor: on a machine that others use too,
only the second is worth comparing. Ratios are Isthmus over the other: below 1, Isthmus has the smaller error.
"""

import argparse
import statistics
import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.neural_network import MLPRegressor

import isthmus as ist
from benchmarks.digits import find_file
from isthmus.parts import Dense

MADE = ("1000x20", "50000x30")
REAL = ("wine", "diabetes", "cancer", "iris")
ADBENCH = {"cardio": "6_cardio", "pendigits": "28_pendigits", "satellite": "30_satellite", "fault": "12_fault"}
COLUMNS = (
    *("table", "recipe", "code", "layers", "epochs", "seconds (clock / processor)", "error", "PCA", "to PCA"),
    *("MLP", "to MLP", "MLP's seconds"),
)


@dataclass(frozen=True)
class Timed:
    """Seconds by the clock and of the processor."""

    wall: float
    processor: float

    def __str__(self) -> str:
        return f"{self.wall:.2f} / {self.processor:.2f}"


class Timer:
    """Measures the block: `with Timer() as timer: …; timer.taken`."""

    taken: Timed

    def __enter__(self) -> "Timer":
        self.began = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.taken = Timed(time.perf_counter() - self.began[0], time.process_time() - self.began[1])


def made(count: int, width: int, seed: int = 0) -> np.ndarray:
    """(count, width) float32: curved functions of a few numbers, with noise; a million rows at a time."""
    draw = np.random.default_rng(seed)
    hidden = max(1, width // 4)
    first, second = draw.normal(size=(2, hidden, width)).astype(np.float32)
    rows = np.empty((count, width), np.float32)
    for start in range(0, count, 1_000_000):
        some = rows[start : start + 1_000_000]
        codes = draw.normal(size=(len(some), hidden)).astype(np.float32)
        some[:] = np.tanh(codes @ first) + 0.5 * np.sin(codes @ second)
        some += 0.1 * draw.standard_normal(some.shape, dtype=np.float32)
    return rows


def rows_of(name: str) -> np.ndarray:
    """The table of this name: ROWSxCOLUMNS, one of scikit-learn's, or one of ADBench's.

    Raises:
        FileNotFoundError: it isn't at hand.
    """
    if "x" in name and name.replace("x", "").isdigit():
        count, width = map(int, name.split("x"))
        return made(count, width)
    loaders = {"wine": "load_wine", "diabetes": "load_diabetes", "cancer": "load_breast_cancer", "iris": "load_iris"}
    if name in loaders:
        return getattr(datasets, loaders[name])().data.astype(np.float32)
    path = find_file(f"adbench/{ADBENCH.get(name, name)}.npz")
    if path is None:
        raise FileNotFoundError(f"{name} isn't at hand: set ISTHMUS_DATA to the folder that holds adbench/{name}.npz.")
    with np.load(path) as held:
        return held["X"].astype(np.float32)


def trained_network(data: ist.Data, widths: tuple[int, ...], seed: int) -> tuple[float, Timed]:
    """scikit-learn's test error with these hidden layers, and its seconds."""
    train, test = (data.scaling(part.tensor()).numpy() for part in (data.train, data.test))
    network = MLPRegressor(hidden_layer_sizes=widths, random_state=seed)
    with Timer() as timer:
        network.fit(train, train)
    made = np.asarray(network.predict(test)).reshape(test.shape)
    return float(np.square(made - test).mean()), timer.taken


@dataclass(frozen=True)
class Result:
    """One training: the run, the errors of its test part, and its seconds."""

    run: ist.Run
    error: float
    pca: float
    seconds: Timed

    @property
    def layers(self) -> tuple[int, ...]:
        """The widths from the data to the code, without both."""
        blueprint = self.run.model.blueprint
        return blueprint.network.hidden if blueprint is not None and isinstance(blueprint.network, Dense) else ()


def trained(data: ist.Data, recipe: str, seed: int, epochs: int | None) -> Result:
    """One training with the defaults, or of this many epochs."""
    given: dict[str, Any] = {} if epochs is None else {"epochs": epochs}
    model = ist.recipe(recipe).build(data, seed=seed, remarks=False)
    with Timer() as timer:
        run = ist.fit(model, data, progress=False, seed=seed, **given)
    found = run.evaluate()["test"]["mse"]
    return Result(run, found["model"], found["pca"], timer.taken)


def row(name: str, recipe: str, seeds: int, peers: bool, epochs: int | None) -> str:
    """One line of the table; of several seeds (of the division, the weights and the training), the mean error."""
    rows = rows_of(name)
    ours: list[Result] = []
    theirs: list[tuple[float, Timed]] = []
    for seed in range(seeds):
        data = ist.open_data(rows, kind="table", test=0.1 if len(rows) > 5000 else 0.3, seed=seed)
        ours.append(result := trained(data, recipe, seed, epochs))
        if peers:
            widths = (*result.layers, *result.run.model.code_shape, *result.layers[::-1])
            theirs.append(trained_network(data, widths, seed))
    run = ours[-1].run
    mean, pca = (statistics.fmean(figures) for figures in zip(*((one.error, one.pca) for one in ours), strict=True))
    beside = "– | – | –"
    if theirs:
        error = statistics.fmean(error for error, _ in theirs)
        beside = f"{error:.4f} | {mean / error:.2f} | {_least([taken for _, taken in theirs])}"
    trainings = f"{len(run.history)} of {run.settings.epochs}, batch {run.settings.batch_size}"
    if run.model.blueprint is not None and run.model.blueprint.solution == "closed form":
        trainings = "closed form"
    layers = "-".join(map(str, ours[-1].layers))
    facts = f"{name.replace('x', ' × ')} | {recipe} | {run.model.code_shape[0]} | {layers} | {trainings}"
    seconds = _least([one.seconds for one in ours])
    return f"| {facts} | {seconds} | {mean:.4f} | {pca:.4f} | {mean / pca:.2f} | {beside} |"


def _least(seconds: list[Timed]) -> Timed:
    """The smallest of several, which others' work on the machine disturbed least."""
    return Timed(min(one.wall for one in seconds), min(one.processor for one in seconds))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=",".join((*MADE, *REAL)))
    parser.add_argument("--recipes", default="deep,table,vae")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, help="instead of those that are chosen; then all settings are fixed ones")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="without scikit-learn's network")
    said = parser.parse_args()
    warnings.simplefilter("ignore")
    warm = ist.open_data(made(64, 4), kind="table")
    ist.fit(ist.recipe("deep").build(warm), warm, epochs=1, progress=False)  # what is imported late isn't timed
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}", flush=True)
    for name in said.data.split(","):
        for recipe in said.recipes.split(","):
            print(row(name, recipe, said.seeds, said.peers, said.epochs), flush=True)


if __name__ == "__main__":
    main()

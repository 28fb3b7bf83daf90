"""Tables with heavy tails, with the curves that the scaling chooses and without: errors in raw units, and detection.

    python -m benchmarks.proofs.curves                          # some 5 minutes
    python -m benchmarks.proofs.curves --data lognormal,6_cardio --seeds 1

Prints a table in Markdown. "error" is the median absolute error of a column's reconstructions in the test part, in raw
units, as a share of the same with `scaling="standardise"`: the geometric mean over the curved columns, and over the
others. "detect" is the area under the ROC curve of the error of all rows, for sets with known anomalies: with curves,
and without. Each is a mean over seeds. Both models have the code size that is chosen without curves.
"""

import argparse
import warnings

import numpy as np
import pandas as pd

import isthmus as ist
from benchmarks.digits import find_file
from isthmus.uses.scores import element_errors

DATA = ("lognormal", "2_annthyroid", "6_cardio", "12_fault", "23_mammography", "27_PageBlocks", "43_WDBC")
MOST = 8000
"""Rows."""


def table(name: str) -> tuple[pd.DataFrame, np.ndarray | None]:
    """A table, and which of its rows are anomalies, if that is known."""
    random = np.random.default_rng(0)
    if name == "lognormal":
        factors = random.normal(size=(5000, 3)) @ random.normal(size=(3, 10)) + 0.3 * random.normal(size=(5000, 10))
        values, anomalous = np.exp(factors), None
    else:
        path = find_file(f"adbench/{name}.npz")
        if path is None:
            raise SystemExit(f"adbench/{name}.npz is in no folder: set ISTHMUS_DATA.")
        kept = np.load(path)
        rows = random.permutation(len(kept["X"]))[:MOST]
        values, anomalous = kept["X"][rows].astype(np.float64), kept["y"][rows] > 0
    return pd.DataFrame(values, columns=[f"c{number}" for number in range(values.shape[1])]), anomalous


def measured(name: str, scaling: str, recipe: str, seed: int, code: int) -> tuple[np.ndarray, np.ndarray, float]:
    """(columns,) median absolute errors in raw units; (columns,) whether each is curved; and the area, or NaN."""
    frame, anomalous = table(name)
    data = ist.open_data(frame, scaling=scaling, types=dict.fromkeys(frame, "number"), seed=seed)
    model = ist.recipe(recipe, code=code).build(data, remarks=False, seed=seed)
    run = ist.fit(model, data, epochs=20, progress=False, seed=seed)
    raw = data.test.tensor().double().numpy()
    errors = np.median(np.abs(run.reconstruct(data.test.tensor()).double().numpy() - raw), 0)
    curve = data.scaling.curve
    curved = np.zeros(len(errors), bool) if curve is None else curve.unit.numpy() > 0
    if anomalous is None:
        return errors, curved, float("nan")
    whole = ist.open_data(frame, scaling=scaling, types=dict.fromkeys(frame, "number"), validation=0, test=0)
    scores = element_errors(run.model, whole.train).flatten(1).mean(1).numpy()
    return errors, curved, area(scores, anomalous)


def area(scores: np.ndarray, positive: np.ndarray) -> float:
    """The area under the ROC curve."""
    ranks = pd.Series(scores).rank().to_numpy()
    many, few = int((~positive).sum()), int(positive.sum())
    return float((ranks[positive].sum() - few * (few + 1) / 2) / (few * many))


def row(name: str, recipe: str, seeds: int) -> str:
    """The table's row of one data set."""
    frame, (shares, areas, curved) = table(name)[0], ([], [], np.zeros(0, bool))
    plain = ist.open_data(frame, scaling="standardise", types=dict.fromkeys(frame, "number"))
    (code,) = ist.recipe(recipe).build(plain, remarks=False).code_shape
    for seed in range(seeds):
        (errors, curved, with_), (before, _, without) = (
            measured(name, scaling, recipe, seed, code) for scaling in ("auto", "standardise")
        )
        shares.append(np.log((errors + 1e-30) / (before + 1e-30)))
        areas.append((with_, without))
    share, (with_, without) = np.mean(shares, 0), np.mean(areas, 0)
    parts = [f"{np.exp(share[some].mean()):.2f}" if some.any() else "" for some in (curved, ~curved)]
    detect = "" if np.isnan(with_) else f"{with_:.3f} / {without:.3f}"
    return f"| {name} | {recipe} | {int(curved.sum())} of {len(curved)} | {' | '.join(parts)} | {detect} |"


def main() -> None:
    """Print the table."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--data", default=",".join(DATA))
    reader.add_argument("--recipe", default="deep")
    reader.add_argument("--seeds", type=int, default=3)
    given = reader.parse_args()
    print(
        "| data | recipe | curved | error, curved | error, others | detect, with / without |\n|---|---|---|---|---|---|"
    )
    for name in given.data.split(","):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ist.Remark)
            print(row(name, given.recipe, given.seeds), flush=True)


if __name__ == "__main__":
    main()

"""Imputation: holes in tables filled by the recipe `table`, and by scikit-learn's imputers and missForest.

    python -m benchmarks.imputation --out runs/imputation                 # everything; finished parts are not repeated
    python -m benchmarks.imputation --only iris,39_vertebral --methods isthmus,forest --seeds 1
    python -m benchmarks.imputation --share 1/2 & python -m benchmarks.imputation --share 2/2 & wait

Every table gets holes of three kinds (see `amputation`), in 10, 30 and 50 % of the cells. Each method sees the table
with its holes and fills them; no value in a hole is used before the errors are measured. Each has its own default
settings, the same for all tables. Measured in the holes: the root mean squared error of the numbers, in standard
deviations of their columns, and the share of correct categories. For Isthmus also the coverage: how often a value lies
in the 90 % interval of its draws. Each line of `results.jsonl` is one method on one table with holes.
"""

import argparse
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn import datasets

import isthmus as ist
from benchmarks.amputation import MECHANISMS, holes
from benchmarks.digits import find_file
from benchmarks.imputers import RIVALS

SHARES = (0.3, 0.1, 0.5)
MOST = 500
"""Rows of a table."""
DRAWS = 100
BUNDLED = ("iris", "wine", "diabetes", "breast_cancer", "linnerud")
ANOMALIES = ("14_glass", "29_Pima", "39_vertebral", "40_vowels", "6_cardio", "28_pendigits")
DEVELOPMENT = ("38_thyroid", "27_PageBlocks", "20_letter", "18_Ionosphere", "4_breastw", "30_satellite", "45_wine")
"""Tables on which the defaults were chosen; not part of the benchmark."""
CUT = ("29_Pima", "40_vowels", "6_cardio", "27_PageBlocks", "20_letter")
"""Tables whose last column is cut into four categories of equal size, so that more tables have some."""


def table(name: str) -> pd.DataFrame:
    """A whole table, numbers as float64 and categories as text; at most `MOST` of its rows."""
    random = np.random.default_rng(0)
    if name in BUNDLED:
        frame = _bundled(name)
    else:
        path = find_file(f"adbench/{name}.npz")
        if path is None:
            raise SystemExit(f"adbench/{name}.npz is in no folder: set ISTHMUS_DATA.")
        values = np.load(path)["X"].astype(np.float64)
        frame = pd.DataFrame(values, columns=[f"c{place}" for place in range(values.shape[1])])
        if name in CUT:
            last = frame.columns[-1]
            ranks = frame[last].rank(method="first")
            quarters: Any = pd.qcut(ranks, 4, labels=["lowest", "low", "high", "highest"])
            frame[last] = quarters.astype(str).astype(object)
    frame = frame.iloc[np.sort(random.permutation(len(frame))[:MOST])].reset_index(drop=True)
    return frame.loc[:, frame.nunique() > 1]


def _bundled(name: str) -> pd.DataFrame:
    """A table that comes with scikit-learn; the class, and the sex of patients, are categories."""
    found: Any = getattr(datasets, f"load_{name}")(as_frame=True)
    frame = found.data.astype(np.float64)
    if name == "linnerud":
        return pd.concat([frame, found.target.astype(np.float64)], axis=1)
    if name == "diabetes":
        frame["sex"] = np.where(frame["sex"] > 0, "one", "other")
        frame["progression"] = found.target
    else:
        frame["class"] = found.target_names[found.target]
    return frame.astype({place: object for place in frame if not pd.api.types.is_numeric_dtype(frame[place])})


def amputated(name: str, mechanism: str, share: float, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """The whole table, and (N, D) True for its holes."""
    frame = table(name)
    numbers = frame.apply(lambda column: column if column.dtype == float else pd.factorize(column, sort=True)[0])
    random = np.random.default_rng([seed, MECHANISMS.index(mechanism), round(100 * share)])
    return frame, holes(numbers.to_numpy(np.float64), mechanism, share, random)


def isthmus(frame: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """The recipe `table` with the settings that are chosen from the data: the filled table, and draws."""
    data = ist.open_data(
        frame,
        missing="keep",
        categorical="auto",
        types={name: "number" for name in frame if frame[name].dtype == float},
        test=0,
        seed=seed,
    )
    model = ist.recipe("table").build(data, remarks=False, seed=seed)
    run = ist.fit(model, data, progress=False, seed=seed)
    return run.fill(frame), run.fill(frame, draws=DRAWS, seed=seed)


def measures(
    frame: pd.DataFrame, holed: np.ndarray, filled: pd.DataFrame, draws: list[pd.DataFrame]
) -> dict[str, float]:
    """Of a filled table, in the holes: "rmse" of the numbers, "accuracy" of the categories, "coverage" of draws."""
    numeric = np.array([column == np.float64 for column in frame.dtypes])
    scale = frame.loc[:, numeric].std(ddof=0).to_numpy()
    here = holed[:, numeric]
    away = (filled.loc[:, numeric].to_numpy(np.float64) - frame.loc[:, numeric].to_numpy()) / scale
    found = {"rmse": float(np.sqrt((away[here] ** 2).mean()))}
    if holed[:, ~numeric].any():
        right = filled.loc[:, ~numeric].to_numpy(object) == frame.loc[:, ~numeric].to_numpy(object)
        found["accuracy"] = float(right[holed[:, ~numeric]].mean())
    if draws:
        values = np.stack([one.loc[:, numeric].to_numpy(np.float64)[here] for one in draws])
        # a further draw would lie below the k-th of M with the probability k / (M + 1)
        low, high = np.quantile(values, (0.05, 0.95), axis=0, method="weibull")
        true = frame.loc[:, numeric].to_numpy()[here]
        found["coverage"] = float(((low <= true) & (true <= high)).mean())
    return found


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(BUNDLED + ANOMALIES), help="tables, with commas")
    parser.add_argument("--methods", default=",".join(("isthmus", *RIVALS)), help="with commas")
    parser.add_argument("--seeds", type=int, default=1, help="how often each table gets new holes")
    parser.add_argument("--share", default="1/1", help="this part of the work, for several processes: 1/2 and 2/2")
    parser.add_argument("--out", type=Path, default=Path("runs/imputation"))
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    kept, (own, parts) = asked.out / "results.jsonl", map(int, asked.share.split("/"))
    tasks: Any = itertools.product(
        range(asked.seeds), SHARES, MECHANISMS, asked.only.split(","), asked.methods.split(",")
    )
    done = {_key(row) for row in rows(kept)}
    for number, (seed, share, mechanism, name, method) in enumerate(tasks):
        row = {"table": name, "mechanism": mechanism, "share": share, "seed": seed, "method": method}
        if number % parts == own - 1 and _key(row) not in done:
            frame, holed = amputated(name, mechanism, share, seed)
            began = time.process_time()
            filled, draws = (
                isthmus(frame.mask(holed), seed)
                if method == "isthmus"
                else (RIVALS[method](frame.mask(holed), seed), [])
            )
            row |= measures(frame, holed, filled, draws) | {"seconds": round(time.process_time() - began, 2)}
            with kept.open("a") as file:
                file.write(json.dumps(row) + "\n")
    print(summary(pd.DataFrame(rows(kept))))


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("table", "mechanism", "share", "seed", "method"))


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """What has been measured."""
    if path.exists():
        yield from map(json.loads, path.read_text().splitlines())


def summary(found: pd.DataFrame) -> str:
    """Tables in Markdown: mean ranks, errors by table, and the coverage; of cases that all methods have done."""
    case = ["table", "mechanism", "share", "seed"]
    names = [name for name in ("rmse", "accuracy") if name in found]
    long = found.melt([*case, "method"], names, "measure").dropna()
    long["loss"] = np.where(long["measure"] == "rmse", long["value"], -long["value"])
    wide = long.pivot_table(index=["measure", *case], columns="method", values="loss").dropna()
    ranks = wide.rank(axis=1)
    parts = {
        f"Mean rank, {len(wide)} comparisons": ranks.mean().to_frame("rank").T,
        "Mean rank by measure": ranks.groupby("measure").mean(),
        "Mean rank by mechanism": ranks.groupby("mechanism").mean(),
        "Mean rank by share": ranks.groupby("share").mean(),
    }
    for name in names:
        values = wide.loc[name].abs()
        parts[f"Mean {name} by table"] = values.groupby("table").mean()
        parts[f"Mean {name} by mechanism"] = values.groupby("mechanism").mean()
    if "coverage" in found and bool(found["coverage"].notna().any()):
        parts["Coverage of 90 % intervals, by mechanism and share"] = found.pivot_table(
            index="mechanism", columns="share", values="coverage", margins=True, margins_name="all"
        )
    parts["Median seconds of processor time"] = found.groupby("method")["seconds"].median().to_frame().T
    return "\n\n".join(f"{title}\n\n{_markdown(part.round(3))}" for title, part in parts.items())


def _markdown(part: pd.DataFrame) -> str:
    lines = [["", *map(str, part.columns)], ["---", *["--:"] * len(part.columns)]]
    lines += [
        [str(name), *(f"{value:.3g}" for value in row)] for name, row in zip(part.index, part.to_numpy(), strict=True)
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()

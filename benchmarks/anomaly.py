"""Anomalies in the tables of ADBench: Isthmus next to PyOD's detectors, in one run.

    python -m benchmarks.anomaly                                  # 22 sets, 5 seeds, every detector: hours
    python -m benchmarks.anomaly --detectors Isthmus,IForest --seeds 2 --sets wine,glass
    python -m benchmarks.anomaly --protocol semi-supervised

Prints a table of the area under the ROC curve and one of the average precision, with means and mean ranks, and draws
which detectors differ (`ranks.png`). What has been measured is kept in --out and not measured again (--again: it is).

Protocols. "unsupervised", as in ADBench: 70 % of the rows, anomalies among them, are learnt from, and the others are
judged, divided alike (stratified). "semi-supervised", as in DTE: half of the normal rows are learnt from; the other
half and all anomalies are judged. Of a set with more than 10,000 rows, 10,000 are drawn. Every detector has its own
defaults; those of PyOD get standardised columns, as its documentation advises, and Isthmus the raw ones. In the second
protocol, Isthmus gets `clean=True`, because the rows have no anomalies.

Sources: Han et al., ADBench, NeurIPS (2022); Livernoche et al., On diffusion modeling for anomaly detection, ICLR
(2024), for the second protocol; Demšar, Statistical comparisons of classifiers over multiple data sets, JMLR (2006),
for ranks and the critical difference.
"""

import argparse
import importlib
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import rankdata, studentized_range
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import isthmus as ist
from benchmarks.digits import find_file
from isthmus.drawing.theme import LIGHT, drawing, sheet, write_png
from isthmus.model.recipes import usual_recipe
from isthmus.storage.checked import save_json

SETS = [
    "2_annthyroid",
    "4_breastw",
    "6_cardio",
    "12_fault",
    "14_glass",
    "18_Ionosphere",
    "20_letter",
    "23_mammography",
    "24_mnist",
    "25_musk",
    "26_optdigits",
    "27_PageBlocks",
    "28_pendigits",
    "29_Pima",
    "30_satellite",
    "32_shuttle",
    "38_thyroid",
    "39_vertebral",
    "40_vowels",
    "42_WBC",
    "43_WDBC",
    "45_wine",
]
MOST = 10_000
"""Rows of a set, as in ADBench."""
PROTOCOLS = ("unsupervised", "semi-supervised")
Detect = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
"""(N, D) rows to learn from, (M, D) rows to judge, and a seed, to (M,) scores: the higher, the more anomalous."""


def isthmus(by: str = "auto", *, recipe: str = "", clean: bool = False) -> Detect:
    """What `isthmus train` and `isthmus detect` do, by default or with another score.

    recipe: instead of the usual one. clean: say that the training rows have no anomalies.
    """

    def detect(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
        data = ist.open_data(train, kind="table", test=0, seed=seed)
        model = ist.recipe(recipe or usual_recipe(data)).build(data, remarks=False, seed=seed)
        run = ist.fit(model, data, progress=False, seed=seed)
        return ist.detector(run, by, clean=clean).scores(run.read(test)).numpy()  # pyright: ignore[reportArgumentType]

    return detect


def forest(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    """scikit-learn's own, which PyOD's calls too."""
    return -IsolationForest(random_state=seed).fit(train).score_samples(test)


def pyod(module: str, name: str, seeded: bool = True) -> Detect:
    """One of PyOD's detectors with its defaults."""

    def detect(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
        scaler = StandardScaler().fit(train)
        made: Any = getattr(importlib.import_module(f"pyod.models.{module}"), name)
        given: dict[str, Any] = {"random_state": seed} if seeded else {}
        if name == "DeepSVDD":
            given |= {"n_features": train.shape[1]}
        quiet = {"verbose": 0} if module in ("auto_encoder", "vae", "deep_svdd") else {}
        return made(**given, **quiet).fit(scaler.transform(train)).decision_function(scaler.transform(test))

    return detect


DETECTORS: dict[str, Detect] = {
    "Isthmus": isthmus(),
    "IForest": forest,
    "KNN": pyod("knn", "KNN", seeded=False),
    "LOF": pyod("lof", "LOF", seeded=False),
    "ECOD": pyod("ecod", "ECOD", seeded=False),
    "PCA": pyod("pca", "PCA"),
    "AutoEncoder": pyod("auto_encoder", "AutoEncoder"),
    "VAE": pyod("vae", "VAE"),
    "DeepSVDD": pyod("deep_svdd", "DeepSVDD"),
}
EXTRA: dict[str, Detect] = {f"Isthmus {by}": isthmus(by) for by in ("error", "distance", "neighbours", "prototypes")}
EXTRA["Isthmus one-class"] = isthmus(recipe="one-class")
EXTRA["Isthmus random-features"] = isthmus("error", recipe="random-features")
"""Only where they are asked for by name."""


def divided(name: str, seed: int, protocol: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rows to learn from, those to judge, and which of these are anomalies."""
    path = find_file(f"adbench/{name}.npz")
    if path is None:
        raise SystemExit(f"adbench/{name}.npz is in no folder: set ISTHMUS_DATA.")
    with np.load(path) as kept:
        values, anomalous = kept["X"].astype(np.float64), kept["y"].astype(int)
    random = np.random.default_rng(seed)
    if len(values) > MOST:
        rows = random.permutation(len(values))[:MOST]
        values, anomalous = values[rows], anomalous[rows]
    if protocol == "unsupervised":
        rows = np.arange(len(values))
        train, test = train_test_split(rows, test_size=0.3, random_state=seed, stratify=anomalous)
        return values[train], values[test], anomalous[test]
    normal = random.permutation(np.flatnonzero(anomalous == 0))
    half, rest = np.split(normal, [len(normal) // 2])
    rest = np.concatenate([rest, np.flatnonzero(anomalous)])
    return values[half], values[rest], anomalous[rest]


def measured(detector: str, name: str, seed: int, protocol: str) -> dict[str, float]:
    """Both areas, and the seconds of fitting and scoring."""
    train, test, anomalous = divided(name, seed, protocol)
    start, cpu = time.perf_counter(), time.process_time()
    detect = {**DETECTORS, **EXTRA}[detector]
    if detector == "Isthmus" and protocol == "semi-supervised":
        detect = isthmus(clean=True)
    scores = detect(train, test, seed)
    spent = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu}
    scores = np.nan_to_num(scores)
    return {
        "auroc": float(roc_auc_score(anomalous, scores)),
        "average_precision": float(average_precision_score(anomalous, scores)),
        **spent,
    }


def ranks(values: np.ndarray) -> np.ndarray:
    """(sets, detectors) ranks of the values, the highest first; equal ones share theirs."""
    return np.stack([rankdata(-row) for row in values.round(6)])


def critical_difference(detectors: int, sets: int) -> float:
    """Mean ranks that lie further apart differ (Nemenyi's test at 5 %)."""
    return float(
        studentized_range.ppf(0.95, detectors, np.inf) / np.sqrt(2) * np.sqrt(detectors * (detectors + 1) / (6 * sets))
    )


def markdown(title: str, names: list[str], detectors: list[str], values: np.ndarray) -> str:
    """A table: a row per set, then the mean and the mean rank."""
    rows = [(name.split("_", 1)[-1], row, f"{{:.{3}f}}") for name, row in zip(names, values, strict=True)]
    rows += [("**mean**", values.mean(0), "{:.3f}"), ("**mean rank**", ranks(values).mean(0), "{:.2f}")]
    lines = [f"| {title} | {' | '.join(detectors)} |", f"|---|{'---:|' * len(detectors)}"]
    for name, row, form in rows:
        best = row.min() if "rank" in name else row.max()
        cells = [f"**{form.format(value)}**" if value == best else form.format(value) for value in row]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw_ranks(panels: list[tuple[str, list[str], np.ndarray, float]]) -> Figure:
    """Mean ranks, for each measure; the shaded ones don't differ from the best."""
    colour = LIGHT.rivals["model"]
    with drawing(LIGHT):
        figure = sheet(7.2, sum(0.26 * len(names) + 0.7 for _, names, _, _ in panels))
        heights = [len(names) for _, names, _, _ in panels]
        for axes, (title, names, means, difference) in zip(
            figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0], panels, strict=True
        ):
            order = np.argsort(means, kind="stable")
            axes.axvspan(means.min(), means.min() + difference, color=colour, alpha=0.12, linewidth=0)
            axes.scatter(means[order], np.arange(len(order)), color=colour, zorder=3)
            axes.set_yticks(np.arange(len(order)), [f"{names[place]}  {means[place]:.2f}" for place in order])
            axes.invert_yaxis()
            axes.set_xlabel(f"mean rank by {title}; shaded: not different from the first (Nemenyi, 5 %)")
    return figure


def main() -> None:
    """Measure what isn't measured yet, print the tables, and draw the ranks."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--sets", default=",".join(SETS), help="names such as wine, or 45_wine")
    reader.add_argument("--detectors", default=",".join(DETECTORS), help=f"also {', '.join(EXTRA)}")
    reader.add_argument("--protocol", choices=PROTOCOLS, default=PROTOCOLS[0])
    reader.add_argument("--seeds", type=int, default=5)
    reader.add_argument("--out", type=Path, default=Path("runs/anomaly"))
    reader.add_argument("--again", default="", help="detectors that are measured anew")
    given = reader.parse_args()
    sets = [next((one for one in SETS if name in (one, one.split("_", 1)[1])), name) for name in given.sets.split(",")]
    detectors, again = given.detectors.split(","), given.again.split(",")
    warnings.simplefilter("ignore")
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    for seed in range(given.seeds):
        for name in sets:
            for detector in detectors:
                place = given.out / given.protocol / detector / f"{name}-{seed}.json"
                if detector in again or not place.exists():
                    place.parent.mkdir(parents=True, exist_ok=True)
                    save_json(place, measured(detector, name, seed, given.protocol))
                found.setdefault((name, detector), []).append(json.loads(place.read_text()))
    panels = []
    for measure, title in (("auroc", "AUROC"), ("average_precision", "average precision")):
        values = np.array(
            [[np.mean([one[measure] for one in found[name, detector]]) for detector in detectors] for name in sets]
        )
        print(markdown(f"{title}, {given.protocol}", sets, detectors, values), "\n")
        panels.append((title, detectors, ranks(values).mean(0), critical_difference(len(detectors), len(sets))))
    spent = [np.mean([one["cpu_seconds"] for name in sets for one in found[name, detector]]) for detector in detectors]
    print("Mean seconds of the processor:", ", ".join(f"{d} {s:.1f}" for d, s in zip(detectors, spent, strict=True)))
    if len(detectors) > 1 and len(sets) > 1:
        write_png(given.out / f"ranks-{given.protocol}.png", draw_ranks(panels))


if __name__ == "__main__":
    main()

"""aeon's part of the comparison, in its own environment: its recordings, its detectors, its measures.

    python -m benchmarks.series.peers load FOLDER
    python -m benchmarks.series.peers score RECORDING.npz FOLDER WINDOW
    python -m benchmarks.series.peers measure RECORDING.npz FOLDER

It imports nothing of Isthmus, so that the environment needs only aeon, pyod and stumpy.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SEED = 0


def load(folder: Path) -> None:
    """Write the recordings with labelled anomalies that aeon's package ships.

    Its third one, Daphnet's S06R02E0, has no anomalous step in this excerpt.
    """
    import aeon
    from aeon.datasets import load_from_timeeval_csv_file

    shipped = Path(aeon.__file__).parent / "datasets" / "data"
    bleeding, ecg = "KDD-TSAD_135/135_UCR_Anomaly_InternalBleeding16", "UnitTest/ecg-diff-count-3"
    for name, given, normal in (
        ("internal-bleeding", f"{bleeding}_TEST.csv", f"{bleeding}_TRAIN.csv"),
        ("ecg-diff-count-3", f"{ecg}_TEST.csv", f"{ecg}_TRAIN_NA.csv"),
        ("ecg-diff-count-3-train", f"{ecg}_TRAIN_A.csv", f"{ecg}_TRAIN_NA.csv"),
    ):
        values, anomalous = load_from_timeeval_csv_file(shipped / given)
        trained, _ = load_from_timeeval_csv_file(shipped / normal)
        columns = [np.asarray(each, np.float64).reshape(len(each), -1) for each in (values, trained)]
        np.savez(
            folder / f"{name}.npz", values=columns[0], anomalous=np.asarray(anomalous, bool), normal=columns[1]
        )


def detectors(window: int) -> dict[str, Callable[[], Any]]:
    """aeon's detectors with windows of this length; MERLIN and STRAY answer yes or no, so they have no ranking."""
    from aeon.anomaly_detection.series.distance_based import CBLOF, LOF, STOMP, KMeansAD, LeftSTAMPi
    from aeon.anomaly_detection.series.distribution_based import COPOD, DWT_MLEAD
    from aeon.anomaly_detection.series.outlier_detection import IsolationForest, OneClassSVM

    return {
        "KMeansAD": lambda: KMeansAD(window_size=window, random_state=SEED),
        "CBLOF": lambda: CBLOF(window_size=window, random_state=SEED),
        "LOF": lambda: LOF(window_size=window),
        "COPOD": lambda: COPOD(window_size=window),
        "IsolationForest": lambda: IsolationForest(window_size=window, random_state=SEED),
        "OneClassSVM": lambda: OneClassSVM(window_size=window),
        "STOMP": lambda: STOMP(window_size=window),
        "LeftSTAMPi": lambda: LeftSTAMPi(window_size=window, n_init_train=2 * window),
        "DWT_MLEAD": lambda: DWT_MLEAD(),
    }


OWN_WINDOWS = ("KMeansAD", "CBLOF", "LOF", "COPOD", "IsolationForest", "OneClassSVM")
"""Detectors that are also run with the window that aeon gives them by default."""


def score(recording: Path, folder: Path, window: int) -> None:
    """Write the scores of each detector that has none yet, as FOLDER/[normal/]NAME.npy."""
    with np.load(recording) as stored:
        known = {name: stored[name] for name in stored.files}
    for trained, train in (("itself", known["values"]), ("normal", known.get("normal"))):
        if train is None:
            continue
        for name, make in detectors(window).items():
            path = folder / trained / f"{name}.npy"
            if not path.exists() and not path.with_suffix(".txt").exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                try:
                    np.save(path, _scores(make(), train, known["values"], trained == "normal"))
                except (ValueError, NotImplementedError) as error:
                    path.with_suffix(".txt").write_text(str(error))


def _scores(detector: Any, train: np.ndarray, values: np.ndarray, apart: bool) -> np.ndarray:
    """(steps,) the scores. Of more than one channel, a detector for one gets each, and the largest standard score counts."""
    if values.shape[1] > 1 and not detector.get_tag("capability:multivariate"):
        each = [_scores(detector, train[:, [c]], values[:, [c]], apart) for c in range(values.shape[1])]
        return np.max([(own - own.mean()) / (own.std() or 1) for own in each], 0)
    needs = not detector.get_tag("fit_is_empty")
    given = [v[:, 0] if v.shape[1] == 1 else v for v in (train, values)]
    if apart and needs:
        return np.asarray(detector.fit(given[0], axis=0).predict(given[1], axis=0), np.float64)
    if not apart or not needs:
        return np.asarray(detector.fit_predict(given[1], axis=0), np.float64)
    raise AssertionError


def measure(recording: Path, folder: Path) -> None:
    """Print the measures of all scores in the folder as JSON."""
    from aeon.benchmarking.metrics.anomaly_detection import range_roc_vus_score
    from sklearn.metrics import average_precision_score, roc_auc_score

    with np.load(recording) as stored:
        anomalous = stored["anomalous"].astype(int)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], anomalous, [0]])))
    buffer = int(np.median(edges[1::2] - edges[::2])) if len(edges) else 0
    found: dict[str, dict[str, float]] = {}
    for path in sorted(folder.glob("*/*.npy")):
        kept = path.with_suffix(".json")
        if not kept.exists() or kept.stat().st_mtime < path.stat().st_mtime:
            scores = np.nan_to_num(np.load(path), nan=-1e30, posinf=1e30)
            ranks = np.unique(scores, return_inverse=True)[1].astype(np.float64)
            ranks /= max(ranks.max(), 1)
            measures = {
                "auroc": float(roc_auc_score(anomalous, ranks)),
                "precision": float(average_precision_score(anomalous, ranks)),
                "vus": float(range_roc_vus_score(anomalous, ranks, max_buffer_size=max(buffer, 10))),
            }
            kept.write_text(json.dumps(measures))
        found[f"{path.parent.name}/{path.stem}"] = json.loads(kept.read_text())
    print(json.dumps(found))


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    command, *given = sys.argv[1:]
    begun = time.perf_counter()
    if command == "load":
        load(Path(given[0]))
    elif command == "score":
        score(Path(given[0]), Path(given[1]), int(given[2]))
    else:
        measure(Path(given[0]), Path(given[1]))

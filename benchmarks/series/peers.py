"""aeon's part of the comparison, in its own environment: its recordings, its detectors, its measures.

    python -m benchmarks.series.peers load FOLDER
    python -m benchmarks.series.peers score RECORDING.npz FOLDER WINDOW
    python -m benchmarks.series.peers measure RECORDING.npz FOLDER

It imports nothing of Isthmus, so that the environment needs only aeon, pyod and stumpy.
"""

import json
import shutil
import sys
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
    import aeon  # noqa: PLC0415  # pyright: ignore[reportMissingImports]
    from aeon.datasets import load_from_timeeval_csv_file  # noqa: PLC0415  # pyright: ignore[reportMissingImports]

    shipped = Path(str(aeon.__file__)).parent / "datasets" / "data"
    bleeding, ecg = "KDD-TSAD_135/135_UCR_Anomaly_InternalBleeding16", "UnitTest/ecg-diff-count-3"
    for name, given, normal in (
        ("internal-bleeding", f"{bleeding}_TEST.csv", f"{bleeding}_TRAIN.csv"),
        ("ecg-diff-count-3", f"{ecg}_TEST.csv", f"{ecg}_TRAIN_NA.csv"),
        ("ecg-diff-count-3-train", f"{ecg}_TRAIN_A.csv", f"{ecg}_TRAIN_NA.csv"),
    ):
        values, anomalous = load_from_timeeval_csv_file(shipped / given)
        trained, _ = load_from_timeeval_csv_file(shipped / normal)
        columns = [np.asarray(each, np.float64).reshape(len(each), -1) for each in (values, trained)]
        np.savez(folder / f"{name}.npz", values=columns[0], anomalous=np.asarray(anomalous, bool), normal=columns[1])


def detectors(window: int) -> dict[str, Callable[[], Any]]:
    """Aeon's detectors with windows of this length.

    Not among them: MERLIN and STRAY, which answer yes or no and give no ranking; LeftSTAMPi, MADRID and ROCKAD, which
    take many minutes for a recording.
    """
    from aeon.anomaly_detection.series.distance_based import CBLOF, LOF, STOMP, KMeansAD  # noqa: PLC0415  # pyright: ignore[reportMissingImports]
    from aeon.anomaly_detection.series.distribution_based import COPOD, DWT_MLEAD  # noqa: PLC0415  # pyright: ignore[reportMissingImports]
    from aeon.anomaly_detection.series.outlier_detection import IsolationForest, OneClassSVM  # noqa: PLC0415  # pyright: ignore[reportMissingImports]

    return {
        "KMeansAD": lambda: KMeansAD(window_size=window, random_state=SEED),
        "CBLOF": lambda: CBLOF(window_size=window, random_state=SEED),
        "LOF": lambda: LOF(window_size=window),
        "COPOD": lambda: COPOD(window_size=window),
        "IsolationForest": lambda: IsolationForest(window_size=window, random_state=SEED),
        "OneClassSVM": lambda: OneClassSVM(window_size=window),
        "DWT_MLEAD": DWT_MLEAD,
        "STOMP": lambda: STOMP(window_size=window),
    }


def score(recording: Path, folder: Path, window: int) -> None:
    """Write the scores of each detector that has none yet, as FOLDER/[normal/]NAME.npy."""
    with np.load(recording) as stored:
        known = {name: stored[name] for name in stored.files}
    for trained, train in (("itself", known["values"]), ("normal", known.get("normal"))):
        if train is None:
            continue
        for name, make in detectors(window).items():
            path = folder / trained / f"{name}.npy"
            if path.exists() or path.with_suffix(".txt").exists():
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            detector, alike = make(), folder / "itself" / f"{name}.npy"
            if trained == "normal" and detector.get_tag("fit_is_empty") and alike.exists():
                shutil.copyfile(alike, path)  # it learns nothing
                continue
            try:
                np.save(path, _scores(detector, train, known["values"], trained == "normal"))
            except (ValueError, NotImplementedError) as error:
                path.with_suffix(".txt").write_text(str(error))


def _scores(detector: Any, train: np.ndarray, values: np.ndarray, apart: bool) -> np.ndarray:
    """(steps,) the scores. A detector of one channel gets each, and the largest standard score of a step counts."""
    if values.shape[1] > 1 and not detector.get_tag("capability:multivariate"):
        each = [_scores(detector, train[:, [c]], values[:, [c]], apart) for c in range(values.shape[1])]
        return np.max([(own - own.mean()) / (own.std() or 1) for own in each], 0)
    learnt, given = (each[:, 0] if each.shape[1] == 1 else each for each in (train, values))
    if apart and not detector.get_tag("fit_is_empty"):
        return np.asarray(detector.fit(learnt, axis=0).predict(given, axis=0), np.float64)
    return np.asarray(detector.fit_predict(given, axis=0), np.float64)


def measure(recording: Path, folder: Path) -> None:
    """Print the measures of all scores in the folder as JSON."""
    from aeon.benchmarking.metrics.anomaly_detection import range_roc_vus_score  # noqa: PLC0415  # pyright: ignore[reportMissingImports]
    from sklearn.metrics import average_precision_score, roc_auc_score  # noqa: PLC0415

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
    if command == "load":
        load(Path(given[0]))
    elif command == "score":
        score(Path(given[0]), Path(given[1]), int(given[2]))
    else:
        measure(Path(given[0]), Path(given[1]))

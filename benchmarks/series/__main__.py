"""Anomalies in recordings: Isthmus next to aeon's detectors, in one run.

    python -m benchmarks.series                                 # all recordings and detectors: hours
    python -m benchmarks.series --only internal-bleeding,spike-0 --by auto,error

aeon lives in an environment of its own (`benchmarks/series/peers.txt`), named by ISTHMUS_PEERS_PYTHON or
--peers-python; without it, only Isthmus is measured. Scores that are in --out are not computed again.

Each recording is scored twice. "itself": the detector learns from the recording that it scores, anomalies included.
"normal": it learns from another recording without anomalies. Every detector has its own defaults, but aeon's get the
windows that Isthmus chooses, because their own of 10 steps or 20 fit no recording. Measures, for each time step: the
area under the ROC curve, the average precision, and the volume under the ROC surface, which forgives a few steps.

Source: Paparrizos et al., Volume under the surface, VLDB (2022).
"""

import argparse
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

import isthmus as ist
from benchmarks.digits import ROOT
from benchmarks.series.recordings import KINDS, Known, made
from isthmus.drawing.theme import write_png
from isthmus.model.recipes import usual_recipe
from isthmus.uses.step_pictures import draw_steps

PROTOCOLS = ("itself", "normal")


def main() -> None:
    """Score, measure and print a table for each protocol."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/series"))
    parser.add_argument("--only", help="names of recordings, separated by commas")
    parser.add_argument("--seeds", type=int, default=1, help="made recordings of each kind")
    parser.add_argument("--by", default="auto,error", help="scores of Isthmus")
    parser.add_argument("--peers-python", default=os.environ.get("ISTHMUS_PEERS_PYTHON"))
    parser.add_argument("--picture", type=Path, help="only draw the picture of the guide")
    given = parser.parse_args()
    if given.picture is not None:
        draw(given.picture)
        return
    names = recordings(given.out / "recordings", given.seeds, given.peers_python)
    for name in names if given.only is None else given.only.split(","):
        path, folder = given.out / "recordings" / f"{name}.npz", given.out / "scores" / name
        known = Known.read(path)
        for protocol in PROTOCOLS:
            score(known, protocol, folder, given.by.split(","))
        if given.peers_python:
            window = str(ist.open_data(known.values, kind="series").shape[1])
            peers(given.peers_python, "score", str(path), str(folder), window)
            peers(given.peers_python, "measure", str(path), str(folder))
    print(tables(given.out))


def recordings(folder: Path, seeds: int, python: str | None) -> list[str]:
    """Write the recordings that aren't there yet; all their names."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [made(kind, seed) for kind in KINDS for seed in range(seeds)]
    for known in wanted:
        if not (folder / f"{known.name}.npz").exists():
            known.write(folder)
    if python and not (folder / "internal-bleeding.npz").exists():
        peers(python, "load", str(folder))
    return sorted(path.stem for path in folder.glob("*.npz"))


def score(known: Known, protocol: str, folder: Path, scores: list[str]) -> None:
    """Write what `isthmus train` and `isthmus detect` give by default and with other scores, if it isn't there."""
    train = known.values if protocol == "itself" else known.normal
    paths = {by: folder / protocol / f"Isthmus {by}.npy" for by in scores}
    if train is None or all(path.exists() for path in paths.values()):
        return
    began = time.perf_counter()
    data = ist.open_data(train, kind="series")
    run = ist.fit(ist.recipe(usual_recipe(data)).build(data, remarks=False), data, progress=False)
    folder.joinpath(protocol).mkdir(parents=True, exist_ok=True)
    for by, path in paths.items():
        steps = ist.detect(run, known.values, by).steps  # pyright: ignore[reportArgumentType]
        assert steps is not None
        np.save(path, steps.scores)
    print(f"{known.name}, {protocol}: {time.perf_counter() - began:.0f} s", flush=True)


def peers(python: str, *words: str) -> None:
    """Run aeon's part in its own environment."""
    command = [python, "-W", "ignore", "-m", "benchmarks.series.peers", *words]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)  # noqa: S603


def draw(path: Path) -> None:
    """The scores of a building with usual half days at the wrong time, and a gap."""
    known = made("contextual", 0)
    table = pd.DataFrame(known.values, columns=["load [kW]", "temperature", "pressure"])
    table.insert(0, "when", pd.date_range("2024-03-01", periods=len(table), freq="30min"))
    table = table.drop(index=range(2100, 2200))
    data = ist.open_data(table, kind="series")
    run = ist.fit(ist.recipe("pca", code=8).build(data, remarks=False), data, progress=False)
    steps = ist.detect(run, table).steps
    assert steps is not None
    write_png(path, draw_steps(run, steps))


def tables(out: Path) -> str:
    """For each protocol, the measures of all scores in the folder, and their means over what every detector scored."""
    text = []
    for protocol in PROTOCOLS:
        found: dict[str, dict[str, dict[str, float]]] = {}
        for path in sorted(out.glob(f"scores/*/{protocol}/*.npy")):
            name = path.parts[-3]
            found.setdefault(path.stem, {})[name] = measures(path, out / "recordings" / f"{name}.npz")
        shared = sorted(set.intersection(*(set(own) for own in found.values()))) if found else []
        text.append(f"\nlearnt from: {protocol}; area under the ROC curve / average precision\n")
        text.append("| recording | " + " | ".join(found) + " |\n|---|" + "--:|" * len(found))
        for name in sorted({name for own in found.values() for name in own}):
            text.append(f"| {name} | " + " | ".join(_cell(own.get(name)) for own in found.values()) + " |")
        means = [_mean([own[name] for name in shared]) for own in found.values()]
        text.append(f"| mean of {len(shared)} | " + " | ".join(map(_cell, means)) + " |")
        surface = [f"{mean['vus']:.3f}" if mean and "vus" in mean else "" for mean in means]
        text.append("| volume under the surface | " + " | ".join(surface) + " |")
    return "\n".join(text)


def measures(scores: Path, recording: Path) -> dict[str, float]:
    """Those that aeon's part has found, or the two that need no aeon."""
    kept = scores.with_suffix(".json")
    if kept.exists() and kept.stat().st_mtime >= scores.stat().st_mtime:
        return json.loads(kept.read_text())
    values, anomalous = np.nan_to_num(np.load(scores), nan=-1e30), Known.read(recording).anomalous
    return {
        "auroc": float(roc_auc_score(anomalous, values)),
        "precision": float(average_precision_score(anomalous, values)),
    }


def _mean(found: list[dict[str, float]]) -> dict[str, float] | None:
    if not found:
        return None
    shared = set.intersection(*(set(each) for each in found))
    return {name: float(np.mean([each[name] for each in found])) for name in shared}


def _cell(found: dict[str, Any] | None) -> str:
    return f"{found['auroc']:.3f} / {found['precision']:.3f}" if found else ""


if __name__ == "__main__":
    main()

"""Models made sick on purpose get their finding, healthy ones of many recipes get none, over ten seeds."""

import json
import math
from collections import Counter
from collections.abc import Callable
from functools import partial

import isthmus as ist
from benchmarks.proofs import patients
from benchmarks.proofs.proving import Bench, Row
from isthmus.drawing.theme import LIGHT
from isthmus.storage.files import write_json

EPOCHS = 60
SEEDS = range(10)


def prove(bench: Bench) -> list[Row]:
    """For each illness in how many seeds it is found, and what else is; for each healthy recipe how much is found."""
    bench.data.append("bundled digits; for overfitting, latent gaps and scaling tables that are made up")
    makers = dict(patients.SICK) | {name: partial(patients.healthy, name) for name in patients.HEALTHY}
    found: dict[str, list[list[str]]] = {name: [] for name in makers}
    for seed in SEEDS:  # outermost, so that what was cut has judged all patients alike often
        for name, make in makers.items():
            found[name].append(_findings(bench, name, seed, make))
    rows: list[Row] = []
    for name, each in found.items():
        others = Counter(other for names in each for other in names if other != name)
        told = "".join(f", {other} in {count}" for other, count in others.items())
        if name in patients.SICK:
            own = sum(name in names for names in each)
            rows.append(
                Row.at_least(f"sick of {name}: found in seeds{told and ' (also' + told[1:] + ')'}", own, 10, "all")
            )
        else:
            rows.append(
                Row.at_most(f"healthy {name}: findings{told and ' (' + told[2:] + ')'}", others.total(), 0, "none")
            )
    _draw(bench)
    return rows


def _findings(bench: Bench, name: str, seed: int, make: Callable[[int], ist.Run]) -> list[str]:
    """The names of what is found in this patient; from the folder, where it was examined before."""
    path = bench.folder / bench.name / f"{name.replace(' ', '-')}-{seed}.json"
    if bench.again or not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        found = [finding.to_json() for finding in ist.diagnose(make(seed))]
        for finding in found:
            finding["number"] = finding["number"] if math.isfinite(finding["number"]) else None
        write_json(path, found)
    return [finding["name"] for finding in json.loads(path.read_text())]


def _draw(bench: Bench) -> None:
    """The pictures of six findings, as a report shows them."""
    for name in ("copying", "memorising", "replaying", "dead units", "posterior collapse", "overfitting"):
        for finding in ist.diagnose(patients.SICK[name](0)):
            if finding.name == name and finding.picture is not None:
                bench.draw(finding.picture.draw(LIGHT), name.replace(" ", "-"))

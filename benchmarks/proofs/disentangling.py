"""Disentangling: the recipes' codes of sprites with five known factors, by all measures, next to error and KL.

`python -m benchmarks.proofs.disentangling --only vae,beta-tc-vae`; what was cut goes on.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

import isthmus as ist
from benchmarks.proofs.proving import Bench
from isthmus.measures import elbo
from isthmus.measures.disentangled.scores import TITLES
from isthmus.parts import Joint, Kl
from isthmus.storage.checked import load_json, save_json
from isthmus.storage.files import whole_file

SIZE = 10
"""Latent dimensions, twice as many as factors."""
SETTINGS: dict[str, Any] = {"batch_size": 128, "learning_rate": 1e-3, "compile": False}


def blueprints(epochs: int) -> dict[str, ist.Blueprint]:
    """What is compared, by name; those with several words in brackets are options of a recipe."""
    recipe, half = ist.recipe, epochs / 2
    return {
        "vae": recipe("vae", code=SIZE),
        "beta-vae": recipe("beta-vae", code=SIZE),
        "beta-vae (annealed)": recipe("beta-vae", code=SIZE, weight=20.0, capacity=20.0, capacity_epochs=half),
        "beta-tc-vae": recipe("beta-tc-vae", code=SIZE),
        "beta-tc-vae (stratified)": recipe("beta-tc-vae", code=SIZE, sampling="stratified"),
        "factor-vae": recipe("factor-vae", code=SIZE),
        "dip-vae": recipe("dip-vae", code=SIZE),
        "dip-vae (means)": recipe("dip-vae", code=SIZE, of="means"),
        "info-vae": recipe("info-vae", code=SIZE),
        "joint-vae": recipe("joint-vae").replace(
            code=Joint(size=SIZE - 3, categories=(3,)),
            penalties=(
                Kl(weight=20.0, capacity=20.0, capacity_epochs=half, over="numbers"),
                Kl(weight=20.0, capacity=1.0, capacity_epochs=half, over="categories"),
            ),
        ),
    }


def main(words: list[str] | None = None) -> int:
    """Train and measure what is asked for, then print the table of all that the folder holds."""
    given = arguments(words)
    given.out.mkdir(parents=True, exist_ok=True)
    data = ist.open_data("sprites", validation=0)
    chosen = blueprints(given.epochs)
    for seed in range(given.seeds):
        for name in given.only or chosen:
            file = given.out / f"{name}-{seed}.json"
            if file.exists() and load_json(file, sealed=False)["epochs"] == given.epochs:
                continue
            print(f"{name}, seed {seed}: {given.epochs} epochs", flush=True)
            try:
                run = Bench("runs", given.out, given.epochs).train(
                    f"{name}-{seed}", chosen[name], data, seed=seed, **SETTINGS
                )
            except KeyboardInterrupt:
                print("Ended, with all saved: the same command goes on.")
                return 130
            save_json(file, measured(run, data, given.resamples) | {"name": name, "seed": seed, "epochs": given.epochs})
    table = markdown([load_json(path, sealed=False) for path in sorted(given.out.glob("*.json"))])
    with whole_file(given.out / "table.md") as beside:
        beside.write_text(table, encoding="utf-8")
    print(table)
    return 0


def measured(run: ist.Run, data: ist.Data, resamples: int) -> dict[str, Any]:
    """The measures of a run's codes, and the terms of its bound on the test part."""
    bound = elbo(run.model, data.test)
    found = ist.disentangle(run, resamples=resamples)
    return {
        "distance": bound.distance,
        "kl": float(bound.kl.sum()),
        "used": int((bound.kl > 0.1).sum()),
        "intervals": {name: interval._asdict() for name, interval in found.scores.items()},
        **{name: interval.value for name, interval in found.scores.items()},
    }


def markdown(results: list[dict[str, Any]]) -> str:
    """A row for each name: means over the seeds, with the standard deviation where there are several."""
    columns = {"distance": "distance, nats", "kl": "KL, nats", "used": "used"} | TITLES
    lines = [["recipe", "seeds", *columns.values()], ["---", *["--:"] * (len(columns) + 1)]]
    order = list(blueprints(1))
    for name in sorted({result["name"] for result in results}, key=order.index):
        rows = [result for result in results if result["name"] == name]
        lines.append([name, str(len(rows)), *(_told([row[column] for row in rows]) for column in columns)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _told(values: list[float]) -> str:
    spread = f" ± {np.std(values, ddof=1):.2g}" if len(values) > 1 else ""
    return f"{np.mean(values):.3g}{spread}"


def arguments(words: list[str] | None) -> argparse.Namespace:
    """The command line."""
    known = list(blueprints(1))

    def names(text: str) -> list[str]:
        if unknown := [name for name in text.split(",") if name not in known]:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
        return text.split(",")

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", type=names, default=[], help="names, by commas")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--resamples", type=int, default=20, help="of the bootstrap")
    parser.add_argument("--out", type=Path, default=Path("runs/disentangling"), help="folder of results")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())

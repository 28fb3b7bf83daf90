"""Ensembles beside their single members on tables of ADBench: detection, and what the disagreement says.

    python -m benchmarks.ensembles                                  # 8 sets, 2 seeds, 5 members of `deep`
    python -m benchmarks.ensembles --sets wine,glass --recipe random-features --by error

For each set, members that differ in their seed are trained on the same rows (the protocol "unsupervised" of
`benchmarks.anomaly`). AUROC: the mean of the members, the best of them, and the ensemble by mean and by median. Error:
the mean squared error of the test rows, scaled, as the mean of the members' and of the mean reconstruction. Rank
correlation: of a row's spread, the mean variance of its reconstructions, with the error of their mean.
"""

import argparse
import warnings

import numpy as np
import torch
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

import isthmus as ist
from benchmarks.anomaly import SETS, divided

CHOSEN = "cardio,glass,Ionosphere,Pima,vertebral,vowels,WBC,wine"
COLUMNS = ("member", "best", "mean", "median", "error of a member", "of the mean", "rank correlation")


def measured(name: str, recipe: str, members: int, by: str, seed: int) -> list[float]:
    """The figures of `COLUMNS` for one division of a set."""
    train, test, anomalous = divided(name, seed, "unsupervised")
    data = ist.open_data(train, kind="table", test=0, seed=seed)
    runs = [
        ist.fit(
            ist.recipe(recipe).build(data, seed=number, remarks=False), data, seed=number, progress=False, compile=False
        )
        for number in range(members)
    ]
    samples = runs[0].read(test)

    def auroc(run: ist.Run | ist.Ensemble) -> float:
        scores = ist.detector(run, by).scores(samples).numpy()  # pyright: ignore[reportArgumentType]
        return float(roc_auc_score(anomalous, np.nan_to_num(scores)))

    single = [auroc(run) for run in runs]
    found = [auroc(ist.ensemble(runs, combine=how)) for how in ("mean", "median")]
    clean = data.scaling(samples.tensor()).double()
    made = torch.stack([data.scaling(run.reconstruct(samples)).double() for run in runs])
    errors = (made - clean).square().mean(2)
    together = (made.mean(0) - clean).square().mean(1)
    spread = made.var(0, correction=0).mean(1)
    figures = [float(np.mean(single)), max(single), *found, float(errors.mean()), float(together.mean())]
    return [*figures, float(np.asarray(spearmanr(spread, together))[0])]


def main() -> None:
    """Print a table: a row per set, then the mean."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--sets", default=CHOSEN)
    reader.add_argument("--recipe", default="deep")
    reader.add_argument("--by", default="error")
    reader.add_argument("--members", type=int, default=5)
    reader.add_argument("--seeds", type=int, default=2)
    given = reader.parse_args()
    warnings.simplefilter("ignore")
    print(f"| {given.recipe}, {given.by} | {' | '.join(COLUMNS)} |\n|---|{'---:|' * len(COLUMNS)}", flush=True)
    rows = []
    for name in given.sets.split(","):
        full = next((one for one in SETS if name in (one, one.split("_", 1)[1])), name)
        each = [measured(full, given.recipe, given.members, given.by, seed) for seed in range(given.seeds)]
        rows.append(np.mean(each, 0))
        print(f"| {name} | {' | '.join(f'{value:.3f}' for value in rows[-1])} |", flush=True)
    print(f"| **mean** | {' | '.join(f'{value:.3f}' for value in np.mean(rows, 0))} |")


if __name__ == "__main__":
    main()

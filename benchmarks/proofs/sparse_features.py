"""Dictionaries on made-up activations whose features are known: which recipe finds them, and which absorbs parents.

    python -m benchmarks.proofs.sparse_features                       # all recipes, some 3 minutes of processor time
    python -m benchmarks.proofs.sparse_features --only batch-topk,matryoshka --seeds 3
    python -m benchmarks.proofs.sparse_features --saelens             # the same measures by SAELens, if it is installed

Prints a table in Markdown, and keeps it in --out. What has been trained is not trained again; what was cut goes on.

The activations are SynthSAEBench-16k at a sixteenth: 1,024 features in 128 dimensions, dictionaries of 256 directions,
frequencies by a power law, trees of features (a child is active only if its parent is, and children of one parent
exclude each other), a copula of low rank that correlates features, and a constant offset. The bench itself has 16,384
features in 768 dimensions, dictionaries of 4,096, and 200 million samples. At L0 = 25, three quarters of the 34
features that are active in its samples, its anchors are an F1 of 0.732 and an MCC of 0.757 for BatchTopK, and of 0.879
and 0.793 for Matryoshka. Here, all recipes have about three quarters of the active features, too: by `k`, or by a
weight of the penalty that was chosen for it. The data are smaller and the samples are 0.6 % of the bench's, so compare
recipes with each other, and with the anchors by their order alone.

Source: SynthSAEBench, in SAELens (`sae_lens.synthetic`).
"""

import argparse
import importlib
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import isthmus as ist
from isthmus.fitting import fit_once
from isthmus.measures import absorption, detection, matched_cosine
from isthmus.parts import ActivationL1, Dictionary, Mse, Plain
from isthmus.storage.files import write_json

FEATURES, WIDTH, LATENTS, K = 1024, 128, 256, 7
ROOTS, CHILDREN, DEPTH = 24, 4, 2
RANK, TOGETHER = 8, 0.1
"""The factors of the copula, and their standard deviation."""
MOST, LEAST, EXPONENT = 0.4, 0.002, 0.5
"""The frequencies of the first and the last feature, and the exponent of the power law."""
OFFSET = 10.0
STEPS = 100
"""Of moving directions apart."""
TRAIN, TEST, BATCH, EPOCHS = 200_000, 10_000, 1024, 6
HEAD = ("recipe", "L0", "variance explained", "dead", "F1", "precision", "recall", "MCC", "absorption")
PRICES = {"standard": 3.5, "gated": 3.5, "jumprelu": 1.5}
"""The weights of the penalties times a sample's numbers, with which some `K` directions are active."""
PENALTIES = {"standard": "activation-l1", "gated": "gate-l1", "jumprelu": "code-l0"}


@dataclass(frozen=True)
class Bench:
    """Features with unit directions (F, D), frequencies (F,), parents (F,), -1 for roots, and children that exclude."""

    directions: Tensor
    frequencies: np.ndarray
    parents: np.ndarray
    exclusive: np.ndarray
    factors: np.ndarray
    offset: Tensor

    @classmethod
    def make(cls) -> "Bench":
        """The bench, always the same."""
        random = np.random.default_rng(0)
        places = np.arange(1, FEATURES + 1) ** -EXPONENT
        frequencies = LEAST + (MOST - LEAST) * (places - places[-1]) / (places[0] - places[-1])
        parents, exclusive = np.full(FEATURES, -1), np.zeros(FEATURES, bool)
        level = random.choice(FEATURES // 4, ROOTS, replace=False)
        free = [place for place in random.permutation(FEATURES).tolist() if place not in set(level.tolist())]
        for _ in range(DEPTH):
            following: list[int] = []
            for parent in level.tolist():
                exclusive[parent] = True
                for _ in range(CHILDREN):
                    parents[free[-1]] = parent
                    following.append(free.pop())
            level = np.array(following)
        offset = torch.from_numpy(random.normal(size=WIDTH)).float()
        factors = random.normal(0, TOGETHER, (FEATURES, RANK))
        return cls(_apart(random), frequencies, parents, exclusive, factors, offset / offset.norm() * OFFSET)

    def draw(self, count: int, seed: int) -> tuple[Tensor, Tensor]:
        """(N, D) activations, and (N, F) the features' strengths, 0 where they are inactive."""
        random = np.random.default_rng(seed)
        drawn, strengths = [], []
        for size in _sizes(count):
            active = self._active(size, random)
            means = np.linspace(5, 4, FEATURES)
            strength = torch.from_numpy(active * np.abs(random.normal(means, 0.5, active.shape))).float()
            drawn.append(strength @ self.directions + self.offset)
            strengths.append(strength)
        return torch.cat(drawn), torch.cat(strengths)

    def _active(self, count: int, random: np.random.Generator) -> np.ndarray:
        common = random.normal(size=(count, RANK)) @ self.factors.T
        own = np.sqrt(1 - np.square(self.factors).sum(1)) * random.normal(size=(count, FEATURES))
        # a child is as frequent as it would be without a parent, as far as its parent lets it be
        rates = self.frequencies.copy()
        for place in self._from_roots():
            above = self.frequencies[self.parents[place]]
            rates[place] = min(0.9, rates[place] / above)
        from scipy.stats import norm  # noqa: PLC0415

        active = common + own > norm.isf(rates)
        for place in self._from_roots():
            active[:, place] &= active[:, self.parents[place]]
        for parent in np.flatnonzero(self.exclusive):
            children = np.flatnonzero(self.parents == parent)
            rank = np.where(active[:, children], random.random((count, len(children))), -1)
            active[:, children] &= rank == rank.max(1, keepdims=True)
        for place in self._from_roots():  # what was excluded takes its own children along
            active[:, place] &= active[:, self.parents[place]]
        return active

    def _from_roots(self) -> list[int]:
        """The features with parents, those nearer to a root first."""

        def depth(place: int) -> int:
            return 0 if self.parents[place] < 0 else 1 + depth(self.parents[place])

        return sorted(np.flatnonzero(self.parents >= 0).tolist(), key=depth)


def _apart(random: np.random.Generator) -> Tensor:
    """(F, D) directions, moved apart from each other as far as they go in some steps."""
    directions = torch.from_numpy(random.normal(size=(FEATURES, WIDTH))).float()
    for _ in range(STEPS):
        directions = torch.nn.functional.normalize(directions, dim=1)
        cosines = directions @ directions.T
        directions = directions - 0.01 * (cosines - torch.eye(FEATURES)) @ directions
    return torch.nn.functional.normalize(directions, dim=1)


def _sizes(count: int) -> list[int]:
    return [min(20_000, count - start) for start in range(0, count, 20_000)]


def blueprint(name: str, k: int) -> ist.Blueprint:
    """The recipe with the bench's sizes and about `k` active directions; "standard" is a ReLU with an L1 penalty."""
    if name in PRICES:
        weight = PRICES[name] / WIDTH
        standard = ist.Blueprint(
            network=Dictionary(),
            code=Plain(size=LATENTS, activation="relu"),
            distance=Mse(link="identity"),
            penalties=(ActivationL1(),),
        )
        made = standard if name == "standard" else ist.recipe(name, code=LATENTS)
        kind = PENALTIES[name]
        return made.replace(
            penalties=tuple(one.replace(weight=weight) if one.kind == kind else one for one in made.penalties)
        )
    return ist.recipe(name, code=LATENTS, k=k)


def measured(name: str, bench: Bench, train: Tensor, given: argparse.Namespace, seed: int) -> dict[str, float]:
    """The figures of one recipe and seed."""
    data = ist.open_data(train, scaling="rms", validation=0, test=0)
    model = blueprint(name, given.k).build(data, seed=seed, remarks=False)
    settings = {"epochs": given.epochs, "batch_size": BATCH, "learning_rate": given.rate, "schedule": "linear"}
    run = fit_once(model, data, out=given.out / f"{name}-{seed}", seed=seed, progress=False, **settings)
    activations, strengths = bench.draw(TEST, 2)
    found = ist.latents(run, activations)
    directions = run.model.decoder.get_parameter("output.weight").detach().cpu().T
    truth = (run.encode(activations).cpu(), strengths > 0, directions, bench.directions)
    detected = detection(*truth)
    if given.saelens:
        print(f"{name} by SAELens: {_by_saelens(run, bench, activations, strengths, given.out / 'sae')}", flush=True)
    return {
        "L0": found.l0,
        "variance explained": found.explained,
        "dead": found.dead,
        "F1": detected.f1,
        "precision": detected.precision,
        "recall": detected.recall,
        "MCC": matched_cosine(directions, bench.directions),
        "absorption": absorption(*truth, bench.parents),
    }


def _by_saelens(run: ist.Run, bench: Bench, activations: Tensor, strengths: Tensor, folder: Path) -> str:
    """L0, F1 and MCC as SAELens measures them, on the dictionary that it reads from its own layout."""
    evals = importlib.import_module("sae_lens.synthetic.evals")
    sae = importlib.import_module("sae_lens.saes.sae").SAE.load_from_disk(ist.save_saelens(run, folder))
    with torch.no_grad():
        codes = sae.encode(activations)
    found = evals.compute_classification_metrics(codes, strengths, sae.W_dec.detach(), bench.directions)
    matched = evals.mean_correlation_coefficient(sae.W_dec.detach(), bench.directions)
    return f"L0 {float((codes != 0).double().sum(1).mean()):.3f}, F1 {found.f1_score:.3f}, MCC {matched:.3f}"


def main() -> None:
    """Train, measure, and print the table."""
    names = ["standard", "topk", "batch-topk", "matryoshka", "jumprelu", "gated"]
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", type=lambda text: text.split(","), default=names, help="recipes, by commas")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--samples", type=int, default=TRAIN)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--k", type=int, default=K, help="active directions of the recipes that have a number of them")
    parser.add_argument("--saelens", action="store_true", help="measure by SAELens, too, what isn't measured yet")
    parser.add_argument("--out", type=Path, default=Path("runs/sparse_features"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    bench = Bench.make()
    _, strengths = bench.draw(TEST, 2)
    active = (strengths > 0).double()
    train, _ = bench.draw(given.samples, 1)
    print(f"{float(active.sum(1).mean()):.1f} of {FEATURES} features are active in a sample.\n")
    print(f"| {' | '.join(HEAD)} |\n|---|{'--:|' * (len(HEAD) - 1)}")
    for name in given.only:
        rows = []
        for seed in range(given.seeds):
            path = given.out / f"{name}-{seed}-{given.samples}-{given.epochs}.json"
            if not path.exists():
                write_json(path, measured(name, bench, train, given, seed))
            rows.append(json.loads(path.read_text()))
        cells = [_cell([row[key] for row in rows]) for key in HEAD[1:]]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _cell(values: list[float]) -> str:
    """The mean, and the standard error of several."""
    spread = np.std(values, ddof=1) / math.sqrt(len(values)) if len(values) > 1 else None
    return f"{np.mean(values):.3f}" + (f" ± {spread:.3f}" if spread is not None else "")


if __name__ == "__main__":
    main()

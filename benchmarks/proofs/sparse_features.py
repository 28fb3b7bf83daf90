"""Dictionaries on made-up activations whose features are known: which recipe finds them, and which absorbs parents.

    python -m benchmarks.proofs.sparse_features                       # all recipes, some 15 minutes of processor time
    python -m benchmarks.proofs.sparse_features --only batch-topk,matryoshka --seeds 3

Prints a table in Markdown, and keeps it in --out. What has been trained is not trained again; what was cut goes on.

The activations are SynthSAEBench-16k at a sixteenth: 1,024 features in 128 dimensions, dictionaries of 256 directions,
frequencies by a power law, trees of features (a child is active only if its parent is; the children of half of the
parents exclude each other), a copula of low rank that correlates features, and a constant offset. The bench itself has
16,384 features in 768 dimensions, dictionaries of 4,096, and 200 million samples; its anchors at L0 = 25 are an F1 of
0.732 and an MCC of 0.757 for BatchTopK, and of 0.879 and 0.793 for Matryoshka. The figures here are of smaller data and
1 % of the samples, so compare recipes with each other, not with the anchors.

Source: SynthSAEBench, in SAELens (`sae_lens.synthetic`).
"""

import argparse
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

FEATURES, WIDTH, LATENTS, K = 1024, 128, 256, 12
ROOTS, CHILDREN, DEPTH = 24, 4, 2
RANK, TOGETHER = 8, 0.1
"""The factors of the copula, and their standard deviation."""
MOST, LEAST, EXPONENT = 0.4, 0.002, 0.5
"""The frequencies of the first and the last feature, and the exponent of the power law."""
OFFSET = 10.0
STEPS = 100
"""Of moving directions apart."""
TRAIN, TEST, BATCH, EPOCHS = 200_000, 20_000, 1024, 12
HEAD = ("recipe", "L0", "variance explained", "dead", "F1", "precision", "recall", "MCC", "absorption")
L1 = 0.012
"""The weight of the penalty of "standard"; the other recipes choose their own."""


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
                exclusive[parent] = random.random() < 0.5
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


def blueprint(name: str) -> ist.Blueprint:
    """The recipe with the bench's sizes; "standard" is a ReLU with an L1 penalty."""
    if name == "standard":
        return ist.Blueprint(
            network=Dictionary(),
            code=Plain(size=LATENTS, activation="relu"),
            distance=Mse(link="identity"),
            penalties=(ActivationL1(weight=L1),),
        )
    options = {"k": K} if "top" in name or name == "matryoshka" else {}
    return ist.recipe(name, code=LATENTS, **options)


def measured(name: str, bench: Bench, given: argparse.Namespace, seed: int) -> dict[str, float]:
    """The figures of one recipe and seed."""
    train, _ = bench.draw(given.samples, 1)
    data = ist.open_data(train, scaling="rms", validation=0, test=0)
    model = blueprint(name).build(data, seed=seed, remarks=False)
    settings = {"epochs": given.epochs, "batch_size": BATCH, "learning_rate": given.rate, "schedule": "linear"}
    run = fit_once(model, data, out=given.out / f"{name}-{seed}", seed=seed, progress=False, **settings)
    activations, strengths = bench.draw(TEST, 2)
    found = ist.latents(run, activations)
    directions = run.model.decoder.get_parameter("output.weight").detach().cpu().T
    truth = (run.encode(activations).cpu(), strengths > 0, directions, bench.directions)
    detected = detection(*truth)
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


def main() -> None:
    """Train, measure, and print the table."""
    names = ["standard", "topk", "batch-topk", "matryoshka", "jumprelu", "gated"]
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", type=lambda text: text.split(","), default=names, help="recipes, by commas")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--samples", type=int, default=TRAIN)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--out", type=Path, default=Path("runs/sparse_features"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    bench = Bench.make()
    _, strengths = bench.draw(TEST, 2)
    active = (strengths > 0).double()
    print(f"{float(active.sum(1).mean()):.1f} of {FEATURES} features are active in a sample.\n")
    print(f"| {' | '.join(HEAD)} |\n|---|{'--:|' * (len(HEAD) - 1)}")
    for name in given.only:
        rows = []
        for seed in range(given.seeds):
            path = given.out / f"{name}-{seed}-{given.samples}-{given.epochs}.json"
            if not path.exists():
                write_json(path, measured(name, bench, given, seed))
            rows.append(json.loads(path.read_text()))
        cells = [_cell([row[key] for row in rows]) for key in HEAD[1:]]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _cell(values: list[float]) -> str:
    """The mean, and the standard error of several."""
    spread = np.std(values, ddof=1) / math.sqrt(len(values)) if len(values) > 1 else None
    return f"{np.mean(values):.3f}" + (f" ± {spread:.3f}" if spread is not None else "")


if __name__ == "__main__":
    main()

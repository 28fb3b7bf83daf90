"""Every recipe with its defaults alone, beside PCA with as many numbers (or bits, or a prior to pay for).

    python -m benchmarks.proofs.defaults --recipes deep,vae --data digits,cardio
    python -m benchmarks.proofs.defaults                                         # all, which takes hours

Prints a table in Markdown, a row when it is done, and with `--out FILE` keeps it as JSON lines, so that a later call
does only what is left. Figures are of the test part, in scaled units; smaller is better. `docs/defaults.md` says how
each kind of recipe is compared.
"""

import argparse
import json
import math
import time
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

import isthmus as ist
from benchmarks.digits import find_file
from benchmarks.proofs.linear import bernoulli_cost, gaussian_cost
from benchmarks.proofs.rate import pca_at
from isthmus.errors import IsthmusError
from isthmus.measures import elbo, log_likelihood
from isthmus.model.recipes import RECIPES
from isthmus.parts import Fsq, Kl, TopK, Vq
from isthmus.pca import principal_components
from isthmus.training import Settings

TABLES = ("6_cardio", "23_mammography", "28_pendigits", "30_satellite", "43_WDBC")
DATA = ("digits", "mnist", "cifar10-small", "ecg5000", *TABLES)
DRAWS = 50
"""Of each code, for a bound by importance weighting."""


@dataclass(frozen=True)
class Row:
    """One recipe on one data set.

    model, pca: the figure and what it is held against. by: which figure it is. dimensions: of PCA, in words. seconds:
    of the processor, for training alone. chosen: what was left open, in words.
    """

    recipe: str
    data: str
    model: float
    pca: float
    by: str
    dimensions: str
    seconds: float
    chosen: str

    @property
    def won(self) -> bool:
        """Whether the model's figure is the smaller one."""
        return self.model < self.pca

    def __str__(self) -> str:
        beside = f"{self.model / self.pca:.2f}" if self.by == "squared error" else f"{self.model - self.pca:+.1f} nats"
        figures = f"{self.model:.4g} | {self.pca:.4g} | {beside} | {'yes' if self.won else '**no**'}"
        about = f"{self.recipe} | {self.data} | {self.by} | {self.dimensions}"
        return f"| {about} | {figures} | {self.seconds:.0f} | {self.chosen} |"


HEAD = (
    "| recipe | data | figure | PCA with | model | PCA | ratio | wins | CPU s | chosen |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


def row(recipe: str, name: str, data: ist.Data) -> Row:
    """Train with the defaults alone, and compare by what the recipe is for."""
    model = ist.recipe(recipe).build(data, remarks=False)
    began = time.process_time()
    run = ist.fit(model, data, progress=False)
    seconds = time.process_time() - began
    by, dimensions, ours, theirs = _compared(run, data)
    return Row(recipe, name, ours, theirs, by, dimensions, seconds, _chosen(run))


def _compared(run: ist.Run, data: ist.Data) -> tuple[str, str, float, float]:
    """What is compared, PCA's size in words, the model's figure and PCA's."""
    model = run.model
    size = math.prod(model.code_shape)
    if any(isinstance(penalty, Kl) for penalty in model.objective.penalties) and not model.objective.has_rival:
        return _by_nats(run, data)
    errors = run.evaluate()["test"]["sse"]
    if isinstance(model.code, Vq | Fsq):
        bits = round(model.code.bits(model.code_shape))
        clean = data.scaling(data.test.tensor())
        error = float((pca_at(data, bits)(clean) - clean).square().flatten(1).sum(1).double().mean())
        return "squared error", f"{bits} bits", errors["model"], error
    if size >= math.prod(model.shape) and not model.restores:
        active = active_numbers(model, data)
        return "squared error", f"{active} active of {size}", errors["model"], _pca_error(data, active)
    return "squared error", f"{size} numbers", errors["model"], errors["pca"]


def _by_nats(run: ist.Run, data: ist.Data) -> tuple[str, str, float, float]:
    """The negative bound on log p(x) with the recipe's weight of the KL, beside a linear model's."""
    model, size = run.model, math.prod(run.model.code_shape)
    weight = next(penalty.full_weight for penalty in model.objective.penalties if isinstance(penalty, Kl))
    found = elbo(model, data.test)
    ours = found.distance + weight * float(found.kl.sum())
    if model.bound == "log-mean-exp":
        ours = -log_likelihood(model, data.test, draws=DRAWS).mean
    pca = principal_components(data.train, data.scaling, size)
    clean = data.scaling(data.test.tensor())
    if model.distance.kind == "bce":
        theirs, used = bernoulli_cost(pca, clean, weight)
        return "nats, Bernoulli", f"≤ {size} numbers ({used})", ours, theirs
    return "nats, density", f"{size} numbers, probabilistic", ours, gaussian_cost(pca, clean)


@torch.no_grad()
def active_numbers(model: ist.Autoencoder, data: ist.Data) -> int:
    """How many numbers describe a sample where the code is overcomplete on purpose.

    Those that stay, of a top-k code; those that aren't 0, in the mean, where most are; else how many directions the
    codes vary in, as the participation ratio of the variances along them. Rounded up.
    """
    codes = torch.cat([model.eval().encode(raw).flatten(1) for raw in data.test.batches(1000)]).double()
    if isinstance(model.code, TopK) or float((codes == 0).double().mean()) > 0.05:
        return math.ceil(float((codes != 0).sum(1).double().mean()))
    variances = torch.linalg.eigvalsh(codes.T.cov()).clamp(min=0)
    return math.ceil(float(variances.sum().square() / variances.square().sum()))


def _pca_error(data: ist.Data, size: int) -> float:
    clean = data.scaling(data.test.tensor())
    pca = principal_components(data.train, data.scaling, min(size, math.prod(data.shape)))
    return float((pca.reconstruct(clean) - clean).square().flatten(1).sum(1).double().mean())


def _chosen(run: ist.Run) -> str:
    own: Settings = run.settings
    code = "×".join(map(str, run.model.code_shape))
    return f"code {code}, {len(run.history)} of {own.epochs} epochs of {own.batch_size}, from {own.learning_rate:g}"


def opened(name: str) -> ist.Data:
    """The data of this name; MNIST and CIFAR-10 with their own test parts.

    Raises:
        FileNotFoundError: they aren't at hand.
    """
    if name == "digits":
        return ist.open_data("digits")
    file = {"mnist": "mnist.npz", "cifar10-small": "cifar10_small.npz", "ecg5000": "ecg5000.txt"}.get(name)
    path = find_file(file or f"adbench/{name}.npz")
    if path is None:
        raise FileNotFoundError(f"{file or name} isn't at hand: set ISTHMUS_DATA to the folder that holds it.")
    if name in {"mnist", "cifar10-small"}:
        return ist.open_data(path)
    if name == "ecg5000":
        return ist.open_data(np.loadtxt(path)[:, 1:].astype(np.float32), kind="series", test=0.3)
    with np.load(path) as held:
        return ist.open_data(held["X"].astype(np.float32), kind="table", test=0.2)


def fits(recipe: str, data: ist.Data) -> bool:
    """Whether the recipe takes these data."""
    kind, wanted = data.train.kind, RECIPES[recipe].data
    if wanted == "colour":
        return kind == "pictures" and data.shape[0] == 3
    return wanted in {"any", kind}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", default=",".join(RECIPES))
    parser.add_argument("--data", default=",".join(DATA))
    parser.add_argument("--out", type=Path, help="JSON lines; what stands there isn't done again")
    said = parser.parse_args()
    warnings.simplefilter("ignore")
    kept = [json.loads(line) for line in said.out.read_text().splitlines()] if said.out and said.out.exists() else []
    done = {(old["recipe"], old["data"]): Row(**old) for old in kept}
    print(HEAD)
    for name in said.data.split(","):
        data = opened(name)
        for recipe in said.recipes.split(","):
            if not fits(recipe, data):
                continue
            if (recipe, name) not in done:
                try:
                    done[recipe, name] = row(recipe, name, data)
                except IsthmusError as error:
                    print(f"| {recipe} | {name} | not for these data: {error} |", flush=True)
                    continue
                if said.out:
                    with said.out.open("a") as file:
                        file.write(json.dumps(asdict(done[recipe, name])) + "\n")
            print(done[recipe, name], flush=True)


if __name__ == "__main__":
    main()

"""Pythae's side of a row: its model with the row's network, trained by its own trainer; run in its own environment.

`python -m benchmarks.published.peer JSON` takes one JSON object and writes the NLL of each test digit.
"""

import json
import math
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pythae import models
from pythae.data.datasets import BaseDataset, DatasetOutput
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig, CoupledOptimizerTrainer, CoupledOptimizerTrainerConfig
from torch import Tensor, nn
from torch.nn import functional as F

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "softplus": nn.Softplus, "gated": lambda: nn.GLU(1)}
AT_ONCE = 20_000
"""Codes that are decoded together."""


class Encoder(BaseEncoder):
    """The row's hidden layers, with the means and log-variances."""

    def __init__(self, row: dict[str, Any]) -> None:
        super().__init__()
        self.hidden = hidden(784, row["widths"], row["activation"])
        self.mean, self.log_variance = (nn.Linear(row["widths"][-1], row["code"]) for _ in range(2))
        start(self, row["activation"])

    def forward(self, x: Tensor) -> ModelOutput:
        """(N, 784) to the posterior."""
        made = self.hidden(x.reshape(len(x), -1))
        log_variance = self.log_variance(made)
        return ModelOutput(embedding=self.mean(made), log_covariance=log_variance)


class Decoder(BaseDecoder):
    """The row's hidden layers mirrored, to probabilities, or to logits for HVAE."""

    def __init__(self, row: dict[str, Any]) -> None:
        super().__init__()
        widths = row["widths"][::-1]
        self.hidden = hidden(row["code"], widths, row["activation"])
        self.output, self.logits = nn.Linear(widths[-1], 784), row["peer"] == "HVAE"
        start(self, row["activation"])

    def forward(self, z: Tensor) -> ModelOutput:
        """(N, code) to (N, 1, 28, 28)."""
        logits = self.output(self.hidden(z))
        return ModelOutput(reconstruction=(logits if self.logits else logits.sigmoid()).view(-1, 1, 28, 28))


def hidden(given: int, widths: list[int], activation: str) -> nn.Sequential:
    """Linear layers, each with its activation."""
    layers: list[nn.Module] = []
    for width in widths:
        layers += [nn.Linear(given, 2 * width if activation == "gated" else width), ACTIVATIONS[activation]()]
        given = width
    return nn.Sequential(*layers)


def start(module: nn.Module, activation: str) -> None:
    """The first weights of the published script: Glorot's before tanh, He's for gates, PyTorch's own otherwise."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear) and activation == "tanh":
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.Linear) and activation == "gated":
            nn.init.normal_(layer.weight, 0, math.sqrt(2 / layer.in_features))


class Drawn(torch.utils.data.Dataset):
    """Grey digits, each drawn black and white whenever it is read."""

    def __init__(self, data: Tensor) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, place: int) -> DatasetOutput:
        grey = self.data[place]
        return DatasetOutput(data=(torch.rand_like(grey) < grey).float())


def build(row: dict[str, Any], budget: dict[str, Any]) -> Any:
    """Pythae's model of the row."""
    options: dict[str, Any] = {"input_dim": (1, 28, 28), "latent_dim": row["code"], "reconstruction_loss": "bce"}
    match row["peer"]:
        case "IWAE" | "CIWAE":
            options |= {"number_samples": budget["draws"]}
            options |= {"beta": row["mean_share"]} if row["peer"] == "CIWAE" else {}
        case "MIWAE" | "PIWAE":
            groups = budget["groups"]
            options |= {"number_samples": budget["draws"] // groups, "number_gradient_estimates": groups}
        case "VAMP":
            options |= {
                "number_components": budget["components"], "linear_scheduling_steps": max(1, round(budget["warmup"])),
            }  # fmt: skip
        case "HVAE":
            options |= {"n_lf": row["steps"], "eps_lf": row["step_size"], "beta_zero": 1.0}
    config = getattr(models, f"{row['peer']}Config")(**options)
    return getattr(models, row["peer"])(model_config=config, encoder=Encoder(row), decoder=Decoder(row))


def train(model: Any, data: Tensor, row: dict[str, Any], budget: dict[str, Any], rate: float) -> None:
    """Adam with a cosine schedule, epoch by epoch, by Pythae's own trainer."""
    schedule = {"scheduler_cls": "CosineAnnealingLR", "scheduler_params": {"T_max": budget["epochs"]}}
    shared: dict[str, Any] = {
        "per_device_train_batch_size": budget["batch"], "num_epochs": budget["epochs"], "learning_rate": rate,
        "seed": 0, "no_cuda": not torch.cuda.is_available(),
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        if row["peer"] == "PIWAE":
            both = {f"{side}_{name}": value for side in ("encoder", "decoder") for name, value in schedule.items()}
            config = CoupledOptimizerTrainerConfig(
                output_dir=folder, encoder_optimizer_cls="Adam", decoder_optimizer_cls="Adam", **shared, **both
            )
            trainer: Any = CoupledOptimizerTrainer
        else:
            config, trainer = (
                BaseTrainerConfig(output_dir=folder, optimizer_cls="Adam", **shared, **schedule),
                BaseTrainer,
            )
        samples = Drawn(data) if row["dynamic"] else BaseDataset(data, torch.zeros(len(data)))
        trainer(model=model, train_dataset=samples, training_config=config).train()


def nll(model: Any, x: Tensor, row: dict[str, Any], draws: int) -> Tensor:
    r"""(N,) :math:`-\log\frac1S\sum_s p(x|z_s) p(z_s) / q(z_s|x)`, by S draws of the posterior.

    HVAE's codes move, and the momenta before and after count, as in its bound; its own `get_nll` leaves these out, and
    draws from another spread than it trains with.
    """
    found = []
    for few in x.split(max(1, AT_ONCE // draws)):
        encoded = model.encoder(few)
        mean, log_variance = encoded.embedding, encoded.log_covariance
        spread = F.softplus(log_variance) if row["peer"] == "HVAE" else (0.5 * log_variance).exp()
        noise = torch.randn(draws, *mean.shape)
        z, repeated = (mean + spread * noise).flatten(0, 1), few.repeat(draws, 1, 1, 1)
        log_q = (normal(noise) - spread.log().sum(1)).flatten()
        if row["peer"] == "HVAE":
            momentum = torch.randn_like(z)
            log_q = log_q + normal(momentum)
            z = z.requires_grad_()
            for _ in range(row["steps"]):
                momentum = momentum - 0.5 * row["step_size"] * model._dU_dz(z, repeated).detach()
                z = (z + row["step_size"] * momentum).detach().requires_grad_()
                momentum = momentum - 0.5 * row["step_size"] * model._dU_dz(z, repeated).detach()
            log_q = log_q - normal(momentum)
        with torch.no_grad():
            output = model.decoder(z)["reconstruction"]
            cost = F.binary_cross_entropy_with_logits if row["peer"] == "HVAE" else F.binary_cross_entropy
            log_x = -cost(output, repeated, reduction="none").flatten(1).sum(1)
            constant = -0.5 * row["code"] * math.log(2 * math.pi)
            log_z = model._log_p_z(z) + constant if row["peer"] == "VAMP" else normal(z)
            weights = (log_x + log_z - log_q).view(draws, -1)
            found.append(math.log(draws) - weights.logsumexp(0))
    return torch.cat(found).detach()


def normal(x: Tensor) -> Tensor:
    """(…, D) to (…) log-densities of the standard normal."""
    return -0.5 * (x.square() + math.log(2 * math.pi)).sum(-1)


def main(given: dict[str, Any]) -> None:
    """Train and measure one row."""
    row, budget = given["row"], given["budget"]
    torch.manual_seed(0)
    with np.load(given["data"], allow_pickle=False) as file:
        train_data, test = (
            torch.from_numpy(file[name]).float().view(-1, 1, 28, 28) / 255 for name in ("x_train", "x_test")
        )
    model = build(row, budget)
    begun = time.perf_counter()
    train(model, train_data, row, budget, given["rate"])
    seconds = time.perf_counter() - begun
    values = nll(model.cpu().eval(), test, row, budget["importance"])
    Path(given["out"]).write_text(json.dumps({"nll": values.tolist(), "seconds": seconds}), encoding="utf-8")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

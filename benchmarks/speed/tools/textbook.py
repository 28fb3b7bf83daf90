"""The loop of PyTorch's tutorials: DataLoader over TensorDataset, zero_grad, backward, step."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.speed.gate import Gate
from benchmarks.speed.tools import CONTRACTION, NOISE, Settings, Trained
from benchmarks.speed.tools.torch_networks import Vae, as_samples, decoder, encoder
from benchmarks.speed.workloads import Workload


def train(workload: Workload, settings: Settings, pictures: np.ndarray, gate: Gate) -> Trained:
    """Train until the gate says stop."""
    torch.manual_seed(settings.seed)
    samples = as_samples(workload, pictures)
    loader = DataLoader(TensorDataset(samples), batch_size=settings.batch_size, shuffle=True)
    model = Vae(workload) if workload.network == "vae" else nn.Sequential(encoder(workload), decoder(workload))
    optimiser = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)
    distance = nn.MSELoss()

    def loss_of(batch: Tensor) -> Tensor:
        if workload.network == "vae":
            return model(batch)
        if workload.variety == "denoising":
            return distance(model(batch + NOISE * torch.randn_like(batch)), batch)
        if workload.variety == "contractive":
            assert isinstance(model, nn.Sequential)
            narrow, wide = model
            seen = batch.requires_grad_()
            code = narrow(seen)
            norm = one_layers_norm(narrow, code) if len(workload.widths) == 2 else norm_by_rows(code, seen)
            return distance(wide(code), batch) + CONTRACTION * norm
        return distance(model(batch), batch)

    for _ in range(settings.epochs):
        gate.epoch_begin()
        total = 0.0
        for (batch,) in loader:
            optimiser.zero_grad()
            loss = loss_of(batch)
            loss.backward()
            optimiser.step()
            total += loss.item()
        gate.epoch_end(total / len(loader))

    @torch.no_grad()
    def reconstruct(others: np.ndarray) -> np.ndarray:
        batches = as_samples(workload, others).split(1024)
        return torch.cat([model.reconstruct(x) if isinstance(model, Vae) else model(x) for x in batches]).numpy()

    return Trained(reconstruct, lambda folder: torch.save(model.state_dict(), folder / "model.pt"))


def one_layers_norm(narrow: nn.Module, code: Tensor) -> Tensor:
    """Mean squared norm of the derivative of one layer with ReLU, by its weights."""
    weight = next(layer for layer in narrow.modules() if isinstance(layer, nn.Linear)).weight
    return ((code > 0).float() @ weight.square().sum(1)).mean()


def norm_by_rows(code: Tensor, seen: Tensor) -> Tensor:
    """Mean squared norm of the code's derivative: a backward pass for each number of it, itself differentiable."""
    rows = (torch.autograd.grad(number.sum(), seen, create_graph=True)[0] for number in code.unbind(1))
    return sum((row.square().sum() for row in rows), torch.zeros(())) / len(seen)

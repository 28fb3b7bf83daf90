"""The loop of PyTorch's tutorials: DataLoader over TensorDataset, zero_grad, backward, step."""

import numpy as np
import torch
from gate import Gate
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from workloads import Workload

from tools import Settings
from tools.torch_networks import Vae, decoder, encoder, shape


def train(workload: Workload, settings: Settings, pictures: np.ndarray, gate: Gate) -> None:
    """Train until the gate says stop."""
    torch.manual_seed(settings.seed)
    samples = torch.from_numpy(pictures).float().div(255).reshape(-1, *shape(workload))
    loader = DataLoader(TensorDataset(samples), batch_size=settings.batch_size, shuffle=True)
    model = Vae(workload) if workload.network == "vae" else nn.Sequential(encoder(workload), decoder(workload))
    optimiser = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)
    distance = nn.MSELoss()

    def loss_of(batch: Tensor) -> Tensor:
        return model(batch) if workload.network == "vae" else distance(model(batch), batch)

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

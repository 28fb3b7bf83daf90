"""Pythae: its AE or VAE with a user's own encoder and decoder, trained by its BaseTrainer."""

import tempfile

import numpy as np
import torch
from pythae.data.datasets import BaseDataset
from pythae.models import AE, VAE, AEConfig, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback
from torch import Tensor

from benchmarks.speed.gate import Gate
from benchmarks.speed.tools import Settings, Trained
from benchmarks.speed.tools.torch_networks import as_samples, decoder, encoder, shape
from benchmarks.speed.workloads import Workload


class Encoder(BaseEncoder):
    """The workload's encoder in Pythae's clothes."""

    def __init__(self, workload: Workload) -> None:
        super().__init__()
        self.layers = encoder(workload)

    def forward(self, x: Tensor) -> ModelOutput:
        """(N, *shape) to the code, or to its mean and log-variance."""
        made = self.layers(x)
        return (
            ModelOutput(embedding=made[0], log_covariance=made[1])
            if isinstance(made, tuple)
            else ModelOutput(embedding=made)
        )


class Decoder(BaseDecoder):
    """The workload's decoder in Pythae's clothes."""

    def __init__(self, workload: Workload) -> None:
        super().__init__()
        self.layers = decoder(workload)

    def forward(self, z: Tensor) -> ModelOutput:
        """The code to (N, *shape)."""
        return ModelOutput(reconstruction=self.layers(z))


class Turns(TrainingCallback):
    """Waits at the gate before each epoch; the log is the last thing that an epoch does."""

    def __init__(self, gate: Gate, numbers: int) -> None:
        self.gate, self.numbers = gate, numbers

    def on_epoch_begin(self, training_config: BaseTrainerConfig, **details: object) -> None:
        """Wait for the turn."""
        self.gate.epoch_begin()

    def on_log(self, training_config: BaseTrainerConfig, logs: dict[str, float], **details: object) -> None:
        """Tell what the epoch took; a sum over pixels is divided by `numbers`."""
        self.gate.epoch_end(logs["train_epoch_loss"] / self.numbers)


def train(workload: Workload, settings: Settings, pictures: np.ndarray, gate: Gate) -> Trained:
    """Train until the gate says stop."""
    samples = as_samples(workload, pictures)
    sizes = {"input_dim": shape(workload), "latent_dim": workload.widths[-1] if workload.widths else 128}
    parts = {"encoder": Encoder(workload), "decoder": Decoder(workload)}
    vae = workload.network == "vae"
    model = VAE(VAEConfig(**sizes, reconstruction_loss="bce"), **parts) if vae else AE(AEConfig(**sizes), **parts)
    with tempfile.TemporaryDirectory() as folder:
        trainer = BaseTrainer(
            model=model,
            train_dataset=BaseDataset(samples, torch.zeros(len(samples))),
            training_config=BaseTrainerConfig(
                output_dir=folder,
                num_epochs=settings.epochs,
                per_device_train_batch_size=settings.batch_size,
                learning_rate=settings.learning_rate,
                seed=settings.seed,
            ),
            callbacks=[Turns(gate, 1 if vae else 784)],
        )
        trainer.train()

    @torch.no_grad()
    def reconstruct(others: np.ndarray) -> np.ndarray:
        return torch.cat([model.reconstruct(x) for x in as_samples(workload, others).split(1024)]).numpy()

    return Trained(reconstruct, lambda folder: model.save(str(folder)))

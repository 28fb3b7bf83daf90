"""Pythae: its AE with a user's own encoder and decoder, trained by its BaseTrainer."""

import tempfile

import numpy as np
import torch
from gate import Gate
from pythae.data.datasets import BaseDataset
from pythae.models import AE, AEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback
from torch import Tensor
from workloads import Workload

from tools import Settings
from tools.torch_networks import decoder, encoder, shape


class Encoder(BaseEncoder):
    """The workload's encoder in Pythae's clothes."""

    def __init__(self, workload: Workload) -> None:
        super().__init__()
        self.layers = encoder(workload)

    def forward(self, x: Tensor) -> ModelOutput:
        """(N, *shape) to the code."""
        return ModelOutput(embedding=self.layers(x))


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

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    def on_epoch_begin(self, training_config: BaseTrainerConfig, **details: object) -> None:
        """Wait for the turn."""
        self.gate.epoch_begin()

    def on_log(self, training_config: BaseTrainerConfig, logs: dict[str, float], **details: object) -> None:
        """Tell what the epoch took; its sum over pixels as a mean."""
        self.gate.epoch_end(logs["train_epoch_loss"] / 784)


def train(workload: Workload, settings: Settings, pictures: np.ndarray, gate: Gate) -> None:
    """Train until the gate says stop."""
    samples = torch.from_numpy(pictures).float().div(255).reshape(-1, *shape(workload))
    config = AEConfig(input_dim=shape(workload), latent_dim=workload.widths[-1] if workload.widths else 128)
    with tempfile.TemporaryDirectory() as folder:
        trainer = BaseTrainer(
            model=AE(config, encoder=Encoder(workload), decoder=Decoder(workload)),
            train_dataset=BaseDataset(samples, torch.zeros(len(samples))),
            training_config=BaseTrainerConfig(
                output_dir=folder,
                num_epochs=settings.epochs,
                per_device_train_batch_size=settings.batch_size,
                learning_rate=settings.learning_rate,
                seed=settings.seed,
            ),
            callbacks=[Turns(gate)],
        )
        trainer.train()

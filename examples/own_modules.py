"""An encoder and a decoder of your own, trained, saved and loaded by Isthmus.

python examples/own_modules.py
"""

import tempfile
from pathlib import Path

import torch
from torch import Tensor, nn

import isthmus as ist


class Attention(nn.Module):
    """(N, 1, 8, 8) to (N, size): the rows of a picture attend to each other."""

    def __init__(self, size: int, width: int = 32) -> None:
        super().__init__()
        self.rows = nn.Linear(8, width)
        self.place = nn.Parameter(torch.zeros(8, width))
        self.attend = nn.MultiheadAttention(width, num_heads=4, batch_first=True)
        self.code = nn.Linear(8 * width, size)

    def forward(self, x: Tensor) -> Tensor:
        """The encoder gets scaled samples, 0 to 1."""
        rows = torch.tanh(self.rows(x[:, 0]) + self.place)
        attended, _ = self.attend(rows, rows, rows)
        return self.code((rows + attended).flatten(1))


def build(data: ist.Data, size: int = 8) -> ist.Autoencoder:
    """The model; its scaling lets it take raw samples."""
    layers = nn.Linear(size, 128), nn.SiLU(), nn.Linear(128, 64)
    return ist.Autoencoder(
        encoder=Attention(size),
        decoder=nn.Sequential(*layers, nn.Unflatten(1, (1, 8, 8))),
        shape=data.shape,
        distance="bce",
        scaling=data.scaling,
    )


data = ist.open_data("digits")
torch.manual_seed(0)  # PyTorch draws its first weights from its global generator
how = {"epochs": 25, "learning_rate": 3e-3, "schedule": "cosine"}
with tempfile.TemporaryDirectory() as folder:
    run = ist.fit(build(data), data, out=Path(folder, "run"), progress=False, **how)
    # a run holds weights, no code: build the same modules again
    loaded = ist.load(Path(folder, "run"), model=build(data))
    same = torch.equal(loaded.encode(data.test), run.encode(data.test))
    errors = loaded.evaluate()["test"]["mse"]
print(
    "From 8 numbers, attention over rows reconstructs new digits with a mean "
    f"squared error of {errors['model']:.4f} (PCA: {errors['pca']:.4f}); the loaded "
    f"run makes {'the same' if same else 'other'} codes."
)

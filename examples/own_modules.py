"""An encoder and a decoder of your own, trained, saved and loaded by Isthmus.

python examples/own_modules.py
"""

import tempfile
from pathlib import Path

import torch
from torch import Tensor, nn

import isthmus as ist
from isthmus.parts import Plain


class Attention(nn.Module):
    """(N, 1, 8, 8) to (N, size): the rows of a picture look at each other before the code is read from them."""

    def __init__(self, size: int, width: int = 32) -> None:
        super().__init__()
        self.rows, self.place = nn.Linear(8, width), nn.Parameter(torch.zeros(8, width))
        self.look = nn.MultiheadAttention(width, num_heads=4, batch_first=True)
        self.code = nn.Linear(8 * width, size)

    def forward(self, x: Tensor) -> Tensor:
        """The encoder gets scaled samples, 0 to 1."""
        rows = torch.tanh(self.rows(x[:, 0]) + self.place)
        return self.code((rows + self.look(rows, rows, rows)[0]).flatten(1))


def build(data: ist.Data, size: int = 8) -> ist.Autoencoder:
    """The model; its scaling makes it take raw samples."""
    decoder = nn.Sequential(nn.Linear(size, 128), nn.SiLU(), nn.Linear(128, 64), nn.Unflatten(1, (1, 8, 8)))
    return ist.Autoencoder(
        Attention(size), decoder, shape=data.shape, code=Plain(size=size), distance="bce", scaling=data.scaling
    )


data = ist.open_data("digits")
torch.manual_seed(0)  # PyTorch's layers draw their first weights from its global generator
with tempfile.TemporaryDirectory() as folder:
    home = Path(folder) / "run"
    run = ist.fit(build(data), data, epochs=25, learning_rate=3e-3, schedule="cosine", out=home, progress=False)
    loaded = ist.load(home, model=build(data))  # a run holds weights, not code: build the same modules again
    same = torch.equal(loaded.encode(data.test), run.encode(data.test))
    errors = loaded.evaluate()["test"]["mse"]
print(
    f"Attention over rows reconstructs new digits from 8 numbers with a mean squared error of {errors['model']:.4f} "
    f"(PCA: {errors['pca']:.4f}), and the loaded run makes {'the same' if same else 'other'} codes."
)

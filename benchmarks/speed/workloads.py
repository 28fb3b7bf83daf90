"""The workloads: the networks that every tool trains, one row each."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Workload:
    """A network, and how long one turn of it lasts.

    network: "dense"; "vae" for a dense one with a Gaussian code; or "conv" for the lectures' convolutional network on
    28×28×1. widths: of a dense network's layers from the data to the code; the decoder mirrors them. epochs: of one
    turn. variety: where a dense network is more than plain, "denoising" (Gaussian noise, σ = 0.5) or "contractive"
    (the squared norm of the code's derivative, 0.1 times).

    ReLU after every hidden layer and after the code, a sigmoid at the output, mean squared error. The VAE has no ReLU
    after its code, and the loss of its paper: binary cross-entropy, summed, plus the KL divergence.
    """

    name: str
    title: str
    network: str
    widths: tuple[int, ...] = ()
    epochs: int = 1
    variety: str = ""

    @property
    def hidden(self) -> tuple[int, ...]:
        """All hidden widths in order, the code in their middle."""
        return (*self.widths[1:], *self.widths[-2:0:-1])

    def to_json(self) -> dict[str, Any]:
        """The row as JSON holds it."""
        return asdict(self)


_ROWS = (
    Workload("deep", "784-128-64-32-64-128-784", "dense", (784, 128, 64, 32), epochs=3),
    Workload("vanilla", "784-32-784", "dense", (784, 32), epochs=5),
    Workload("conv", "conv16-8-8 | conv8-8-16-1, pooled and upsampled (the lectures' network)", "conv"),
    Workload("wide", "784-1000-500-250-30-250-500-1000-784", "dense", (784, 1000, 500, 250, 30)),
    Workload("denoising", "784-512-128-512-784, denoising", "dense", (784, 512, 128), 2, "denoising"),
    Workload("contractive", "784-256-784, contractive", "dense", (784, 256), 2, "contractive"),
    Workload(
        "contractive-deep", "784-128-64-32-64-128-784, contractive", "dense", (784, 128, 64, 32), 1, "contractive"
    ),
    Workload("vae", "VAE 784-400-20-400-784", "vae", (784, 400, 20), epochs=3),
    Workload("table", "30-64-32-8-32-64-30, a table of 5,000 rows", "dense", (30, 64, 32, 8)),
)
WORKLOADS: dict[str, Workload] = {row.name: row for row in _ROWS}

"""The tools that are timed, one row each; what each does stands in the file of its name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from benchmarks.speed.workloads import Workload

NOISE, CONTRACTION = 0.5, 0.1
"""σ of the noise that denoising networks see, and the weight of the contractive ones' penalty."""


@dataclass(frozen=True)
class Settings:
    """What is the same for every tool: samples, batch, learning rate of Adam, seed.

    epochs: how long a run the tool is told to expect; it is ended after its last turn.
    """

    count: int = 60_000
    batch_size: int = 256
    learning_rate: float = 1e-3
    epochs: int = 100
    seed: int = 0


@dataclass(frozen=True)
class Trained:
    """A tool's trained model: how it reconstructs samples, given as for its training, and how it is saved."""

    reconstruct: Callable[[np.ndarray], np.ndarray]
    save: Callable[[Path], object]


def scaled(pictures: np.ndarray) -> np.ndarray:
    """Bytes to float32 in 0..1; other numbers only to float32."""
    return pictures.astype(np.float32) / 255 if pictures.dtype == np.uint8 else pictures.astype(np.float32)


@dataclass(frozen=True)
class Tool:
    """A tool as its own users run it.

    module: the file in this folder; it offers `train(workload, settings, pictures, gate, **options)`. packages: whose
    versions are noted, the one that may be missing first. peer: whether it runs in the peers' environment.
    networks, varieties: the kinds it can train. differs: how its network or loop differs from the others'.
    """

    name: str
    title: str
    module: str
    packages: tuple[str, ...]
    peer: bool = True
    networks: tuple[str, ...] = ("dense", "conv", "vae")
    varieties: tuple[str, ...] = ("",)
    differs: str = ""
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def runs(self, workload: Workload) -> bool:
        """Whether the tool can train this network at all."""
        return workload.network in self.networks and workload.variety in self.varieties


_ROWS = (
    Tool(
        "isthmus",
        "Isthmus, float32",
        "isthmus",
        ("isthmus", "torch", "numpy"),
        peer=False,
        varieties=("", "denoising", "contractive"),
        options={"precision": "float32"},
    ),
    Tool(
        "plain",
        "Isthmus, the plain network",
        "isthmus",
        ("isthmus", "torch", "numpy"),
        peer=False,
        varieties=("denoising", "contractive"),
        differs="without what makes the variety",
        options={"plain": True},
    ),
    Tool(
        "isthmus-bfloat16",
        "Isthmus, bfloat16",
        "isthmus",
        ("isthmus", "torch", "numpy"),
        peer=False,
        options={"precision": "bfloat16"},
    ),
    Tool(
        "textbook",
        "PyTorch, textbook loop",
        "textbook",
        ("torch", "numpy"),
        peer=False,
        varieties=("", "denoising", "contractive"),
        differs="PyTorch's own start of the weights, with which the conv network sticks at a black picture",
    ),
    Tool(
        "products",
        "the matrix products alone",
        "products",
        ("torch", "numpy"),
        peer=False,
        networks=("dense", "vae"),
        differs="no tool: what no training in float32 by the same library of products can undercut",
    ),
    Tool("keras", "Keras 3 on JAX", "keras", ("keras", "jax", "numpy")),
    Tool(
        "pythae",
        "Pythae",
        "pythae",
        ("pythae", "torch", "numpy"),
        differs="sums the squared error over pixels (learns with Adam all the same); PyTorch's start of the weights",
    ),
    Tool(
        "sklearn",
        "scikit-learn MLPRegressor",
        "sklearn",
        ("scikit-learn", "numpy"),
        networks=("dense",),
        differs="identity at the output: it has no sigmoid there",
    ),
    Tool(
        "pyod",
        "PyOD AutoEncoder",
        "pyod",
        ("pyod", "torch", "numpy"),
        networks=("dense",),
        differs="identity at the output; drops the last, smaller batch",
    ),
)
TOOLS: dict[str, Tool] = {row.name: row for row in _ROWS}

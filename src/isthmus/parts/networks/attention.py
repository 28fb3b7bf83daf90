"""Attention: a transformer's block, with rotary positions and a memory of earlier steps where it needs them."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.parts.layers import initialise

WAVELENGTH = 10_000.0
"""The ratio of the slowest to the fastest rotation of rotary positions, as in the paper."""


class Seen(NamedTuple):
    """The keys and values of the steps so far, (N, heads, T, width / heads), and how many of the T places are used."""

    keys: Tensor
    values: Tensor
    steps: int


class Block(nn.Module):
    """Attention and two linear layers, each with normalisation before it and a residual connection.

    causal: whether each token sees only itself and those before it. rotary: whether queries and keys are turned by
    their places, so that attention depends on the tokens' distances. memory: the width of further vectors that each
    token attends to, in a layer of its own; 0 for none.

    Source: Vaswani et al., Attention is all you need, NeurIPS (2017); normalisation first: Xiong et al., On layer
    normalization in the transformer architecture, ICML (2020); rotary: Su et al., RoFormer (2021).
    """

    def __init__(self, width: int, heads: int, *, causal: bool = False, rotary: bool = False, memory: int = 0) -> None:
        super().__init__()
        self.heads, self.causal, self.rotary = heads, causal, rotary
        self.before_attention, self.before_products = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend, self.join = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        if memory:
            self.before_memory, self.ask = nn.LayerNorm(width), nn.Linear(width, width)
            self.recall, self.join_memory = nn.Linear(memory, 2 * width), nn.Linear(width, width)

    def forward(self, x: Tensor, there: Tensor | None = None, memory: Tensor | None = None) -> Tensor:
        """(N, T, width) to the same shape.

        there: (N, T) False for tokens that are masked out. memory: (N, M, memory's width).
        """
        queries, keys, values = self._split(self.attend(self.before_attention(x)), 3)
        if self.rotary:
            queries, keys = rotated(queries), rotated(keys)
        mask = None if there is None else there[:, None, None]
        attended = F.scaled_dot_product_attention(queries, keys, values, mask, is_causal=self.causal)
        return self._completed(x + self.join(_joined(attended)), memory)

    def step(self, x: Tensor, seen: Seen, memory: Tensor | None = None) -> tuple[Tensor, Seen]:
        """One further token, (N, 1, width), after those that were `seen`; as `forward` gives for its place."""
        queries, keys, values = self._split(self.attend(self.before_attention(x)), 3)
        if self.rotary:
            queries, keys = rotated(queries, seen.steps), rotated(keys, seen.steps)
        seen.keys[:, :, seen.steps], seen.values[:, :, seen.steps] = keys[:, :, 0], values[:, :, 0]
        now = seen.steps + 1
        attended = F.scaled_dot_product_attention(queries, seen.keys[:, :, :now], seen.values[:, :, :now])
        return self._completed(x + self.join(_joined(attended)), memory), seen._replace(steps=now)

    def begin(self, count: int, length: int, like: Tensor) -> Seen:
        """Room for the keys and values of `length` steps of `count` samples."""
        width = self.join.in_features // self.heads
        return Seen(*(like.new_empty(count, self.heads, length, width) for _ in range(2)), steps=0)

    def _completed(self, x: Tensor, memory: Tensor | None) -> Tensor:
        if memory is not None:
            queries = self._split(self.ask(self.before_memory(x)), 1)[0]
            keys, values = self._split(self.recall(memory), 2)
            x = x + self.join_memory(_joined(F.scaled_dot_product_attention(queries, keys, values)))
        return x + self.narrow(F.gelu(self.widen(self.before_products(x))))

    def _split(self, x: Tensor, parts: int) -> tuple[Tensor, ...]:
        """(N, T, parts · width) to (N, heads, T, width / heads), `parts` times."""
        return x.unflatten(2, (parts, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)


def rotated(x: Tensor, first: int = 0) -> Tensor:
    """(N, heads, T, width) with each pair of numbers turned by an angle in proportion to its place, from `first` on."""
    half = x.shape[3] // 2
    places = torch.arange(first, first + x.shape[2], device=x.device, dtype=torch.float32)
    speeds = WAVELENGTH ** (-torch.arange(half, device=x.device, dtype=torch.float32) / max(1, half))
    angles = places[:, None] * speeds
    cosine, sine = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    left, right = x[..., :half], x[..., half : 2 * half]
    return torch.cat([left * cosine - right * sine, left * sine + right * cosine, x[..., 2 * half :]], 3)


def draw_weights(module: nn.Module, generator: torch.Generator) -> None:
    """Draw the weights of linear layers, convolutions, embeddings and positions."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d):
            initialise(layer, "identity", generator)
        elif isinstance(layer, nn.Embedding):
            with torch.no_grad():
                layer.weight.normal_(0, layer.embedding_dim**-0.5, generator=generator)
    for name, weight in module.named_parameters(recurse=False):
        if name in ("places", "unseen"):
            with torch.no_grad():
                weight.normal_(0, 0.02, generator=generator)


def _joined(x: Tensor) -> Tensor:
    """(N, heads, T, width / heads) to (N, T, width)."""
    return x.transpose(1, 2).flatten(2)

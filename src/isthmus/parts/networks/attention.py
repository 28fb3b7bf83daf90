"""Attention: a transformer's block, with rotary positions and a memory of earlier steps where it needs them."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.parts.layers import initialise
from isthmus.parts.networks.packing import Places, places_of

WAVELENGTH = 10_000.0
"""The ratio of the slowest to the fastest rotation of rotary positions, as in the paper."""


Turns = tuple[Tensor, Tensor]
"""Cosines and sines of the angles of each place (see `turns`)."""


class Seen(NamedTuple):
    """The keys and values of the steps so far, (N, heads, T, width / heads), and how many of the T places are used.

    turns: of all T places. recalled: the keys and values of the memory.
    """

    keys: Tensor
    values: Tensor
    steps: int
    turns: Turns | None = None
    recalled: tuple[Tensor, Tensor] | None = None


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

        there: (N, T) False for tokens that are masked out, whose results have no meaning; for a causal block, only at
        the end of a row. On a CPU, all but attention leaves them out. memory: (N, M, memory's width).
        """
        places = places_of(there)
        turned = None if not self.rotary else turns(x.shape[1], self._each, x.device)
        x = x if places is None else places.pack(x)
        queries, keys, values = self._asked(x, turned, places)
        mask = None if there is None or self.causal else there[:, None, None]
        attended = F.scaled_dot_product_attention(queries, keys, values, mask, is_causal=self.causal)
        x = x + self.join(_joined(attended, places))
        x = self._completed(x, None if memory is None else self._recalled(memory), turned, places)
        return x if places is None else places.unpack(x)

    def step(self, x: Tensor, seen: Seen) -> tuple[Tensor, Seen]:
        """One further token, (N, 1, width), after those that were `seen`; as `forward` gives for its place."""
        here, now = seen.steps, seen.steps + 1
        turned = seen.turns and (seen.turns[0][here:now], seen.turns[1][here:now])
        queries, keys, values = self._asked(x, turned)
        seen.keys[:, :, here:now], seen.values[:, :, here:now] = keys, values
        attended = F.scaled_dot_product_attention(queries, seen.keys[:, :, :now], seen.values[:, :, :now])
        return self._completed(x + self.join(_joined(attended)), seen.recalled, turned), seen._replace(steps=now)

    def begin(self, count: int, length: int, like: Tensor, memory: Tensor | None = None) -> Seen:
        """Room for the keys and values of `length` steps of `count` samples; those of the memory are computed now."""
        keys, values = (like.new_empty(count, self.heads, length, self._each) for _ in range(2))
        turned = turns(length, self._each, like.device) if self.rotary else None
        return Seen(keys, values, 0, turned, None if memory is None else self._recalled(memory))

    @property
    def _each(self) -> int:
        """The width of a head."""
        return self.join.in_features // self.heads

    def _asked(self, x: Tensor, turned: Turns | None, places: Places | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values."""
        made = self._split(self.attend(self.before_attention(x)), 3, places)
        if turned is None:
            queries, keys, values = made.unbind(0)
            return queries, keys, values
        queries, keys = rotated(made[:2], turned).unbind(0)
        return queries, keys, made[2]

    def _recalled(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of the memory; the keys are turned by their places, so that a token finds its own place."""
        keys, values = self._split(self.recall(memory), 2).unbind(0)
        return rotated(keys, turns(memory.shape[1], self._each, memory.device)) if self.rotary else keys, values

    def _completed(
        self,
        x: Tensor,
        recalled: tuple[Tensor, Tensor] | None,
        turned: Turns | None,
        places: Places | None = None,
    ) -> Tensor:
        if recalled is not None:
            queries = self._split(self.ask(self.before_memory(x)), 1, places)[0]
            queries = queries if turned is None else rotated(queries, turned)
            x = x + self.join_memory(_joined(F.scaled_dot_product_attention(queries, *recalled), places))
        return x + self.narrow(F.gelu(self.widen(self.before_products(x))))

    def _split(self, x: Tensor, parts: int, places: Places | None = None) -> Tensor:
        """(N, T, parts · width), or its places, to (parts, N, heads, T, width / heads)."""
        x = x if places is None else places.unpack(x)
        return x.unflatten(2, (parts, self.heads, -1)).permute(2, 0, 3, 1, 4)


def turns(length: int, width: int, device: torch.device) -> Turns:
    """The cosines and sines, (T, width) each, by which `rotated` turns vectors of this width at T places."""
    half = width // 2
    places = torch.arange(length, device=device, dtype=torch.float32)
    speeds = WAVELENGTH ** (-torch.arange(half, device=device, dtype=torch.float32) / max(1, half))
    angles = F.pad((places[:, None] * speeds).repeat(1, 2), (0, width % 2))
    sines = angles.sin()
    return angles.cos(), torch.cat([-sines[:, :half], sines[:, half:]], 1)


def rotated(x: Tensor, turned: Turns) -> Tensor:
    """(…, T, width) with each pair of numbers turned by an angle in proportion to its place (see `turns`)."""
    half = x.shape[-1] // 2
    cosines, sines = (each.to(x.dtype) for each in turned)
    swapped = torch.cat([x[..., half : 2 * half], x[..., :half], x[..., 2 * half :]], -1)
    return torch.addcmul(x * cosines, swapped, sines)


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


def _joined(x: Tensor, places: Places | None = None) -> Tensor:
    """(N, heads, T, width / heads) to (N, T, width), or to its places."""
    x = x.transpose(1, 2).flatten(2)
    return x if places is None else places.pack(x)

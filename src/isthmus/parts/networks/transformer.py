"""The transformer over sequences: tokens of text and music, or the steps of a series."""

import math
from typing import Annotated, Any, ClassVar, Self, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.distances.tokens import counted
from isthmus.parts.layers import Chain, initialise
from isthmus.parts.networks.attention import Block, Seen, draw_weights
from isthmus.parts.networks.autoregressive import Autoregressive, Embed
from isthmus.parts.networks.network import Network
from isthmus.parts.networks.recurrent import check_sequence
from isthmus.parts.part import Shape


class Transformer(Network):
    """Attention blocks that read a sequence into a code and write it again.

    The mean of the encoder's outputs becomes a flat code. If you set no size, the code keeps a vector for each step,
    (width, T), and the decoder attends to them: this is no bottleneck, but the form for repairing texts.

    The decoder of tokens sees the code and the tokens before each (see `Autoregressive`). That of series makes all
    steps at once.

    width, depth, heads: of the blocks, alike in encoder and decoder. word_dropout: the share of the tokens that the
    decoder doesn't see in training. tokens, classes: the size of the vocabulary and the number of labels; decided from
    the data.

    Source: Vaswani et al., Attention is all you need, NeurIPS (2017); Lewis et al., BART, ACL (2020), for repairing.
    """

    cuttable: ClassVar[bool] = True

    width: Annotated[int, Field(ge=2)] = 128
    depth: Annotated[int, Field(ge=1)] = 3
    heads: Annotated[int, Field(ge=1)] = 4
    word_dropout: Annotated[float, Field(ge=0, le=1)] = 0.0
    tokens: Annotated[int, Field(ge=0)] = 0
    classes: Annotated[int, Field(ge=0)] = 0

    def resolve(self, spec: DataSpec) -> Self:
        """The same network for samples of this vocabulary."""
        return self.replace(tokens=spec.tokens or self.tokens, classes=spec.classes)

    def check(self, shape: Shape) -> None:
        """Raise BlueprintError unless `shape` is a series', (C, T), or that of tokens, (T,), and the width fits."""
        check_sequence(self.kind, shape, self.tokens)
        if self.width % self.heads:
            raise BlueprintError(
                f"width={self.width} can't be divided among {self.heads} heads. "
                f"Use a multiple of {self.heads}, or another number of heads."
            )

    def natural_code(self, shape: Shape) -> Shape:
        """(width, T)."""
        return (self.width, shape[-1])

    def encoder(self, shape: Shape, features: Shape, generator: torch.Generator) -> Chain:
        """(N, C, T) or tokens (N, T) to (N, *features): read, and code."""
        length = shape[-1] - (self.classes if self.tokens else 0)
        read = Reader(self.tokens or shape[0], self.width, self.depth, self.heads, self.classes, bool(self.tokens))
        draw_weights(read, generator)
        if len(features) == 2:
            code: nn.Module = nn.Conv1d(self.width, features[0], 1)
        else:
            code = nn.Linear(self.width, math.prod(features))
        initialise(code, "identity", generator)
        if len(features) == 2 and features[1] != length:
            raise BlueprintError(f"A transformer's code map has {length} steps, but the code has shape {features}.")
        return Chain({"read": read} | ({} if len(features) == 2 else {"mean": Mean()}) | {"code": code})

    def decoder(self, code: Shape, shape: Shape, generator: torch.Generator) -> Chain:
        """(N, *code) to (N, C, T), or to the logits (N, tokens, T): output (see `AttentiveTokens`)."""
        if self.tokens:
            made = AttentiveTokens(code, shape, self.width, self.depth, self.heads, self.word_dropout)
            draw_weights(made, generator)
            return Chain({"output": made})
        write = Writer(code, shape[1], self.width, self.depth, self.heads)
        draw_weights(write, generator)
        output = nn.Conv1d(self.width, shape[0], 1)
        initialise(output, "identity", generator)
        return Chain({"write": write, "output": output})


class Reader(nn.Module):
    """The encoder: (N, C, T) or tokens (N, T) to (N, width, T), 0 after a text's end.

    seen: channels of a series, or the size of the vocabulary if `of_tokens`.
    """

    def __init__(self, seen: int, width: int, depth: int, heads: int, classes: int, of_tokens: bool) -> None:
        super().__init__()
        self.of_tokens, self.classes = of_tokens, classes
        self.embed = Embed(seen, width, classes) if of_tokens else nn.Linear(seen, width)
        self.blocks = nn.ModuleList([Block(width, heads, rotary=True) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        there = counted(x[:, : x.shape[1] - self.classes]) if self.of_tokens else None
        made = self.embed(x if self.of_tokens else x.transpose(1, 2))
        for block in self.blocks:
            made = block(made, there)
        made = self.norm(made)
        return (made if there is None else made * there[..., None]).transpose(1, 2)


class Mean(nn.Module):
    """The mean over the steps that aren't 0 in all channels."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, T) to (N, C)."""
        there = (x != 0).any(1, keepdim=True)
        return x.sum(2) / there.sum(2).clamp(min=1)


class Writer(nn.Module):
    """The decoder of series: (N, *code) to (N, width, T), all steps at once."""

    def __init__(self, code: Shape, length: int, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.length = length
        self.embed = nn.Linear(code[0], width)
        self.places = nn.Parameter(torch.empty(length, width))
        self.blocks = nn.ModuleList([Block(width, heads, rotary=True) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)

    def forward(self, z: Tensor) -> Tensor:
        """See the class."""
        vectors = z.transpose(1, 2) if z.ndim == 3 else z[:, None].expand(-1, self.length, -1)
        made = self.embed(vectors) + self.places
        for block in self.blocks:
            made = block(made)
        return self.norm(made).transpose(1, 2)


class AttentiveTokens(Autoregressive):
    """The decoder of tokens by attention blocks.

    A flat code is added to every token; to a map of codes, (C, M), each block attends.

    placed: whether each place has a vector of its own, which is added too: for sequences whose places have different
    meanings, such as the indices of a code.
    """

    def __init__(
        self, code: Shape, shape: Shape, width: int, depth: int, heads: int, dropped: float, *, placed: bool = False
    ) -> None:
        super().__init__(shape[0], shape[1], width, width, dropped)
        self.places = nn.Parameter(torch.empty(shape[1], width)) if placed else None
        self.mapped = len(code) == 2
        if not self.mapped:
            self.spread = nn.Linear(math.prod(code), width)
        memory = code[0] if self.mapped else 0
        blocks = [Block(width, heads, causal=True, rotary=True, memory=memory) for _ in range(depth)]
        self.blocks, self.norm = nn.ModuleList(blocks), nn.LayerNorm(width)

    def hidden(self, z: Tensor, given: Tensor, there: Tensor | None = None) -> Tensor:
        """(N, *code), (N, T, width) to (N, T, width)."""
        memory, extra = self._of(z)
        x = given if extra is None else given + extra[:, None]
        x = x if self.places is None else x + self.places[: x.shape[1]]
        for block in self.blocks:
            x = block(x, there, memory)
        return self.norm(x)

    def begin(self, z: Tensor) -> tuple[Tensor | None, list[Seen]]:
        """The vector to add, if there is one, and room for each block's keys and values."""
        memory, extra = self._of(z)
        like = self.norm.weight
        return extra, [cast(Block, block).begin(z.shape[0], self.length, like, memory) for block in self.blocks]

    def step(self, given: Tensor, state: Any) -> tuple[Tensor, Any]:
        """(N, width) and what was seen to (N, width) and what is seen then."""
        extra, before = state
        x = (given if extra is None else given + extra)[:, None]
        x = x if self.places is None else x + self.places[before[0].steps]
        after = []
        for block, seen in zip(self.blocks, before, strict=True):
            x, seen_now = cast(Block, block).step(x, seen)
            after.append(seen_now)
        return self.norm(x)[:, 0], (extra, after)

    def _of(self, z: Tensor) -> tuple[Tensor | None, Tensor | None]:
        if self.mapped:
            return z.transpose(1, 2).to(self.norm.weight.dtype), None
        return None, self.spread(z.flatten(1).to(self.norm.weight.dtype))

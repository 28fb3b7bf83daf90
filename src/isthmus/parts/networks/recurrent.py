"""Recurrent networks for series and tokens: gated recurrent units."""

import math
from typing import Annotated, Any, ClassVar, Self, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.layers import Chain, Dropout, initialise
from isthmus.parts.networks.attention import draw_weights
from isthmus.parts.networks.autoregressive import Autoregressive, Embed
from isthmus.parts.networks.gated import after_step, after_steps
from isthmus.parts.networks.network import Network
from isthmus.parts.part import Shape


class Gru(Network):
    r"""Gated recurrent units that read a series or a text into a code and write it again.

    The encoder reads from the last step to the first, and its final state becomes the code. The decoder gets the code
    in every step and writes from the first step to the last. So the steps that were read last are written first, and
    padding at the end is read before the values.

    Tokens are read by their embeddings, without what follows the end. Their decoder also gets the token before each
    step, and its first state comes from the code (see `Autoregressive`).

    widths: of the states, from the data inwards.
    dropout: the share of each layer's states that is dropped in training, but in a decoder of tokens.
    embedding: numbers that stand for a token. word_dropout: the share of the tokens that the decoder doesn't see in
        training. tokens, classes: the size of the vocabulary and the number of labels; decided from the data.

    Source: Cho et al., Learning phrase representations using RNN encoder–decoder, EMNLP (2014), for the unit and for
    the code in every step; Malhotra et al., LSTM-based encoder-decoder for multi-sensor anomaly detection (2016), for
    writing in the opposite order; Bowman et al., Generating sentences from a continuous space, CoNLL (2016), for text.
    """

    cuttable: ClassVar[bool] = True

    widths: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (64,)
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    embedding: Annotated[int, Field(ge=1)] = 64
    word_dropout: Annotated[float, Field(ge=0, le=1)] = 0.0
    tokens: Annotated[int, Field(ge=0)] = 0
    classes: Annotated[int, Field(ge=0)] = 0

    def resolve(self, spec: DataSpec) -> Self:
        """The same network for samples of this vocabulary."""
        return self.replace(tokens=spec.tokens or self.tokens, classes=spec.classes)

    def check(self, shape: Shape) -> None:
        """Raise BlueprintError unless `shape` is a series', (C, T), or that of tokens, (T,)."""
        check_sequence(self.kind, shape, self.tokens)

    def encoder(self, shape: Shape, features: Shape, generator: torch.Generator) -> Chain:
        """(N, C, T) or tokens (N, T) to (N, *features): embed (of tokens), gru1 …, last, code."""
        layers: dict[str, nn.Module] = {}
        if self.tokens:
            shape = (self.embedding, shape[0] - self.classes)
            embed = Embed(self.tokens, self.embedding, self.classes)
            draw_weights(embed, generator)
            layers |= {"embed": embed, "turn": ChannelsFirst()}
        self.check(shape if not self.tokens else shape[1:])
        layers |= self._stack(shape[0], self.widths, shape[1], generator, backwards=True)
        layers |= {"last": Step(0), "code": nn.Linear(self.widths[-1], math.prod(features))}
        initialise(layers["code"], "identity", generator)
        return Chain(layers)

    def decoder(self, code: Shape, shape: Shape, generator: torch.Generator) -> Chain:
        """(N, *code) to (N, C, T): repeat, gru1 …, and the same linear layer in every step, output.

        For tokens, `shape` is (tokens, T), and the decoder is one layer, output (see `RecurrentTokens`).
        """
        widths = self.widths[::-1]
        if self.tokens:
            output = RecurrentTokens(math.prod(code), shape, self.embedding, widths, generator, self.word_dropout)
            return Chain({"output": output})
        layers: dict[str, nn.Module] = {"repeat": Repeat(shape[1])}
        layers |= self._stack(math.prod(code), widths, shape[1], generator, backwards=False)
        layers["output"] = nn.Conv1d(widths[-1], shape[0], 1)
        initialise(layers["output"], "identity", generator)
        return Chain(layers)

    def _stack(
        self, before: int, widths: tuple[int, ...], length: int, generator: torch.Generator, *, backwards: bool
    ) -> dict[str, nn.Module]:
        """Stacked recurrent layers of these widths, by names."""
        layers: dict[str, nn.Module] = {}
        for number, width in enumerate(widths, start=1):
            skipping = bool(self.tokens)
            layers[f"gru{number}"] = Recurrent(before, width, generator, backwards=backwards, skipping=skipping)
            if self.dropout:
                layers[f"dropout{number}"] = Dropout(self.dropout, (width, length))
            before = width
        return layers


def check_sequence(kind: str, shape: Shape, tokens: int) -> None:
    """Raise BlueprintError unless samples of this shape are series, or tokens of a vocabulary of this size."""
    if len(shape) == (1 if tokens else 2):
        return
    raise BlueprintError(
        f"A {kind} network needs series of shape (C, T) or tokens (T,), but the samples have shape {shape}. "
        "Give the data as series (kind='series') or text (kind='text'), or use another network."
    )


class Recurrent(nn.Module):
    r"""A layer of gated recurrent units over a series (N, C, T), from a state of 0.

    .. math::
        r_t = \sigma(W_r x_t + U_r h_{t-1} + b_r), \quad u_t = \sigma(W_u x_t + U_u h_{t-1} + b_u)

        n_t = \tanh(W_n x_t + b_n + r_t \odot (U_n h_{t-1} + c_n)), \quad h_t = n_t + u_t \odot (h_{t-1} - n_t)

    All devices give the same numbers up to rounding, and derivatives of any order exist (see `after_steps`). W has
    Glorot's start, U an orthogonal one (Saxe et al. 2014), so that a state neither fades nor grows at first.

    backwards: whether it reads from the last step to the first. skipping: whether steps that are 0 in all channels,
    such as those after a text's end, leave the state as it is. If they are read first, their states are 0 too.
    """

    def __init__(
        self,
        channels: int,
        width: int,
        generator: torch.Generator,
        *,
        backwards: bool = False,
        skipping: bool = False,
    ) -> None:
        super().__init__()
        self.backwards, self.skipping = backwards, skipping
        self.given, self.state = nn.Linear(channels, 3 * width), nn.Linear(width, 3 * width)
        with torch.no_grad():
            for gate in range(3):
                rows = slice(gate * width, (gate + 1) * width)
                nn.init.xavier_uniform_(self.given.weight[rows], generator=generator)
                nn.init.orthogonal_(self.state.weight[rows], generator=generator)
            self.given.bias.zero_()
            self.state.bias.zero_()

    def forward(self, x: Tensor, state: Tensor | None = None, there: Tensor | None = None) -> Tensor:
        """(N, C, T) to (N, width, T): the state after each step, from the state (N, width), by default 0.

        there: (N, T) False for steps that leave the state as it is.
        """
        before = x.new_zeros(x.shape[0], self.state.in_features) if state is None else state
        weights = (self.given.weight, self.given.bias, self.state.weight, self.state.bias)
        there = (x != 0).any(1) if self.skipping else there
        counting = None if there is None else there.t()
        return after_steps(x.permute(2, 0, 1), before, weights, counting, backwards=self.backwards).permute(1, 2, 0)

    def step(self, x: Tensor, state: Tensor) -> Tensor:
        """(N, C) of one step and the state (N, width) before it to the state after it."""
        return after_step(self.given(x), state, self.state.weight, self.state.bias)

    def extra_repr(self) -> str:
        """The text that `print` shows."""
        return "backwards" if self.backwards else ""


def stacked(before: int, widths: tuple[int, ...], generator: torch.Generator) -> nn.ModuleList:
    """Recurrent layers of these widths, the first of which gets `before` numbers in each step."""
    pairs = zip((before, *widths[:-1]), widths, strict=True)
    return nn.ModuleList([Recurrent(given, width, generator) for given, width in pairs])


class RecurrentTokens(Autoregressive):
    """The decoder of tokens by recurrent layers: each step gets the token before it and the code.

    code: numbers of a code. shape: (tokens, T). The first state of each layer is a linear map of the code.
    """

    def __init__(
        self,
        code: int,
        shape: Shape,
        embedded: int,
        widths: tuple[int, ...],
        generator: torch.Generator,
        dropped: float = 0.0,
    ) -> None:
        super().__init__(shape[0], shape[1], embedded, widths[-1], dropped)
        self.layers = stacked(embedded + code, widths, generator)
        self.first = nn.ModuleList([nn.Linear(code, width) for width in widths])
        for first in self.first:
            initialise(first, "identity", generator)
        self.draw_head(generator)

    def hidden(self, z: Tensor, given: Tensor, there: Tensor | None = None) -> Tensor:
        """(N, *code), (N, T, embedded) to (N, T, width)."""
        z = z.flatten(1).to(given.dtype)
        x = torch.cat([given, z[:, None].expand(-1, given.shape[1], -1)], 2).transpose(1, 2)
        for layer, first in zip(self.layers, self.first, strict=True):
            x = layer(x, torch.tanh(first(z)), there)
        return x.transpose(1, 2)

    def begin(self, z: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The code, and the first state of each layer."""
        z = z.flatten(1)
        return z, [torch.tanh(first(z)) for first in self.first]

    def step(self, given: Tensor, state: Any) -> tuple[Tensor, Any]:
        """(N, embedded) and the states to (N, width) and the next states."""
        z, states = state
        x, after = torch.cat([given, z.to(given.dtype)], 1), []
        for layer, before in zip(self.layers, states, strict=True):
            x = cast(Recurrent, layer).step(x, before)
            after.append(x)
        return x, (z, after)


class ChannelsFirst(nn.Module):
    """Turns (N, T, C) into (N, C, T)."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, T, C) to (N, C, T)."""
        return x.transpose(1, 2)


class Step(nn.Module):
    """One step of a series."""

    def __init__(self, place: int) -> None:
        super().__init__()
        self.place = place

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, T) to (N, C)."""
        return x[..., self.place]


class Repeat(nn.Module):
    """The same numbers in every step."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length

    def forward(self, x: Tensor) -> Tensor:
        """(N, *code) to (N, D, T)."""
        return x.flatten(1)[..., None].expand(-1, -1, self.length)

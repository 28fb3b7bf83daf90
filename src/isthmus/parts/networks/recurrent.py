"""Recurrent networks for series: gated recurrent units."""

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts.layers import Chain, Dropout, initialise
from isthmus.parts.networks.network import Network
from isthmus.parts.part import Shape


class Gru(Network):
    r"""Gated recurrent units that read a series into a code and write it again.

    The encoder reads from the last step to the first, and its final state becomes the code. The decoder gets the code
    in every step and writes from the first step to the last. So the steps that were read last are written first, and
    padding at the end of a series is read before the values.

    widths: of the states, from the data inwards.
    dropout: the share of each layer's states that is dropped in training.

    Source: Cho et al., Learning phrase representations using RNN encoder–decoder, EMNLP (2014), for the unit and for
    the code in every step; Malhotra et al., LSTM-based encoder-decoder for multi-sensor anomaly detection (2016), for
    writing in the opposite order.
    """

    widths: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (64,)
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0

    def check(self, shape: Shape) -> None:
        """Raise BlueprintError unless `shape` is a series', (C, T)."""
        if len(shape) != 2:
            raise BlueprintError(
                f"A gru network needs series of shape (C, T), but the samples have shape {shape}. "
                "Give the data as series (kind='series'), or use another network."
            )

    def encoder(self, shape: Shape, features: Shape, generator: torch.Generator) -> Chain:
        """(N, C, T) to (N, *features): gru1 …, last, code."""
        self.check(shape)
        layers = self._stack(shape[0], self.widths, shape[1], generator, backwards=True)
        layers |= {"last": Step(0), "code": nn.Linear(self.widths[-1], math.prod(features))}
        initialise(layers["code"], "identity", generator)
        return Chain(layers)

    def decoder(self, code: Shape, shape: Shape, generator: torch.Generator) -> Chain:
        """(N, *code) to (N, C, T): repeat, gru1 …, and the same linear layer in every step, output."""
        widths = self.widths[::-1]
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
            layers[f"gru{number}"] = Recurrent(before, width, generator, backwards=backwards)
            if self.dropout:
                layers[f"dropout{number}"] = Dropout(self.dropout, (width, length))
            before = width
        return layers


class Recurrent(nn.Module):
    r"""A layer of gated recurrent units over a series (N, C, T), from a state of 0.

    .. math::
        r_t = \sigma(W_r x_t + U_r h_{t-1} + b_r), \quad u_t = \sigma(W_u x_t + U_u h_{t-1} + b_u)

        n_t = \tanh(W_n x_t + b_n + r_t \odot (U_n h_{t-1} + c_n)), \quad h_t = n_t + u_t \odot (h_{t-1} - n_t)

    It is written out step by step, so that all devices give the same numbers and derivatives of any order exist. W has
    Glorot's start, U an orthogonal one (Saxe et al. 2014), so that a state neither fades nor grows at first.

    backwards: whether it reads from the last step to the first.
    """

    def __init__(self, channels: int, width: int, generator: torch.Generator, *, backwards: bool = False) -> None:
        super().__init__()
        self.backwards = backwards
        self.given, self.state = nn.Linear(channels, 3 * width), nn.Linear(width, 3 * width)
        with torch.no_grad():
            for gate in range(3):
                rows = slice(gate * width, (gate + 1) * width)
                nn.init.xavier_uniform_(self.given.weight[rows], generator=generator)
                nn.init.orthogonal_(self.state.weight[rows], generator=generator)
            self.given.bias.zero_()
            self.state.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, T) to (N, width, T): the state after each step."""
        steps = self.given(x.transpose(1, 2)).unbind(1)
        order = range(len(steps))[::-1] if self.backwards else range(len(steps))
        states: list[Tensor] = [x.new_empty(0)] * len(steps)
        state = steps[0].new_zeros(len(x), self.state.in_features)
        for step in order:
            reset, update, new = steps[step].chunk(3, 1)
            from_reset, from_update, from_new = self.state(state).chunk(3, 1)
            fresh = torch.tanh(new + torch.sigmoid(reset + from_reset) * from_new)
            state = torch.lerp(fresh, state, torch.sigmoid(update + from_update))
            states[step] = state
        return torch.stack(states, 2)

    def extra_repr(self) -> str:
        """The text that `print` shows."""
        return "backwards" if self.backwards else ""


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

"""A hierarchical decoder of tokens: a conductor makes a vector for each segment, from which its tokens are written."""

import math
from typing import Annotated, Any, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts.layers import Chain, initialise
from isthmus.parts.networks.autoregressive import Autoregressive
from isthmus.parts.networks.recurrent import Gru, Recurrent, stacked
from isthmus.parts.part import Shape


class Conductor(Gru):
    """Gated recurrent units for long samples of tokens, whose decoder writes a segment at a time.

    The encoder is that of `Gru`. For the decoder see `ConductedTokens`.

    segment: tokens in a segment; 16 are a bar of 4/4 in sixteenths.

    Source: Roberts et al., A hierarchical latent vector model for learning long-term structure in music, ICML (2018).
    """

    segment: Annotated[int, Field(ge=1)] = 16

    def check(self, shape: Shape) -> None:
        """Raise BlueprintError unless the samples are tokens."""
        if not self.tokens:
            raise BlueprintError(
                f"A {self.kind} network needs tokens, but the samples have shape {shape}. Give melodies "
                "(kind='melody') or text (kind='text'), or use the network 'gru'."
            )
        super().check(shape)

    def decoder(self, code: Shape, shape: Shape, generator: torch.Generator) -> Chain:
        """(N, *code) to the logits (N, tokens, T): output."""
        widths, size = self.widths[::-1], math.prod(code)
        made = ConductedTokens(
            size, shape, self.embedding, widths, generator, self.word_dropout, segment=min(self.segment, shape[1])
        )
        return Chain({"output": made})


class ConductedTokens(Autoregressive):
    """The decoder of long sequences of tokens, such as 16 bars of music, a segment (a bar) at a time.

    A recurrent layer, the conductor, gets the code and makes a vector for each segment. Within a segment, recurrent
    layers start anew from this vector, so that only the conductor knows of the segments before; in this way the code
    keeps its influence up to the end. All segments are computed together in training.

    code: numbers of a code. shape: (tokens, T). segment: tokens in a segment; the last one may be shorter.

    Source: Roberts et al., A hierarchical latent vector model for learning long-term structure in music, ICML (2018).
    """

    def __init__(
        self,
        code: int,
        shape: Shape,
        embedded: int,
        widths: tuple[int, ...],
        generator: torch.Generator,
        dropped: float = 0.0,
        *,
        segment: int,
    ) -> None:
        super().__init__(shape[0], shape[1], embedded, widths[-1], dropped)
        self.segment, self.segments = segment, -(-shape[1] // segment)
        width = widths[0]
        self.conductor = Recurrent(code, width, generator)
        self.start = nn.Linear(code, width)
        self.layers = stacked(embedded + width, widths, generator)
        self.first = nn.ModuleList([nn.Linear(width, each) for each in widths])
        for linear in (self.start, *self.first):
            initialise(linear, "identity", generator)
        self.draw_head(generator)

    def hidden(self, z: Tensor, given: Tensor, there: Tensor | None = None) -> Tensor:
        """(N, *code), (N, T', embedded) to (N, T', width) for T' ≤ T."""
        (count, steps), length = given.shape[:2], self.segments * self.segment
        plans = self._plans(z.flatten(1).to(given.dtype)).flatten(0, 1)
        given = nn.functional.pad(given, (0, 0, 0, length - steps))
        given = given.reshape(count * self.segments, self.segment, -1)
        if there is not None:
            there = nn.functional.pad(there, (0, length - steps)).view(-1, self.segment)
        x = torch.cat([given, plans[:, None].expand(-1, self.segment, -1)], 2).transpose(1, 2)
        for layer, first in zip(self.layers, self.first, strict=True):
            x = layer(x, torch.tanh(first(plans)), there)
        return x.transpose(1, 2).reshape(count, length, -1)[:, :steps]

    def begin(self, z: Tensor) -> tuple[int, Tensor, list[Tensor]]:
        """The number of tokens so far, the segments' vectors, and no states yet."""
        return 0, self._plans(z.flatten(1)), []

    def step(self, given: Tensor, state: Any) -> tuple[Tensor, Any]:
        """(N, embedded) and the states to (N, width) and the next states."""
        place, plans, states = state
        plan = plans[:, place // self.segment]
        if place % self.segment == 0:
            states = [torch.tanh(first(plan)) for first in self.first]
        x, after = torch.cat([given, plan.to(given.dtype)], 1), []
        for layer, before in zip(self.layers, states, strict=True):
            x = cast(Recurrent, layer).step(x, before)
            after.append(x)
        return x, (place + 1, plans, after)

    def _plans(self, z: Tensor) -> Tensor:
        """(N, D) to (N, segments, width): a vector for each segment."""
        steps = z[..., None].expand(-1, -1, self.segments)
        return self.conductor(steps, torch.tanh(self.start(z))).transpose(1, 2)

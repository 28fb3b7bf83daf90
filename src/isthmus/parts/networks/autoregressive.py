"""Decoders that make a sequence token by token: each sees the code and the tokens before it."""

from typing import Any

import torch
from torch import Tensor, nn

from isthmus.parts.distances import Distance
from isthmus.parts.distances.tokens import counted
from isthmus.parts.layers import initialise
from isthmus.parts.networks.generating import Choice, Generating
from isthmus.parts.networks.packing import transformed
from isthmus.parts.part import Shape
from isthmus.special_tokens import END, UNKNOWN

_NEVER = -1e4
"""The logit of every token but the end, after the end."""


class Autoregressive(Generating):
    """The decoder of tokens: (N, *code) to the logits (N, tokens, T) of each place.

    With the samples as the target (teacher forcing), all places are computed together, each from the tokens before it.
    Without them, the tokens are generated one after the other, each the most likely one, and the logits are theirs.

    length: T. dropped: the share of the tokens before each that are unknown to it in training (word dropout), so that
    it has to use the code.

    A subclass has an `embedding`, and defines `hidden`, `begin` and `step`.

    Source: Bowman et al., Generating sentences from a continuous space, CoNLL (2016), for the use of the code and for
    word dropout.
    """

    def __init__(self, tokens: int, length: int, embedded: int, width: int, dropped: float) -> None:
        super().__init__()
        self.tokens, self.length, self.dropped = tokens, length, dropped
        self.embedding, self.head = nn.Embedding(tokens, embedded), nn.Linear(width, tokens)

    def hidden(self, z: Tensor, given: Tensor, there: Tensor | None = None) -> Tensor:
        """(N, *code), (N, T, embedded) embeddings of the tokens before each place, to (N, T, width).

        there: (N, T) False after a text's end, where the results have no meaning.
        """
        raise NotImplementedError

    def begin(self, z: Tensor) -> Any:
        """The state before the first token, from (N, *code)."""
        raise NotImplementedError

    def step(self, given: Tensor, state: Any) -> tuple[Tensor, Any]:
        """(N, embedded) of one token to the (N, width) from which the next is predicted, and the state after it."""
        raise NotImplementedError

    def draw(self, count: int, generator: torch.Generator) -> Tensor | None:
        """(N, T) True for the tokens to drop."""
        if not self.dropped:
            return None
        return torch.rand(count, self.length, generator=generator, device=generator.device) < self.dropped

    def forward(self, z: Tensor, dropped: Tensor | None = None, target: Tensor | None = None) -> Tensor:
        """(K·N, *code) and the target (N, T), if there is one, to (K·N, tokens, T) logits.

        The target may be cut to T' ≤ T places; the logits are those of these places. After its end they have no
        meaning.
        """
        if target is None:
            return self.generate(z)[1]
        times = z.shape[0] // max(1, target.shape[0])
        target = target.long()
        there = counted(target)
        if dropped is not None:  # the batch may have been cut to its longest text
            target = torch.where(dropped[:, : target.shape[1]], UNKNOWN, target)
        before = nn.functional.pad(target[:, :-1], (1, 0), value=END)
        if times != 1:
            before, there = before.repeat(times, 1), there.repeat(times, 1)
        made = self.hidden(z, self.embedding(before), there)
        by_steps = made.transpose(0, 1)
        if by_steps.is_contiguous():  # steps first, as recurrent layers make them
            return self.head(by_steps).permute(1, 2, 0)
        return self.head(made).transpose(1, 2)

    @torch.no_grad()
    def generate(self, z: Tensor, choice: Choice | None = None) -> tuple[Tensor, Tensor]:
        """Tokens (N, T) for (N, *code), and their logits (N, tokens, T); without a choice, each the most likely one."""
        state, count = self.begin(z), z.shape[0]
        token = torch.full((count,), END, device=z.device)
        ended = torch.zeros(count, dtype=torch.bool, device=z.device)
        tokens = torch.full((count, self.length), END, device=z.device)
        logits = z.new_full((count, self.tokens, self.length), _NEVER)
        logits[:, END] = 0
        for place in range(self.length):
            made, state = self.step(self.embedding(token), state)
            likely = self.head(made).to(z.dtype)
            token = likely.argmax(1) if choice is None else _chosen(likely, choice, place)
            token = torch.where(ended, END, token)
            tokens[:, place] = token
            logits[:, :, place] = torch.where(ended[:, None], logits[:, :, place], likely)
            ended = ended | (token == END)
            if place % 8 == 7 and not transformed() and bool(ended.all()):  # each look waits for the device
                break
        return tokens, logits

    def noise(self, count: int, shape: Shape, generator: torch.Generator) -> Tensor:
        """(N, T) uniform numbers in 0..1."""
        return torch.rand(count, *shape, generator=generator)

    def start_at(self, sample: Tensor, distance: Distance) -> None:
        """Let the first output be the log-frequencies of the tokens, wherever it is asked."""
        with torch.no_grad():
            self.head.bias.copy_(distance.start(sample))
            self.head.weight.mul_(0.1)

    def draw_head(self, generator: torch.Generator) -> None:
        """Draw the weights of the embedding and of the head."""
        initialise(self.head, "identity", generator)
        with torch.no_grad():
            self.embedding.weight.normal_(0, self.embedding.embedding_dim**-0.5, generator=generator)

    def extra_repr(self) -> str:
        """The text that `print` shows."""
        return f"tokens={self.tokens}, length={self.length}, dropped={self.dropped}"


def _chosen(logits: Tensor, choice: Choice, step: int) -> Tensor:
    """(N,) tokens from (N, tokens) logits, among the likely ones that have `top_p` together."""
    shares, order = (logits / choice.temperature).softmax(1).sort(1, descending=True)
    sums = shares.cumsum(1)
    kept = torch.where(sums - shares < choice.top_p, shares, 0)  # the first is always kept
    sums = kept.cumsum(1)
    noise = choice.noise[:, step, None].to(sums)
    place = (sums <= noise * sums[:, -1:]).sum(1).clamp(max=logits.shape[1] - 1)
    place = torch.minimum(place, (kept > 0).sum(1) - 1)
    return order.gather(1, place[:, None])[:, 0]


class Embed(nn.Module):
    """Tokens to vectors: (N, T), with one-hot labels behind them if there are classes, to (N, T, width).

    The vectors after a text's end are 0.
    """

    def __init__(self, tokens: int, width: int, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.symbols = nn.Embedding(tokens, width)
        self.labels = nn.Linear(classes, width, bias=False) if classes else None

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        length = x.shape[1] - self.classes
        tokens = x[:, :length].long()
        made = self.symbols(tokens)
        if self.labels is not None:
            made = made + self.labels(x[:, length:].to(made.dtype))[:, None]
        return made * counted(tokens)[..., None]

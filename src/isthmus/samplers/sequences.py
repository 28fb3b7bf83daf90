"""Sequences: a small transformer over the indices of quantised codes, from which new codes are drawn."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from isthmus.data.samples import Samples
from isthmus.errors import DataError
from isthmus.parts.networks.attention import draw_weights
from isthmus.parts.networks.generating import Choice
from isthmus.parts.networks.transformer import AttentiveTokens
from isthmus.samplers.sampler import Sampler
from isthmus.seeds import seeded
from isthmus.storage.sizes import at_most
from isthmus.training.by_labels import Learner, train_learner
from isthmus.training.settings import Settings

FIRST = 1
"""The token of index 0: token 0 stands before the first index, and never follows."""
_NEVER = -1e4
"""The logit of token 0, whose probability is then 0."""
BATCH, RATE, DECAY = 128, 2e-3, 0.05
"""Samples in a step, the highest learning rate, and the weight decay, of AdamW."""
ASIDE, MOST_ASIDE = 0.1, 2000
"""The share of the samples by which the best epoch is chosen, and the most of them."""
LARGEST = 2**16
"""The most values of an index."""

Progress = Callable[[int, int], object]


@dataclass(frozen=True, repr=False)
class Sequences(Sampler):
    r"""The indices of a code, each given those before it: :math:`p(k) = \prod_t p(k_t | k_1 … k_{t-1})`.

    A transformer with a vector for each place gives the probabilities; it is the decoder that also writes text and
    music. If the samples had labels, it gets the label too.

    shape: of a sample's indices; their order is that of the flat tensor. symbols: how many values an index has.
    classes: the number of labels; 0 without. width, depth, heads: of the transformer. model: what the indices belong
    to, such as the fingerprint of a model. weights: of the transformer, by name. shares: (classes,) of the labels.

    Source: van den Oord, Vinyals & Kavukcuoglu, Neural discrete representation learning, NeurIPS (2017), for a prior
    fitted to the indices after training; a transformer: Esser, Rombach & Ommer, Taming transformers, CVPR (2021).
    """

    kind: ClassVar[str] = "sequences"

    symbols: int
    classes: int
    width: int
    depth: int
    heads: int
    model: str
    weights: Mapping[str, Tensor]
    shares: Tensor
    network: AttentiveTokens = field(init=False, compare=False)

    def __post_init__(self) -> None:
        network = _network(self.shape, self.symbols, self.classes, self.width, self.depth, self.heads)
        network.load_state_dict(dict(self.weights))
        object.__setattr__(self, "network", network.eval().requires_grad_(False))

    def draw(
        self,
        count: int,
        generator: torch.Generator,
        labels: Tensor | None = None,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
    ) -> Tensor:
        """(count, *shape) int64 indices; the same generator state gives the same draws.

        labels: (count,) int64; by default drawn like those of the samples. temperature, top_p: see `Choice`.
        """
        if self.classes and labels is None:
            labels = torch.multinomial(self.shares, count, replacement=True, generator=generator)
        noise = torch.rand(count, math.prod(self.shape), generator=generator)
        tokens, _ = self.network.generate(_condition(count, labels, self.classes), Choice(noise, temperature, top_p))
        return (tokens - FIRST).clamp(min=0).view(count, *self.shape)

    def nats(self, indices: Tensor, labels: Tensor | None = None) -> Tensor:
        """(N, *shape) indices to the (N, T) nats of each, given those before it (and the labels, which it needs)."""
        condition = _condition(len(indices), labels, self.classes)
        return _all_nats(self.network, indices.flatten(1), condition)

    @classmethod
    def restored(cls, shape: tuple[int, ...], tensors: dict[str, Tensor], notes: Mapping[str, Any]) -> Self:
        """The sampler from what `save` wrote."""
        sizes = {name: notes[name] for name in ("symbols", "classes", "width", "depth", "heads")}
        if any(type(size) is not int or size < 0 for size in sizes.values()):
            raise ValueError("its sizes are no whole numbers")
        if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
            raise ValueError("its weights are not finite")
        shares = tensors.pop("shares")
        with at_most(sum(tensor.nbytes for tensor in tensors.values())):
            return cls(shape, **sizes, model=str(notes["model"]), weights=tensors, shares=shares)

    def _facts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("symbols", "classes", "width", "depth", "heads", "model")}

    def _tensors(self) -> dict[str, Tensor]:
        return {**self.weights, "shares": self.shares}


def fit_sequences(
    indices: Tensor,
    symbols: int,
    labels: Tensor | None = None,
    *,
    classes: int = 0,
    width: int = 96,
    depth: int = 2,
    heads: int = 4,
    epochs: int = 10,
    model: str = "",
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Sequences:
    """A transformer fitted to (N, …) int64 indices from 0 to symbols - 1, by their likelihood.

        sampler = fit_sequences(run.model.indices(raw), run.model.code.symbols(run.model.code_shape))

    A tenth of the samples is set aside, and the weights of the epoch with the best likelihood there are kept.

    labels, classes: (N,) int64 and their number, if the draws should follow them. device: where to learn.
    progress: called as `progress(done, epochs)`. For the others see `Sequences`.

    Raises:
        DataError: there are too few samples, or an index or label is out of range.
    """
    flat = indices.detach().cpu().flatten(1).long()
    if len(flat) < 2 or not flat.shape[1]:
        raise DataError(f"There are indices of {len(flat)} samples, but a sequence model needs 2 or more. Give more.")
    if int(flat.min()) < 0 or int(flat.max()) >= symbols or not 2 <= symbols <= LARGEST:
        raise DataError(
            f"The indices lie between {int(flat.min())} and {int(flat.max())}, and symbols={symbols}: expected indices "
            f"from 0 to symbols - 1, and from 2 to {LARGEST:,} symbols."
        )
    labels, classes = (None, 0) if labels is None or not classes else (labels.cpu().long(), classes)
    shape, generator = tuple(indices.shape[1:]), seeded(seed)
    shares = torch.zeros(0) if labels is None else torch.bincount(labels, minlength=classes).float() / len(flat)
    network = _network(shape, symbols, classes, width, depth, heads)
    draw_weights(network, generator)
    with torch.no_grad():
        network.head.bias[:FIRST] = _NEVER
    order = torch.randperm(len(flat), generator=generator)
    aside = max(1, min(MOST_ASIDE, int(ASIDE * len(flat))))
    parts = [Samples(flat[rows], None if labels is None else labels[rows]) for rows in (order[aside:], order[:aside])]
    settings = Settings(
        epochs=epochs,
        batch_size=BATCH,
        optimiser="adamw",
        learning_rate=RATE,
        weight_decay=DECAY,
        schedule="cosine",
        compile=False,
        device=device,
        seed=seed,
    )
    train_learner(_Indices(network, classes), parts, settings, progress=progress)
    weights = {name: weight.cpu() for name, weight in network.state_dict().items()}
    return Sequences(shape, symbols, classes, width, depth, heads, model, weights, shares)


class _Indices(Learner):
    """A transformer that learns indices by their likelihood."""

    def forward(self, raw: Tensor, draws: Any, labels: Tensor | None = None, *_: Any) -> Tensor:
        """(N, T) indices and (N,) labels to (N, T) nats."""
        classes = self.conditioning.classes
        return _nats(cast(AttentiveTokens, self.module), raw.long(), _condition(len(raw), labels, classes, raw.device))

    def loss(self, out: Tensor, weights: Tensor | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """The mean nats of an index."""
        return out.mean(), {}


def _nats(network: AttentiveTokens, rows: Tensor, condition: Tensor) -> Tensor:
    """(N, T) indices and their (N, classes) condition to (N, T) nats of each."""
    tokens = rows + FIRST
    return F.cross_entropy(network(condition, target=tokens), tokens, reduction="none")


@torch.no_grad()
def _all_nats(network: AttentiveTokens, rows: Tensor, condition: Tensor) -> Tensor:
    """The same for any number of samples."""
    pieces = zip(rows.split(BATCH), condition.split(BATCH), strict=True)
    return torch.cat([_nats(network, some, own) for some, own in pieces])


def _condition(count: int, labels: Tensor | None, classes: int, device: torch.device | None = None) -> Tensor:
    """(count, classes) one-hot labels, or (count, 1) zeros without classes."""
    if not classes:
        return torch.zeros(count, 1, device=device)
    if labels is None or len(labels) != count:
        raise DataError("These indices were learnt with labels: expected a label for each sample. Give labels.")
    return F.one_hot(labels.long(), classes).float().to(device)


def _network(shape: tuple[int, ...], symbols: int, classes: int, width: int, depth: int, heads: int) -> AttentiveTokens:
    """A transformer of these sizes, whose weights are still to be set."""
    with torch.random.fork_rng(devices=[]):  # PyTorch's layers draw their first weights from the global random state
        tokens = (symbols + FIRST, math.prod(shape))
        return AttentiveTokens((max(1, classes),), tokens, width, depth, heads, 0.0, placed=True)

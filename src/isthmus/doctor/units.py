"""What the units of each layer answer over the data: how far they move, whether they are stuck, who repeats whom."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from isthmus.model.autoencoder import Autoencoder
from isthmus.parts import GaussianCode, Plain
from isthmus.parts.forward_pass import Pass
from isthmus.parts.layers import ACTIVATIONS, Chain

STEEPNESS = 0.05
"""Where a sigmoid or tanh rises at less than this share of its steepest, hardly any gradient passes."""
MOST_PLACES = 64
"""Positions of a map that are looked at in each sample."""
MOST_COMPARED = 1024
"""Units of a layer that are compared with each other."""

_ACTIVATIONS = tuple(kind for kind in ACTIVATIONS.values() if isinstance(kind, type) and kind is not nn.Identity)


@dataclass(frozen=True, eq=False)
class Units:
    """The units of one layer, over samples; of a map, its channels over samples and positions.

    name: the layer's, or "code". low, high: (C,) the least and the greatest that each answered. stuck: (C,) the share
    of the answers at which its sigmoid or tanh is flat; None for other activations. likeness: (C, C) the correlation
    of each two; of those that hardly move, 0.
    """

    name: str
    low: Tensor
    high: Tensor
    stuck: Tensor | None
    likeness: Tensor

    @property
    def span(self) -> Tensor:
        """(C,) how far each moves."""
        return self.high - self.low

    @property
    def dead(self) -> Tensor:
        """(C,) which always answer the same: they move less than a ten-thousandth as far as the layer's liveliest."""
        return self.span <= 1e-4 * self.span.max()

    @property
    def title(self) -> str:
        """As a sentence calls it."""
        return "the code" if self.name == "code" else self.name


class UnitSums:
    """Sums over passes, from which `units` tells."""

    def __init__(self, model: Autoencoder) -> None:
        self.watched = _watched(model)
        self.rows: dict[str, _Layer] = {}

    def add(self, out: Pass) -> None:
        """One pass, of samples without draws."""
        for name, bounded in self.watched.items():
            answers = _by_unit(out.code.z if name == "code" else out.layers[name]).cpu()
            if name not in self.rows:
                self.rows[name] = _Layer(bounded)
            self.rows[name].add(answers)

    def units(self) -> Iterator[Units]:
        """Each layer's."""
        for name, layer in self.rows.items():
            yield layer.units(name)


class _Layer:
    """One layer's sums."""

    def __init__(self, bounded: str | None) -> None:
        self.bounded, self.kept = bounded, []
        self.low = self.high = torch.zeros(())
        self.flat, self.count = torch.zeros(()), 0

    def add(self, answers: Tensor) -> None:
        """(n, C) what the units answered."""
        low, high = answers.amin(0), answers.amax(0)
        first = not self.count
        self.low, self.high = (low, high) if first else (self.low.minimum(low), self.high.maximum(high))
        if self.bounded:
            slope = 4 * answers * (1 - answers) if self.bounded == "sigmoid" else 1 - answers.square()
            self.flat = self.flat + (slope < STEEPNESS).sum(0)
        self.kept.append(answers[:, :MOST_COMPARED])
        self.count += len(answers)

    def units(self, name: str) -> Units:
        """What the sums say."""
        stuck = self.flat / self.count if self.bounded else None
        return Units(name, self.low, self.high, stuck, _likeness(torch.cat(self.kept).double()))


def _likeness(answers: Tensor) -> Tensor:
    """(n, C) to (C, C) correlations; 0 with a unit that moves in fewer than one sample in a hundred."""
    usual = answers.median(0).values
    lively = ((answers - usual).abs() > 1e-6).double().mean(0) >= 0.01
    centred = answers - answers.mean(0)
    norms = centred.square().sum(0).sqrt()
    scaled = torch.where(lively & (norms > 0), centred / norms.clamp(min=1e-30), 0)
    return (scaled.T @ scaled).fill_diagonal_(0)


def _watched(model: Autoencoder) -> Mapping[str, str | None]:
    """The layers that have units, by name, and which bounded activation theirs is, if any.

    Those whose layer ends in an activation, and a code of plain numbers. A drawn code's unused numbers are what KL
    tells of, and entries of a book are no units.
    """
    found: dict[str, str | None] = {}
    for side, network in (("encoder", model.encoder), ("decoder", model.decoder)):
        for name, layer in network.named_children() if isinstance(network, Chain) else ():
            kinds = [type(module) for module in layer.modules() if isinstance(module, _ACTIVATIONS)]
            if kinds and any(True for _ in layer.parameters()):
                found[f"{side}.{name}"] = _bounded(kinds[-1])
    if not isinstance(model.code, GaussianCode) and model.code_module is None and model.code.differentiable:
        kind = getattr(model.code, "activation", "identity") if isinstance(model.code, Plain) else "identity"
        found["code"] = kind if kind in ("sigmoid", "tanh") else None
    return found


def _bounded(kind: type) -> str | None:
    return {nn.Sigmoid: "sigmoid", nn.Tanh: "tanh"}.get(kind)


def _by_unit(answers: Tensor) -> Tensor:
    """(N, C) or (N, C, *grid) to (n, C), of a map a number of positions spread over it."""
    if answers.ndim == 2:
        return answers.float()
    flat = answers.flatten(2)
    count = flat.shape[2]
    chosen = torch.linspace(0, count - 1, min(count, MOST_PLACES), device=flat.device).round().long()
    return flat[:, :, chosen].transpose(1, 2).flatten(0, 1).float()


def twins(units: Units, least: float) -> int:
    """How many units could be left out because another answers alike, with a correlation of `least` at the least."""
    alike = (units.likeness.abs() >= least).numpy()
    kept = np.zeros(len(alike), dtype=bool)
    for unit, others in enumerate(alike):
        kept[unit] = not (others & kept).any()
    return int((~kept).sum())

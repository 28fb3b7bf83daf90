"""The outputs of each layer's units over the data: their range, saturation and correlations."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from isthmus.model.autoencoder import Autoencoder
from isthmus.parts import GaussianCode, Plain
from isthmus.parts.forward_pass import Pass
from isthmus.parts.layers import ACTIVATIONS, Chain
from isthmus.shown import Shown

STEEPNESS = 0.05
"""A sigmoid or tanh is flat if its slope is below this share of the steepest: hardly any gradient passes."""
MOST_PLACES = 64
"""Positions of a map that are examined in each sample."""
MOST_COMPARED = 1024
"""Units of a layer that are compared with each other."""

_ACTIVATIONS = tuple(kind for kind in ACTIVATIONS.values() if isinstance(kind, type) and kind is not nn.Identity)


@dataclass(frozen=True, eq=False, repr=False)
class Units(Shown):
    """The units of one layer, over samples; for a map, its channels over samples and positions.

    name: the layer's, or "code". low, high: (C,) the smallest and largest output of each. stuck: (C,) the share of
    outputs in a flat region of its sigmoid or tanh; None for other activations. likeness: (C, C) the correlation of
    each two units; 0 for units that hardly move.
    """

    name: str
    low: Tensor
    high: Tensor
    stuck: Tensor | None
    likeness: Tensor

    @property
    def span(self) -> Tensor:
        """(C,) the range of each unit's outputs."""
        return self.high - self.low

    @property
    def dead(self) -> Tensor:
        """(C,) units with constant output: a range below a ten-thousandth of the layer's largest."""
        return self.span <= 1e-4 * self.span.max()

    @property
    def title(self) -> str:
        """The layer's name within a sentence."""
        return "the code" if self.name == "code" else self.name


class UnitSums:
    """Sums over passes; `units` summarises them."""

    def __init__(self, model: Autoencoder) -> None:
        self.watched = _watched(model)
        self.rows: dict[str, _Layer] = {}

    def add(self, out: Pass) -> None:
        """Add one pass, without draws."""
        for name, bounded in self.watched.items():
            answers = _by_unit(out.code.z if name == "code" else out.layers[name]).cpu()
            if name not in self.rows:
                self.rows[name] = _Layer(bounded)
            self.rows[name].add(answers)

    def units(self) -> Iterator[Units]:
        """The units of each layer."""
        for name, layer in self.rows.items():
            yield layer.units(name)


class _Layer:
    """One layer's sums."""

    def __init__(self, bounded: str | None) -> None:
        self.bounded, self.kept = bounded, []
        self.low = self.high = torch.zeros(())
        self.flat, self.count = torch.zeros(()), 0

    def add(self, answers: Tensor) -> None:
        """(n, C) the units' outputs."""
        low, high = answers.amin(0), answers.amax(0)
        first = not self.count
        self.low, self.high = (low, high) if first else (self.low.minimum(low), self.high.maximum(high))
        if self.bounded:
            slope = 4 * answers * (1 - answers) if self.bounded == "sigmoid" else 1 - answers.square()
            self.flat = self.flat + (slope < STEEPNESS).sum(0)
        self.kept.append(answers[:, :MOST_COMPARED])
        self.count += len(answers)

    def units(self, name: str) -> Units:
        """The units, summarised from the sums."""
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
    """The layers that have units, by name → their bounded activation, if any.

    These are layers that end in an activation, and a deterministic code. The unused dimensions of a sampled code are
    found by their KL, and the entries of a codebook are not units.
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
    """(N, C) or (N, C, *grid) to (n, C); from a map, positions spread over it."""
    if answers.ndim == 2:
        return answers.float()
    flat = answers.flatten(2)
    count = flat.shape[2]
    chosen = torch.linspace(0, count - 1, min(count, MOST_PLACES), device=flat.device).round().long()
    return flat[:, :, chosen].transpose(1, 2).flatten(0, 1).float()


def twins(units: Units, least: float) -> int:
    """How many units could be left out because another one correlates with them by at least `least`."""
    alike = (units.likeness.abs() >= least).numpy()
    kept = np.zeros(len(alike), dtype=bool)
    for unit, others in enumerate(alike):
        kept[unit] = not (others & kept).any()
    return int((~kept).sum())

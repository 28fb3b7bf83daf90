"""Penalties that keep most units inactive, so that few units describe each sample."""

from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.forward_pass import Pass
from isthmus.parts.layers import find_layer
from isthmus.parts.model import Model
from isthmus.parts.penalties.penalty import Penalty, Weight
from isthmus.parts.shared_batch import whole

PRICE = 0.24
"""The cost of an activation, in standard deviations of the data, relative to the sum of a sample's squared errors. It
leaves 14 active units for a bundled digit."""


class ActivationL1(Penalty):
    r"""Sum of a layer's absolute activations: :math:`\sum_i |a_i|`.

    Pushes most activations to zero, so that few units describe each sample.

    weight: "auto" is decided from the data: `PRICE` times their standard deviation, divided by a sample's numbers, for
        a distance that is a mean over these. Squared errors grow with the square of the deviation, activations with the
        deviation itself; so the cost of activations relative to the error is the same for all data.
    layer: the layer to penalise, by name ("encoder.dense1"); the code if None.

    Source: Ng, Sparse autoencoder, CS294A lecture notes (2011), with the L1 norm in place of the KL.
    """

    weight: Weight = 1e-5
    layer: str | None = None

    def auto_weight(self, spec: DataSpec) -> float:
        """The weight: 0.001 for the bundled digits."""
        return float(f"{PRICE * (spec.deviation or 0.27) / (spec.inputs or 784):.3g}")

    def check(self, model: Model) -> None:
        """Raise BlueprintError if there is no such layer."""
        if self.layer is not None:
            find_layer(model, self.layer)

    def __call__(self, out: Pass, model: Model, draws: Tensor | None = None) -> Tensor:
        """(N,) sum of the absolute activations."""
        return out.activations(self.layer).flatten(1).abs().sum(1)


class SparsityKl(Penalty):
    r"""How far each unit's mean activation is from a target rate, in nats, summed over the units.

    :math:`\sum_j \rho\log\frac{\rho}{\hat\rho_j} + (1-\rho)\log\frac{1-\rho}{1-\hat\rho_j}` with
    :math:`\hat\rho_j = \frac1N\sum_n a_{nj}`, the mean over the batch. Every sample of a batch has the same penalty.
    Use batches of a hundred samples or more to estimate :math:`\hat\rho_j` well. Units must be sigmoids, in 0..1.

    rate: ρ, the share of samples for which a unit should be active.
    layer: the layer to penalise, by name ("encoder.dense1"); the code if None.

    Source: Ng, Sparse autoencoder, CS294A lecture notes (2011).
    """

    over_batch: ClassVar[bool] = True

    weight: Weight = 1.0
    rate: Annotated[float, Field(gt=0, lt=1)] = 0.05
    layer: str | None = None

    def check(self, model: Model) -> None:
        """Raise BlueprintError unless the activations always lie in 0..1."""
        if self.layer is None:
            where, within = f"a {model.code.kind} code", model.code.range == (0.0, 1.0)
            advice = "Set code__activation='sigmoid', or name a layer that ends in a sigmoid (layer=)."
        else:
            *_, last = find_layer(model, self.layer).modules()
            where, within = f"the layer {self.layer!r}", isinstance(last, nn.Sigmoid)
            advice = "Name a layer that ends in a sigmoid (a network with activation='sigmoid')."
        if not within:
            raise BlueprintError(
                f"{self.kind} needs activations in 0..1, but {where} without a sigmoid can have others. {advice}"
            )

    def __call__(self, out: Pass, model: Model, draws: Tensor | None = None) -> Tensor:
        """(N,) the batch's divergence, the same for each sample."""
        activations = out.activations(self.layer).flatten(1)
        mean = whole(activations).mean(0).clamp(1e-6, 1 - 1e-6)  # a unit that is always saturated would give infinity
        rate = torch.full_like(mean, self.rate)
        divergence = rate * (rate / mean).log() + (1 - rate) * ((1 - rate) / (1 - mean)).log()
        return divergence.sum().expand(len(activations))

"""The code whose latent dimensions have learnt thresholds."""

import math
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.parts.codes.code import CodeKind
from isthmus.parts.constants import constant
from isthmus.parts.forward_pass import Code
from isthmus.parts.part import Shape


class JumpRelu(CodeKind):
    r"""A feature is kept if it exceeds its threshold: :math:`z_i = f_i\,H(f_i - \theta_i)`.

    The thresholds θ > 0 are learnt by a straight-through estimator, because the step H has no useful gradient. With the
    rectangle :math:`K(u) = 1` for :math:`|u| < \frac12` and the bandwidth ε:

    .. math::
        \frac{\partial z_i}{\partial \theta_i} = -\frac{\theta_i}{\varepsilon}
        K\!\left(\frac{f_i - \theta_i}{\varepsilon}\right), \qquad
        \frac{\partial H(f_i - \theta_i)}{\partial \theta_i} = -\frac1\varepsilon
        K\!\left(\frac{f_i - \theta_i}{\varepsilon}\right).

    The second one is used by the penalty `code-l0`.

    bandwidth: ε. The paper uses 0.001 for samples of norm 1; here a sample's numbers have a variance of about 1, so
        that features are larger.
    threshold: the thresholds at the start. rate: their learning rate, as a multiple of the model's. Adam moves their
        logarithms by about the learning rate at a step, so in a training of a few thousand steps they would stay where
        they are.

    Source: Rajamanoharan et al., Jumping ahead: improving reconstruction fidelity with JumpReLU sparse autoencoders
    (2024), arXiv 2407.14435.
    """

    gates: ClassVar[bool] = True

    bandwidth: Annotated[float, Field(gt=0)] = 0.05
    threshold: Annotated[float, Field(gt=0)] = 0.05
    rate: Annotated[float, Field(gt=0)] = 10.0

    @property
    def own_rate(self) -> float:
        """The thresholds' learning rate, as a multiple of the model's."""
        return self.rate

    def module(self, code: Shape, generator: torch.Generator) -> nn.Module:
        """The thresholds."""
        return Thresholds(code, self.threshold)

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        """The Code of (N, *code) features; its gates are features - θ, whose gradient goes to θ alone."""
        if isinstance(module, Thresholds):
            thresholds = module.log_threshold.exp().to(features.dtype)
        else:
            thresholds = constant((self.threshold,), features)
        z = features * (features > thresholds)
        gates = features.detach() - thresholds
        if isinstance(module, Thresholds) and module.training:
            z = z + through(thresholds.detach() * rectangle(gates.detach(), self.bandwidth) * gates)
        return Code(z=z, gates=gates)


class Thresholds(nn.Module):
    """The logarithms of the thresholds, (*code)."""

    def __init__(self, code: Shape, start: float) -> None:
        super().__init__()
        self.log_threshold = nn.Parameter(torch.full(code, math.log(start)))


def rectangle(gates: Tensor, bandwidth: float) -> Tensor:
    """The rectangle kernel of this width, of integral 1, at the gates."""
    return (gates.abs() < bandwidth / 2).to(gates.dtype) / bandwidth


def through(surrogate: Tensor) -> Tensor:
    """0 with the gradient of `surrogate`."""
    return surrogate - surrogate.detach()

"""The code with a gate for each latent dimension, which decides whether it is active, and not how much."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from isthmus.parts.codes.code import CodeKind
from isthmus.parts.forward_pass import Code
from isthmus.parts.part import Shape


class Gated(CodeKind):
    r"""A gate opens each latent dimension, and a magnitude says how active it is.

    .. math:: z_i = H(\pi_i)\,\mathrm{relu}(e^{r_i}\,\pi_i + b_i)

    π are the features, r and b are learnt. A penalty on the gates alone (`gate-l1`) doesn't shrink the magnitudes. The
    step H has no gradient, so the gates learn from their own reconstruction (`gate-error`).

    The paper's magnitudes are :math:`e^{r}\,w x + b'`, without the gates' bias β; here :math:`b = b' - e^r \beta`.

    Source: Rajamanoharan et al., Improving dictionary learning with gated sparse autoencoders, NeurIPS (2024).
    """

    gates: ClassVar[bool] = True

    def module(self, code: Shape, generator: torch.Generator) -> nn.Module:
        """The magnitudes' scales and biases."""
        return Magnitudes(code)

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        """The Code of (N, *code) features, which are its gates."""
        magnitudes = features
        if isinstance(module, Magnitudes):
            magnitudes = features * module.log_scale.exp() + module.bias
        return Code(z=(magnitudes.relu() * (features > 0)).to(features.dtype), gates=features)


class Magnitudes(nn.Module):
    """r and b, (*code)."""

    def __init__(self, code: Shape) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(code))
        self.bias = nn.Parameter(torch.zeros(code))

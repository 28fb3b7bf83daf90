"""The code with a gate for each latent dimension, which decides whether it is active, and not how much."""

from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.parts.codes.code import CodeKind
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.forward_pass import Code
from isthmus.parts.part import Shape

PAYS = 1.5
"""The size from which an activation pays, in standard deviations of the data: half of what `gate-l1` charges for it."""


class Gated(CodeKind):
    r"""A gate opens each latent dimension, and a magnitude says how active it is.

    .. math:: z_i = H(\pi_i)\,\mathrm{relu}(e^{r_i}\,f_i + b_i), \qquad \pi_i = f_i - \theta

    f are the features, r and b are learnt. A penalty on the gates π alone (`gate-l1`) doesn't shrink the magnitudes.
    The step H has no gradient, so the gates learn from their own reconstruction (`gate-error`).

    The paper's magnitudes are :math:`e^{r}\,w x + b'`, without the bias β of f; here :math:`b = b' - e^r \beta`. The
    paper has no θ: its gates begin with half of them open, and a long training closes them. With θ most are closed at
    the start, and the bias of f moves each from there.

    threshold: θ. "auto" is decided from the data: `PAYS` times their standard deviation, so that the gates begin where
        an activation is worth its price with the automatic weight of `gate-l1`.

    Source: Rajamanoharan et al., Improving dictionary learning with gated sparse autoencoders, NeurIPS (2024).
    """

    gates: ClassVar[bool] = True
    later: ClassVar[tuple[str, ...]] = ("threshold",)

    threshold: Annotated[float, Field(ge=0)] | Literal["auto"] = 0.0

    def resolve(self, spec: DataSpec) -> Self:
        """The same code with its size and `threshold` decided from these facts about the data."""
        code = super().resolve(spec)
        if self.threshold != "auto":
            return code
        return code.replace(threshold=float(f"{PAYS * (spec.deviation or 1.0):.3g}"))

    def module(self, code: Shape, generator: torch.Generator) -> nn.Module:
        """The magnitudes' scales and biases."""
        return Magnitudes(code)

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        """The Code of (N, *code) features; its gates are features - θ."""
        magnitudes, gates = features, features - (PAYS if self.threshold == "auto" else self.threshold)
        if isinstance(module, Magnitudes):
            magnitudes = features * module.log_scale.exp() + module.bias
        return Code(z=(magnitudes.relu() * (gates > 0)).to(features.dtype), gates=gates)


class Magnitudes(nn.Module):
    """r and b, (*code)."""

    def __init__(self, code: Shape) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(code))
        self.bias = nn.Parameter(torch.zeros(code))

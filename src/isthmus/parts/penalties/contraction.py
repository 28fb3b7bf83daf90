"""The contractive penalty: how much the code moves when the sample moves a little."""

import math
from collections.abc import Callable
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts.codes import Plain
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.forward_pass import Pass
from isthmus.parts.layers import Chain
from isthmus.parts.model import Model, code_after, code_of
from isthmus.parts.penalties.penalty import Penalty, Weight

NUMBERS = 784
"""A sample's numbers for which the weight "auto" is 0.5: MNIST's."""
EXACT_PASSES = 64
"""Up to this many passes through the encoder, mode="auto" computes the derivatives exactly."""

_SLOPES: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": torch.ones_like,
    "relu": lambda z: (z > 0).to(z.dtype),
    "sigmoid": lambda z: z * (1 - z),
    "tanh": lambda z: 1 - z.square(),
}
"""An activation's derivative as a function of its value."""


class Contraction(Penalty):
    r"""Squared Frobenius norm of the code's derivative: :math:`\lVert \partial z / \partial x \rVert_F^2`.

    A contractive code hardly changes when the sample changes a little, except along the few directions in which the
    data vary. x is the encoder's scaled input; z is the code without its random draws.

    For an encoder of one linear layer it is :math:`\sum_i \sigma'_i{}^2 \lVert W_i \rVert^2`. For a deep encoder, the
    exact mode takes a backward pass for each latent dimension, or a forward pass for each number of the sample,
    whichever are fewer. If the first layer is a linear layer W that narrows, backward passes stop behind it, and
    :math:`WW^\top` replaces the rest. For wide codes, Hutchinson's estimate
    :math:`\mathbb E_v \lVert v^\top\,\partial z / \partial x \rVert^2` with random signs v is unbiased. A pass without
    draws is exact.

    weight: "auto" is decided from the data: 0.5 for samples of `NUMBERS` numbers, and in proportion for others, because
        a summed squared error grows with them.
    mode: "exact", "estimate", or "auto", which estimates if the exact value needs more than one linear layer and more
        than 64 passes.
    probes: how many random v each sample gets.

    Source: Rifai et al., Contractive auto-encoders, ICML (2011); Hutchinson, A stochastic estimator of the trace of
    the influence matrix (1990).
    """

    weight: Weight = 0.1
    mode: Literal["auto", "exact", "estimate"] = "auto"
    probes: Annotated[int, Field(ge=1)] = 1

    def auto_weight(self, spec: DataSpec) -> float:
        """The weight, in proportion to a sample's numbers."""
        return float(f"{0.5 * (spec.inputs or NUMBERS) / NUMBERS:.3g}")

    def check(self, model: Model) -> None:
        """Raise BlueprintError if the code has no derivative, or the encoder mixes samples."""
        if not model.code.differentiable:
            raise BlueprintError(
                f"{self.kind} needs a code with a derivative, but a {model.code.kind} code has none. Use a plain code."
            )
        if any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in model.encoder.modules()):
            raise BlueprintError(
                f"{self.kind} needs an encoder that treats samples separately, but batch normalisation mixes them. "
                "Set normalisation='layer', or none."
            )

    def draw(self, count: int, model: Model, generator: torch.Generator) -> Tensor | None:
        """(N, probes, *code) random signs, as bytes, if the norm is estimated."""
        passes = min(math.prod(model.code_shape), math.prod(model.input_shape))
        if self.mode == "exact" or (self.mode == "auto" and (_one_product(model) or passes <= EXACT_PASSES)):
            return None
        shape = (count, self.probes, *model.code_shape)
        signs = torch.randint(0, 2, shape, generator=generator, dtype=torch.int8, device=generator.device)
        return signs * 2 - 1

    def __call__(self, out: Pass, model: Model, draws: Tensor | None = None) -> Tensor:
        """(N,) squared norms."""
        product = _one_product(model)
        if draws is None and product is not None and isinstance(model.code, Plain):
            slopes = _SLOPES[model.code.activation](out.code.z.flatten(1))
            return (slopes.square() * product.weight.square().sum(1)).sum(1)
        size, first = math.prod(model.code_shape), _first_product(model)
        if first is not None and (draws is not None or size <= first[1].out_features):
            name, product, rest = first
            through, gram = product(out.corrupted.flatten(1)), product.weight @ product.weight.T

            def code(output: Tensor) -> Tensor:
                return code_after(model, name, rest(output), out.batch)
        else:
            through, gram = out.corrupted, None

            def code(output: Tensor) -> Tensor:
                return code_of(model, output, out.batch)

        return exact_norm(code, through, size, gram) if draws is None else estimated_norm(code, through, draws, gram)


def exact_norm(function: Callable[[Tensor], Tensor], x: Tensor, size: int, gram: Tensor | None = None) -> Tensor:
    r"""(N,) :math:`\lVert \partial f / \partial x \rVert_F^2` of f from (N, *in) to (N, *out); f must not mix samples.

    size: how many numbers f returns per sample; if fewer than x has, backward passes are cheaper.
    gram: :math:`WW^\top`, if x = Wu + b and the derivative by u is wanted: :math:`\lVert JW \rVert_F^2 =
        \operatorname{tr} J W W^\top J^\top`. Backward passes then skip W, the widest layer.
    """

    def backward(one: Tensor) -> Tensor:
        return _squares(pull(one.expand_as(value))[0], gram)

    def forward(one: Tensor) -> Tensor:
        return _squares(torch.func.jvp(function, (x,), (one.expand_as(x),))[1])

    if gram is not None or size <= x[0].numel():
        value, pull = torch.func.vjp(function, x)  # pyright: ignore[reportAssignmentType] two without has_aux
        return torch.func.vmap(backward)(_units(value)).sum(0)
    return torch.func.vmap(forward)(_units(x)).sum(0)


def estimated_norm(
    function: Callable[[Tensor], Tensor], x: Tensor, signs: Tensor, gram: Tensor | None = None
) -> Tensor:
    """(N,) Hutchinson's estimate of `exact_norm`, from (N, probes, *out) random signs."""
    value, pull = torch.func.vjp(function, x)  # pyright: ignore[reportAssignmentType] two without has_aux
    return torch.func.vmap(lambda one: _squares(pull(one)[0], gram))(signs.transpose(0, 1).to(value.dtype)).mean(0)


def _one_product(model: Model) -> nn.Linear | None:
    """The encoder's only linear layer, if it has no other layer and the code's activation is one of `_SLOPES`."""
    if not isinstance(model.code, Plain) or model.code.activation not in _SLOPES:
        return None
    layers = [layer for layer in model.encoder.modules() if not isinstance(layer, nn.Flatten | nn.Unflatten)]
    leaves = [layer for layer in layers if not any(True for _ in layer.children())]
    return leaves[0] if len(leaves) == 1 and isinstance(leaves[0], nn.Linear) else None


def _first_product(model: Model) -> tuple[str, nn.Linear, nn.Sequential] | None:
    """The encoder's first layer, if it is a linear layer that narrows the whole input.

    Returns the name of the layer, the linear layer, and the rest of that layer.
    """
    encoder = model.encoder
    if (
        not isinstance(encoder, Chain)
        or encoder.bypass is not None
        or model.conditioning.classes
        or model.conditioning.mask
    ):
        return None
    layers = ((name, layer) for name, layer in encoder.named_children() if not isinstance(layer, nn.Flatten))
    name, layer = next(layers, ("", nn.Identity()))
    product, *rest = layer if isinstance(layer, nn.Sequential) else (layer,)
    if not isinstance(product, nn.Linear) or product.out_features >= product.in_features:
        return None
    return name, product, nn.Sequential(*rest)


def _squares(x: Tensor, gram: Tensor | None = None) -> Tensor:
    flat = x.flatten(1)
    return (flat.square() if gram is None else flat * (flat @ gram)).sum(1)


def _units(x: Tensor) -> Tensor:
    """(D, 1, *shape) the D unit vectors of one sample of (N, *shape)."""
    size = x[0].numel()
    return torch.eye(size, dtype=x.dtype, device=x.device).reshape(size, 1, *x.shape[1:])

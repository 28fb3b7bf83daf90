"""The layers of networks: a chain of named layers, activations, dropout with given masks, a tied linear layer."""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn

from isthmus.errors import BlueprintError, nearest
from isthmus.parts.part import Shape
from isthmus.parts.pictures import on_coarse_grid

Layer = TypeVar("Layer", bound=nn.Module)
Activation = Literal["relu", "leaky-relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid", "softplus", "identity"]
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky-relu": lambda: nn.LeakyReLU(0.01),
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softplus": nn.Softplus,
    "identity": nn.Identity,
}


class Chain(nn.Module):
    """Named layers, one after the other. `traced` returns each layer's output, so a penalty or a report can name it.

    The run's generator draws the masks of the dropout layers. Without a mask, a dropout layer does nothing.

    bypass: a path parallel to all the layers, from the same input; its output is added to theirs (see `add_bypass`).
    skips: for a decoder, from the name of its layer to the encoder's layer that is added to its output.

    Within `for_compiler`, picture layers are computed in the way that is faster in a compiled graph.
    """

    for_compiler = False

    def __init__(self, layers: Mapping[str, nn.Module], skips: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.bypass: nn.Module | None = None
        self.skips = dict(skips or {})
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(
        self,
        x: Tensor,
        draws: Mapping[str, Any] | None = None,
        skipped: Mapping[str, Tensor] | None = None,
        *,
        after: str | None = None,
        layers: MutableMapping[str, Tensor] | None = None,
        target: Tensor | None = None,
    ) -> Tensor:
        """(N, *shape in) to (N, *shape out).

        draws: the random numbers of `Masked` layers, by layer. skipped: outputs of the encoder's layers, for the skips.
        after: start behind this layer, whose output is x; only in a chain without a bypass.
        layers: collects each layer's output by its name (see `traced`).
        target: (N, *shape) the samples, for a layer that `takes_target` (see `Generating`).
        """
        straight = None if self.bypass is None else self.bypass(x)
        if straight is not None and layers is not None:
            layers["bypass"] = straight
        before: tuple[nn.Module, Tensor] | None = None
        passed = after is None
        for name, layer in self.named_children():
            if layer is self.bypass or not passed:
                passed = passed or name == after
                continue
            if isinstance(layer, Masked):
                mask = draws.get(name) if draws else None
                made = layer(x, mask, target) if layer.takes_target else layer(x, mask)
            else:
                made = on_coarse_grid(layer, x, before) if self.for_compiler else layer(x)
            before, x = (layer, x) if self.for_compiler else None, made
            if name in self.skips and skipped is not None:
                other = skipped[self.skips[name]]
                x = x + other.repeat(x.shape[0] // max(1, other.shape[0]), *[1] * (x.ndim - 1))  # K draws, draw by draw
                before = None
            if layers is not None:
                layers[name] = x
        return x if straight is None else x + straight


def traced(
    network: nn.Module,
    x: Tensor,
    draws: Mapping[str, Any] | None = None,
    skipped: Mapping[str, Tensor] | None = None,
    target: Tensor | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """A network's output, and the outputs of its named layers; only a `Chain` has names and may take the target."""
    layers: dict[str, Tensor] = {}
    if not isinstance(network, Chain):
        return network(x), layers
    return network(x, draws, skipped, layers=layers, target=target), layers


def find_layer(model: Any, name: str) -> nn.Module:
    """The layer of a model's networks with this name, such as "encoder.dense1".

    Raises:
        BlueprintError: there is no such layer; the nearest names are listed.
    """
    layers = {
        f"{side}.{child}": layer
        for side in ("encoder", "decoder")
        if isinstance(network := getattr(model, side), Chain)
        for child, layer in network.named_children()
    }
    if name not in layers:
        raise BlueprintError(f"There is no layer {name!r} in this network. {nearest(name, layers)}")
    return layers[name]


@contextlib.contextmanager
def for_compiler(model: nn.Module) -> Iterator[None]:
    """Within the block, the chains in `model` compute the same functions in a form that suits a compiler."""
    chains = [module for module in model.modules() if isinstance(module, Chain)]
    for chain in chains:
        chain.for_compiler = True
    try:
        yield
    finally:
        for chain in chains:
            chain.for_compiler = False


class Masked(nn.Module):
    """A layer that takes random numbers in training, such as a mask, which are drawn outside (see `dropout_masks`).

    takes_target: whether it takes the samples too, as a third argument.
    rests: whether it gets none of them when the loss of the validation part is computed.
    """

    takes_target = False
    rests = True

    def draw(self, count: int, generator: torch.Generator) -> Any:
        """The numbers for `count` samples, N first, as a tensor or a named tuple; None if it needs none."""
        raise NotImplementedError


class Dropout(Masked):
    """Sets a share of the activations to zero and scales the others up, by a given mask.

    Source: Srivastava et al., Dropout, JMLR 15 (2014).
    """

    def __init__(self, rate: float, shape: Shape) -> None:
        super().__init__()
        self.rate, self.shape = rate, shape

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """(N, *shape) mask with entries 0 or 1 / (1 - rate)."""
        kept = torch.rand((count, *self.shape), generator=generator, device=generator.device) >= self.rate
        return kept.float() / (1 - self.rate)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(N, *shape), masked; unchanged without a mask."""
        return x if mask is None else x * mask[..., : x.shape[-1]]  # a batch of texts may have been cut

    def extra_repr(self) -> str:
        """The text that `print` shows."""
        return f"rate={self.rate}"


def dropout_masks(network: nn.Module, count: int, generator: torch.Generator) -> dict[str, Any]:
    """The random numbers of a network's `Masked` layers for `count` samples, by layer."""
    drawn = {
        name: layer.draw(count, generator) for name, layer in network.named_children() if isinstance(layer, Masked)
    }
    return {name: mask for name, mask in drawn.items() if mask is not None}


def awake(network: nn.Module, draws: Mapping[str, Any] | None) -> dict[str, Any]:
    """The random numbers of those `Masked` layers that don't rest in validation, by layer."""
    layers = dict(network.named_children())
    return {name: drawn for name, drawn in (draws or {}).items() if not getattr(layers[name], "rests", True)}


class TiedLinear(nn.Module):
    r"""The transpose of another linear layer, with its own bias: :math:`x' = W^\top h + b'`.

    The weight belongs to `partner`. It is neither copied nor registered here, so it is trained, saved and counted once.
    """

    def __init__(self, partner: nn.Linear) -> None:
        super().__init__()
        self._partner = (partner,)  # in a tuple, so that it isn't registered as a child
        self.bias = nn.Parameter(torch.zeros(partner.in_features))

    def forward(self, h: Tensor) -> Tensor:
        """(N, partner's outputs) to (N, partner's inputs)."""
        return nn.functional.linear(h, self._partner[0].weight.t(), self.bias)

    def extra_repr(self) -> str:
        """The text that `print` shows."""
        partner = self._partner[0]
        return f"in_features={partner.out_features}, out_features={partner.in_features}, tied"


class Atoms(nn.Linear):
    """A linear layer whose weight's columns have norm 1: training keeps it (see `unit_columns`)."""


class CentredLinear(nn.Linear):
    r"""A linear layer of the difference to another layer's bias: :math:`h = W(x - b) + c`.

    b belongs to `partner`; without one, it is 0.
    """

    def __init__(self, inputs: int, outputs: int, partner: nn.Linear | None) -> None:
        super().__init__(inputs, outputs)
        self._partner = (partner,)  # in a tuple, so that it isn't registered as a child

    def forward(self, input: Tensor) -> Tensor:
        """(N, inputs) to (N, outputs)."""
        partner = self._partner[0]
        return super().forward(input if partner is None else input - partner.bias)


def unit_columns(model: nn.Module) -> set[str]:
    """The names of the weights whose columns have norm 1."""
    return {f"{name}.weight" for name, layer in model.named_modules() if isinstance(layer, Atoms)}


class Crop(nn.Module):
    """Keeps the middle of a picture or series: the excess of upsampling is cut off evenly."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, *larger) to (N, C, *shape)."""
        for axis, size in enumerate(self.shape, start=2):
            x = x.narrow(axis, (x.shape[axis] - size) // 2, size)
        return x

    def extra_repr(self) -> str:
        """The text that `print` shows."""
        return f"shape={self.shape}"


class Head(nn.Module):
    """Keeps the first numbers along each axis, if the input was padded at the ends."""

    def __init__(self, sizes: Shape) -> None:
        super().__init__()
        self.sizes = sizes

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, *larger) to (N, C, *sizes)."""
        for axis, size in enumerate(self.sizes, start=2):
            x = x.narrow(axis, 0, size)
        return x

    def extra_repr(self) -> str:
        """The text that `print` shows."""
        return f"sizes={self.sizes}"


def frozen(module: nn.Module) -> Callable[..., Any]:
    """The module as a function with fixed weights; gradients flow through its inputs only."""
    weights = {name: weight.detach() for name, weight in module.named_parameters()}
    return lambda *given: torch.func.functional_call(module, weights, given)


def initialise(layer: Layer, activation: str, generator: torch.Generator) -> Layer:
    """Draw the weights of a linear layer or convolution for the activation that follows it; biases start at zero.

    Returns the layer.

    He's normal distribution (2015) before rectifiers and gates, LeCun's before SELU, Glorot's (2010) otherwise.
    PyTorch's default is narrower by √6 before rectifiers: after the lectures' seven convolutions the output hardly
    depends on the input.
    """
    weight = getattr(layer, "weight", None)
    if not isinstance(weight, Tensor):
        raise TypeError(f"{type(layer).__name__} has no weight to draw.")
    receptive = math.prod(weight.shape[2:])
    fan_in, fan_out = weight.shape[1] * receptive, weight.shape[0] * receptive
    if isinstance(layer, nn.ConvTranspose1d | nn.ConvTranspose2d):
        fan_in, fan_out = fan_out / math.prod(layer.stride), fan_in
    with torch.no_grad():
        if activation in {"relu", "leaky-relu", "elu", "gelu", "silu", "gated"}:
            weight.normal_(0, math.sqrt(2 / fan_in), generator=generator)
        elif activation == "selu":
            weight.normal_(0, math.sqrt(1 / fan_in), generator=generator)
        else:
            bound = math.sqrt(6 / (fan_in + fan_out))
            weight.uniform_(-bound, bound, generator=generator)
        if isinstance(layer.bias, Tensor):
            layer.bias.zero_()
    return layer

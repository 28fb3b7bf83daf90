"""A list of a model's layers: names, kinds, shapes and weights."""

from typing import Any, NamedTuple

from torch import nn

from isthmus.model.autoencoder import Autoencoder
from isthmus.parts.model import example


class Layer(NamedTuple):
    """A layer: its name, its kind (or the kinds of its steps in order), its output's shape and parameter count."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int


def layers(model: Autoencoder) -> list[Layer]:
    """The named layers of encoder and decoder, such as "encoder.dense1", in the order of the forward pass.

    A weight that two layers share is counted once, with the first.
    """
    found: list[Layer] = []
    counted: set[int] = set()

    def note(name: str, layer: nn.Module, output: Any) -> None:
        new = {id(weight): weight.numel() for weight in layer.parameters() if id(weight) not in counted}
        counted.update(new)
        kinds = [type(part).__name__ for part in (layer if isinstance(layer, nn.Sequential) else [layer])]
        found.append(Layer(name, ", ".join(kinds), tuple(output.shape[1:]), sum(new.values())))

    hooks = []
    for side, network in (("encoder", model.encoder), ("decoder", model.decoder)):
        named = {f"{side}.{child}": layer for child, layer in network.named_children()} or {side: network}
        for name, layer in named.items():
            hook = layer.register_forward_hook(lambda layer, _, output, name=name: note(name, layer, output))
            hooks.append(hook)
    try:
        example(model)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def parameter_count(model: nn.Module) -> int:
    """The number of parameters. Shared ones are counted once."""
    return sum(parameter.numel() for parameter in model.parameters())

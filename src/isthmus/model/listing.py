"""A model's layers as people list them: names, kinds, shapes and weights."""

from typing import Any, NamedTuple

from torch import nn

from isthmus.model.autoencoder import Autoencoder
from isthmus.parts.model import example


class Layer(NamedTuple):
    """A layer: its name, its kind or those of its parts in order, its output's shape, and its count of parameters."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int


def layers(model: Autoencoder) -> list[Layer]:
    """The named layers of encoder and decoder, such as "encoder.dense1", in the order in which a sample passes them.

    A weight that two layers share is counted with the first.
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
    """How many numbers training can change; shared ones once."""
    return sum(parameter.numel() for parameter in model.parameters())

"""A list of a model's layers: names, kinds, shapes and weights."""

from typing import Any, NamedTuple

from torch import nn

from isthmus.data.samples import shape_words
from isthmus.parts.model import Model, example
from isthmus.shown import Card, ShownList, Table


class Layer(NamedTuple):
    """A layer: its name, its kind (or the kinds of its steps in order), its output's shape and parameter count."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int


class Layers(ShownList[Layer]):
    """The layers of a model, in the order of the forward pass."""

    def _card(self) -> Card:
        rows = [(one.name, one.kind, shape_words(one.shape), f"{one.parameters:,}") for one in self]
        count = f"{sum(one.parameters for one in self):,} parameters in {len(self)} layers"
        return Card(count, tables=[Table(("layer", "kind", "output", "parameters"), rows)])


def layers(model: Model) -> Layers:
    """The named layers of encoder and decoder, such as "encoder.dense1", in the order of the forward pass.

    A weight that two layers share is counted once, with the first.
    """
    found = Layers()
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

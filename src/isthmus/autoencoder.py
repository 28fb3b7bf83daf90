"""The composition: corruption, encoder, code, decoder; a distance to the clean target plus penalties."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from isthmus.data.scaling import Scaling
from isthmus.errors import BlueprintError, DataError, nearest
from isthmus.parts import Code, CodeKind, Corruption, Distance, Mse, Penalty, Plain, Shape
from isthmus.parts.layers import Chain, Dropout
from isthmus.parts.penalties import names_of

if TYPE_CHECKING:
    from isthmus.blueprint import Blueprint

Draws = Mapping[str, Any]
"""Random numbers of one batch: tensors with N first, by name; those of the encoder and decoder by layer."""


@dataclass
class Pass:
    """What one forward made of a batch of N samples; penalties, callbacks and measures read it.

    clean: (N, *shape), scaled. corrupted: what the encoder got. output: what the decoder made, before the distance's
    link. reconstruction: (N, *shape), back in the scaled data's space. layers: every named layer's output. draws: the
    random numbers that went in.
    """

    clean: Tensor
    corrupted: Tensor
    code: Code
    output: Tensor
    reconstruction: Tensor
    layers: dict[str, Tensor] = field(default_factory=dict)
    draws: Draws = field(default_factory=dict)

    def activations(self, layer: str | None = None) -> Tensor:
        """(N, …) output of a layer by its name, such as "encoder.dense1"; the code's z where None.

        In the samples' own type: within autocast the layers are bfloat16, too coarse to sum up.

        Raises:
            BlueprintError: there is no such layer.
        """
        if layer is None:
            return self.code.z
        if layer not in self.layers:
            raise BlueprintError(f"There is no layer {layer!r} in this network. {nearest(layer, self.layers)}")
        return self.layers[layer].to(self.clean.dtype)


class Autoencoder(nn.Module):
    """An autoencoder: an ordinary `nn.Module` that takes raw samples, since it carries their scaling.

    A `Blueprint` builds it; whoever brings modules of their own passes them here. `encoder` maps (N, *seen) to
    (N, *features), `decoder` maps (N, *code) to (N, *shape).

        model = Autoencoder(nn.Linear(784, 32), nn.Linear(32, 784), shape=(784,))
        total, terms = model.loss(model(batch))

    shape: of one clean sample. code_shape: of one code; found by trying the encoder where it isn't given.
    seen_shape: of what the encoder gets, where a corruption changes the shape.

    Raises:
        BlueprintError: the modules don't take or make the shapes that they should, the distance doesn't fit the
            scaling, or a part doesn't find what it needs.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        *,
        shape: Shape,
        code: CodeKind | None = None,
        distance: Distance | None = None,
        penalties: Sequence[Penalty] = (),
        corruption: Corruption | None = None,
        scaling: Scaling | None = None,
        code_shape: Shape | None = None,
        code_module: nn.Module | None = None,
        blueprint: "Blueprint | None" = None,
    ) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.code_module = code_module
        self.scaling = scaling or Scaling()
        self.shape = tuple(shape)
        self.code = code or Plain()
        self.distance = (distance or Mse()).settled(self.scaling.range)
        self.penalties, self.corruption = tuple(penalties), corruption
        self.seen_shape = corruption.shape(self.shape) if corruption else self.shape
        self.blueprint = blueprint
        if corruption is not None:
            corruption.check(self.shape)
        self.code_shape = tuple(code_shape or ()) or self._find_code_shape()
        self.code.check(self.code_shape)
        if blueprint is None:
            self._check_decoder()
        for penalty in self.penalties:
            penalty.check(self)

    def forward(self, raw: Tensor, draws: Draws | None = None) -> Pass:
        """(N, *shape) raw samples to the Pass that they make.

        `draws` are the random numbers of this batch (see `draw`); without them nothing is random: no corruption, no
        dropout, and the code at its mean.

        Raises:
            DataError: the samples have another shape than the model's.
        """
        draws = draws or {}
        clean = self._scaled(raw, self.shape)
        corrupted = clean
        if self.corruption is not None and "corruption" in draws:
            corrupted = self.corruption(clean, draws["corruption"])
        layers: dict[str, Tensor] = {}
        # within autocast the layers make bfloat16; code, distance and penalties go on as exactly as the data
        features = self._walk("encoder", corrupted, draws, layers).to(clean.dtype)
        code = self.code(features, draws.get("code"), self.code_module)
        output = self._walk("decoder", code.z, draws, layers).to(clean.dtype)
        return Pass(clean, corrupted, code, output, self.distance.picture(output), layers, draws)

    def draw(self, count: int, generator: torch.Generator) -> dict[str, Any]:
        """All random numbers that a forward of `count` samples needs, from one generator, always in the same order."""
        draws: dict[str, Any] = {}
        if self.corruption is not None:
            draws["corruption"] = self.corruption.draw(count, self.shape, generator)
        if (noise := self.code.draw(count, self.code_shape, generator)) is not None:
            draws["code"] = noise
        for side in ("encoder", "decoder"):
            masks = {
                name: layer.draw(count, generator)
                for name, layer in getattr(self, side).named_children()
                if isinstance(layer, Dropout)
            }
            if masks:
                draws[side] = masks
        for name, penalty in zip(self.penalty_names, self.penalties, strict=True):
            if (drawn := penalty.draw(count, self, generator)) is not None:
                draws.setdefault("penalties", {})[name] = drawn
        return draws

    def terms(self, seen: Pass) -> dict[str, Tensor]:
        """(N,) distance and (N,) each penalty, not yet weighted, by name."""
        terms = {"distance": self.distance(seen.output, seen.clean)}
        drawn = seen.draws.get("penalties", {})
        for name, penalty in zip(self.penalty_names, self.penalties, strict=True):
            terms[name] = penalty(seen, self, drawn[name]) if name in drawn else penalty(seen, self)
        if seen.code.loss is not None:
            terms["code"] = seen.code.loss
        return terms

    def loss(self, seen: Pass, weights: Tensor | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """The scalar to minimise, and each of its terms' means.

        weights: (number of penalties,), where a schedule changes them; else the penalties' own.
        """
        means = {name: term.mean() for name, term in self.terms(seen).items()}
        total = means["distance"]
        for index, (name, penalty) in enumerate(zip(self.penalty_names, self.penalties, strict=True)):
            total = total + (penalty.weight if weights is None else weights[index]) * means[name]
        if "code" in means:
            total = total + means["code"]
        return total, means

    @property
    def penalty_names(self) -> list[str]:
        """The penalties' kinds, numbered where one comes again."""
        return names_of(self.penalties)

    def code_of(self, corrupted: Tensor, draws: Draws) -> Tensor:
        """(N, *seen_shape) scaled samples as the encoder gets them to (N, *code), for penalties that differentiate it.

        Within the encoder the draws (dropout's) are those of the pass; the code itself is without its own.
        """
        features = self._walk("encoder", corrupted, draws, {}).to(corrupted.dtype)
        return self.code(features, None, self.code_module).z

    def find_layer(self, name: str) -> nn.Module:
        """The layer whose output a pass keeps under this name, such as "encoder.dense1".

        Raises:
            BlueprintError: there is no such layer; the nearest are named.
        """
        layers = {
            f"{side}.{child}": layer
            for side, network in (("encoder", self.encoder), ("decoder", self.decoder))
            if isinstance(network, Chain)
            for child, layer in network.named_children()
        }
        if name not in layers:
            raise BlueprintError(f"There is no layer {name!r} in this network. {nearest(name, layers)}")
        return layers[name]

    def encode(self, raw: Tensor) -> Tensor:
        """(N, *seen_shape) raw samples, as the encoder gets them, to (N, *code).

        Raises:
            DataError: the samples have another shape than the model's.
        """
        features = self._walk("encoder", self._scaled(raw, self.seen_shape), {}, None)
        return self.code(features, None, self.code_module).z

    def decode(self, z: Tensor) -> Tensor:
        """(N, *code) to (N, *shape) in the raw data's units, as float32.

        Raises:
            DataError: the codes have another shape than the model's.
        """
        if tuple(z.shape[1:]) != self.code_shape:
            raise DataError(
                f"The codes have shape {tuple(z.shape)}, this model takes (N, {_commas(self.code_shape)}). "
                "Give codes that its encode made."
            )
        return self.scaling.inverse(self.distance.picture(self._walk("decoder", z, {}, None)))

    def reconstruct(self, raw: Tensor) -> Tensor:
        """(N, *shape) raw samples to their reconstructions, in the raw data's units, as float32."""
        return self.decode(self.encode(raw))

    def _scaled(self, raw: Tensor, shape: Shape) -> Tensor:
        """(N, *shape) scaled samples, in the type that the weights were moved to (see `nn.Module.to`)."""
        if tuple(raw.shape[1:]) != shape:
            raise DataError(
                f"The samples have shape {tuple(raw.shape)}, this model takes (N, {_commas(shape)}). "
                "Give them in its shape, or build the model for these data."
            )
        return self.scaling(raw).to(self.scaling.scale.dtype)

    def _walk(self, side: str, x: Tensor, draws: Draws, layers: dict[str, Tensor] | None) -> Tensor:
        """Through the encoder or decoder, noting each named layer's output under its full name."""
        network = getattr(self, side)
        if layers is None or not isinstance(network, Chain):
            return network(x)
        seen: dict[str, Tensor] = {}
        x = network(x, seen, draws.get(side))
        layers.update({f"{side}.{name}": output for name, output in seen.items()})
        return x

    def _find_code_shape(self) -> Shape:
        """What the encoder makes of one sample of zeros."""
        with _resting(self):
            try:
                features = self.encoder(self._zeros(self.seen_shape))
                return tuple(self.code(features, None, self.code_module).z.shape[1:])
            except RuntimeError as error:
                raise BlueprintError(
                    f"The encoder can't take one sample of shape {self.seen_shape}: {str(error).splitlines()[0]}. "
                    "Give `shape` as the encoder's input has it."
                ) from error

    def _check_decoder(self) -> None:
        """Raise BlueprintError unless the decoder makes a sample of one code of zeros."""
        with _resting(self):
            try:
                made = tuple(self.decoder(self._zeros(self.code_shape)).shape[1:])
            except RuntimeError as error:
                raise BlueprintError(
                    f"The decoder can't take one code of shape {self.code_shape}: {str(error).splitlines()[0]}. "
                    "Give a decoder that takes what the encoder makes."
                ) from error
        if made != self.shape:
            raise BlueprintError(
                f"The decoder makes samples of shape {made}, but the data have {self.shape}. "
                "Give a decoder that ends in the data's shape (nn.Unflatten, for example)."
            )

    def _zeros(self, shape: Shape) -> Tensor:
        """(1, *shape) zeros as the weights are: on their device, of their type."""
        like = next((weight for weight in self.parameters() if weight.is_floating_point()), self.scaling.scale)
        return like.new_zeros(1, *shape)


@contextlib.contextmanager
def _resting(model: nn.Module) -> Iterator[None]:
    """Every module in evaluation mode and without gradients, then each as it was."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module in training:
            module.training = True


def _commas(shape: Shape) -> str:
    return ", ".join(map(str, shape))


def map_draws(use: Callable[[Tensor], Tensor], draws: Any) -> Any:
    """The same draws with `use` applied to every tensor: moved to a device, cut to a piece of the batch."""
    if isinstance(draws, Mapping):
        return {name: map_draws(use, value) for name, value in draws.items()}
    return None if draws is None else use(draws)

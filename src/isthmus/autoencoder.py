"""The composition: corruption, encoder, code, decoder; a distance to the clean target plus penalties."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from isthmus.data.scaling import Scaling
from isthmus.errors import BlueprintError, nearest
from isthmus.parts import Code, CodeKind, Corruption, Distance, Mse, Penalty, Plain, Shape
from isthmus.parts.layers import Chain, Dropout

if TYPE_CHECKING:
    from isthmus.blueprint import Blueprint

Draws = Mapping[str, Any]


@dataclass
class Pass:
    """What one forward made of a batch of N samples; penalties, callbacks and measures read it.

    clean: (N, *shape), scaled. corrupted: what the encoder got. output: what the decoder made, before the distance's
    link. reconstruction: (N, *shape), back in the scaled data's space. layers: every named layer's output.
    """

    clean: Tensor
    corrupted: Tensor
    code: Code
    output: Tensor
    reconstruction: Tensor
    layers: dict[str, Tensor] = field(default_factory=dict)

    def activations(self, layer: str | None = None) -> Tensor:
        """(N, …) output of a layer by its name, such as "encoder.dense1"; the code's z where None.

        Raises:
            BlueprintError: there is no such layer.
        """
        if layer is None:
            return self.code.z
        if layer not in self.layers:
            raise BlueprintError(f"There is no layer {layer!r} in this network. {nearest(layer, self.layers)}")
        return self.layers[layer]


class Autoencoder(nn.Module):
    """An autoencoder: an ordinary `nn.Module` that takes raw samples, since it carries their scaling.

    A `Blueprint` builds it; whoever brings modules of their own passes them here. `encoder` maps (N, *seen) to
    (N, *features), `decoder` maps (N, *code) to (N, *shape).

        model = Autoencoder(nn.Linear(784, 32), nn.Linear(32, 784), shape=(784,))
        total, terms = model.loss(model(batch))

    shape: of one clean sample. code_shape: of one code. seen_shape: of what the encoder gets, where a corruption
    changes the shape.
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
        self.code_shape = code_shape or self._find_code_shape()

    def forward(self, raw: Tensor, draws: Draws | None = None) -> Pass:
        """(N, *shape) raw samples to the Pass that they make.

        `draws` are the random numbers of this batch (see `draw`); without them nothing is random: no corruption, no
        dropout, and the code at its mean.
        """
        draws = draws or {}
        clean = self.scaling(raw)
        corrupted = clean
        if self.corruption is not None and "corruption" in draws:
            corrupted = self.corruption(clean, draws["corruption"])
        layers: dict[str, Tensor] = {}
        features = self._walk("encoder", corrupted, draws, layers)
        code = self.code(features, draws.get("code"), self.code_module)
        output = self._walk("decoder", code.z, draws, layers)
        return Pass(clean, corrupted, code, output, self.distance.picture(output), layers)

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
        return draws

    def terms(self, seen: Pass) -> dict[str, Tensor]:
        """(N,) distance and (N,) each penalty, not yet weighted, by name."""
        terms = {"distance": self.distance(seen.output, seen.clean)}
        for name, penalty in zip(self.penalty_names, self.penalties, strict=True):
            terms[name] = penalty(seen, self)
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
        """The penalties' kinds, numbered where one comes twice."""
        names: list[str] = []
        for penalty in self.penalties:
            count = sum(name.split("#")[0] == penalty.kind for name in names)
            names.append(f"{penalty.kind}#{count + 1}" if count else penalty.kind)
        return names

    def encode(self, raw: Tensor) -> Tensor:
        """(N, *shape) raw samples to (N, *code)."""
        features = self._walk("encoder", self.scaling(raw), {}, None)
        return self.code(features, None, self.code_module).z

    def decode(self, z: Tensor) -> Tensor:
        """(N, *code) to (N, *shape) in the raw data's units, as float32."""
        return self.scaling.inverse(self.distance.picture(self._walk("decoder", z, {}, None)))

    def reconstruct(self, raw: Tensor) -> Tensor:
        """(N, *shape) raw samples to their reconstructions, in the raw data's units, as float32."""
        return self.decode(self.encode(raw))

    def _walk(self, side: str, x: Tensor, draws: Draws, layers: dict[str, Tensor] | None) -> Tensor:
        """Through the encoder or decoder, noting each named layer's output under its full name."""
        network = getattr(self, side)
        if not isinstance(network, Chain):
            return network(x)
        if layers is None:
            return network(x)
        seen: dict[str, Tensor] = {}
        x = network(x, seen, draws.get(side))
        layers.update({f"{side}.{name}": output for name, output in seen.items()})
        return x

    def _find_code_shape(self) -> Shape:
        """What the encoder makes of one sample of zeros."""
        was_training = self.training
        self.eval()
        try:
            with torch.no_grad():
                features = self.encoder(torch.zeros(1, *self.seen_shape))
                return tuple(self.code(features, None, self.code_module).z.shape[1:])
        except RuntimeError as error:
            raise BlueprintError(
                f"The encoder can't take one sample of shape {self.seen_shape}: {str(error).splitlines()[0]}. "
                "Give `shape` as the encoder's input has it."
            ) from error
        finally:
            self.train(was_training)

"""The composition: corruption → encoder → code → decoder. Its loss is a distance to the clean sample plus penalties."""

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from isthmus.data.scaling import Scaling
from isthmus.errors import UseError
from isthmus.model.batch import batch_of, given_to, labels_for
from isthmus.model.listing import Layers, layers
from isthmus.model.objective import Objective
from isthmus.model.shape_checks import check_codes, check_parts, find_code_shape
from isthmus.parts import (
    Bound,
    Code,
    CodeKind,
    Conditioning,
    Corruption,
    DataSpec,
    Distance,
    Identity,
    Mse,
    Output,
    Penalty,
    Plain,
)
from isthmus.parts.forward_pass import Draws, Pass
from isthmus.parts.layers import Chain, dropout_masks, traced
from isthmus.parts.model import code_from, encoder_input, picture_of
from isthmus.parts.networks.generating import Choice, generating
from isthmus.parts.part import Part, Shape


class Autoencoder(nn.Module):
    """An autoencoder: an `nn.Module` that takes raw samples and scales them itself.

    A `Blueprint` builds it. You can also pass custom modules here: `encoder` maps (N, *input_shape) to (N, *features),
    `decoder` maps (N, *code_shape) to (N, *shape).

        model = Autoencoder(nn.Linear(784, 32), nn.Linear(32, 784), shape=(784,))
        total, terms = model.loss(model(batch))

    shape: of one clean sample. code_shape: of one code; by default found by running the encoder once.
    conditioning: additional inputs of encoder and decoder: labels, a mask of the observed numbers.
    bound: how the losses of several draws of a code become one; "log-mean-exp" is the importance-weighted bound.
    predicts: the meaning of the decoder's output: the "sample", or the "residual", which is added to the input.
    generator: draws the weights of code, prior and penalties.

    Raises:
        BlueprintError: a module has the wrong input or output shape, or a part doesn't fit the model.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        *,
        shape: Shape,
        code: CodeKind | None = None,
        distance: Distance | str | Callable[..., Any] | None = None,
        penalties: Sequence[Penalty] = (),
        corruption: Corruption | None = None,
        predicts: Output | str = "sample",
        scaling: Scaling | None = None,
        conditioning: Conditioning | None = None,
        code_shape: Shape | None = None,
        code_module: nn.Module | None = None,
        bound: Bound | str = "mean",
        generator: torch.Generator | None = None,
        blueprint: Any = None,
    ) -> None:
        super().__init__()
        generator = generator or torch.Generator().manual_seed(0)
        self.encoder, self.decoder = encoder, decoder
        self.scaling = copy.deepcopy(scaling) or Scaling()  # a copy: it moves to the model's device, the data stay
        self.shape, self.code, self.corruption = tuple(shape), code or Plain(), corruption or Identity()
        self.predicts, self.conditioning = Output.model_validate(predicts), conditioning or Conditioning()
        spec = DataSpec(range=self.scaling.range, inputs=math.prod(self.shape))
        self.distance = Distance.model_validate(distance or Mse()).resolve(spec)
        self.objective = Objective(self.distance, [penalty.resolve(spec) for penalty in penalties], bound)
        self.input_shape, self.blueprint = self.corruption.shape(self.shape), blueprint
        self.bound = self.objective.bound
        self.columns: tuple[str, ...] = ()  # the names of the table's columns
        self.categories: tuple[tuple[str, ...], ...] = ()  # the names of each column's categories
        self.left_open: tuple[str, ...] = ()  # the options of its blueprint that were decided from the data
        self.code_module, self.prior_module = code_module, None
        self.code_shape = tuple(code_shape or ()) or find_code_shape(self)
        self.code_module = code_module or self.code.module(self.code_shape, generator)
        check_parts(self, modules=blueprint is None)
        self.objective.add_modules(self, generator)
        self.prior_module = self.code.prior.module(self, generator)
        for part in (self.code.prior, *self.objective.penalties, self.bound):
            part.check(self)
        self.code.check_model(self)

    def forward(
        self,
        raw: Tensor,
        draws: Draws | None = None,
        labels: Tensor | None = None,
        damaged: Tensor | None = None,
        epochs: Tensor | None = None,
    ) -> Pass:
        """Run (N, *shape) raw samples through the model; see `Inputs` for the other arguments.

        Without `draws` nothing is random: no dropout, no corruption, and the code is its mean. A corruption that
        changes the shape is still applied, with the same random numbers at every call.

        Raises:
            DataError: the samples have the wrong shape, or the labels of a condition are missing.
        """
        batch = self.corruption.target(batch_of(self, raw, draws, labels, damaged, epochs))
        draws, labels, dtype = batch.draws, batch.labels, batch.clean.dtype
        corrupted = self.corruption.corrupt(batch)
        encoded = encoder_input(self, corrupted.values, corrupted.observed, labels)
        features, inner = traced(self.encoder, encoded, draws.get("encoder"))
        # within autocast the layers make bfloat16; code, distance and penalties are computed in the data's type
        code = self.code.during(batch.epochs, features.to(dtype), draws.get("code"), self.code_module)
        code = self.code.moved(code, batch, self)
        given = self.conditioning.to_decoder(code.z, labels)
        output, outer = traced(self.decoder, given, draws.get("decoder"), inner, target=batch.clean)
        output = self.predicts.complete(output.to(dtype), corrupted, self.corruption)
        layers = {f"encoder.{name}": x for name, x in inner.items()} | {
            f"decoder.{name}": x for name, x in outer.items()
        }
        weight = self._weight(code, draws.get("decoder"))
        return Pass(batch, corrupted.values, code, output, self.distance.picture, layers, weight)

    def encode(
        self,
        raw: Tensor,
        labels: Tensor | None = None,
        observed: Tensor | None = None,
        draws: Tensor | None = None,
    ) -> Tensor:
        """Encode raw samples, corrupted (N, *input_shape) or clean (N, *shape), to (N, *code).

        observed: as for `reconstruct`. draws: (N, 1, *code) the random numbers of a code that can be drawn
            (`CodeKind.draw`); by default, the code is its mean.

        Raises:
            DataError: the samples have the wrong shape, or the labels (N,) of a condition are missing.
        """
        return self._coded(raw, labels, observed, draws).z

    def indices(self, raw: Tensor, labels: Tensor | None = None, observed: Tensor | None = None) -> Tensor:
        """Encode raw samples, as `encode` takes them, to the (N, …) int64 indices of a quantised code.

        Raises:
            UseError: the code isn't quantised.
        """
        found = self._coded(raw, labels, observed, None).indices
        if found is None:
            raise UseError(f"A {self.code.kind} code has no indices. Encode the samples, or use a quantised code.")
        return found

    def _weight(self, code: Code, draws: Draws | None) -> Tensor | None:
        """(N,) of each sample's distance in the loss, as the code and the decoder's draws want it."""
        writer = generating(self.decoder)
        of_step = None if writer is None else writer.weight((draws or {}).get("output"))
        if code.weight is None or of_step is None:
            return of_step if code.weight is None else code.weight
        return code.weight * of_step

    def _coded(self, raw: Tensor, labels: Tensor | None, observed: Tensor | None, draws: Tensor | None) -> Code:
        given, labels = given_to(self, raw, observed), labels_for(self, labels, raw.shape[0])
        return code_from(self, encoder_input(self, given.values, given.observed, labels), draws)

    def decode(self, z: Tensor, labels: Tensor | None = None, choice: Choice | None = None) -> Tensor:
        """Decode (N, *code) to (N, *shape) in the raw data's units (see `Scaling.inverse`).

        choice: the random numbers of a decoder that generates: how tokens are chosen, or the noise to start from. None
            takes the most likely tokens, and always the same noise. Of no use for other decoders.

        Raises:
            DataError: the codes have the wrong shape, or the labels (N,) of a condition are missing.
            UseError: the decoder needs more than the code (skip connections, or a residual).
        """
        check_codes(self, z)
        z, labels = z.to(self.device), labels_for(self, labels, z.shape[0])
        if choice is not None and (writer := generating(self.decoder)) is not None:
            return self.scaling.inverse(writer.generate(self.conditioning.to_decoder(z, labels), choice)[0].float())
        return self.scaling.inverse(picture_of(self, z, labels))

    def reconstruct(
        self,
        raw: Tensor,
        labels: Tensor | None = None,
        observed: Tensor | None = None,
        draws: Tensor | None = None,
    ) -> Tensor:
        """Reconstruct raw samples, as `encode` takes them, as (N, *shape) in the raw data's units.

        observed: (N, *input_shape) True for the numbers that are known, if you have filled the others; by default, all
            that aren't NaN. draws: as for `encode`.
        """
        given, labels = given_to(self, raw, observed), labels_for(self, labels, raw.shape[0])
        encoded = encoder_input(self, given.values, given.observed, labels)
        features, inner = traced(self.encoder, encoded) if self.skips else (self.encoder(encoded), {})
        decoded = self.conditioning.to_decoder(self.code(features, draws, self.code_module).z, labels)
        output = self.decoder(decoded, None, inner) if self.skips else self.decoder(decoded)
        return self.scaling.inverse(self.distance.picture(self.predicts.complete(output, given, self.corruption)))

    def noise(self, raw: Tensor, labels: Tensor | None = None) -> Tensor:
        """The noise (N, *shape) from which the decoder generates clean raw samples (N, *shape) again, with their codes.

            model.decode(model.encode(raw), choice=Choice(model.noise(raw)))  # nearly raw

        Raises:
            UseError: the decoder doesn't generate from noise.
        """
        writer, labels = generating(self.decoder), labels_for(self, labels, raw.shape[0])
        batch = batch_of(self, raw, labels=labels)
        z = self._coded(raw, labels, None, None).z
        made = None if writer is None else writer.invert(self.conditioning.to_decoder(z, labels), batch.clean)
        if made is None:
            raise UseError("This model's decoder doesn't generate from noise. Train a recipe such as 'diffusion'.")
        return made

    def summary(self) -> Layers:
        """The layers of encoder and decoder: names, kinds, shapes of their outputs, and parameters."""
        return layers(self)

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()

    def draw(self, count: int, generator: torch.Generator) -> dict[str, Any]:
        """All random numbers for a forward pass of `count` samples, from one generator, always in the same order."""
        draws = {"corruption": self.corruption.draw(count, self.shape, generator)} if self.corruption.damages else {}
        others = {"code": self.code.draw(count, self.code_shape, generator)}
        others |= {
            side: dropout_masks(getattr(self, side), count, generator) or None for side in ("encoder", "decoder")
        }
        others |= {"penalties": self.objective.draw(count, self, generator) or None}
        return draws | {name: drawn for name, drawn in others.items() if drawn is not None}

    def loss(self, out: Pass, weights: Tensor | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """The scalar loss to minimise, and the mean of each of its terms (see `Objective`)."""
        return self.objective(out, self, weights)

    def module_of(self, part: Part) -> nn.Module:
        """The module with the weights of this penalty or of the prior."""
        own = self.prior_module if part is self.code.prior else self.objective.module_of(part)
        return cast(nn.Module, own)

    @property
    def device(self) -> torch.device:
        """The device of the model. Samples, codes and labels may be on any device."""
        return self.scaling.scale.device

    @property
    def skips(self) -> bool:
        """Whether the decoder gets layers of the encoder in addition to the code."""
        return isinstance(self.decoder, Chain) and bool(self.decoder.skips)

    @property
    def cuttable(self) -> bool:
        """Whether it also takes tokens (N, T') that are cut from (N, T) where all have ended, with the same results."""
        network = getattr(self.blueprint, "network", None)
        parts = (network, self.distance, self.corruption, *self.objective.penalties)
        return len(self.code_shape) == 1 and all(part is not None and part.cuttable for part in parts)

    @property
    def decodes(self) -> bool:
        """Whether its code alone can be decoded: not with skip connections, and not if it predicts a residual."""
        return self.predicts.decodes and not self.skips

    @property
    def restores(self) -> bool:
        """Whether it is trained to undo damage, so that it must be measured on damaged samples."""
        return self.corruption.damages and not self.decodes

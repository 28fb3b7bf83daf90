"""The composition: corruption → encoder → code → decoder, judged by a distance to the clean target plus penalties."""

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from isthmus.data.scaling import Scaling
from isthmus.model.batch import batch_of, given_to, labels_for
from isthmus.model.objective import Bound, Objective
from isthmus.model.shape_checks import check_codes, check_parts, find_code_shape
from isthmus.parts import CodeKind, Conditioning, Corruption, DataSpec, Distance, Identity, Mse, Output, Penalty, Plain
from isthmus.parts.forward_pass import Draws, Pass
from isthmus.parts.layers import Chain, dropout_masks, traced
from isthmus.parts.model import code_from, encoder_input, picture_of
from isthmus.parts.part import Part, Shape


class Autoencoder(nn.Module):
    """An autoencoder: an ordinary `nn.Module` that takes raw samples, since it carries their scaling.

    A `Blueprint` builds it; modules of your own are passed here. `encoder` maps (N, *input_shape) to (N, *features),
    `decoder` maps (N, *code_shape) to (N, *shape).

        model = Autoencoder(nn.Linear(784, 32), nn.Linear(32, 784), shape=(784,))
        total, terms = model.loss(model(batch))

    shape: of one clean sample. code_shape: of one code; found by trying the encoder where it isn't given.
    conditioning: what encoder and decoder get in addition: labels, a mask of what is observed.
    bound: how the losses of several draws of a code become one; "log-mean-exp" is the importance-weighted bound.
    predicts: what the decoder's output means: the "sample", or the "residual", which is added to its input.
    generator: draws the weights of code, prior and penalties.

    Raises:
        BlueprintError: a module takes or makes another shape than it should, or a part lacks what it needs.
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
        bound: Bound = "mean",
        generator: torch.Generator | None = None,
        blueprint: Any = None,
    ) -> None:
        super().__init__()
        generator = generator or torch.Generator().manual_seed(0)
        self.encoder, self.decoder = encoder, decoder
        self.scaling = copy.deepcopy(scaling) or Scaling()  # its own: it goes where the model goes, the data stay
        self.shape, self.code, self.corruption = tuple(shape), code or Plain(), corruption or Identity()
        self.predicts, self.conditioning = Output.model_validate(predicts), conditioning or Conditioning()
        spec = DataSpec(range=self.scaling.range, inputs=math.prod(self.shape))
        self.distance = Distance.model_validate(distance or Mse()).resolve(spec)
        self.objective = Objective(self.distance, [penalty.resolve(spec) for penalty in penalties], bound)
        self.input_shape, self.bound, self.blueprint = self.corruption.shape(self.shape), bound, blueprint
        self.columns: tuple[str, ...] = ()  # of the table that it was built for: their names
        self.categories: tuple[tuple[str, ...], ...] = ()  # and those of each one's categories
        self.code_module, self.prior_module = code_module, None
        self.code_shape = tuple(code_shape or ()) or find_code_shape(self)
        self.code_module = code_module or self.code.module(self.code_shape, generator)
        check_parts(self, modules=blueprint is None)
        self.objective.add_modules(self, generator)
        self.prior_module = self.code.prior.module(self, generator)
        for part in (self.code.prior, *self.objective.penalties):
            part.check(self)

    def forward(
        self,
        raw: Tensor,
        draws: Draws | None = None,
        labels: Tensor | None = None,
        damaged: Tensor | None = None,
        epochs: Tensor | None = None,
    ) -> Pass:
        """(N, *shape) raw samples, and what comes with them (see `Inputs`), to the Pass that they make.

        Without `draws` nothing is random: no dropout, the code at its mean, and no corruption, but for one that changes
        the shape, which then always damages alike.

        Raises:
            DataError: the samples have another shape than the model's, or the labels of a condition are missing.
        """
        batch = batch_of(self, raw, draws, labels, damaged, epochs)
        draws, labels, dtype = batch.draws, batch.labels, batch.clean.dtype
        corrupted = self.corruption.corrupt(batch)
        encoded = encoder_input(self, corrupted.values, corrupted.observed, labels)
        features, inner = traced(self.encoder, encoded, draws.get("encoder"))
        # within autocast the layers make bfloat16; code, distance and penalties go on as exactly as the data
        code = self.code(features.to(dtype), draws.get("code"), self.code_module)
        output, outer = traced(self.decoder, self.conditioning.to_decoder(code.z, labels), draws.get("decoder"), inner)
        output = self.predicts.complete(output.to(dtype), corrupted, self.corruption)
        layers = {f"encoder.{name}": x for name, x in inner.items()} | {
            f"decoder.{name}": x for name, x in outer.items()
        }
        return Pass(batch, corrupted.values, code, output, self.distance.picture(output), layers)

    def encode(self, raw: Tensor, labels: Tensor | None = None) -> Tensor:
        """(N, *input_shape) raw samples, as the encoder gets them, or clean ones, to (N, *code).

        Raises:
            DataError: the samples have another shape than the model's, or the labels (N,) of a condition are missing.
        """
        given, labels = given_to(self, raw), labels_for(self, labels, raw.shape[0])
        return code_from(self, encoder_input(self, given.values, given.observed, labels)).z

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """(N, *code) to (N, *shape) in the raw data's units, as float32.

        Raises:
            DataError: the codes have another shape than the model's, or the labels (N,) of a condition are missing.
            UseError: the decoder sees more than the code.
        """
        check_codes(self, z)
        return self.scaling.inverse(picture_of(self, z.to(self.device), labels_for(self, labels, z.shape[0])))

    def reconstruct(self, raw: Tensor, labels: Tensor | None = None, observed: Tensor | None = None) -> Tensor:
        """(N, *input_shape) raw samples, as `encode` takes them, to (N, *shape) in the raw data's units, as float32.

        observed: (N, *input_shape) which numbers are known, where the others are filled already; by default, those that
            aren't NaN.
        """
        given, labels = given_to(self, raw, observed), labels_for(self, labels, raw.shape[0])
        encoded = encoder_input(self, given.values, given.observed, labels)
        features, inner = traced(self.encoder, encoded) if self.skips else (self.encoder(encoded), {})
        decoded = self.conditioning.to_decoder(self.code(features, None, self.code_module).z, labels)
        output = self.decoder(decoded, None, inner) if self.skips else self.decoder(decoded)
        return self.scaling.inverse(self.distance.picture(self.predicts.complete(output, given, self.corruption)))

    def draw(self, count: int, generator: torch.Generator) -> dict[str, Any]:
        """All random numbers that a forward of `count` samples needs, from one generator, always in the same order."""
        draws = {"corruption": self.corruption.draw(count, self.shape, generator)} if self.corruption.damages else {}
        draws |= {"code": self.code.draw(count, self.code_shape, generator)}
        draws |= {side: dropout_masks(getattr(self, side), count, generator) for side in ("encoder", "decoder")}
        draws |= {"penalties": self.objective.draw(count, self, generator)}
        return {
            name: drawn for name, drawn in draws.items() if name == "corruption" or (drawn is not None and drawn != {})
        }

    def loss(self, out: Pass, weights: Tensor | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """The scalar to minimise and each of its terms' means (see `Objective`)."""
        return self.objective(out, self, weights)

    def module_of(self, part: Part) -> nn.Module:
        """The weights that this penalty of the model's, or its prior, has of its own."""
        own = self.prior_module if part is self.code.prior else self.objective.module_of(part)
        return cast(nn.Module, own)

    @property
    def device(self) -> torch.device:
        """Where it computes; samples, codes and labels may come from anywhere."""
        return self.scaling.scale.device

    @property
    def skips(self) -> bool:
        """Whether the decoder sees layers of the encoder next to the code."""
        return isinstance(self.decoder, Chain) and bool(self.decoder.skips)

    @property
    def decodes(self) -> bool:
        """Whether its code alone can be decoded: not with skip connections, nor where it predicts a residual."""
        return self.predicts.decodes and not self.skips

    @property
    def restores(self) -> bool:
        """Whether it is trained to undo damage, so that what it makes of whole samples says nothing of it."""
        return self.corruption.damages and not self.decodes

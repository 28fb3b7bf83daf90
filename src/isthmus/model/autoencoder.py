"""The composition: corruption, encoder, code, decoder; a distance to the clean target plus penalties."""

import copy
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from isthmus.data.scaling import Scaling
from isthmus.errors import BlueprintError, DataError, IsthmusError, UseError, nearest
from isthmus.model.shape_checks import (
    check_as_bytes,
    check_correction,
    check_decoder,
    check_distance,
    eval_mode,
    find_code_shape,
    zeros,
)
from isthmus.parts import CodeKind, Conditioning, Corruption, DataSpec, Distance, Mse, Penalty, Plain, Shape
from isthmus.parts.forward_pass import Draws, Pass, map_draws
from isthmus.parts.layers import Chain, Dropout
from isthmus.parts.penalties import names_of

if TYPE_CHECKING:
    from isthmus.model.blueprint import Blueprint

Bound = Literal["mean", "log-mean-exp"]
"""How the losses of several draws of one sample's code become one."""
Predicts = Literal["sample", "residual"]
"""What the decoder makes: the sample, or what is added to what the encoder saw."""


class Autoencoder(nn.Module):
    """An autoencoder: an ordinary `nn.Module` that takes raw samples, since it carries their scaling.

    A `Blueprint` builds it; whoever brings modules of their own passes them here. `encoder` maps (N, *seen) to
    (N, *features), `decoder` maps (N, *code) to (N, *shape).

        model = Autoencoder(nn.Linear(784, 32), nn.Linear(32, 784), shape=(784,))
        total, terms = model.loss(model(batch))

    shape: of one clean sample. code_shape: of one code; found by trying the encoder where it isn't given.
    input_shape: of the samples as the encoder gets them, where a corruption changes the shape.
    conditioning: what else encoder and decoder get: a label, which numbers are known.
    bound: how the losses of several draws of a code become one; "log-mean-exp" is the importance-weighted bound.
    predicts: what the decoder makes: the "sample", or the "residual", which is added to its input.
    aligned: the encoder gets what came in laid out as the clean sample is (`Corruption.as_clean`).
    generator: draws the weights that penalties bring (`own`, by the penalty's name).

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
        distance: Distance | str | Callable[..., Any] | None = None,
        penalties: Sequence[Penalty] = (),
        corruption: Corruption | None = None,
        scaling: Scaling | None = None,
        code_shape: Shape | None = None,
        code_module: nn.Module | None = None,
        conditioning: Conditioning | None = None,
        bound: Bound = "mean",
        predicts: Predicts = "sample",
        aligned: bool = False,
        generator: torch.Generator | None = None,
        blueprint: "Blueprint | None" = None,
    ) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.code_module = code_module
        self.scaling = copy.deepcopy(scaling) or Scaling()  # its own: it goes where the model goes, the data stay
        self.shape = tuple(shape)
        self.code = code or Plain()
        self.distance = Distance.model_validate(distance or Mse()).resolve(DataSpec(range=self.scaling.range))
        observed = DataSpec(range=self.scaling.range, inputs=math.prod(self.shape))
        self.penalties = tuple(penalty.resolve(observed) for penalty in penalties)
        self.corruption = corruption
        self.input_shape = corruption.shape(self.shape) if corruption else self.shape
        self.conditioning, self.bound, self.blueprint = conditioning or Conditioning(), bound, blueprint
        self.predicts, self.aligned = predicts, aligned and self.input_shape != self.shape
        if corruption is not None:
            corruption.check(self.shape)
            check_as_bytes(corruption, self.scaling)
        self.code_shape = tuple(code_shape or ()) or find_code_shape(self)
        self.code.check(self.code_shape)
        if blueprint is None:
            check_decoder(self)
        check_distance(self)
        if predicts == "residual":
            check_correction(self)
        if bound == "log-mean-exp" and not self.distance.likelihood:
            raise BlueprintError(
                f"bound='log-mean-exp' averages probabilities, and {self.distance.kind} is none. "
                "Take a distance that is a likelihood, such as 'bce' or 'gaussian'."
            )
        generator = generator or torch.Generator().manual_seed(0)
        modules = [penalty.module(self.shape, self.code_shape, generator) for penalty in self.penalties]
        self.columns: tuple[str, ...] = ()  # of the table that it was built for: their names
        self.categories: tuple[tuple[str, ...], ...] = ()  # and those of each one's categories
        self.own = nn.ModuleDict({n: m for n, m in zip(self.penalty_names, modules, strict=True) if m is not None})
        for penalty in self.penalties:
            penalty.check(self)

    def forward(self, raw: Tensor, draws: Draws | None = None) -> Pass:
        """(N, *shape) raw samples to the Pass that they make.

        `draws` are the random numbers of this batch (see `draw`); without them nothing is random: no dropout, the code
        at its mean, and no corruption, but for one that changes the shape, which always damages alike then. A model
        with a condition wants its labels in them, as `{"labels": labels}`.

        Raises:
            DataError: the samples have another shape than the model's, or their labels are missing.
        """
        draws = draws or {}
        clean, observed = self._scaled(raw, self.shape)
        labels = self._labels(draws.get("labels"), clean.shape[0])
        told = self._told(self._understood(clean, observed), draws)
        corrupted = self._corrupted(clean, draws, told)
        layers: dict[str, Tensor] = {}
        # within autocast the layers make bfloat16; code, distance and penalties go on as exactly as the data
        out = self.conditioning.to_encoder(self._laid_out(corrupted), told, labels)
        features = self._walk("encoder", out, draws, layers).to(clean.dtype)
        code = self.code(features, draws.get("code"), self.code_module)
        output = self._walk("decoder", self.conditioning.to_decoder(code.z, labels), draws, layers).to(clean.dtype)
        output = self._corrected(output, corrupted, told)
        return Pass(clean, corrupted, code, output, self.distance.picture(output), layers, draws, observed)

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

    def terms(self, out: Pass) -> dict[str, Tensor]:
        """(N,) distance and (N,) each penalty, not yet weighted, by name; (K·N,) where K draws differ."""
        drawn = out.draws.get("penalties", {})
        observed = (
            () if out.observed is None else (out.repeated(out.observed),)
        )  # a distance of one's own may know no mask
        terms = {"distance": self.distance(out.output, out.repeated(out.clean), *observed)}
        for name, penalty in zip(self.penalty_names, self.penalties, strict=True):
            terms[name] = penalty(out, self, drawn[name]) if name in drawn else penalty(out, self)
        if out.code.loss is not None:
            terms["code"] = out.code.loss
        return terms

    def loss(self, out: Pass, weights: Tensor | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """The scalar to minimise, and each of its terms' means.

        A rival's loss adds nothing to it, but its gradient reaches the rival.

        weights: (number of penalties,), where a schedule changes them; else the penalties' own.
        """
        terms, drawn = self.terms(out), out.draws.get("penalties", {})
        means = {name: term.mean() for name, term in terms.items()}
        parts = means
        if self.bound != "mean":
            parts = {name: term.view(-1, out.clean.shape[0]) for name, term in terms.items()}
        total = parts["distance"]
        for index, (name, penalty) in enumerate(zip(self.penalty_names, self.penalties, strict=True)):
            total = total + (penalty.full_weight if weights is None else weights[index]) * parts[name]
        if "code" in parts:
            total = total + parts["code"]
        if self.bound == "log-mean-exp":  # -log (1/K) sum_k exp(-loss_k), the mean over the samples
            total = (math.log(len(total)) - torch.logsumexp(-total, 0)).mean()
        for name, penalty in zip(self.penalty_names, self.penalties, strict=True):
            if penalty.has_rival:
                means[f"{name} rival"] = rival = penalty.rival(out.detached(), self, drawn.get(name)).mean()
                total = total + (rival - rival.detach())
        return total, means

    @property
    def device(self) -> torch.device:
        """Where it computes; samples, codes and labels may come from anywhere."""
        return self.scaling.scale.device

    @property
    def code_bits(self) -> float | None:
        """Bits that one sample's code takes, where it is quantised."""
        return self.code.bits(self.code_shape)

    @property
    def has_rival(self) -> bool:
        """Whether something in it learns against the model, so that a smaller loss isn't a better model."""
        return any(penalty.has_rival for penalty in self.penalties)

    def module_of(self, penalty: Penalty) -> nn.Module:
        """The weights that this penalty of the model's brought with it (`Penalty.module`)."""
        place = next(place for place, own in enumerate(self.penalties) if own is penalty)
        return self.own[self.penalty_names[place]]

    @property
    def penalty_names(self) -> list[str]:
        """The penalties' kinds, numbered where one comes again."""
        return names_of(self.penalties)

    def code_of(self, corrupted: Tensor, draws: Draws) -> Tensor:
        """(N, *input_shape) scaled samples as the encoder gets them to (N, *code), for penalties that differentiate it.

        Within the encoder the draws (dropout's) are those of the pass; the code itself is without its own.
        """
        out = self.conditioning.to_encoder(self._laid_out(corrupted), None, draws.get("labels"))
        return self.code(self._walk("encoder", out, draws, {}).to(corrupted.dtype), None, self.code_module).z

    def code_after(self, layer: str, output: Tensor, draws: Draws) -> Tensor:
        """As `code_of`, from the output of one of the encoder's layers on, of an encoder that is a `Chain`."""
        features = self.encoder(output, None, draws.get("encoder"), None, layer)
        return self.code(features.to(output.dtype), None, self.code_module).z

    def pictures_of(self, z: Tensor, draws: Draws) -> Tensor:
        """(N, *code) to (N, *shape), scaled, for penalties that look at what the decoder makes of other codes."""
        self.check_decodes()
        given = self.conditioning.to_decoder(z, draws.get("labels"))
        return self.distance.picture(self._walk("decoder", given, draws, {}).to(z.dtype))

    def example(self) -> Pass:
        """The pass of one sample of zeros (the first label, where there is a condition), for its layers' shapes."""
        with eval_mode(self):
            labels = torch.zeros(1, dtype=torch.int64)
            return self(zeros(self, self.shape), {"labels": labels})

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

    def encode(self, raw: Tensor, labels: Tensor | None = None) -> Tensor:
        """(N, *input_shape) raw samples, as the encoder gets them, to (N, *code). `labels` (N,) for a condition.

        Clean samples are taken too where a corruption changes the shape, which is then applied as `forward` does.

        Raises:
            DataError: the samples have another shape than the model's, or their labels are missing.
        """
        scaled, observed = self._seen(raw)
        out = self.conditioning.to_encoder(self._laid_out(scaled), observed, self._labels(labels, raw.shape[0]))
        return self.code(self._walk("encoder", out, {}, None), None, self.code_module).z

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """(N, *code) to (N, *shape) in the raw data's units, as float32. `labels` (N,) for a condition.

        Raises:
            DataError: the codes have another shape than the model's, or their labels are missing.
            UseError: the decoder looks at more than the code.
        """
        self.check_decodes()
        if tuple(z.shape[1:]) != self.code_shape:
            raise DataError(
                f"The codes have shape {tuple(z.shape)}, this model takes (N, {_commas(self.code_shape)}). "
                "Give codes that its encode made."
            )
        given = self.conditioning.to_decoder(z.to(self.device), self._labels(labels, z.shape[0]))
        return self.scaling.inverse(self.distance.picture(self._walk("decoder", given, {}, None)))

    def reconstruct(self, raw: Tensor, labels: Tensor | None = None, observed: Tensor | None = None) -> Tensor:
        """(N, *input_shape) raw samples to their reconstructions, (N, *shape) in the raw data's units, as float32.

        Clean samples are taken too, as `encode` takes them.

        observed: (N, *input_shape) which numbers are known, where the others are filled already; by default, those that
            aren't NaN.
        """
        (scaled, observed), labels = self._seen(raw, observed), self._labels(labels, raw.shape[0])
        layers: dict[str, Tensor] | None = None if self.decodes else {}
        out = self.conditioning.to_encoder(self._laid_out(scaled), observed, labels)
        z = self.code(self._walk("encoder", out, {}, layers), None, self.code_module).z
        output = self._walk("decoder", self.conditioning.to_decoder(z, labels), {}, layers)
        return self.scaling.inverse(self.distance.picture(self._corrected(output, scaled, observed)))

    @property
    def decodes(self) -> bool:
        """Whether its code alone can be decoded: not with skip connections, nor where it learns a correction."""
        return self.predicts == "sample" and not (isinstance(self.decoder, Chain) and self.decoder.skips)

    @property
    def restores(self) -> bool:
        """Whether it puts damaged samples right, so that what it makes of whole ones says nothing of it."""
        return self.corruption is not None and not self.decodes

    def check_decodes(self, refusal: type[IsthmusError] = UseError) -> None:
        """Raise `refusal` unless its code alone can be decoded."""
        if self.decodes:
            return
        skips = isinstance(self.decoder, Chain) and self.decoder.skips
        what = "has skip connections beside the code" if skips else "corrects what came in"
        raise refusal(
            f"This model {what}, so that its code alone can't be decoded. Reconstruct or restore whole samples, or "
            "train one without (skips=False, predicts='sample')."
        )

    def as_seen(self, clean: Tensor, draws: Draws | None = None) -> Tensor:
        """(N, *shape) scaled clean samples to (N, *input_shape), damaged by these draws (see `draw`) as in training."""
        return self._corrupted(clean, draws or {})

    def as_clean(self, out: Tensor) -> Tensor:
        """(N, *input_shape) laid out as clean samples are, (N, *shape), without learning: enlarged, say."""
        return out if self.corruption is None else self.corruption.as_clean(out, self.shape)

    def _seen(self, raw: Tensor, observed: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """(N, *input_shape) or clean raw samples to scaled ones as they are seen, and which numbers are known.

        observed: given where the others are filled already.
        """
        clean = self.input_shape != self.shape and tuple(raw.shape[1:]) == self.shape
        scaled, found = self._scaled(raw, self.shape if clean else self.input_shape)
        found = self._understood(scaled, found)
        if observed is not None:
            return scaled, observed
        return self._corrupted(scaled, {}, found) if clean or found is not None else scaled, found

    def _laid_out(self, corrupted: Tensor) -> Tensor:
        """What came in as the encoder wants it: as it is or laid out as the clean sample; counts by their logarithm."""
        return self.distance.as_input(self.as_clean(corrupted) if self.aligned else corrupted)

    def _corrected(self, output: Tensor, corrupted: Tensor, observed: Tensor | None) -> Tensor:
        """(K·N, *shape) the decoder's output, with what came in added to it where a correction is learnt."""
        if self.predicts == "sample":
            return output
        given = self.as_clean(corrupted)
        again = (output.shape[0] // max(1, given.shape[0]), *[1] * (given.ndim - 1))
        if self.corruption is not None:
            output = self.corruption.project(output, None if observed is None else observed.repeat(again))
        return output + given.repeat(again)

    def _corrupted(self, clean: Tensor, draws: Draws, observed: Tensor | None = None) -> Tensor:
        """(N, *input_shape) what the encoder gets; without draws the clean samples, where it takes their shape.

        observed: (N, *shape) what the encoder is told is known.
        """
        if self.corruption is not None and self.corruption.hides and observed is not None:
            return self.corruption.quantised(self.corruption.filled(clean, observed))
        if self.corruption is None or ("corruption" not in draws and self.input_shape == self.shape):
            return clean
        if "corruption" in draws:
            return self.corruption.quantised(self.corruption(clean, draws["corruption"]))
        drawn = self.corruption.draw(clean.shape[0], self.shape, torch.Generator().manual_seed(0))
        return self.corruption.quantised(self.corruption(clean, map_draws(lambda draw: draw.to(clean.device), drawn)))

    def _told(self, observed: Tensor | None, draws: Draws) -> Tensor | None:
        """(N, *shape) which numbers the encoder is told are known: not those that the corruption hides from it."""
        if observed is None or self.corruption is None or not self.corruption.hides or "corruption" not in draws:
            return observed
        return observed & ~self.corruption.hidden(draws["corruption"])

    def _understood(self, scaled: Tensor, observed: Tensor | None) -> Tensor | None:
        """(N, *shape) which numbers say something to the encoder: those that are known, but for unknown categories."""
        if observed is None or not any(self.scaling.levels) or scaled.shape[1:] != (len(self.scaling.levels),):
            return observed
        levels = torch.tensor(self.scaling.levels, device=scaled.device)
        return observed & ((levels == 0) | (scaled < levels))

    def _labels(self, labels: Tensor | None, count: int) -> Tensor | None:
        """The labels of a condition, checked; None without a condition."""
        if not self.conditioning.classes:
            return None
        if labels is None or len(labels) != count:
            raise DataError(
                f"This model is conditioned on labels, and {0 if labels is None else len(labels)} came with "
                f"{count} samples. Give one for each, 0 to {self.conditioning.classes - 1}, or say which column "
                "they are (label=)."
            )
        return labels.to(self.device)

    def _scaled(self, raw: Tensor, shape: Shape) -> tuple[Tensor, Tensor | None]:
        """(N, *shape) scaled samples, missing numbers as 0, and which are known, where some may be missing.

        In the type that the weights were moved to (see `nn.Module.to`).
        """
        if tuple(raw.shape[1:]) != shape:
            raise DataError(
                f"The samples have shape {tuple(raw.shape)}, this model takes (N, {_commas(shape)}). "
                "Give them in its shape, or build the model for these data."
            )
        scaled = self.scaling(raw).to(self.scaling.scale.dtype)
        if not self.conditioning.mask:
            return scaled, None
        observed = ~scaled.isnan()
        return torch.where(observed, scaled, 0), observed

    def _walk(self, side: str, x: Tensor, draws: Draws, layers: dict[str, Tensor] | None) -> Tensor:
        """Through the encoder or decoder, noting each named layer's output under its full name."""
        network = getattr(self, side)
        if layers is None or not isinstance(network, Chain):
            return network(x)
        out: dict[str, Tensor] = {}
        x = network(x, out, draws.get(side), _of_encoder(layers) if side == "decoder" and network.skips else None)
        layers.update({f"{side}.{name}": output for name, output in out.items()})
        return x


def _of_encoder(layers: dict[str, Tensor]) -> dict[str, Tensor]:
    """The encoder's layers by the names that they have there."""
    prefix = "encoder."
    return {name.removeprefix(prefix): made for name, made in layers.items() if name.startswith(prefix)}


def _commas(shape: Shape) -> str:
    return ", ".join(map(str, shape))

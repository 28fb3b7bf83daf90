"""The parts of a run that can be exported: modules with named inputs and one output, with the scaling inside."""

import copy
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from isthmus.data.samples import Samples
from isthmus.errors import UseError, nearest
from isthmus.model.autoencoder import Autoencoder
from isthmus.parts import Pairs
from isthmus.parts.corruptions import Corruption
from isthmus.parts.forward_pass import Batch
from isthmus.parts.model import check_decodes
from isthmus.parts.part import Shape
from isthmus.seeds import seeded
from isthmus.trained import TrainedModel
from isthmus.uses.detector import Detector, detector

Part = Literal["encoder", "decoder", "model", "score"]
PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True)
class Port:
    """An input or the output of a part.

    type: of its numbers. shape: for one sample; the batch comes first. meaning: in words.
    """

    name: str
    type: torch.dtype
    shape: Shape
    meaning: str

    @property
    def type_name(self) -> str:
        """The type as NumPy calls it: "float32"."""
        return str(self.type).removeprefix("torch.")

    def to_json(self) -> dict[str, Any]:
        """Name, type, shape with "batch" in front, and meaning."""
        return {
            "name": self.name,
            "type": self.type_name,
            "shape": ["batch", *self.shape],
            "meaning": self.meaning,
        }


class Exportable(nn.Module):
    """A part of a model, as a module that takes its inputs in their order.

    model: on the CPU, in evaluation mode, without gradients.
    """

    def __init__(self, part: Part, model: Autoencoder, inputs: tuple[Port, ...], output: Port) -> None:
        super().__init__()
        self.part, self.model, self.inputs, self.output = part, model, inputs, output

    def forward(self, *given: Tensor) -> Tensor:
        """(N, *shape) of each input to (N, *shape) of the output."""
        made = self.compute(**{port.name: value for port, value in zip(self.inputs, given, strict=True)})
        return made.to(self.output.type)

    def compute(self, **given: Tensor) -> Tensor:
        """The output from the inputs by name."""
        raise NotImplementedError

    def given(self, samples: Samples) -> tuple[Tensor, ...]:
        """The inputs that belong to these samples of the run's data; the noise is drawn with seed 0."""
        generator = seeded(0)
        values = {
            "raw": lambda: self._raw(samples),
            "labels": lambda: samples.labels,
            "observed": lambda: self._observed(len(samples)),
            "noise": lambda: torch.randn(len(samples), *self.model.code_shape, generator=generator),
            "code": lambda: self.model.encode(samples.tensor(), samples.labels),
        }
        with torch.no_grad():
            return tuple(values[port.name]().to(port.type) for port in self.inputs)

    def _raw(self, samples: Samples) -> Tensor:
        """The samples, damaged if the model takes only damaged ones."""
        raw, model, port = samples.tensor(), self.model, self.inputs[0]
        holes = any(other.name == "observed" for other in self.inputs)
        if isinstance(model.corruption, Pairs) and samples.damaged is not None and port.shape == model.input_shape:
            return samples.damaged
        if port.shape == tuple(raw.shape[1:]) and not holes:
            return raw
        scaled = model.scaling(raw)
        draws = {"corruption": self._damage(len(raw))} if holes else {}
        observed = torch.ones_like(scaled, dtype=torch.bool) if holes else None
        damaged = model.scaling.inverse(model.corruption.corrupt(Batch(scaled, observed, observed, draws=draws)).values)
        return damaged.round().clamp(0, 255) if port.type == torch.uint8 else damaged

    def _observed(self, count: int) -> Tensor:
        return ~self.model.corruption.hidden(self._damage(count))

    def _damage(self, count: int) -> Any:
        return self.model.corruption.draw(count, self.model.shape, seeded(1))


class _Encoder(Exportable):
    """Raw samples to codes."""

    def compute(self, **given: Tensor) -> Tensor:
        return self.model.encode(*_arguments(self.model, given))


class _Model(Exportable):
    """Raw samples to their reconstructions in raw units."""

    def compute(self, **given: Tensor) -> Tensor:
        return self.model.reconstruct(*_arguments(self.model, given))


class _Decoder(Exportable):
    """Codes to samples in raw units."""

    def compute(self, **given: Tensor) -> Tensor:
        return self.model.decode(given["code"], given.get("labels"))


class _Score(Exportable):
    """Raw samples to their anomaly scores."""

    def __init__(self, found: Detector, inputs: tuple[Port, ...], output: Port) -> None:
        super().__init__("score", found.model, inputs, output)
        self.found = found
        _ = found.beyond  # learnt once, outside of what is recorded

    def compute(self, **given: Tensor) -> Tensor:
        return self.found.of_batch(given["raw"], given.get("labels"))


def exportable(run: TrainedModel, part: str, *, draws: bool = False, by: Any = "auto") -> Exportable:
    """A part of a run as a module, on the CPU.

    draws: whether encoder and model take the noise with which a code is drawn around its mean. by: which score.

    Raises:
        UseError: there is no such part, or this model can't have it; the message names the part.
        DataError: the run's data can't be opened again.
    """
    if part not in PARTS:
        raise UseError(f"There is no part {part!r}. {nearest(part, PARTS)}")
    model = copy.deepcopy(run.model).cpu().eval().requires_grad_(False)
    if draws and (part in ("decoder", "score") or not model.code.drawn):
        cause = (
            f"The {part} draws nothing at random"
            if part in ("decoder", "score")
            else f"A {model.code.kind} code isn't drawn at random"
        )
        raise UseError(f"{cause}, so it takes no noise. Leave draws out, or export the encoder or model of a VAE.")
    data = run.open().train
    labels = (Port("labels", torch.int64, (), "the number of the class"),) if model.conditioning.classes else ()
    noise = (Port("noise", torch.float32, model.code_shape, "standard normal numbers; 0 gives the mean"),)
    sample = Port("sample", _sample_type(model, data), model.shape, f"{_units(data)}, not rounded")
    if part == "decoder":
        try:
            check_decodes(model)
        except UseError as error:
            raise UseError(f"The decoder can't be exported. {error}") from error
        code = Port("code", torch.float32, model.code_shape, "codes, as from the encoder")
        return _Decoder(part, model, (code, *labels), sample)
    if part == "score":
        return _score(replace(run, model=model), by, data, labels)
    seen = (*_seen(model, data), *labels, *(noise if draws else ()))
    if part == "encoder":
        return _Encoder(part, model, seen, Port("code", torch.float32, model.code_shape, "codes"))
    return _Model(part, model, seen, sample)


def _score(run: TrainedModel, by: Any, data: Samples, labels: tuple[Port, ...]) -> Exportable:
    if run.model.conditioning.mask and fills_itself(run.model):
        raise UseError(
            "The score can't be exported, because this model fills holes by a solver that has no exported form. Export "
            "the model, which takes pictures whose holes are filled."
        )
    found = detector(run, by)
    if found.by == "likelihood":
        raise UseError(
            "The score 'likelihood' can't be exported, because it draws several codes of each sample at random. Choose "
            "another: by='error', for example."
        )
    raw = Port("raw", _raw_type(data), run.model.shape, _meaning(run.model, data))
    words = f"anomaly score {found.by!r}; above the threshold, a sample is anomalous"
    return _Score(found, (raw, *labels), Port("score", torch.float32, (), words))


def _seen(model: Autoencoder, data: Samples) -> tuple[Port, ...]:
    """The samples that the encoder takes, and for pictures with holes which pixels are known."""
    like = data.damaged if data.damaged is not None and isinstance(model.corruption, Pairs) else None
    kind = _raw_type(data) if like is None else like.dtype
    raw = Port("raw", kind, model.input_shape, _meaning(model, data))
    if not takes_observed(model, data.kind):
        return (raw,)
    filled = "holes filled smoothly" if fills_itself(model) else "holes of any value"
    return (
        replace(raw, meaning=f"{_units(data)}, {filled}"),
        Port("observed", torch.uint8, model.input_shape, "1 for known pixels, 0 in holes"),
    )


def takes_observed(model: Autoencoder, kind: str) -> bool:
    """Whether encoder and model take a second input, which pixels are known: bytes can't be NaN."""
    return model.conditioning.mask and kind == "pictures"


def fills_itself(model: Autoencoder) -> bool:
    """Whether the holes of its samples must be filled before, by a solver that can't be exported."""
    return type(model.corruption).filled is not Corruption.filled


def _arguments(
    model: Autoencoder, given: dict[str, Tensor]
) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:
    """The arguments of `Autoencoder.encode` and `reconstruct`."""
    raw, observed, noise = given["raw"], given.get("observed"), given.get("noise")
    if observed is not None:
        observed = observed > 0
        if not fills_itself(model):
            zero = model.scaling.inverse(torch.zeros(1, *model.input_shape))
            raw = torch.where(observed, raw.to(zero.dtype), zero)
    return raw, given.get("labels"), observed, None if noise is None else noise[:, None]


def _raw_type(data: Samples) -> torch.dtype:
    return torch.int64 if data.kind == "tokens" else getattr(torch, data.dtype)


def _sample_type(model: Autoencoder, data: Samples) -> torch.dtype:
    if data.kind == "tokens":
        return torch.int64
    return torch.float64 if model.scaling.precise else torch.float32


def _units(data: Samples) -> str:
    if data.kind == "tokens":
        return "numbers of tokens, 0 after the end"
    return "bytes, 0 to 255" if data.dtype == "uint8" else "values in the data's own units"


def _meaning(model: Autoencoder, data: Samples) -> str:
    categories = ", categories by their numbers" if any(model.scaling.levels) else ""
    missing = ", NaN for a missing number" if model.conditioning.mask and data.dtype != "uint8" else ""
    return f"{_units(data)}{categories}{missing}"

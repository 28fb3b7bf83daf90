"""A blueprint: the parts of an autoencoder as data. It has a JSON form and builds the model."""

import contextlib
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import Field, SerializeAsAny
from torch import Tensor

from isthmus.data.scaling import Scaling
from isthmus.errors import BlueprintError, nearest, remark
from isthmus.memory import within_memory
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.data_spec import HasShape, check_pairs, sample_of, shape_and_scaling, spec_of
from isthmus.model.older import modern_blueprint
from isthmus.model.start import check_linear, start
from isthmus.options import Defined, Option
from isthmus.parts import (
    Bound,
    CodeKind,
    Conditioning,
    Corruption,
    Custom,
    Dense,
    Distance,
    Identity,
    MeanBound,
    Mse,
    Network,
    Output,
    Part,
    Penalty,
    Plain,
    PredictsSample,
    Shape,
    Value,
)
from isthmus.parts.bypass import add_bypass
from isthmus.parts.codes.code import LEFT_OPEN
from isthmus.parts.penalties import names_of
from isthmus.seeds import seeded
from isthmus.shown import Card, Shown, Table
from isthmus.synonyms import OPTIONS, SETTINGS, TRAINING

_SMALLER = "Use a smaller code, fewer widths or channels, or smaller samples."


class _NoOptionError(BlueprintError):
    """The model has no option of this name."""


class Blueprint(Shown, Value):
    """A complete description of a model: two models with equal blueprints differ only in their weights.

        Blueprint(network=Dense(widths=(128, 64)), code=Plain(size=32)).build((1, 28, 28))

    network, code, distance, penalties, corruption: the parts.
    condition: "labels" gives each sample's label to the encoder and the decoder. classes: the number of labels, taken
        from the data.
    missing: "mask" allows samples with missing numbers (NaN): the encoder gets a mask of them, they don't count in the
        loss, and the reconstruction fills them. "refuse" allows complete samples only. "auto" is decided from the data:
        "mask" if some samples have missing numbers or the corruption hides some, else "refuse".
    bound: how the losses of several draws of a code become one: their "mean", or the "log-mean-exp" of importance
        weighting.
    solution: "gradient" descent; "layer by layer", where each layer first learns as an autoencoder of the layer below;
        or "closed form" if there is one (PCA, the linear limit).
    start: the model's output before its first step: the data's "mean", or the "pca" reconstruction, through a linear
        path parallel to the network. "pca" needs data, a flat code without an activation, and an output without a
        sigmoid; an "auto" link then becomes the identity. "auto" is "pca" if data and parts allow it without changes
        (so not for pictures, whose numbers lie in 0..1), else "mean".
    predicts: the meaning of the decoder's output: the "sample", or the "residual", which is added to the encoder's
        input. A model that predicts the residual starts at a residual of 0, needs an output without a sigmoid (an
        "auto" link becomes the identity), and its code alone can't be decoded. Source: Zhang et al., Beyond a Gaussian
        denoiser, IEEE Trans. Image Processing (2017).
    """

    network: SerializeAsAny[Network]
    code: SerializeAsAny[CodeKind] = Plain()
    distance: SerializeAsAny[Distance] = Mse()
    penalties: tuple[SerializeAsAny[Penalty], ...] = ()
    corruption: SerializeAsAny[Corruption] = Identity()
    solution: Literal["gradient", "layer by layer", "closed form"] = "gradient"
    condition: Literal["labels"] | None = None
    classes: Annotated[int, Field(ge=0)] = 0
    missing: Literal["auto", "refuse", "mask"] = "auto"
    bound: SerializeAsAny[Bound] = MeanBound()
    start: Literal["auto", "mean", "pca"] = "mean"
    predicts: SerializeAsAny[Output] = PredictsSample()

    def build(self, data: HasShape | Shape, *, seed: int = 0, remarks: bool = True) -> Autoencoder:
        """Build the model for these data, or for samples of this shape, with random weights and its start set.

        Given data, the model takes their raw samples, because it copies their scaling, and it starts at their mean or
        principal components. Given a bare shape, samples are not scaled: pictures (C, H, W) are expected in 0..1.

        Raises:
            BlueprintError: the parts don't fit each other or the data.
        """
        (shape, scaling), sample = shape_and_scaling(data), sample_of(data)
        resolved = self._resolved(data, sample)
        if remarks:
            _remark_on_size(resolved.code_shape(shape), shape, resolved)
        model = resolved.assemble(shape, scaling, seed=seed)
        start(model, resolved.start, resolved.network, data, sample)
        model.left_open = tuple(name for name, value in self.options().items() if value in LEFT_OPEN)
        model.columns = tuple(getattr(data, "columns", ()))
        model.categories = tuple(getattr(getattr(data, "train", None), "categories", ()))
        return model

    def resolve(self, data: HasShape | Shape) -> Self:
        """The same blueprint with every "auto" option decided from the data.

        Raises:
            BlueprintError: the parts don't fit each other or the data.
        """
        return self._resolved(data, sample_of(data))

    def _resolved(self, data: HasShape | Shape, sample: Tensor | None) -> Self:
        """The same, where the samples to decide by are read already."""
        shape = shape_and_scaling(data).shape
        check_pairs(self.corruption, data)
        classes = (len(getattr(data, "label_names", ())) or self.classes) if self.condition else 0
        if self.condition and not classes:
            raise BlueprintError("The condition needs labels, but these data have none. Give them with labels=.")
        holed = getattr(data, "holed", False) or self.corruption.hides
        missing = ("mask" if holed else "refuse") if self.missing == "auto" else self.missing
        asks = {"count_dimensions": self.code.asks_dimensions, "find_grids": self.distance.asks_grids}
        spec = spec_of(data, sample, classes, missing == "mask", **asks)
        _check_tokens(spec.tokens, self)
        linear = self.start == "pca" or self.predicts.kind == "residual" or self.network.makes_samples
        linear = linear and self.distance.link == "auto"
        distance = self.distance.replace(link="identity") if linear else self.distance
        resolved = self.replace(
            network=self.network.resolve(spec),
            code=self.code.resolve(spec),
            distance=distance.resolve(spec),
            penalties=tuple(penalty.resolve(spec) for penalty in self.penalties),
            corruption=self.corruption.resolve(spec),
            classes=classes,
            missing=missing,
        )
        if sample is not None:
            resolved.distance.check(sample)
        code_shape = resolved.code_shape(shape)
        if self.start == "auto":
            linear = sample is not None and resolved._can_start_at_pca(code_shape, shape)
            return resolved.replace(start="pca" if linear else "mean")
        return resolved

    def assemble(self, shape: Shape, scaling: Scaling, *, seed: int = 0) -> Autoencoder:
        """Build the model of a resolved blueprint, with random weights and without data. Loading a run uses this.

        Raises:
            BlueprintError: the parts don't fit each other or the shape.
        """
        code_shape, encoder_shape = self.code_shape(shape), self._encoder_shape(shape)
        features = self.code.features(code_shape)
        generator = seeded(seed)
        # PyTorch's layers draw their first weights from the global random state
        with within_memory("This model", _SMALLER), torch.random.fork_rng(devices=[]):
            encoder, decoder = self.network.pair(
                encoder_shape,
                features,
                self._conditioning.decoder_shape(code_shape),
                self.distance.outputs(shape),
                generator,
            )
            if self.start == "pca":
                check_linear(self.code, code_shape, self.distance, shape, encoder_shape)
                add_bypass(encoder, shape, features)
                add_bypass(decoder, code_shape, shape)
            return Autoencoder(
                encoder,
                decoder,
                shape=shape,
                code=self.code,
                distance=self.distance,
                penalties=self.penalties,
                corruption=self.corruption,
                predicts=self.predicts.replace(aligned=self.network.aligned and self.corruption.shape(shape) != shape),
                scaling=scaling,
                conditioning=self._conditioning,
                code_shape=code_shape,
                bound=self.bound,
                generator=generator,
                blueprint=self,
            )

    def code_shape(self, shape: Shape) -> Shape:
        """The shape of the code for samples of this shape, once the blueprint is resolved.

        Raises:
            BlueprintError: the network can't take such samples, or needs a size for the code.
        """
        laid_out = self._laid_out(shape)
        self.network.check(laid_out)
        code_shape = self.code.shape(self.network.natural_code(laid_out))
        if code_shape is None:
            raise BlueprintError(f"A {self.network.kind} network needs the size of the code: set it, such as code=32.")
        return code_shape

    def _card(self) -> Card:
        parts = {
            "network": str(self.network),
            "code": str(self.code),
            "distance": str(self.distance),
            "penalties": ", ".join(map(str, self.penalties)),
            "corruption": str(self.corruption) if self.corruption.damages else "",
            "condition": self.condition or "",
            "solution": self.solution if self.solution != "gradient" else "",
        }
        rows = [(name, said) for name, said in parts.items() if said]
        return Card(", ".join(f"{name} {said}" for name, said in rows), tables=[Table(("part", "what it is"), rows)])

    @property
    def _conditioning(self) -> Conditioning:
        return Conditioning(self.classes, self.missing == "mask", self.network.flat)

    def _laid_out(self, shape: Shape) -> Shape:
        """The shape of the encoder's input, before any conditioning is attached."""
        corrupted = self.corruption.shape(shape)
        if self.missing == "mask" and corrupted != shape:
            raise BlueprintError(
                f"missing='mask' needs a corruption that keeps the samples' shape, but {self.corruption} changes "
                f"{shape} to {corrupted}. Use another corruption."
            )
        if self.network.aligned and corrupted != shape:
            self.corruption.check(shape)
            return shape
        return corrupted

    def _encoder_shape(self, shape: Shape) -> Shape:
        return self._conditioning.encoder_shape(self._laid_out(shape))

    def _can_start_at_pca(self, code: Shape, shape: Shape) -> bool:
        """Whether start="auto" can mean "pca" for samples of this shape."""
        tied = isinstance(self.network, Dense) and self.network.tied
        if tied or self.network.makes_samples or not self.predicts.decodes:
            return False
        try:
            check_linear(self.code, code, self.distance, shape, self._encoder_shape(shape))
        except BlueprintError:
            return False
        return True

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """The blueprint from the JSON form of `to_json`, of this version or an earlier one.

        Raises:
            BlueprintError: `data` isn't a blueprint; the message names the fault in one line.
        """
        return super().from_json(modern_blueprint(data) if isinstance(data, Mapping) else data)

    def with_options(self, **options: Any) -> Self:
        """A copy with some options of its parts changed.

        `code=32` sets the code's size. `distance="bce"` replaces a whole part, by its kind. Any other name is a field
        of a part, first of the network: `widths=[256]`, `activation="gelu"`. To name the part, write `part.field` or
        `part__field`: `code__activation="relu"`. Whole parts are replaced first, whatever the order. Names of other
        libraries work too (`isthmus.synonyms`): `latent_dim=32` is `code=32`.

        Raises:
            BlueprintError: no part has such an option (the nearest names are listed), or its value is invalid.
        """
        blueprint = self
        named = {name.replace("__", "."): value for name, value in options.items()}
        for name, value in sorted(named.items(), key=lambda option: not _is_whole(*option)):
            blueprint = blueprint._with_option(name, value)
        return blueprint

    def options(self) -> dict[str, Any]:
        """Every option that `with_options` takes, by its shortest unambiguous name, with its value."""
        found: dict[str, Any] = {"code": self.code.size}
        for owner, part in self._named_parts():
            for name in type(part).model_fields:
                if (owner, name) != ("code", "size"):
                    taken = name in found or name == "size"  # a bare "size" means the code's
                    value = getattr(part, name)
                    found[f"{owner}.{name}" if taken else name] = value.kind if isinstance(value, Part) else value
        whole = {"distance": self.distance.kind, "network": self.network.kind}
        return found | whole | {"start": self.start, "predicts": self.predicts.kind}

    def option(self, name: str) -> tuple[str, Defined]:
        """The place of an option's part, such as "network", and the option with its type, bounds and value here.

        name: as in `with_options`.

        Raises:
            BlueprintError: there is no such option (the nearest names are listed).
        """
        known = OPTIONS.get(name, name) if name not in self.options() else name
        owner, _, wanted = ("code.size" if known == "code" else known.replace("__", ".")).rpartition(".")
        for place, part in self._named_parts():
            if (field := type(part).model_fields.get(wanted)) is not None and owner in _spellings(place):
                annotation = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
                return place, Defined(name, annotation, getattr(part, wanted), Option(""))
        raise _NoOptionError(f"There is no option {name!r} here. {nearest(name, self.options())}")

    def _with_option(self, name: str, value: Any) -> Self:
        if _is_whole(name, value):
            return self.replace(**{name: value})
        if name == "code":
            name = "code.size"
        owner, _, wanted = name.rpartition(".")
        for place, part in self._named_parts():
            if wanted in type(part).model_fields and owner in _spellings(place):
                return self._with_part(place, part.replace(**{wanted: value}))
        if name in OPTIONS:
            with contextlib.suppress(_NoOptionError):
                return self._with_option(OPTIONS[name], value)
            raise _NoOptionError(
                f"There is no option {name!r} here: it means {OPTIONS[name]!r}, which this model doesn't have. "
                f"Its options are {', '.join(self.options())}."
            )
        if (setting := SETTINGS.get(name, name)) in TRAINING:
            raise _NoOptionError(
                f"{name!r} is not a model option but a training setting. Give {setting}= to fit(…) instead."
            )
        raise _NoOptionError(f"There is no option {name!r} here. {nearest(name, self.options())}")

    def _named_parts(self) -> list[tuple[str, Part]]:
        parts: list[tuple[str, Part]] = [("network", self.network), ("code", self.code), ("distance", self.distance)]
        parts += zip(names_of(self.penalties), self.penalties, strict=True)
        if type(self.code.prior).model_fields:
            parts.append(("prior", self.code.prior))
        if type(self.bound).model_fields:
            parts.append(("bound", self.bound))
        if self.corruption.damages:
            parts.append(("corruption", self.corruption))
        return parts

    def _with_part(self, place: str, part: Part) -> Self:
        if place in type(self).model_fields:
            return self.replace(**{place: part})
        if place == "prior":
            return self.replace(code=self.code.replace(prior=part))
        named = zip(names_of(self.penalties), self.penalties, strict=True)
        return self.replace(penalties=tuple(part if name == place else old for name, old in named))


def _spellings(place: str) -> set[str]:
    """How an option may name its part: not at all, or as `code-entropy` or `code_entropy`."""
    return {"", place, place.replace("-", "_")}


def _check_tokens(tokens: int, blueprint: Blueprint) -> None:
    """Raise BlueprintError if the data are tokens, which have no order, and the model takes them for numbers."""
    parts = (blueprint.network, blueprint.distance)
    if (
        tokens
        and not isinstance(blueprint.distance, Custom)
        and not all("tokens" in type(p).model_fields for p in parts)
    ):
        raise BlueprintError(
            f"These samples are tokens, but a {blueprint.network.kind} network with the distance "
            f"'{blueprint.distance.kind}' takes them for numbers. Use the recipe 'text-vae' or 'text-denoising', or a "
            "gru or transformer network with distance='tokens'."
        )


def _is_whole(name: str, value: Any) -> bool:
    """Whether an option replaces a whole field of the blueprint; a bare `code` is a size, not a code kind."""
    whole = isinstance(value, CodeKind | dict) or (isinstance(value, str) and value not in LEFT_OPEN)
    return name in Blueprint.model_fields and (name != "code" or whole)


def _remark_on_size(code: Shape, shape: Shape, blueprint: Blueprint) -> None:
    size, data = math.prod(code), math.prod(shape)
    if size >= data and not blueprint.penalties and not blueprint.corruption.damages and type(blueprint.code) is Plain:
        relation = "as large as" if size == data else "larger than"
        remark(
            f"code={size} is {relation} the data ({data} numbers), so the model can copy without learning anything. "
            "Add a penalty or a corruption, or use a smaller code."
        )

"""A blueprint: the parts of an autoencoder as data, with a JSON form, that builds the model."""

import contextlib
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Protocol, Self

import torch
from pydantic import Field, SerializeAsAny
from torch import Tensor

from isthmus.data import Data
from isthmus.data.pairs import how_damaged
from isthmus.data.scaling import Scaling
from isthmus.errors import BlueprintError, nearest, remark
from isthmus.memory import within_memory
from isthmus.model.autoencoder import Autoencoder, Bound, Predicts
from isthmus.model.older import modern_blueprint
from isthmus.model.start import check_linear, start_at_pca
from isthmus.parts import (
    CodeKind,
    Conditioning,
    Corruption,
    DataSpec,
    Dense,
    Distance,
    Mse,
    Network,
    Pairs,
    Part,
    Penalty,
    Plain,
    Shape,
    Value,
)
from isthmus.parts.codes.code import LEFT_OPEN
from isthmus.parts.data_spec import deviation, dimensions
from isthmus.parts.distances.columns import constant_costs
from isthmus.parts.mistakes import brief
from isthmus.parts.penalties import names_of
from isthmus.seeds import seeded
from isthmus.synonyms import OPTIONS, SETTINGS, TRAINING

_SMALLER = "Take a smaller code, fewer widths or channels, or smaller samples."


class _NoOptionError(BlueprintError):
    """A model has no option of this name."""


class HasShape(Protocol):
    """What `Blueprint.build` reads of the data: the samples' shape, and the scaling learnt from the training part."""

    @property
    def shape(self) -> Shape:
        """Of one sample."""
        ...

    @property
    def scaling(self) -> Scaling:
        """Learnt from the training part."""
        ...


class Blueprint(Value):
    """Everything that makes a variety what it is; two models with equal blueprints differ by their weights alone.

        Blueprint(network=Dense(widths=(128, 64)), code=Plain(size=32)).build((1, 28, 28))

    network, code, distance, penalties, corruption: the parts.
    condition: "labels" gives each sample's label to the encoder and the decoder; classes is how many there are, which
        the data tell.
    missing: "mask" takes samples in which numbers are missing (NaN): the encoder is told which, they don't count in the
        loss, and the reconstruction fills them. "refuse" takes whole samples alone. "auto" is settled by the data: a
        mask where some of them have holes, or where the corruption makes some.
    bound: how the losses of several draws of a code become one: their "mean", or the "log-mean-exp" of importance
        weighting.
    solution: "gradient" descent; "layer by layer", where each layer first learns as an autoencoder of the one below; or
        "closed form" where there is one (PCA, the linear limit).
    start: what the model makes before its first step: the data's "mean", or what "pca" makes of them, by a linear path
        beside the network. This needs data to be built from, a flat code without an activation and an output without a
        sigmoid, which is what an "auto" link then settles on. "auto" is "pca" where data and parts allow it as they
        are, so not for pictures, whose numbers lie in 0..1; else "mean".
    predicts: what the decoder makes: the "sample", or the "residual", which is added to the encoder's input. Such a
        model begins by doing nothing, needs an output without a sigmoid (an "auto" link settles on that), and its code
        alone can't be decoded. Source: Zhang et al., Beyond a Gaussian denoiser, IEEE Trans. Image Processing (2017).
    """

    network: SerializeAsAny[Network]
    code: SerializeAsAny[CodeKind] = Plain()
    distance: SerializeAsAny[Distance] = Mse()
    penalties: tuple[SerializeAsAny[Penalty], ...] = ()
    corruption: SerializeAsAny[Corruption] | None = None
    solution: Literal["gradient", "layer by layer", "closed form"] = "gradient"
    condition: Literal["labels"] | None = None
    classes: Annotated[int, Field(ge=0)] = 0
    missing: Literal["auto", "refuse", "mask"] = "auto"
    bound: Bound = "mean"
    start: Literal["auto", "mean", "pca"] = "mean"
    predicts: Predicts = "sample"

    def build(self, data: HasShape | Shape, *, seed: int = 0, remarks: bool = True, fresh: bool = True) -> Autoencoder:
        """The model for these data, or for samples of this shape, with its weights drawn.

        A bare shape takes samples as they are: pictures (C, H, W) are then expected in 0..1. Data bring their scaling,
        so that the model takes them raw, and the mean or the principal components that it starts at.

        fresh: False where the weights come from elsewhere, so that no data are needed to start from.

        Raises:
            BlueprintError: the parts don't fit each other or the data.
        """
        shape, scaling = _shape_and_scaling(data)
        sample = _sample(data)
        holed = getattr(data, "holed", False)
        self._check_pairs(data)
        damaged = how_damaged(data.train) if isinstance(data, Data) else None
        resolve = self._resolved(shape, scaling, len(getattr(data, "label_names", ())), holed, sample, damaged, fresh)
        out = resolve.corruption.shape(shape) if resolve.corruption else shape
        if resolve.corruption is not None and resolve.network.aligned and out != shape:
            resolve.corruption.check(shape)
            out = shape  # which is how the encoder gets it
        conditioning = Conditioning(resolve.classes, resolve.missing == "mask", resolve.network.flat)
        resolve._check_beside(out, shape)
        resolve.network.check(out)
        code_shape = resolve.code.shape(resolve.network.natural_code(out))
        if code_shape is None:
            raise BlueprintError(f"A {self.network.kind} network needs the size of the code: say code=32, for example.")
        if sample is not None:
            resolve.distance.check(sample)
        if remarks:
            _remark_on_size(code_shape, shape, resolve)
        generator = seeded(seed)
        # PyTorch's layers draw a first start from the global state
        with within_memory("This model", _SMALLER), torch.random.fork_rng(devices=[]):
            encoder, decoder = resolve.network.pair(
                conditioning.encoder_shape(out),
                resolve.code.features(code_shape),
                conditioning.decoder_shape(code_shape),
                resolve.distance.outputs(shape),
                generator,
            )
            code_module = resolve.code.module(code_shape, generator)
            if resolve.start == "auto":
                seen_by_encoder = conditioning.encoder_shape(out)
                linear = sample is not None and resolve._can_start_at_pca(code_shape, shape, seen_by_encoder)
                resolve = resolve.replace(start="pca" if linear else "mean")
            if resolve.start == "pca":
                check_linear(resolve.code, code_shape, resolve.distance, shape, conditioning.encoder_shape(out))
                start_at_pca(
                    encoder, decoder, shape, resolve.code.features(code_shape), code_shape, data if fresh else None
                )
            elif resolve.predicts == "residual":
                resolve.network.start_at(torch.zeros(1, *shape), decoder, resolve.distance)
            elif sample is not None:
                resolve.network.start_at(sample, decoder, resolve.distance)
            model = Autoencoder(
                encoder,
                decoder,
                shape=shape,
                code=resolve.code,
                distance=resolve.distance,
                penalties=resolve.penalties,
                corruption=resolve.corruption,
                scaling=scaling,
                code_shape=code_shape,
                code_module=code_module,
                conditioning=conditioning,
                bound=resolve.bound,
                predicts=resolve.predicts,
                aligned=resolve.network.aligned,
                generator=generator,
                blueprint=resolve,
            )
            model.columns = tuple(getattr(data, "columns", ()))
            model.categories = tuple(getattr(getattr(data, "train", None), "categories", ()))
            return model

    def _resolved(
        self,
        shape: Shape,
        scaling: Scaling,
        classes: int,
        holed: bool,
        sample: Tensor | None,
        damaged: tuple[bool, int] | None,
        fresh: bool,
    ) -> Self:
        """The same with all that its parts leave to the data decided."""
        if self.condition is not None:
            classes = classes or self.classes
            if not classes:
                raise BlueprintError(
                    "A condition needs labels, and these data have none. Say which they are (labels=)."
                )
        holed = holed or (self.corruption is not None and self.corruption.hides)
        missing = ("mask" if holed else "refuse") if self.missing == "auto" else self.missing
        costs = constant_costs(sample, scaling.levels) if sample is not None and sample.ndim == 2 else ()
        counted = dimensions(sample, scaling.levels) if sample is not None and self.code.asks_dimensions else None
        facts = DataSpec(
            range=scaling.range,
            levels=scaling.levels,
            classes=classes,
            told=missing == "mask",
            constant_costs=costs,
            damaged=damaged,
            inputs=math.prod(shape),
            dimensions=counted,
            deviation=deviation(sample) if sample is not None else None,
            fresh=fresh,
        )
        linear = (self.start == "pca" or self.predicts == "residual") and self.distance.link == "auto"
        distance = self.distance.replace(link="identity") if linear else self.distance
        return self.replace(
            network=self.network.resolve(facts),
            code=self.code.resolve(facts),
            distance=distance.resolve(facts),
            penalties=tuple(penalty.resolve(facts) for penalty in self.penalties),
            corruption=self.corruption.resolve(facts) if self.corruption else None,
            classes=classes if self.condition else 0,
            missing=missing,
        )

    def _can_start_at_pca(self, code: Shape, shape: Shape, given: Shape) -> bool:
        """Whether "auto" can mean "pca" for samples of this shape, of which the encoder gets that one."""
        if (isinstance(self.network, Dense) and self.network.tied) or self.predicts == "residual":
            return False
        try:
            check_linear(self.code, code, self.distance, shape, given)
        except BlueprintError:
            return False
        return True

    def _check_pairs(self, data: Any) -> None:
        """Raise BlueprintError where data bring damaged samples that nobody looks at, or lack them."""
        if not isinstance(data, Data):
            return
        pairs, damaged = isinstance(self.corruption, Pairs), data.train.damaged is not None
        if damaged and not pairs:
            raise BlueprintError(
                f"These data come with damaged samples, but this model damages them itself ({self.corruption}). "
                "Say corruption='pairs', or open the clean ones alone."
            )
        if pairs and not damaged:
            raise BlueprintError(
                "The corruption 'pairs' wants data that come with damaged samples, and these don't. Open them with "
                "damaged=, a folder of pictures with the same names, say."
            )

    def _check_beside(self, out: Shape, shape: Shape) -> None:
        """Raise BlueprintError where the mask of what is known would not fit what the encoder gets."""
        if self.missing == "mask" and self.corruption is not None and self.corruption.shape(shape) != shape:
            raise BlueprintError(
                f"missing='mask' needs samples that the corruption leaves in their shape, but {self.corruption} makes "
                f"{out} of {shape}. Take another corruption."
            )

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """The blueprint that `to_json` wrote down, in this version or an earlier one.

        Raises:
            BlueprintError: `data` isn't one: what is wrong, in one line.
        """
        return super().from_json(modern_blueprint(data) if isinstance(data, Mapping) else data)

    def with_options(self, **options: Any) -> Self:
        """A copy with options of its parts changed, by their names.

        `code=32` is the code's size; `distance="bce"` takes another part whole, by its kind; any other name is a field
        of a part, the network's first (`widths=[256]`, `activation="gelu"`). `part.field` or `part__field` says
        exactly which: `code__activation="relu"`. Whole parts are taken first, whatever the order. Words of other
        libraries are understood (`isthmus.synonyms`): `latent_dim=32` is `code=32`.

        Raises:
            BlueprintError: no part has such an option (the nearest are named), or its value won't do.
        """
        blueprint = self
        named = {name.replace("__", "."): value for name, value in options.items()}
        for name, value in sorted(named.items(), key=lambda option: not _is_whole(*option)):
            blueprint = blueprint._with_option(name, value)
        return blueprint

    def options(self) -> dict[str, Any]:
        """Every option that `with_options` takes, by its shortest exact name, and its value here."""
        found: dict[str, Any] = {"code": self.code.size}
        for owner, part in self._named_parts():
            for name in type(part).model_fields:
                if (owner, name) != ("code", "size"):
                    taken = name in found or name == "size"  # which a bare "size" means of the code
                    found[f"{owner}.{name}" if taken else name] = getattr(part, name)
        whole = {"distance": self.distance.kind, "network": self.network.kind}
        return found | whole | {"start": self.start, "predicts": self.predicts}

    def _with_option(self, name: str, value: Any) -> Self:
        if _is_whole(name, value):
            return self.replace(**{name: value})
        if name == "code":
            name = "code.size"
        owner, _, wanted = name.rpartition(".")
        for place, part in self._named_parts():
            if wanted in type(part).model_fields and owner in {"", place}:
                return self._with_part(place, part.replace(**{wanted: value}))
        if name in OPTIONS:
            with contextlib.suppress(_NoOptionError):
                return self._with_option(OPTIONS[name], value)
            raise _NoOptionError(
                f"There is no option {name!r} here: it would be {OPTIONS[name]!r}, which this model has not. "
                f"It has {', '.join(self.options())}."
            )
        if (setting := SETTINGS.get(name, name)) in TRAINING:
            raise _NoOptionError(
                f"{name!r} is no option of a model, but a setting of its training: give {setting}= there, to fit(…)."
            )
        raise _NoOptionError(f"There is no option {name!r} here. {nearest(name, self.options())}")

    def _named_parts(self) -> list[tuple[str, Part]]:
        parts: list[tuple[str, Part]] = [("network", self.network), ("code", self.code), ("distance", self.distance)]
        parts += zip(names_of(self.penalties), self.penalties, strict=True)
        if self.corruption is not None:
            parts.append(("corruption", self.corruption))
        return parts

    def _with_part(self, place: str, part: Part) -> Self:
        if place in type(self).model_fields:
            return self.replace(**{place: part})
        named = zip(names_of(self.penalties), self.penalties, strict=True)
        return self.replace(penalties=tuple(part if name == place else old for name, old in named))


def _is_whole(name: str, value: Any) -> bool:
    """Whether an option takes the place of a whole field of the blueprint; a bare `code` is a size, not a code."""
    whole = isinstance(value, CodeKind | dict) or (isinstance(value, str) and value not in LEFT_OPEN)
    return name in Blueprint.model_fields and (name != "code" or whole)


def _shape_and_scaling(data: HasShape | Shape) -> tuple[Shape, Scaling]:
    if hasattr(data, "shape") and hasattr(data, "scaling"):
        return tuple(data.shape), data.scaling  # pyright: ignore[reportAttributeAccessIssue]
    shape = tuple(data) if isinstance(data, tuple | list) else ()
    if not shape or not all(isinstance(size, int) and size > 0 for size in shape):
        raise BlueprintError(
            f"{brief(data)} is no shape of a sample. "
            "Give data that `open_data` made, or whole numbers above 0, such as (1, 28, 28)."
        )
    return shape, Scaling(range=(0.0, 1.0) if len(shape) == 3 else None)


def _sample(data: HasShape | Shape) -> Tensor | None:
    """(n, *shape) scaled samples spread over the training part, a few thousand; None without samples."""
    train = getattr(data, "train", None)
    if train is None or not len(train) or isinstance(data, tuple | list):
        return None
    count = min(len(train), 4096, max(64, 2**24 // math.prod(data.shape)))
    batches = torch.linspace(0, len(train) - 1, count, dtype=torch.float64).long().split(64)
    return torch.cat([data.scaling(train.batch(batch)) for batch in batches])


def _remark_on_size(code: Shape, shape: Shape, blueprint: Blueprint) -> None:
    size, data = math.prod(code), math.prod(shape)
    if size >= data and not blueprint.penalties and blueprint.corruption is None and type(blueprint.code) is Plain:
        relation = "as large as" if size == data else "larger than"
        remark(
            f"code={size} is {relation} the data ({data} numbers): the model can copy without learning anything. "
            "Add a penalty or a corruption, or take a smaller code."
        )

"""A part is a frozen value: it can be printed, compared, and converted to JSON and back by the name of its kind."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from isthmus import shown
from isthmus.errors import BlueprintError, nearest
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.mistakes import brief, explain

Shape = tuple[int, ...]


class Value(BaseModel):
    """A frozen, validated set of fields. A wrong field gives an error of one line.

    Raises:
        BlueprintError: a field is unknown, missing or out of range.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __init__(self, /, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise BlueprintError(self._explain(error)) from None

    def to_json(self) -> dict[str, Any]:
        """The value as JSON data."""
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """The value from the JSON data of `to_json`.

        Raises:
            BlueprintError: `data` isn't valid; the message names the fault in one line.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise BlueprintError(cls._explain(error)) from None

    def replace(self, **fields: Any) -> Self:
        """A copy with other values in these fields, validated."""
        return type(self)(**{name: getattr(self, name) for name in type(self).model_fields} | fields)

    @classmethod
    def _explain(cls, error: ValidationError) -> str:
        """The message for wrong fields, in one line."""
        name = cls.__name__.lower()
        return explain(name, name, cls.model_fields, error)


class Part(Value):
    """A part of an autoencoder. Its direct subclasses are the families (networks, codes, distances, …).

    A subclass of a family registers its kind, so that a blueprint in JSON can name it. A subclass whose name begins
    with an underscore is not a kind but a base of several kinds.

    kind: the class's name in kebab case (`ActivationL1` is "activation-l1"), unless the class sets it.
    family: the family's name in messages: its class's name in lower case, unless that class sets it.
    later: options that its JSON leaves out at their defaults, because earlier versions didn't have them: a model keeps
        its fingerprint, by which compressed files know it.
    cuttable: whether it takes tokens (N, T') that are cut from (N, T) where all have ended, and gives the same for
        them; a network at least with a flat code.
    """

    kind: ClassVar[str]
    family: ClassVar[str]
    later: ClassVar[tuple[str, ...]] = ()
    cuttable: ClassVar[bool] = False
    _kinds: ClassVar[dict[str, type["Part"]]]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if cls._is_family():
            cls._kinds = {}
            cls.family = cls.__dict__.get("family", cls.__name__.lower())
            return
        if cls.__name__.startswith("_"):
            return
        if "kind" not in cls.__dict__:
            cls.kind = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower()
        if not re.fullmatch(r"[\w-]+", cls.kind) or cls._is_taken(cls.kind):
            raise BlueprintError(
                f"{cls.__module__} gives the {cls.family} {cls.__name__} the kind {cls.kind!r}: expected a name of "
                "letters, digits and dashes that is not reserved. Rename the class, or set its `kind`."
            )
        known = cls._kinds.get(cls.kind, cls)
        if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise BlueprintError(
                f"{cls.__module__} defines the {cls.family} {cls.kind!r}, but {known.__module__} already defines it. "
                f"Rename {cls.__name__}, or set its `kind` to another name."
            )
        cls._kinds[cls.kind] = cls

    def resolve(self, spec: DataSpec) -> Self:
        """The same part with its "auto" options decided from the data; itself if there are none."""
        return self

    @classmethod
    def kinds(cls) -> dict[str, type[Self]]:
        """The registered kinds of this family, by name."""
        return dict(cls._kinds)  # pyright: ignore[reportReturnType] a family's own dictionary holds its own kinds

    @classmethod
    def _is_taken(cls, kind: str) -> bool:
        """Whether this kind name is reserved."""
        return False

    @classmethod
    def _adapted(cls, value: Any) -> Any:
        """Convert a value that can stand for a part of this family into that part; return others unchanged."""
        return value

    @classmethod
    def _is_family(cls) -> bool:
        return Part in cls.__bases__

    @model_validator(mode="wrap")
    @classmethod
    def _by_kind(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        value = cls._adapted(value)
        if isinstance(value, cls):
            return handler(value)
        if isinstance(value, str):
            value = {"kind": value}
        if not isinstance(value, Mapping):
            raise BlueprintError(
                f"{brief(value)} is not a {cls.family}. Give a {cls.family}, or the name of its kind. {cls._known()}"
            )
        if "kind" not in value:
            if cls._is_family():
                raise BlueprintError(f"A {cls.family} needs its 'kind', and none was given. {cls._known()}")
            return handler(value)
        name = value["kind"]
        kind = cls._kinds.get(name) if isinstance(name, str) else None
        if kind is None:
            raise BlueprintError(
                f"Unknown {cls.family} {name!r}. {nearest(str(name), cls._kinds)} "
                "If it is a custom part, import the module that defines it first."
            )
        if not issubclass(kind, cls):
            raise BlueprintError(f"Expected a {cls.kind} {cls.family}, got the {cls.family} {name!r}.")
        fields = {name: field for name, field in value.items() if name != "kind"}
        return handler(fields) if kind is cls else kind(**fields)  # pyright: ignore[reportReturnType]

    @model_serializer(mode="wrap")
    def _with_kind(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        made = {"kind": self.kind, **handler(self)}
        usual = {name for name in self.later if getattr(self, name) == type(self).model_fields[name].default}
        return {name: value for name, value in made.items() if name not in usual}

    def __str__(self) -> str:
        """The kind and the fields that differ from their defaults: `dense(widths=(128, 64))`."""
        changed = ", ".join(
            f"{name}={getattr(self, name)!r}"
            for name, field in type(self).model_fields.items()
            if field.is_required() or getattr(self, name) != field.get_default(call_default_factory=True)
        )
        return f"{self.kind}({changed})"

    @property
    def said(self) -> str:
        """The same in words, for a sentence: "gaussian noise, std 0.5"."""
        fields = ((name, getattr(self, name), field) for name, field in type(self).model_fields.items())
        changed = [
            f"{name.replace('_', ' ')} {shown.brief(value)}"
            for name, value, field in fields
            if field.is_required() or value != field.get_default(call_default_factory=True)
        ]
        return ", ".join([self.kind.replace("-", " "), *changed])

    @classmethod
    def _known(cls) -> str:
        return f"Known: {', '.join(cls._kinds)}."

    @classmethod
    def _explain(cls, error: ValidationError) -> str:
        called = f"A {cls.family}" if cls._is_family() else f"The {cls.kind} {cls.family}"
        return explain(called, cls.family, cls.model_fields, error)


def commas(shape: Shape) -> str:
    """A shape for a message: "1, 28, 28"."""
    return ", ".join(map(str, shape))

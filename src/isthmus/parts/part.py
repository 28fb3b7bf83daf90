"""A part is a frozen value: it prints itself, compares, and goes to JSON and back by the name of its kind."""

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

from isthmus.errors import BlueprintError, nearest

Shape = tuple[int, ...]


class Value(BaseModel):
    """A frozen, validated set of fields whose mistakes are said in one line.

    Raises:
        BlueprintError: a field is unknown, missing or out of its range.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __init__(self, /, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise BlueprintError(_explain(type(self), error)) from None

    def to_json(self) -> dict[str, Any]:
        """The value as what JSON can hold."""
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """The value that `to_json` wrote down.

        Raises:
            BlueprintError: `data` isn't one: what is wrong, in one line.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise BlueprintError(_explain(cls, error)) from None

    def replace(self, **fields: Any) -> Self:
        """A copy with other values in these fields, validated."""
        return type(self)(**{name: getattr(self, name) for name in type(self).model_fields} | fields)


class Part(Value):
    """A part of an autoencoder. Its direct subclasses are the families (networks, codes, distances, …).

    Defining a subclass of a family makes its kind known, so that a blueprint in JSON can name it. The kind is the
    class's name in kebab case (`ActivationL1` is "activation-l1"), unless the class sets `kind` itself.
    """

    kind: ClassVar[str]
    _kinds: ClassVar[dict[str, type["Part"]]]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if Part in cls.__bases__:
            cls._kinds = {}
            return
        if "kind" not in cls.__dict__:
            cls.kind = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower()
        cls._kinds[cls.kind] = cls

    @classmethod
    def kinds(cls) -> dict[str, type[Self]]:
        """The kinds that this family knows, by name."""
        return dict(cls._kinds)  # pyright: ignore[reportReturnType] a family's own dictionary holds its own kinds

    @model_validator(mode="wrap")
    @classmethod
    def _by_kind(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if isinstance(value, str):
            value = {"kind": value}
        if not isinstance(value, Mapping) or "kind" not in value:
            return handler(value)
        fields = {name: field for name, field in value.items() if name != "kind"}
        kind = cls._kinds.get(value["kind"]) if isinstance(value["kind"], str) else None
        if kind is None:
            raise BlueprintError(
                f"Unknown {_family(cls)} {value['kind']!r}. {nearest(str(value['kind']), cls._kinds)} "
                "If it is a part of your own, import the module that defines it first."
            )
        if not issubclass(kind, cls):
            raise BlueprintError(f"Expected a {cls.__name__}, got the {_family(cls)} {value['kind']!r}.")
        return handler(fields) if kind is cls else kind(**fields)  # pyright: ignore[reportReturnType]

    @model_serializer(mode="wrap")
    def _with_kind(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {"kind": self.kind, **handler(self)}

    def __str__(self) -> str:
        """The kind and the fields that differ from their defaults: `dense(widths=(128, 64))`."""
        changed = ", ".join(
            f"{name}={getattr(self, name)!r}"
            for name, field in type(self).model_fields.items()
            if field.is_required() or getattr(self, name) != field.get_default(call_default_factory=True)
        )
        return f"{self.kind}({changed})"


def _family(cls: type[Part]) -> str:
    """What the family of `cls` is called in a message."""
    return next(base.__name__ for base in reversed(cls.__mro__) if base is not Part and Part in base.__bases__).lower()


def _explain(cls: type[Value], error: ValidationError) -> str:
    """A pydantic error as one line: which field, what was given, what is expected."""
    name = getattr(cls, "kind", cls.__name__.lower())
    said = []
    for problem in error.errors():
        where = ".".join(str(step) for step in problem["loc"])
        if problem["type"] == "extra_forbidden":
            said.append(f"{name} has no option {where!r}. {nearest(where, cls.model_fields)}")
        elif problem["type"] == "missing":
            said.append(f"{name} needs {where!r}.")
        elif isinstance(cause := problem.get("ctx", {}).get("error"), ValueError):
            said.append(str(cause))
        else:
            given = repr(problem["input"])
            given = given if len(given) <= 60 else given[:57] + "…"
            expected = problem["msg"][0].lower() + problem["msg"][1:]
            said.append(f"{name}.{where} is {given}: {expected}.")
    return " ".join(said)

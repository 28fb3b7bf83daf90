"""What the OpenAPI page says of bodies and answers."""

from dataclasses import dataclass
from typing import Any, get_args

from fastapi import Request
from pydantic import BaseModel

from isthmus.errors import nearest
from isthmus.serve.answering import Explain
from isthmus.serve.bodies import ARROW, JSON, NPY, PICTURES, Bodies
from isthmus.serve.refusal import RefusedError

STATUSES = {
    400: "The body can't be parsed.",
    401: "The token is missing or wrong.",
    406: "The answer isn't offered in an accepted type.",
    408: "The body did not arrive in time.",
    409: "The model can't be used in this way.",
    413: "The body or the answer is too large.",
    415: "The type of the body is not read.",
    421: "The host is not served.",
    422: "The samples or parameters don't fit the model.",
    503: "Too many requests are running, or the model is not ready.",
    504: "The answer takes too long.",
}
BINARY = {"type": "string", "format": "binary"}
NUMBERS = {"type": "array", "items": {"type": ["number", "null"]}}
NAMES = {"type": "array", "items": {"type": "string"}}


class Mistake(BaseModel):
    """Why a request has no result."""

    detail: str


def statuses(*codes: int) -> dict[int | str, dict[str, Any]]:
    """These statuses, for FastAPI."""
    return {code: {"model": Mistake, "description": STATUSES[code]} for code in codes}


@dataclass(frozen=True)
class _Parameter:
    """A parameter in a request's address. choices: all its values; () for any text. default: None where it has none."""

    words: str
    choices: tuple[str, ...] = ()
    default: str | None = None

    def schema(self) -> dict[str, Any]:
        kind: dict[str, Any] = {"enum": list(self.choices)} if self.choices else {}
        return {"type": "string", **kind} | ({"default": self.default} if self.default else {})


_LABEL = _Parameter("The class of all samples, for a model that is conditioned on it.")
PARAMETERS: dict[str, dict[str, _Parameter]] = {
    "encode": {"label": _LABEL},
    "reconstruct": {"label": _LABEL},
    "detect": {"explain": _Parameter("The rows of a table whose reasons are given.", get_args(Explain), "none")},
}
"""By the name of a use."""


def queried(request: Request, use: str) -> dict[str, str | None]:
    """The parameters in the address of a request for a use.

    Raises:
        RefusedError: one is unknown, or has an impossible value.
    """
    known = PARAMETERS.get(use, {})
    given = dict(request.query_params) if request.scope.get("query_string") else {}
    for name, value in given.items():
        if name not in known:
            raise RefusedError(422, f"The address has the unknown parameter {name!r:.80}. {nearest(name, known)}")
        if (choices := known[name].choices) and value not in choices:
            raise RefusedError(422, f"{name}={value!r:.80}: expected {' or '.join(choices)}.")
    return {name: given.get(name, one.default) for name, one in known.items()}


def operation(bodies: Bodies, use: str) -> dict[str, Any]:
    """The parameters and the body of a use, as a part of an OpenAPI operation."""
    parameters = [
        {"name": name, "in": "query", "required": False, "description": one.words, "schema": one.schema()}
        for name, one in PARAMETERS.get(use, {}).items()
    ]
    types = {JSON: _draw(bodies)} if use == "sample" else {type: _body(bodies, type) for type in bodies.types}
    content = {type: {"schema": schema} for type, schema in types.items()}
    return {"parameters": parameters, "requestBody": {"required": use != "sample", "content": content}}


def result_schema(bodies: Bodies, use: str) -> dict[int | str, dict[str, Any]]:
    """The answer of a use, for FastAPI."""
    samples, rows = {"type": "array"}, {"type": "array", "items": {"type": "object"}}
    named = {bodies.key: rows if bodies.key == "rows" else samples}
    properties: dict[str, Any] = {
        "encode": {"codes": samples, "names": NAMES},
        "detect": {
            "scores": NUMBERS,
            "anomalous": {"type": "array", "items": {"type": "boolean"}},
            "threshold": {"type": "number"},
            "by": {"type": "string"},
            "names": NAMES,
            "explanations": rows,
        },
        "sample": {**named, "way": {"type": "string"}, "labels": NAMES},
    }.get(use, named)
    required = [name for name in properties if name not in ("names", "explanations", "labels")]
    schema = {
        "type": "object",
        "properties": properties | {"remarks": NAMES},
        "required": required,
        "additionalProperties": False,
    }
    pictures = tuple(type for type in PICTURES if type in bodies.types and use not in ("encode", "detect"))
    types = (ARROW, *([] if bodies.texts else [NPY]), *pictures)
    content = {JSON: {"schema": schema}} | {type: {"schema": BINARY} for type in types}
    return {200: {"description": "The result.", "content": content}}


def _body(bodies: Bodies, type: str) -> dict[str, Any]:
    if type != JSON:
        return BINARY
    if bodies.columns is not None:
        item = bodies.columns.json_schema()
    elif bodies.texts:
        item = {"type": "string"}
    else:
        item = _nested(bodies.run.model.shape)
    return {
        "type": "object",
        "properties": {bodies.key: {"type": "array", "items": item, "minItems": 1, "maxItems": bodies.limits.max_rows}},
        "required": [bodies.key],
        "additionalProperties": False,
    }


def _nested(shape: tuple[int, ...]) -> dict[str, Any]:
    """Nested lists of numbers of a shape."""
    made: dict[str, Any] = {"type": "number", "minimum": -1e30, "maximum": 1e30}
    for size in reversed(shape):
        made = {"type": "array", "items": made, "minItems": size, "maxItems": size}
    return made


def _draw(bodies: Bodies) -> dict[str, Any]:
    labels = bodies.run.description.get("label_names") or ()
    return {
        "type": "object",
        "properties": {
            "count": {"type": "integer", "minimum": 1, "maximum": bodies.limits.max_rows, "default": 1},
            "way": {"enum": ["auto", "prior", "gaussian", "mixture", "neighbours"], "default": "auto"},
            "label": {"enum": [*labels, None], "default": None},
            "seed": {"type": "integer", "minimum": 0, "maximum": 2**63 - 1, "default": 0},
            "temperature": {"type": "number", "minimum": 0, "maximum": 100, "default": 0},
        },
        "additionalProperties": False,
    }

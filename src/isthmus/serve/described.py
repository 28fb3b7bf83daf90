"""What the OpenAPI page says of bodies and answers."""

from typing import Any

from pydantic import BaseModel

from isthmus.serve.bodies import ARROW, JSON, NPY, PICTURES, Bodies

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


def body_schema(bodies: Bodies, use: str) -> dict[str, Any]:
    """The request body of a use, as a part of an OpenAPI operation."""
    if use == "sample":
        return {"requestBody": {"required": False, "content": {JSON: {"schema": _draw()}}}}
    return {
        "requestBody": {"required": True, "content": {type: {"schema": _body(bodies, type)} for type in bodies.types}}
    }


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


def _draw() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "count": {"type": "integer", "minimum": 1, "default": 1},
            "way": {"enum": ["auto", "prior", "gaussian", "mixture", "neighbours"], "default": "auto"},
            "label": {"type": ["string", "null"], "default": None},
            "seed": {"type": "integer", "minimum": 0, "maximum": 2**63 - 1, "default": 0},
            "temperature": {"type": "number", "minimum": 0, "maximum": 100, "default": 0},
        },
        "additionalProperties": False,
    }

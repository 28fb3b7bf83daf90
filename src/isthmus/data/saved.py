"""Validation of a data description from a file: its types and its consistency are checked before use."""

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from isthmus.data.media.medium import medium_of
from isthmus.data.options import Options
from isthmus.data.scaling import Scaling
from isthmus.options.reading import Kind

Count = Annotated[int, Field(ge=0, lt=2**53)]
Size = Annotated[int, Field(ge=1, lt=2**53)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Split(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")

    validation: Finite
    test: Finite
    seed: Count
    own: list[str]
    sha256: str


class _Damaged(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")

    source: str | None
    fingerprint: str


class _Description(BaseModel):
    """`Data.description`: only the shape is required, and unknown fields are allowed."""

    model_config = ConfigDict(strict=True, extra="allow")

    shape: list[Size]
    source: str | None = None
    kind: Kind = "table"
    dtype: Literal["uint8", "float32", "float64"] = "float32"
    counts: dict[str, Count] = {}
    columns: list[str] = []
    categories: list[list[str]] = []
    label_names: list[str] = []
    split: _Split | None = None
    options: dict[str, Any] = {}
    scaling: dict[str, Any] = {}
    fill: Finite | list[Finite] | None = None
    holed: dict[str, Count] = {}
    fingerprint: str = ""
    medium: dict[str, Any] | None = None
    damaged: _Damaged | None = None


def check_description(said: Any, shape: tuple[int, ...] | None = None) -> dict[str, Any]:
    """The description, after checking that it is valid and fits samples of this shape.

    Raises:
        ValueError, TypeError: it isn't a description; the message names the fault.
        DataError: its options or its scaling are invalid.
    """
    if said == {}:  # of a run that was put together by hand
        return {}
    found = _Description.model_validate(said)
    sizes = tuple(found.shape)
    if shape is not None and sizes != shape:
        raise ValueError(f"samples have shape {sizes}, the model takes {shape}")
    for name in ("columns", "categories"):
        given = getattr(found, name)
        if given and len(given) != math.prod(sizes):
            raise ValueError(f"{name} are {len(given)}, of {math.prod(sizes)} numbers a sample")
    if isinstance(found.fill, list) and len(found.fill) != sizes[0]:
        raise ValueError(f"the fill is {len(found.fill)} numbers, for samples of shape {sizes}")
    if found.scaling:
        Scaling.from_json(found.scaling)
        if not isinstance(found.scaling.get("asked", "auto"), str):
            raise ValueError("the name of the scaling is not text")
    Options.of(found.options)
    medium_of(said)
    if said.get("schema") is not None:
        from isthmus.data.schema.schema import Schema  # noqa: PLC0415 Arrow takes some 40 MB that pictures don't need

        features = Schema.from_json(said["schema"]).features
        if found.columns and list(features) != found.columns:
            raise ValueError("the schema has other columns than the samples")
    return said

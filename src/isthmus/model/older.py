"""Older formats: the names of earlier versions translated to the present ones."""

import contextlib
import re
from collections.abc import Mapping
from typing import Any

from isthmus.errors import BlueprintError
from isthmus.parts import Bound, CodeKind, Corruption, Output

_COUNTS = ("poisson", "negative-binomial")
_RENAMED = {"network": {"told": "masked"}, "corruption": {"stored": "as_bytes"}}
"""Fields of parts: before, and now."""


def modern_blueprint(said: Mapping[str, Any]) -> dict[str, Any]:
    """A blueprint's JSON form with the present names."""
    said = dict(said)
    if "learns" in said:
        said["predicts"] = "residual" if said.pop("learns") == "correction" else "sample"
    for name, names in _RENAMED.items():
        if isinstance(part := said.get(name), Mapping):
            said[name] = {names.get(field, field): value for field, value in part.items()}
    distance = said.get("distance")
    if isinstance(distance, Mapping) and distance.get("kind") in _COUNTS:
        said["distance"] = {"seen": "counts"} | dict(distance)  # before this option, the encoder's input was the counts
    return said


def modern_parts(said: Mapping[str, Any]) -> dict[str, Any]:
    """The parts around custom modules, in JSON, with the present names and the fields added since."""
    said = {"conditioning" if name == "beside" else name: part for name, part in modern_blueprint(said).items()}
    for name, family in {"code": CodeKind, "corruption": Corruption, "predicts": Output, "bound": Bound}.items():
        if name in said:
            with contextlib.suppress(BlueprintError):  # a part that is unknown here differs anyway
                said[name] = family.from_json(said[name]).to_json()
    return said


def modern_weights(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Tensors of a model, or of its checkpoint, with the present names."""
    return {re.sub(r"(^|/)own\.", r"\1objective.penalty_modules.", name): tensor for name, tensor in tensors.items()}

"""Older formats: the names of earlier versions translated to the present ones."""

import contextlib
import re
from collections.abc import Mapping
from typing import Any

from isthmus.errors import BlueprintError
from isthmus.parts import CodeKind, Corruption, Output

_COUNTS = ("poisson", "negative-binomial")


def modern_blueprint(said: Mapping[str, Any]) -> dict[str, Any]:
    """A blueprint's JSON form with the present names."""
    said = dict(said)
    if "learns" in said:
        said["predicts"] = "residual" if said.pop("learns") == "correction" else "sample"
    for name, modern in _MODERN.items():
        if isinstance(part := said.get(name), Mapping):
            said[name] = modern(dict(part))
    return said


def modern_parts(said: Mapping[str, Any]) -> dict[str, Any]:
    """The parts around custom modules, in JSON, with the present names and the fields added since."""
    said = {"conditioning" if name == "beside" else name: part for name, part in modern_blueprint(said).items()}
    for name, family in {"code": CodeKind, "corruption": Corruption, "predicts": Output}.items():
        if name in said:
            with contextlib.suppress(BlueprintError):  # a part that is unknown here differs anyway
                said[name] = family.from_json(said[name]).to_json()
    return said


def modern_weights(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Tensors of a model, or of its checkpoint, with the present names."""
    return {re.sub(r"(^|/)own\.", r"\1objective.penalty_modules.", name): tensor for name, tensor in tensors.items()}


def _network(part: dict[str, Any]) -> dict[str, Any]:
    return {"masked" if name == "told" else name: value for name, value in part.items()}


def _corruption(part: dict[str, Any]) -> dict[str, Any]:
    return {"as_bytes" if name == "stored" else name: value for name, value in part.items()}


def _distance(part: dict[str, Any]) -> dict[str, Any]:
    """Before this option existed, the encoder's input was the counts themselves."""
    return {"seen": "counts"} | part if part.get("kind") in _COUNTS else part


_MODERN = {"network": _network, "corruption": _corruption, "distance": _distance}

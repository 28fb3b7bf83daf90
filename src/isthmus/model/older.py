"""What earlier versions wrote, in the words of this one."""

from collections.abc import Mapping
from typing import Any


def modern_blueprint(said: Mapping[str, Any]) -> dict[str, Any]:
    """A blueprint's JSON form under its present names."""
    said = dict(said)
    if "learns" in said:
        said["predicts"] = "residual" if said.pop("learns") == "correction" else "sample"
    return said | {"corruption": modern_corruption(said.get("corruption"))}


def modern_corruption(said: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A corruption's JSON form under its present names."""
    if said is None:
        return None
    return {"as_bytes" if name == "stored" else name: value for name, value in said.items()}

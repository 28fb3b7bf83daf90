"""The facts of an exported part: what goes in, what comes out, in which units, and how it was checked."""

from typing import Any

import torch

from isthmus import version
from isthmus.exporting.checks import TOLERANCE, Checked
from isthmus.exporting.parts import Exportable
from isthmus.trained import TrainedModel


def facts_of(run: TrainedModel, part: Exportable, checked: Checked, **more: Any) -> dict[str, Any]:
    """The facts as JSON data, for the file's metadata and for the file next to it.

    more: further facts, about the format.
    """
    model, said = run.model, run.description
    facts: dict[str, Any] = {
        "isthmus": version.VERSION,
        "torch": torch.__version__,
        "part": part.part,
        **more,
        "inputs": [port.to_json() for port in part.inputs],
        "outputs": [part.output.to_json()],
        "data": said.get("kind") or run.open().kind,
    }
    names = list(said.get("label_names") or ())
    facts |= {"classes": names} if names else {}
    if model.columns:
        categories = model.categories or ((),) * len(model.columns)
        facts["columns"] = [
            {"name": name, **({"categories": list(own)} if own else {})}
            for name, own in zip(model.columns, categories, strict=True)
        ]
    facts |= {"medium": said["medium"]} if said.get("medium") else {}
    if part.part == "score":
        found: Any = getattr(part, "found")  # noqa: B009 only a score has one
        facts["score"] = {"by": found.by, "threshold": found.threshold, "quantile": found.quantile, "part": found.part}
    facts["checked"] = checked.to_json() | {"allowed": TOLERANCE}
    facts["blueprint"] = None if model.blueprint is None else model.blueprint.to_json()
    return facts

"""The facts at the end of the report: what the model is made of, what it learnt from, and how to repeat it."""

import json
from collections.abc import Mapping
from typing import Any

from isthmus.model.autoencoder import Autoencoder


def blueprint_text(model: Autoencoder) -> str:
    """The model's blueprint as JSON, or what a model of somebody's own modules prints."""
    if model.blueprint is None:
        return str(model)
    return json.dumps(model.blueprint.to_json(), indent=2, ensure_ascii=False)


def as_mapping(values: Any) -> Mapping[str, Any]:
    """A mapping, or what `to_json` makes of a value that is none."""
    return values if isinstance(values, Mapping) else values.to_json()


def flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested facts as (name, text) rows: `{"split": {"seed": 0}}` is `("split seed", "0")`. Long texts are cut."""
    rows: list[tuple[str, str]] = []
    for name, value in values.items():
        title = f"{prefix}{name}".replace("_", " ")
        if value is None or value in ("", [], {}, ()):
            continue
        if isinstance(value, Mapping):
            rows += flat(value, f"{title} ")
        else:
            rows.append((title, _text(value)))
    return rows


def data_facts(description: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a description of data says, without the long lists that a person doesn't read."""
    long = {"columns", "label_names", "fill", "shape"}
    kept = {name: value for name, value in description.items() if name not in long}
    kept["shape"] = " × ".join(map(str, description.get("shape") or ()))
    if isinstance(scaling := description.get("scaling"), Mapping):
        kept["scaling"] = {name: scaling[name] for name in ("kind", "range") if name in scaling}
    return flat(kept)


def repeat_in_python(model: Autoencoder, description: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """Lines of Python that make the same run again; empty where the data or the model have no name to go by."""
    source = description.get("source")
    if source is None or model.blueprint is None:
        return ""
    split = description.get("split") or {}
    own = split.get("own") or ()  # parts that the source brings itself can't be asked for
    asked = {name: split[name] for name in ("validation", "test", "seed") if name in split and name not in own}
    options = asked | dict(description.get("options") or {})
    given = "".join(f", {name}={value!r}" for name, value in options.items() if name.isidentifier())
    chosen = ", ".join(f"{name}={value!r}" for name, value in settings.items() if name.isidentifier())
    return "\n".join((
        "import isthmus as ist",
        "",
        f"data = ist.open_data({source!r}{given})",
        f"blueprint = ist.Blueprint.from_json({model.blueprint.to_json()!r})",
        f"run = ist.fit(blueprint.build(data), data, {chosen})",
    ))  # fmt: skip


def _text(value: Any, most: int = 300) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    listed = isinstance(value, list | tuple)
    text = ", ".join(_text(item) for item in value) if listed else str(value)
    return text if len(text) <= most else f"{text[:most]}…"

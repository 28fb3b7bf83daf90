"""Cures: the run's training again with changed options, as a command or as a line of Python."""

import shlex
from collections.abc import Mapping
from typing import Any

from isthmus.doctor.examination import Examination
from isthmus.errors import IsthmusError
from isthmus.model.data_spec import Bare
from isthmus.model.recipes import recipe as named
from isthmus.training import Settings

DECIDED = ("compile", "device", "checkpoint_seconds")
"""Settings that decide where and how a run is computed, and don't change its result."""
FLAGS = {"header": ("--header", "--no-header"), "memory_map": ("--memory-map", "--no-memory-map")}


def train_again(
    of: Examination, options: Mapping[str, Any] | None = None, *, scaling: str = "", recipe: str = "", **settings: Any
) -> str:
    """The command that trains the same model on the same data, with these options and settings changed.

    options: of the blueprint, as `--set` takes them. scaling: of the data. recipe: another model in place of this one.
    A run without a folder, or with data from memory, has no command: the result is a line of Python.
    """
    changed = {} if recipe == "pca" else _changed(of.settings, settings)  # PCA is solved, without batches and epochs
    options = dict(options or {})
    run = of.run
    if run is None or run.folder is None or run.description.get("source") is None or of.model.blueprint is None:
        return _python(of, options, changed, scaling, recipe)
    said = run.description
    words = ["isthmus", "train", str(said["source"])]
    words += ["--recipe", recipe] if recipe else ["--blueprint", str(run.folder / "model.json")]
    for name, value in options.items():
        words += ["--set", f"{name}={_value(value)}"]
    for name, value in changed.items():
        words += [f"--{name.replace('_', '-')}", _value(value)]
    words += _reading(said, scaling)
    return shlex.join([*words, "--out", f"{run.folder}-cured"])


def possible(of: Examination, options: Mapping[str, Any], *, recipe: str = "") -> bool:
    """Whether the model with these options, or the recipe, can be built for these data, so that a cure can name it."""
    blueprint = named(recipe) if recipe else of.model.blueprint
    if blueprint is None:
        return False
    try:
        known = None if of.run is None else of.run.data
        data = Bare(of.model.shape, of.model.scaling) if known is None else known
        blueprint.with_options(**options).resolve(data).assemble(data.shape, data.scaling)
    except IsthmusError:
        return False
    return True


def resume(of: Examination, epochs: int) -> str:
    """The command that continues the run up to `epochs` epochs."""
    if of.run is None or of.run.folder is None:
        return f"ist.fit(model, data, epochs={epochs}, …)"
    return f"isthmus resume {shlex.quote(str(of.run.folder))} --epochs {epochs}"


def _changed(before: Settings, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The values that differ from the defaults once `settings` replace the run's own.

    The epochs are always included: without them, the other settings would be chosen from the data.
    """
    plain = Settings().to_json()
    own = before.replace(**settings).to_json()
    changed = {
        name: value for name, value in own.items() if name not in DECIDED and (name == "epochs" or value != plain[name])
    }
    return {name: float(f"{value:g}") if isinstance(value, float) else value for name, value in changed.items()}


def _python(of: Examination, options: dict[str, Any], settings: dict[str, Any], scaling: str, recipe: str) -> str:
    said = "".join(f", {name}={value!r}" for name, value in settings.items())
    data = f'open_data(…, scaling="{scaling}")' if scaling else "data"
    if recipe:
        words = "".join(f", {name.replace('.', '__')}={value!r}" for name, value in options.items())
        return f'ist.fit(ist.recipe("{recipe}"{words}).build({data}), {data}{said})'
    if of.model.blueprint is None:
        return f"ist.fit(Autoencoder(…), {data}{said})"
    words = ", ".join(f"{name.replace('.', '__')}={value!r}" for name, value in options.items())
    blueprint = f"model.blueprint.with_options({words})" if words else "model.blueprint"
    return f"ist.fit({blueprint}.build({data}), {data}{said})"


def _reading(said: Mapping[str, Any], scaling: str) -> list[str]:
    """How the data were read, divided and scaled, if that isn't the default."""
    words: list[str] = []
    given = dict(said.get("options") or {}) | ({"scaling": scaling} if scaling else {})
    split = said.get("split") or {}
    own = split.get("own") or ()
    for name, usual in (("validation", 0.1), ("test", 0.1), ("seed", 0)):
        if name in split and name not in own and split[name] != usual:
            given["split_seed" if name == "seed" else name] = split[name]
    for name, value in given.items():
        if name in FLAGS:
            words.append(FLAGS[name][0 if value else 1])
        elif name == "size":
            height, width = (value, value) if isinstance(value, int) else value
            words += ["--size", f"{height}x{width}"]
        else:
            words += [f"--{name.replace('_', '-')}", _value(value)]
    return words


def _value(value: Any) -> str:
    """As the command line reads it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)

"""Targets: every file of a run's folder, and what else is kept in files of the same kinds."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

import isthmus as ist
from fuzz.mutations import Random, mutate, mutate_value
from fuzz.target import Target
from isthmus.classifier import load_classifier, train_classifier
from isthmus.model.blueprint import Blueprint
from isthmus.samplers import fit_sampler, load_sampler
from isthmus.storage.checked import load_json, load_tensors, read_json, save_json, save_tensors
from isthmus.training import Settings

JSON = ("model.json", "data.json", "settings.json", "history.json", "environment.json")
LOADED = ("weights.safetensors", "baseline.safetensors")
Change = Callable[[torch.Tensor], torch.Tensor]
CHANGES: tuple[Change, ...] = (
    lambda t: t.reshape(-1)[:0],
    lambda t: t.reshape(-1)[:1],
    lambda t: t[None],
    lambda t: t.bool(),
    lambda t: t.double() * torch.nan,
    lambda t: torch.full_like(t, 200),
    lambda t: torch.zeros(2, 2),
)


def _data() -> ist.Data:
    return ist.open_data(np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32))


class Kept(Target):
    """One file, damaged in its bytes (which its checksum notices), or in what it says, with the checksum renewed.

    sealed: whether it has a checksum. meant: whether it is damaged in what it says, as somebody who means it would.
    """

    def __init__(
        self,
        name: str,
        file: str,
        make: Callable[[Path], object],
        use: Callable[[Path], Any],
        *,
        sealed: bool = True,
        meant: bool = False,
    ) -> None:
        self.name = f"{name}{'-meant' if meant else ''}"
        self.file, self.made, self.used = file, make, use
        self.sealed, self.meant, self.strict = sealed, meant, sealed and not meant

    def make(self, folder: Path) -> None:
        self.made(folder)
        self.kept = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def damage(self, folder: Path, random: Random) -> None:
        path = folder / self.file
        if not self.meant:
            path.write_bytes(mutate(self.kept[path], random, list(self.kept.values())))
        elif path.suffix == ".json":
            said = mutate_value(load_json(path, sealed=False), random)
            text = json.dumps(said)
            if self.sealed and (isinstance(said, dict) or (isinstance(said, list) and _all_tables(said))):
                save_json(path, said)
            else:
                path.write_text(text)
        else:
            self._damage_tensors(path, random)

    def use(self, folder: Path) -> Any:
        return self.used(folder)

    def restore(self, folder: Path) -> None:
        for path in folder.rglob("*"):
            if path.is_file() and path not in self.kept:
                path.unlink()
        for path, content in self.kept.items():
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)

    def _damage_tensors(self, path: Path, random: Random) -> None:
        tensors, notes = load_tensors(path)
        chosen = sorted(tensors)[random.integers(len(tensors))]
        match int(random.integers(4)):
            case 0:
                tensors[f"{chosen}.odd"] = tensors.pop(chosen)
            case 1:
                tensors[chosen] = CHANGES[random.integers(len(CHANGES))](tensors[chosen])
            case _:
                notes = mutate_value(notes, random)
        save_tensors(path, tensors, notes)


def _all_tables(said: list[Any]) -> bool:
    return all(isinstance(one, dict) for one in said)


def _fit(folder: Path) -> None:
    data = _data()
    model = ist.recipe("deep", widths=(4,), code=2).build(data)
    ist.fit(model, data, epochs=2, out=folder, compile=False, device="cpu", progress=False)


def _unfinished(folder: Path) -> None:
    _fit(folder)
    (folder / "weights.safetensors").unlink()


def _load(folder: Path) -> Any:
    run = ist.load(folder)
    codes = run.encode(np.ones((2, 3), np.float32))
    made = run.decode(codes)
    pca = None if run.pca is None else {name: x.tolist() for name, x in run.pca.to_tensors().items()}
    return codes.tolist(), made.tolist(), run.history, run.settings, run.description, run.environment, run.status, pca


def _resume(folder: Path) -> Any:
    run = ist.resume(folder, data=_data(), progress=False)
    return [row["loss"] for row in run.history], run.status


def _classifier(folder: Path) -> None:
    values = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    data = ist.open_data((values, np.arange(40) % 2))
    made = train_classifier(data.train, data.validation, scaling=data.scaling, settings=Settings(epochs=1))
    made.save(folder / "a.safetensors")


def _use_classifier(folder: Path) -> Any:
    made = load_classifier(folder / "a.safetensors")
    return made.probabilities(torch.ones(2, 3)).tolist(), made.history, made.about


def _sampler(way: Any, folder: Path) -> None:
    codes = torch.randn(40, 2, generator=torch.Generator().manual_seed(0))
    fit_sampler(codes, way, components=2).save(folder / "a.safetensors")


def _use_sampler(folder: Path) -> Any:
    return load_sampler(folder / "a.safetensors").draw(3, torch.Generator().manual_seed(0)).tolist()


def _blueprint(folder: Path) -> None:
    (folder / "a.json").write_text(json.dumps(ist.recipe("vae", code=3).to_json()))


def _use_blueprint(folder: Path) -> Any:
    return Blueprint.from_json(read_json(folder / "a.json"))


RUNS: list[Target] = [
    *(Kept(name, name, _fit, _load, meant=meant) for meant in (False, True) for name in (*JSON, *LOADED)),
    *(
        Kept(f"unfinished-{name}", name, _unfinished, use, meant=meant)
        for name, use in (("checkpoint.safetensors", _resume), ("settings.json", _resume), ("model.json", _load))
        for meant in (False, True)
    ),
    *(Kept("classifier", "a.safetensors", _classifier, _use_classifier, meant=meant) for meant in (False, True)),
    *(
        Kept(f"sampler-{way}", "a.safetensors", partial(_sampler, way), _use_sampler, meant=meant)
        for way in ("mixture", "neighbours")
        for meant in (False, True)
    ),
    *(Kept("blueprint", "a.json", _blueprint, _use_blueprint, sealed=False, meant=meant) for meant in (False, True)),
]

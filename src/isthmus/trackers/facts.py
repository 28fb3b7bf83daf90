"""The facts of a run that trackers write: its options, its measures, a picture, and codes."""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isthmus.data.samples import Samples
from isthmus.measures.passes import passes
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.listing import parameter_count
from isthmus.parts.model import eval_mode
from isthmus.run import Run

SHOWN = 8
"""Samples in a picture."""
EMBEDDED = 1000
"""Samples whose codes are written."""
LARGEST = 64
"""Pixels of a sample's picture next to its code, at most, in height and width."""


def chosen(run: Run) -> dict[str, Any]:
    """The options of the run: settings, model and data, each a number, a word or a short text."""
    blueprint, said = run.model.blueprint, run.description
    found: dict[str, Any] = dict(run.settings.to_json())
    if blueprint is not None:
        found |= {f"model.{name}": value for name, value in blueprint.options().items()}
    found |= {"model.parameters": parameter_count(run.model), "model.shape": list(run.model.shape)}
    found |= {f"data.{name}": count for name, count in (said.get("counts") or {}).items()}
    found |= {
        "data.source": Path(str(said.get("source") or "memory")).name,
        "data.fingerprint": said.get("fingerprint", ""),
        "isthmus": run.environment.get("isthmus", ""),
    }
    return {name: _plain(value) for name, value in found.items() if value is not None}


def measured(run: Run) -> dict[str, float]:
    """The model's and its rival's measures of the part that decides, `test_mse` and `test_mse_pca`; the best epoch."""
    found: dict[str, float] = {"best_epoch": float(run.best_epoch)}
    for part, measures in run.evaluation(chief=True).measures.items():
        for measure, by_rival in measures.items():
            for rival, value in by_rival.items():
                if value is not None and math.isfinite(value) and rival != "mean":
                    found[f"{part}_{measure}" + ("" if rival == "model" else f"_{rival}")] = value
    return found


def pictured(model: Autoencoder, samples: Samples) -> np.ndarray | None:
    """(2 H, n W, 3) bytes: samples above, their reconstructions below; None if samples are no pictures."""
    if samples.kind != "pictures" or samples.shape[0] not in (1, 3):
        return None
    some = samples.some(SHOWN)
    with eval_mode(model):
        (out,) = passes(model, some, len(some))
        given, made = out.with_holes().float(), out.reconstruction.float()
    return np.concatenate([_row(_looks(model, given)), _row(_looks(model, made))])


def embedded(run: Run) -> tuple[Tensor, list[str], Tensor | None] | None:
    """(n, D) codes of some samples, their labels, and their pictures, (n, 3, H, W) in 0..1.

    None if there is neither a test part nor a validation part: samples of the training part are not given away.
    """
    data = run.open()
    part = next((part for part in (data.test, data.validation) if len(part)), None)
    if part is None:
        return None
    some = part.some(EMBEDDED)
    codes = run.encode(some).flatten(1).float()
    labels = [] if some.labels is None else [_name(some, int(label)) for label in some.labels]
    looks = None
    if some.kind == "pictures" and some.shape[0] in (1, 3) and max(some.shape[1:]) <= LARGEST:
        looks = _looks(run.model, run.model.scaling(some.tensor()).float())
    return codes, labels, looks


def _looks(model: Autoencoder, scaled: Tensor) -> Tensor:
    """(n, 3, H, W) in 0..1 of scaled pictures."""
    low, high = model.scaling.range or (float(scaled.nan_to_num().min()), float(scaled.nan_to_num().max()))
    shown = ((scaled.cpu() - low) / max(high - low, 1e-12)).nan_to_num().clamp(0, 1)
    return shown.expand(-1, 3, -1, -1)


def _row(pictures: Tensor) -> np.ndarray:
    """(H, n W, 3) bytes of pictures side by side."""
    return (torch.cat(list(pictures), dim=2).permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()


def _name(samples: Samples, label: int) -> str:
    return samples.label_names[label] if 0 <= label < len(samples.label_names) else str(label)


def _plain(value: Any) -> str | int | float | bool:
    if isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Iterable) and not isinstance(value, dict):
        return ", ".join(map(str, value))
    return json.dumps(value, default=str)

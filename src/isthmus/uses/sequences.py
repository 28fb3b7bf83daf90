"""A sequence model of a run's indices: fitted once, kept in the run's folder, and drawn from."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from isthmus.errors import IsthmusError, RunError
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.store import fingerprint
from isthmus.model.through import through
from isthmus.samplers import Sequences, fit_sequences, load_sampler
from isthmus.shown import Shown
from isthmus.storage.run_folder import SEQUENCES
from isthmus.trained import TrainedModel

MOST_INDICES = 50_000
"""The most training samples whose indices a sequence model is fitted to, evenly spread."""
BATCH = 256
"""Samples that are encoded at a time."""
Progress = Callable[[int, int], object]


@dataclass(frozen=True, eq=False, repr=False)
class FromIndices(Shown):
    """Draws the indices of a quantised code by a sequence model, and makes the codes that they stand for."""

    model: Autoencoder
    sequences: Sequences
    temperature: float = 1.0
    top_p: float = 1.0

    @torch.no_grad()
    def draw(self, count: int, generator: torch.Generator, labels: Tensor | None = None) -> Tensor:
        """(count, *code) float32; the same generator state gives the same draws. labels: (count,), their classes."""
        given = labels if self.sequences.classes else None
        choice = {"temperature": self.temperature, "top_p": self.top_p}
        indices = self.sequences.draw(count, generator, given, **choice).to(self.model.device)
        return self.model.code.from_indices(indices, self.model.code_shape, self.model.code_module).cpu().float()


def sequences_of(run: TrainedModel, *, progress: Progress | None = None) -> Sequences:
    """The sequence model of a run's indices, learnt with the labels if there are any, and kept in its folder.

    Raises:
        DataError: the run's data can't be opened again.
    """
    if (kept := kept_sequences(run)) is not None:
        return kept
    model, data = run.model, run.open()
    train = data.train.some(MOST_INDICES)
    symbols, classes = model.code.symbols(model.code_shape), len(data.label_names)
    assert symbols is not None
    indices = through(model.indices, train, BATCH)
    made = fit_sequences(
        indices,
        symbols,
        train.labels,
        classes=classes,
        model=fingerprint(model),
        device=str(model.device),
        progress=progress,
    )
    if run.folder is not None:
        with contextlib.suppress(IsthmusError):  # go on if the folder is read-only
            made.save(run.folder / SEQUENCES)
    return made


def kept_sequences(run: TrainedModel) -> Sequences | None:
    """The one in the run's folder, if it is there, whole and of this model."""
    if run.folder is None or not (run.folder / SEQUENCES).exists():
        return None
    with contextlib.suppress(RunError):
        kept = load_sampler(run.folder / SEQUENCES)
        places = run.model.code.places(run.model.code_shape)
        if isinstance(kept, Sequences) and kept.model == fingerprint(run.model) and kept.shape == places:
            return kept
    return None

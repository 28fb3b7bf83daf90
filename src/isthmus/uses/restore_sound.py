"""Restoring recordings of any length: overlapping windows through the model, faded into one another, block by block."""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from isthmus.data import stream_samples
from isthmus.data.folders import collected
from isthmus.data.media import Sound
from isthmus.data.media.medium import medium_of
from isthmus.data.options import Options
from isthmus.data.sound import SUFFIXES as READ
from isthmus.data.sound import recorded
from isthmus.errors import UseError
from isthmus.storage.files import whole_file
from isthmus.trained import TrainedModel
from isthmus.uses.arguments import check_damages

ROWS = 32
"""Windows that go through the model together."""


class SoundRestorer:
    """A run's model, ready to restore recordings one after another.

    Raises:
        UseError: the model was trained without a corruption, or needs labels.
    """

    def __init__(self, run: TrainedModel) -> None:
        medium = medium_of(run.description)
        assert isinstance(medium, Sound)
        check_damages(run, "--recipe sound --set corruption=gaussian-noise")
        if run.model.conditioning.classes:
            raise UseError("This model needs a label with every sample. To restore, train one without a condition.")
        self.run, self.sound = run, medium

    def blocks(self, path: Path) -> Iterator[Tensor]:
        """The restored recording at the model's rate, (T,) float32, in blocks: as long as the recording.

        Neighbouring windows overlap by half; each fades out while the next fades in.
        """
        length = self.sound.length
        shift = length - length // 2
        fade = (torch.arange(length // 2) + 0.5) / max(1, length // 2)
        left, tail = recorded(path, self.sound.rate), torch.empty(0)
        like = self.run.description
        for piece in stream_samples(path, like=like, rows=ROWS, step=shift / self.sound.rate):
            for window in self.sound.signals(self.run.reconstruct(piece)):
                begun = window[:shift].clone()
                begun[: len(tail)] = tail * (1 - fade) + begun[: len(tail)] * fade if len(tail) else tail
                tail = window[shift:]
                yield begun[:left]
                left -= len(begun[:left])
        yield tail[:left]

    def restore(self, source: Path, target: Path) -> None:
        """Restore one recording into a new .wav, .flac or .ogg file, which is written whole or not at all."""
        with whole_file(target) as beside, self.sound.writer(beside, target.suffix.lower()) as write:
            for block in self.blocks(source):
                write(block)


def recordings(folder: Path) -> list[str]:
    """The recordings below a folder, by suffix: paths with slashes, in order."""
    with collected(folder, Options(), READ, None) as entries:
        return sorted(entry.name for entry in entries)

"""Data: samples in three parts, for training, validation and test."""

from dataclasses import dataclass
from typing import Any

from isthmus.data.media import Medium
from isthmus.data.samples import Samples
from isthmus.data.scaling import Scaling
from isthmus.options.reading import Kind


@dataclass(frozen=True, eq=False)
class Data:
    """The data of a training run: three parts that share no sample, the scaling, and a description of the source.

    scaling: learnt from `train` alone.
    description: JSON-able; `reopen` opens the same data from it, `read_samples(like=...)` fits other data to it.
        source: absolute path, or a name such as "digits"; None if the data came as an object in memory.
        kind, shape, dtype, columns, categories, label_names: as in `Samples`.
        counts: samples in each part.
        split: validation, test, seed, and the split's own sha256.
        options: the reading options that differ from their defaults.
        scaling: `Scaling.to_json()`.
        depth: bits for each value of the picture files, 16 or 32, if they had more than 8.
        medium: what the values stand for (`Medium.to_json()`), if they aren't plain numbers or pictures.
        fill: the values that replaced missing ones (one number, or one per column), if any were filled.
        holed: the number of samples in each part with missing numbers (NaN), including those after a series' end.
        fingerprint: sha256 of the values and labels; for large parts, of at most 4096 rows spread over them.
    """

    train: Samples
    validation: Samples
    test: Samples
    scaling: Scaling
    description: dict[str, Any]

    def __len__(self) -> int:
        return len(self.train) + len(self.validation) + len(self.test)

    def __repr__(self) -> str:
        counts = f"{len(self.train)} + {len(self.validation)} + {len(self.test)}"
        source = self.description.get("source") or "memory"
        return f"Data({source}: {counts} x {self.shape}, {self.kind}, {self.scaling.kind})"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return self.train.shape

    @property
    def kind(self) -> Kind:
        """The kind of the samples: "pictures", "table", "series" or "tokens"."""
        return self.train.kind

    @property
    def medium(self) -> Medium | None:
        """What the values stand for, such as text or sound; None for plain numbers and pictures."""
        return self.train.medium

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of a table's columns, or empty."""
        return self.train.columns

    @property
    def label_names(self) -> tuple[str, ...]:
        """The name of each label, or empty."""
        return self.train.label_names

    @property
    def holed(self) -> bool:
        """Whether any sample has missing numbers, so that a model needs a mask."""
        return any(self.description.get("holed", {}).values())

    @property
    def parts(self) -> dict[str, Samples]:
        """The parts by name: train, validation, test."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

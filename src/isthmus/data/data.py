"""Data: samples in three parts, for training, validation and test."""

from dataclasses import dataclass
from typing import Any

from isthmus.data.samples import Samples
from isthmus.data.scaling import Scaling
from isthmus.options.reading import Kind


@dataclass(frozen=True, eq=False)
class Data:
    """What a training run needs: three parts that share no sample, the scaling, and where it all came from.

    scaling: learnt from `train` alone.
    description: JSON-able; `reopen` opens the same data from it, `read_samples(like=...)` fits other data to it.
        source: absolute path, or a name such as "digits"; None if the data came as an object in memory.
        kind, shape, dtype, columns, categories, label_names: as in `Samples`.
        counts: samples in each part.
        split: validation, test, seed, and the split's own sha256.
        options: the reading options that differ from their defaults.
        scaling: `Scaling.to_json()`.
        fill: what missing values were replaced by (a number, or one a column), where they were.
        holed: samples in each part that lack numbers (NaN), be it after a series' end.
        fingerprint: sha256 of the values and labels; of at most 4096 rows spread over them where they are large.
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
        """What the samples are: "pictures", "table" or "series"."""
        return self.train.kind

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of a table's columns, or empty."""
        return self.train.columns

    @property
    def label_names(self) -> tuple[str, ...]:
        """What each label is called, or empty."""
        return self.train.label_names

    @property
    def holed(self) -> bool:
        """Whether any sample lacks numbers, so that a model must be told which are known."""
        return any(self.description.get("holed", {}).values())

    @property
    def parts(self) -> dict[str, Samples]:
        """The parts by name: train, validation, test."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

"""Data: samples in three parts, for training, validation and test."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.data.media import Medium
from isthmus.data.samples import Samples, shape_words
from isthmus.data.scaling import Scaling
from isthmus.formatting import listed
from isthmus.options.reading import Kind
from isthmus.shown import Card, Shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False, repr=False)
class Data(Shown):
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

    def _card(self) -> Card:
        counts = " + ".join(f"{len(part):,}" for part in self.parts.values())
        source = self.description.get("source") or "memory"
        facts = {
            "source": str(source),
            "samples": ", ".join(f"{len(part):,} {name}" for name, part in self.parts.items()),
            "shape": f"{shape_words(self.shape)}, {self.train.dtype}",
            "scaling": self.scaling.kind,
        }
        if self.columns:
            facts["columns"] = listed(self.columns, 12)
        if self.label_names:
            facts["labels"] = listed(self.label_names, 12)
        if self.medium is not None:
            facts["read as"] = self.medium.kind
        if self.holed:
            facts["with missing values"] = ", ".join(
                f"{count:,} {name}" for name, count in self.description["holed"].items()
            )
        words = f"{Path(source).name}, {counts} samples of shape {shape_words(self.shape)}, {self.kind}"
        return Card(words, facts, figures=(self.draw,))

    def draw(self, most: int | None = None) -> "Figure":
        """A figure of some training samples; see `Samples.draw`."""
        return self.train.draw(most)

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

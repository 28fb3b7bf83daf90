"""The kinds of data that advice tells apart: the words that name them, an example of each, and how it is read."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from isthmus.data.data import Data

LARGE = 32
"""Pixels of the longer side above which grey pictures count as photographs, too."""


@dataclass(frozen=True)
class Kind:
    """A kind of data.

    title: "a table". found_by: the words that name it in a free text, in the singular. example: a source, bundled
    where there is one; otherwise a name that stands for a file or a folder. writes: a file that results fit into.
    reading: how the example is read, by the names of `open_data`. training: what its training needs, by the names of
    `fit`. near: other kinds whose recipes also take it. surveyed: what the survey calls it, if not by its name.
    """

    name: str
    title: str
    found_by: str
    example: str
    writes: str
    reading: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    near: tuple[str, ...] = ()
    surveyed: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """The words that find it."""
        return tuple(self.found_by.split())


_KINDS = (
    Kind(
        "table",
        "a table of numbers",
        "table row column csv spreadsheet excel dataframe tabular number vector matrix",
        "measurements.csv",
        "results.csv",
        near=("mixed", "activations"),
        surveyed="table of numbers",
    ),
    Kind(
        "mixed",
        "a table with categories or missing cells",
        "mixed categorical category customer survey questionnaire",
        "people.csv",
        "results.csv",
        {"missing": "keep"},
        surveyed="table with categories",
    ),
    Kind(
        "pictures",
        "small grey pictures",
        "picture image digit drawing scan mnist",
        "digits",
        "results.zip",
        near=("photographs",),
        surveyed="grey pictures",
    ),
    Kind(
        "photographs",
        "photographs (pictures in colour or of more than 32 pixels)",
        "photograph photo colour color rgb jpeg cifar camera microscopy satellite",
        "photos/",
        "results/",
        {"size": 64},
        near=("pictures",),
        surveyed="colour pictures",
    ),
    Kind(
        "series",
        "series",
        "series signal sensor heartbeat ecg eeg curve spectrum temporal telemetry",
        "heartbeats.npy",
        "results.npy",
        {"kind": "series"},
    ),
    Kind(
        "text",
        "texts",
        "text sentence document word typo typing spelling title language",
        "sentences.txt",
        "results.txt",
        {"kind": "text"},
    ),
    Kind(
        "melody",
        "melodies",
        "melody tune song",
        "melodies/",
        "results/",
        {"kind": "melody"},
        surveyed="music as notes",
    ),
    Kind(
        "roll",
        "music with several voices",
        "music chord voice chorale piano polyphonic midi",
        "pieces/",
        "results/",
        {"kind": "roll"},
        near=("melody",),
        surveyed="music as piano rolls",
    ),
    Kind(
        "sound",
        "sound",
        "sound audio speech recording wav",
        "recordings/",
        "results/",
        {"kind": "waveform"},
    ),
    Kind(
        "graph",
        "graphs",
        "graph edge node link citation friendship",
        "karate-club",
        "results.npy",
        training={"epochs": 200, "learning_rate": 0.01},
        surveyed="one graph",
    ),
    Kind(
        "activations",
        "activations of another network",
        "activation neuron layer llm transformer hidden residual-stream",
        "activations.npy",
        "results.npy",
        {"scaling": "rms"},
    ),
    Kind(
        "pairs",
        "inputs and outputs of a layer of another network",
        "pair transcoder",
        "outputs.npy",
        "results.npy",
        {"damaged": "inputs.npy", "scaling": "rms"},
    ),
)
KINDS: Mapping[str, Kind] = MappingProxyType({one.name: one for one in _KINDS})


@dataclass(frozen=True)
class Facts:
    """What advice rests on: the kind, and of a source its size.

    source: as commands name it, or None for data in memory. shape: of a sample, or () if unknown. samples: of the
    training part. labels: whether there are any. reading: the options it is read with.
    """

    kind: Kind
    source: str | None
    shape: tuple[int, ...] = ()
    samples: int = 0
    labels: bool = False
    reading: Mapping[str, Any] = field(default_factory=dict)

    @property
    def known(self) -> bool:
        """Whether these are facts of a source, and not of a kind of data alone."""
        return bool(self.shape)

    def words(self) -> str:
        """The facts in words: "1,437 samples of shape 1×8×8: small grey pictures"."""
        sizes = "×".join(map(str, self.shape))
        return f"{self.samples:,} training samples of shape {sizes}: {self.kind.title}" if sizes else self.kind.title


def example_of(kind: Kind) -> Facts:
    """The facts of a kind's example."""
    return Facts(kind, kind.example, reading=kind.reading)


def facts_of(data: Data, source: str | None, reading: Mapping[str, Any]) -> Facts:
    """The facts of data that are open."""
    mixed = any(data.train.categories) or data.holed
    if data.train.damaged is not None and data.kind == "table":
        return Facts(KINDS["pairs"], source, data.shape, len(data.train), False, reading)
    name = kind_of(data.kind, data.shape, mixed=mixed, medium=None if data.medium is None else data.medium.kind)
    return Facts(KINDS[name], source, data.shape, len(data.train), bool(data.label_names), reading)


def of_kind(facts: Facts, kind: Kind) -> Facts:
    """The facts of a source as a near kind of data, with the scaling that this needs."""
    scaling = {name: value for name, value in kind.reading.items() if name == "scaling"}
    return dataclasses.replace(facts, kind=kind, reading=scaling | dict(facts.reading))


def kind_of(kind: str, shape: Sequence[int], *, mixed: bool = False, medium: str | None = None) -> str:
    """The name of the kind of data, from what samples know of themselves."""
    media = {"waveform": "sound", "mel": "sound", "recording": "series"}
    name = media.get(medium or "", medium or kind)
    if name == "pictures" and (shape[0] > 1 or max(shape[1:]) > LARGE):
        return "photographs"
    if name == "tokens":
        return "text"
    return "mixed" if name == "table" and mixed else name


def with_reading(facts: Facts, reading: Mapping[str, Any]) -> Facts:
    """The facts of an example, read in this way in addition; those of a source stay as they are."""
    return facts if facts.known else dataclasses.replace(facts, reading={**facts.reading, **reading})

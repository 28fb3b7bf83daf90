"""The base of all media: what the numbers of a sample stand for, how to show them and how to write them."""

import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor

from isthmus.errors import DataError
from isthmus.options.reading import Kind

_APART = 128


class Recorded(Protocol):
    """A medium whose samples are windows of recordings, named `talk.wav@12.50s` by the seconds where they begin.

    In files, windows that follow one another are joined to one recording again.

    suffixes: of the files of a recording, the usual one first.
    """

    suffixes: ClassVar[tuple[str, ...]]

    @property
    def rate(self) -> int:
        """Values a second."""
        ...

    def signals(self, values: np.ndarray | Tensor) -> Tensor:
        """(N, *shape) samples to (N, length) waveforms, on the CPU."""
        ...

    def recording(self, signal: Tensor, suffix: str) -> bytes:
        """The content of a file with this suffix of a waveform (T,)."""
        ...

    def writer(self, file: Path | io.BytesIO, suffix: str) -> AbstractContextManager[Callable[[Tensor], None]]:
        """A function that writes waveforms (T,) one after another into a file with this suffix."""
        ...


class Medium(BaseModel):
    """What samples stand for, such as text or sound. It is saved with a run's data description.

    A subclass registers its kind, which is also a value of the reading option `kind`.

    kind: its name. layout: the kind of its `Samples`: "tokens" (N, T), "series" (N, C, T) or "pictures" (N, C, H, W).
    suffixes: of the files that it is written to, the usual one first. together: whether one file holds all samples;
    otherwise each sample gets a file, in a folder or a zip. joins: whether samples can also follow each other in one
    file (see `joined`). pictured: whether people see samples best as `pictures`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: ClassVar[str]
    layout: ClassVar[Kind]
    suffixes: ClassVar[tuple[str, ...]]
    together: ClassVar[bool] = False
    joins: ClassVar[bool] = False
    pictured: ClassVar[bool] = False
    _kinds: ClassVar[dict[str, type["Medium"]]] = {}

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if "kind" in vars(cls):  # a base of several media has none
            cls._kinds[cls.kind] = cls

    @classmethod
    def layout_of(cls, kind: str) -> Kind:
        """The kind of samples of the medium of this kind."""
        return cls._kinds[kind].layout

    @property
    def tokens(self) -> int:
        """The size of the vocabulary, for samples of tokens; otherwise 0."""
        return 0

    @property
    def recorded(self) -> Recorded | None:
        """The medium itself, if its samples are windows of recordings; otherwise None."""
        return None

    def points(self, values: Tensor) -> Tensor:
        """(N, T) tokens as (N, D) points whose squared distances count the places with different tokens.

        Of a large vocabulary, tokens that are equal modulo `_APART` count as the same, to save memory.
        """
        apart = min(self.tokens, _APART)
        hot = torch.nn.functional.one_hot(values.long() % apart, apart).flatten(1).float()
        return hot / 2**0.5

    def symbols_of(self, values: Tensor) -> list[list[str]]:
        """(N, T) tokens to the text of each token, up to the end of each sample."""
        raise NotImplementedError

    def words(self, values: np.ndarray | Tensor) -> list[str]:
        """(N, *shape) raw values as one line of text each, for people to read."""
        raise NotImplementedError

    def pictures(self, values: Tensor) -> Tensor:
        """(N, *shape) raw values as grey pictures (N, 1, H, W) in 0..1, for media that are `pictured`."""
        raise NotImplementedError

    def played(self, values: Tensor) -> list[list[tuple[float, float, int]]] | None:
        """Each sample's notes as (start, duration, MIDI pitch) in seconds, for a player; None if it has no notes."""
        return None

    def write(self, path: Path, values: np.ndarray, names: Sequence[str]) -> None:
        """Write (N, *shape) raw values to a new file with one of the `suffixes`, if samples go `together`."""
        raise NotImplementedError

    def file(self, sample: np.ndarray, suffix: str) -> bytes:
        """The content of a file with this suffix for one sample (*shape), unless samples go `together`."""
        raise NotImplementedError

    def joined(self, values: np.ndarray, suffix: str) -> bytes:
        """The content of a file of (N, *shape) samples one after the other, for media that `joins`."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """The medium as JSON data."""
        return {"kind": self.kind, **self.model_dump(mode="json")}

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """The medium from the JSON data of `to_json`.

        Raises:
            DataError: `data` doesn't describe a medium that this version knows.
        """
        kind = cls._kinds.get(data.get("kind", "")) if isinstance(data, Mapping) else None
        if kind is None or not issubclass(kind, cls):
            raise DataError(f"{data!r:.80} does not describe a medium: expected one of {', '.join(cls._kinds)}.")
        try:
            return kind.model_validate({name: value for name, value in data.items() if name != "kind"})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise DataError(f"{data!r:.80} does not describe a medium: {where}: {first['msg']}.") from None


def medium_of(description: Mapping[str, Any] | None) -> Medium | None:
    """The medium of the data with this description (`Data.description`); None for plain numbers and pictures."""
    said = (description or {}).get("medium")
    return None if said is None else Medium.from_json(said)

"""Targets: compressed files, of every method, damaged in their bytes or with their checksums renewed."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import isthmus as ist
from fuzz.mutations import NUMBERS, Random, mutate, mutate_value
from fuzz.target import Target
from isthmus.codec.file import END, CodecFile, Entry, checksum, write_block, write_header, write_index
from isthmus.codec.packing import numbers

HOW: dict[str, Any] = {"epochs": 1, "progress": False, "compile": False, "device": "cpu"}


class Compressed(Target):
    """A compressed file, decoded with its run, which is kept in memory.

    meant: whether it is damaged behind its checksums, as somebody who means it would.
    """

    def __init__(self, method: str, run: Callable[[], tuple[ist.Run, Any]], *, meant: bool = False, **how: Any) -> None:
        self.name = f"isth-{method}{'-meant' if meant else ''}"
        self.trained, self.how = run, how
        self.meant, self.strict = meant, not meant

    def make(self, folder: Path) -> None:
        self.run, source = self.trained()
        ist.compress(self.run, source, folder / "a.isth", **self.how)
        self.whole = (folder / "a.isth").read_bytes()
        with CodecFile(folder / "a.isth") as file:
            self.header, self.counts = file.header, [entry.count for entry in file.entries]
            self.blocks = [file.block(place) for place in range(len(file.entries))]

    def damage(self, folder: Path, random: Random) -> None:
        if not self.meant:
            (folder / "a.isth").write_bytes(mutate(self.whole, random))
            return
        header, blocks, counts = self.header, list(self.blocks), list(self.counts)
        where = random.random()
        if where < 0.1:
            header = mutate_value(header, random)
        elif where < 0.2:
            counts[random.integers(len(counts))] = NUMBERS[random.integers(len(NUMBERS))] % 2**62
        else:
            chosen = int(random.integers(len(blocks)))
            blocks[chosen] = mutate(blocks[chosen], random, blocks)
        with (folder / "a.isth").open("wb") as file:
            start, entries = write_header(file, header), list[Entry]()
            for content, count in zip(blocks, counts, strict=True):
                entries.append(write_block(file, start, count, content))
                start += entries[-1].size
            if random.random() < 0.1:
                index = mutate(numbers([value for entry in entries for value in (entry.size, entry.count)]), random)
                file.write(index + checksum(index) + (len(index) + 4).to_bytes(4, "little") + END)
            else:
                write_index(file, entries)

    def use(self, folder: Path) -> Any:
        info = ist.codec_info(folder / "a.isth")
        made = ist.decompress(folder / "a.isth", run=self.run)
        digest = hashlib.sha256(made.tensor().numpy().tobytes()).hexdigest()  # pyright: ignore[reportAttributeAccessIssue]
        return json.dumps(info["samples"]), digest

    def restore(self, folder: Path) -> None:
        (folder / "a.isth").write_bytes(self.whole)


def _pictures() -> np.ndarray:
    return np.random.default_rng(0).choice([0, 90, 180], (24, 4, 4), p=[0.7, 0.2, 0.1]).astype(np.uint8)


def _fit(recipe: str, values: Any, **options: Any) -> tuple[ist.Run, Any]:
    data = ist.open_data(values, missing="keep") if np.isnan(values).any() else ist.open_data(values)
    return ist.fit(ist.recipe(recipe, **options).build(data, remarks=False), data, **HOW), values


def _deep() -> tuple[ist.Run, Any]:
    return _fit("deep", _pictures(), code=2, widths=(4,))


def _vae() -> tuple[ist.Run, Any]:
    return _fit("vae", np.where(_pictures() > 0, 255, 0).astype(np.uint8), code=2, widths=(4,))


def _rvq() -> tuple[ist.Run, Any]:
    return _fit("rvq", _pictures(), code=2, widths=(4,))


def _table() -> tuple[ist.Run, Any]:
    random = np.random.default_rng(0)
    values = np.round(random.normal(size=(30, 3)), 1).astype(np.float32)
    return _fit("deep", np.where(random.random((30, 3)) < 0.2, np.nan, values), code=2, widths=(4,))


def _photos() -> tuple[ist.Run, Any]:
    pictures = np.random.default_rng(0).integers(0, 256, (12, 16, 16), dtype=np.uint8)
    return _fit("image-codec", pictures, channels=(4, 3), decoder_channels=(4,), code=3)


COMPRESSED: list[Target] = [
    Compressed(method, run, meant=meant, **how)
    for method, run, how in (
        ("bits-back", _vae, {"rows": 14}),
        ("residual", _deep, {"rows": 14}),
        ("code", _deep, {"quality": 50}),
        ("indices", _rvq, {"quality": 50}),
        ("holes", _table, {}),
        ("error", _table, {"max_error": 0.3}),
        ("picture", _photos, {"rows": 7}),
    )
    for meant in (False, True)
]

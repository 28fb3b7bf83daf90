"""Pairs: clean samples with their damaged versions."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from isthmus.data.gather import gather
from isthmus.data.options import Options
from isthmus.data.samples import Samples
from isthmus.data.sources import called, read
from isthmus.errors import DataError
from isthmus.formatting import listed


def pair(
    clean: Mapping[str, Samples], source: Any, options: Options, where: str
) -> tuple[dict[str, Samples], str | None]:
    """The parts of clean samples with the damaged samples of `source` added, and the path to reopen that source.

    If both have names, such as pictures in folders, they are matched by name without the suffix; otherwise by order.

    Raises:
        DataError: a clean sample has no damaged one, or their shapes don't fit.
    """
    other = called(source)
    raw = read(source, replace(options, mode=None))
    raw = replace(raw, precise=any(samples.dtype == "float64" for samples in clean.values()))
    found = gather(raw, replace(options, mode=None), other)
    if found.keys() != clean.keys():
        raise DataError(
            f"{other} has the parts {', '.join(found)}, but {where} has {', '.join(clean)}: expected the same parts. "
            "Divide both in the same way."
        )
    parts = {}
    for name, samples in clean.items():
        if options.patches is not None and set(_stems(samples)) != set(_stems(found[name])):
            raise DataError(
                f"{where} and {other} don't give the same patches: expected pictures of the same names and sizes. "
                "Resize them first, or leave patches out."
            )
        damaged = _in_order(samples, found[name], where, other)
        _factor(samples, damaged, where, other)
        parts[name] = replace(samples, damaged=damaged.tensor())
    return parts, raw.origin


_FRAME = re.compile(r"(.+)\.\w+@(\d+)")


def how_damaged(samples: Samples) -> tuple[bool, int, int] | None:
    """Whether the damaged samples are grey and the clean ones in colour, and how many times smaller; None without.

    Then the length of damaged rows, if these have other numbers than the clean ones; else 0.
    """
    if samples.damaged is None:
        return None
    return _factor(samples, Samples(samples.damaged), "the clean part", "the damaged part")


def _in_order(clean: Samples, damaged: Samples, where: str, other: str) -> Samples:
    if clean.names and damaged.names:
        at = {stem: place for place, stem in enumerate(_stems(damaged))}
        wanted = _stems(clean)
        missing = [name for name, stem in zip(clean.names, wanted, strict=True) if stem not in at]
        if missing:
            shown = listed(missing)
            raise DataError(
                f"{other} lacks {shown}: expected a damaged picture of the same name for each of the "
                f"{len(clean)} in {where}. Add them, or remove the clean ones."
            )
        return damaged.take([at[stem] for stem in wanted])
    if len(clean) != len(damaged):
        raise DataError(
            f"{where} has {len(clean)} samples and {other} has {len(damaged)}: expected one damaged sample for each "
            "clean one. Give equally many, in the same order."
        )
    return damaged


def _stems(samples: Samples) -> list[str]:
    """The samples' names without suffixes: "a" for "a.png", "a@3" for the frame "a.tiff@3"."""
    frames = (_FRAME.fullmatch(name) for name in samples.names)
    return [
        str(PurePosixPath(name).with_suffix("")) if frame is None else f"{frame[1]}@{frame[2]}"
        for name, frame in zip(samples.names, frames, strict=True)
    ]


def _factor(clean: Samples, damaged: Samples, where: str, other: str) -> tuple[bool, int, int]:
    """Whether the damaged are grey, how many times smaller, and how long if they are rows of another length.

    Raises:
        DataError: the two shapes don't fit.
    """
    one, two = clean.shape, damaged.shape
    if one == two:
        return False, 1, 0
    if len(one) == len(two) == 1 and not (clean.columns or damaged.columns):
        return False, 1, two[0]
    grey = len(one) == len(two) == 3 and (one[0], two[0]) == (3, 1)
    if len(one) == len(two) == 3 and (grey or one[0] == two[0]):
        factor = round(one[1] / two[1])
        if 1 <= factor <= 16 and two[1:] == tuple(-(-side // factor) for side in one[1:]):
            return grey, factor, 0
    raise DataError(
        f"{where} has samples of shape {one}, but {other} of {two}: expected the same shape, or damaged pictures that "
        "are grey or smaller by a whole factor from 2 to 16. Convert or resize them (mode=, size=)."
    )

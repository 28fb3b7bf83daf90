"""Arguments that several uses share: one sample, by its number or from a file; a label; a code that can be moved."""

import functools
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

from isthmus.data.named import NAMES
from isthmus.data.samples import Samples
from isthmus.errors import DataError, UseError, alike, nearest
from isthmus.parts.model import check_decodes
from isthmus.threads import shared_cores
from isthmus.trained import TrainedModel

Given = ParamSpec("Given")
Made = TypeVar("Made")
PARTS = ("train", "validation", "test")
MOST_STEPS = 1000
"""The most positions side by side in a picture: nobody can see more, and they would not fit in memory."""
_NUMBERED = re.compile(r"(?:(?P<place>.+):)?(?P<number>\d+)")


def takes_run(use: Callable[Given, Made]) -> Callable[Given, Made]:
    """Wrap a use whose first argument is a run, so that it raises UseError for a run's folder or anything else."""

    @functools.wraps(use)
    def checked(*given: Given.args, **words: Given.kwargs) -> Made:
        run = given[0] if given else words.get("run")
        if isinstance(run, str | os.PathLike):
            raise UseError(f"{os.fspath(run)!r} is a path: expected a run. Load it: ist.load({os.fspath(run)!r}).")
        if (given or "run" in words) and not (hasattr(run, "model") and hasattr(run, "description")):
            raise UseError(f"Got a value of type {type(run).__name__}: expected a run, from ist.fit or ist.load.")
        with shared_cores():
            return use(*given, **words)

    return checked


def some_samples(run: TrainedModel, given: Any, **read_options: Any) -> tuple[Samples, str]:
    """Samples and their name in messages: one by its number, as for `one_sample`, or all of a source.

    Raises:
        DataError: the sample doesn't exist, or the source can't be read.
    """
    if isinstance(given, int | str) and _NUMBERED.fullmatch(str(given)):
        return one_sample(run, given, **read_options)
    if isinstance(given, str) and given in PARTS:
        return run.open().parts[given], f"the {given} part"
    return _as_samples(run, given, read_options), given if isinstance(given, str) else "the given samples"


def one_sample(run: TrainedModel, given: Any, **read_options: Any) -> tuple[Samples, str]:
    """One sample, and its name in messages and figures.

    given: a sample's number in the run's test part, counted from 0; "train:7" or "test:7" for any part; a source with
        one sample, such as a picture file or "file.npy:7"; an array of one sample; Samples of length one.
    read_options: how to read a source, as for `Run.encode`.

    Raises:
        DataError: the sample doesn't exist, or the source can't be read or has several samples.
    """
    numbered = _NUMBERED.fullmatch(str(given)) if isinstance(given, int | str) else None
    if numbered is None:
        called = given if isinstance(given, str) else "the given sample"
        samples = _as_samples(run, given, read_options)
        if len(samples) != 1:
            hint = f" Choose one by its number, counted from 0: {called}:0." if isinstance(given, str) else ""
            raise DataError(f"{called} has {len(samples)} samples: expected one.{hint}")
        return samples, called
    place, number = numbered["place"] or "test", int(numbered["number"])
    if near := alike(place, PARTS) if re.fullmatch(r"[a-z-]+", place) and not _is_there(place) else ():
        raise DataError(
            f"{place!r} is neither a part of the run's data ({', '.join(PARTS)}) nor a file. "
            f"Did you mean '{near[0]}:{number}'?"
        )
    samples = run.open().parts[place] if place in PARTS else run.read(place, **read_options)
    called = f"the {place} part" if place in PARTS else place
    if number >= len(samples):
        last = f" (0 to {len(samples) - 1})" if len(samples) else ""
        raise DataError(f"There is no sample {number} in {called}: it has {len(samples)}{last}. Choose one of those.")
    return samples.take([number]), f"{place}:{number}"


def with_label(run: TrainedModel, samples: Samples, label: str | int | None) -> Samples:
    """The samples with this label, if the model is conditioned on labels; otherwise, or without a label, unchanged.

    label: its name, or its number.

    Raises:
        DataError: the model has no such label.
    """
    classes = run.model.conditioning.classes
    if label is None or not classes:
        return samples
    known = list(map(str, run.description.get("label_names") or range(classes)))
    if str(label) not in known:
        raise DataError(f"The model has no label {str(label)!r}. {nearest(str(label), known)}")
    labels = torch.full((len(samples),), known.index(str(label)))
    return replace(samples, labels=labels, label_names=tuple(known))


def decode(run: TrainedModel, codes: Tensor, label: Tensor | None = None) -> Tensor:
    """(N, *code) codes to (N, *shape) raw samples, all with this label (a single number) if the model needs one."""
    labels = None if label is None or not run.model.conditioning.classes else label.expand(len(codes))
    return run.decode(codes, labels)


def check_damages(run: TrainedModel, instead: str) -> None:
    """Raise UseError if the model was trained without a corruption. instead: what to train one with, in its words."""
    if not run.model.corruption.damages:
        raise UseError(
            f"This model was trained without a corruption, so it can't restore anything. Train one with {instead}."
        )


def check_continuous(run: TrainedModel, instead: str) -> None:
    """Raise UseError if a code can't be moved a little and decoded by itself. instead: the advice in its message."""
    check_decodes(run.model)
    code = run.model.code
    if not code.differentiable:
        raise UseError(
            f"This model's code is quantised ({code.kind}). Its decoder was never trained on values between two "
            f"entries. {instead}"
        )


def _is_there(place: str) -> bool:
    return place in (*PARTS, *NAMES) or Path(place).exists()


def _as_samples(run: TrainedModel, given: Any, read_options: dict[str, Any]) -> Samples:
    shape = getattr(given, "shape", None)
    wanted = tuple(run.model.shape)
    one = (wanted, wanted[1:]) if wanted[0] == 1 else (wanted,)  # a grey picture with its channel, or without
    if not isinstance(given, Samples) and shape is not None and tuple(shape) in one:
        given = given.reshape(1, *wanted)
    return run.read(given, **read_options)

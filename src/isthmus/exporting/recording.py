"""Recording a part's operations, as a program without Python: `torch.export`."""

import contextlib
import logging
import warnings
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram

from isthmus.errors import UseError
from isthmus.exporting.parts import Exportable

EXAMPLES = 3
"""Samples with which a part is recorded: one would make the batch's size a constant."""


def recorded(part: Exportable, given: tuple[Tensor, ...]) -> ExportedProgram:
    """The program of a part, for a batch of any size; given: the inputs of some samples.

    Raises:
        UseError: its operations can't be recorded, because they depend on the values; the message names the part.
    """
    shapes = (tuple({0: Dim.DYNAMIC} for _ in given),)
    few = tuple(value[torch.arange(EXAMPLES) % len(value)] for value in given)
    try:
        with torch.no_grad(), silent():
            return torch.export.export(part, few, dynamic_shapes=shapes, strict=False)
    except Exception as error:
        raise refused(part, "PyTorch can't record its operations", error) from error


def refused(part: Exportable, why: str, error: BaseException) -> UseError:
    """The error for a part that can't be exported, in one line, with the first line of its first cause."""
    while error.__cause__ is not None:
        error = error.__cause__
    words = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return UseError(f"The {part.part} can't be exported: {why} ({words[:200]}). Export another part or model.")


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Without the notes and warnings of PyTorch's exporters and of onnxruntime's tools."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)

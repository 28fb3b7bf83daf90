"""Codes as whole numbers: the entries of a quantised code, or real numbers rounded to steps."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from isthmus.codec.exact_model import ExactModel
from isthmus.codec.packing import DamagedError, Reader, part
from isthmus.codec.tables import as_numpy, each_place
from isthmus.model.autoencoder import Autoencoder

PROBES, NUDGE = 32, 0.1
"""Samples on which the decoder's sensitivity is measured, and how far a code is moved for it, in its deviations."""
MOST_STEPS = 2**15
"""The most steps of a latent dimension, either way."""


@dataclass(frozen=True)
class Steps:
    """A step for each number of a code; None for codes that are entries of a book already.

    step: (S,) float32.
    """

    step: np.ndarray | None

    @classmethod
    def learn(cls, model: ExactModel, codes: Tensor, error: float) -> Self:
        r"""Steps that add about the same error to the reconstruction each, in all `error`.

        Rounding to a step Δ adds :math:`\Delta^2/12` to the number's squared error. The decoder multiplies it by its
        sensitivity, the mean squared length of :math:`\partial \hat x/\partial z_j`, measured by moving each number a
        little. The rate at a given error is lowest if all numbers add the same error (for fine steps).

        codes: (N, *code). error: the sum over a reconstruction's numbers, squared, in scaled units.
        """
        if model.model.code.bits(model.model.code_shape) is not None:
            return cls(None)
        sensitivity = _sensitivity(model, codes)
        place = torch.from_numpy(each_place(model.model.code_shape))
        used = torch.bincount(place, minlength=len(sensitivity)).double()
        each = error / max(1, int(used.sum()))
        spread = codes.double().flatten(1).std(0, correction=0)
        widest = torch.zeros(len(sensitivity), dtype=torch.float64).scatter_reduce(0, place, spread, "amax")
        step = (12 * each / sensitivity.clamp(min=1e-30)).sqrt()
        # a step above a few deviations leaves nothing; one below 1/1000 is finer than float32 codes are worth
        step = step.clamp(min=widest.clamp(min=1e-12) / 1024, max=4 * widest.clamp(min=1e-12))
        return cls(step[place].float().numpy())

    def symbols(self, model: Autoencoder, features: Tensor) -> np.ndarray:
        """The encoder's (N, *features) to (N, S) whole numbers."""
        code = model.code(features, None, model.code_module)
        if self.step is None:
            assert code.indices is not None
            return as_numpy(code.indices)
        whole = (code.z.double().flatten(1) / torch.from_numpy(self.step).double()).round()
        return as_numpy(whole.clamp(-MOST_STEPS, MOST_STEPS))

    def codes(self, model: ExactModel, symbols: np.ndarray) -> Tensor:
        """(N, S) whole numbers to (N, *code), float64, with the same bits on every machine."""
        own, whole = model.model, torch.from_numpy(symbols)
        if self.step is None:
            return own.code.from_indices(whole, own.code_shape, own.code_module)
        return (whole * torch.from_numpy(self.step).double()).view(len(whole), *own.code_shape)

    def pack(self, of: np.ndarray) -> bytes:
        """As bytes; `of` is the table of each number, which share a step."""
        if self.step is None:
            return part(b"")
        _, first = np.unique(of, return_index=True)
        return part(self.step[first].astype("<f4").tobytes())

    @classmethod
    def unpack(cls, reader: Reader, of: np.ndarray) -> Self:
        """The inverse of `pack`."""
        content = reader.part()
        if not content:
            return cls(None)
        if len(content) != 4 * (int(of.max()) + 1):
            raise DamagedError("its steps don't fit the model")
        step = np.frombuffer(content, "<f4")
        if not np.isfinite(step).all() or (step <= 0).any():
            raise DamagedError("its steps aren't numbers above 0")
        return cls(step[of])


def places(model: Autoencoder, indices: tuple[int, ...] | None) -> np.ndarray:
    """(S,) the table of each number of a code, or of each of its `indices`."""
    if indices is None:
        return each_place(model.code_shape)
    flat = math.prod(indices)
    # (*grid, vectors · books): a table for each book, over the whole grid if that is large
    return np.arange(flat) if flat <= 2**10 else np.tile(np.arange(indices[-1]), flat // indices[-1])


def _sensitivity(model: ExactModel, codes: Tensor) -> Tensor:
    """The mean squared change of the reconstruction, over that of each number of a code (or channel)."""
    some = codes.double()[:: max(1, len(codes) // PROBES)][:PROBES]
    of = torch.from_numpy(each_place(model.model.code_shape))
    deviation = codes.double().flatten(1).std(0, correction=0)
    count = int(of.max()) + 1
    made = torch.zeros(count, dtype=torch.float64)
    signs = 1.0 - 2.0 * (torch.arange(len(of)) * 2654435761 % 7 % 2)
    plain = model.approximate(some)
    for table in range(count):
        at = of == table
        move = torch.where(at, NUDGE * deviation * signs, 0.0)
        length = float(move.square().sum())
        if length > 0:
            moved = model.approximate((some.flatten(1) + move).view_as(some))
            made[table] = float((moved - plain).square().flatten(1).sum(1).mean()) / length
    return made

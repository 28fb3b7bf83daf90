"""From raw samples to a batch: scaled values, a mask of missing numbers, and labels, draws and pairs."""

from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from isthmus.data.samples import Samples, placed
from isthmus.data.scaling import Scaling
from isthmus.errors import DataError
from isthmus.parts import Conditioning, Corruption, Pairs, Shape
from isthmus.parts.constants import constant
from isthmus.parts.forward_pass import Batch, Corrupted, Draws, map_tensors
from isthmus.parts.part import commas


class Inputs(NamedTuple):
    """The arguments of `Autoencoder.forward`, in its order: `model(*inputs)`.

    raw: (N, *shape). draws: the random numbers (see `Autoencoder.draw`). labels: (N,) for a condition. damaged: (N,
    *input_shape), raw, for data in pairs. epochs: (N,) the epochs trained so far, for schedules.
    """

    raw: Tensor
    draws: Draws = MappingProxyType({})
    labels: Tensor | None = None
    damaged: Tensor | None = None
    epochs: Tensor | None = None

    def cut(self, length: int) -> "Inputs":
        """The same inputs with tokens (N, T) cut to this length (see `Autoencoder.cuttable`)."""
        return self._replace(raw=self.raw[:, :length])

    def to(self, device: torch.device) -> "Inputs":
        """The same inputs on this device; but see `placed` for raw samples of float64."""
        return self if device.type == "cpu" else map_tensors(lambda x: placed(x, device, non_blocking=True), self)


class TakesBatches(Protocol):
    """A model that takes batches: an `Autoencoder`."""

    scaling: Scaling
    corruption: Corruption
    conditioning: Conditioning
    shape: Shape
    input_shape: Shape

    @property
    def cuttable(self) -> bool:
        """Whether it takes samples that are cut."""
        ...


def inputs_of(
    model: TakesBatches, samples: Samples, rows: Tensor, draws: Draws | None = None, *, epochs: Tensor | None = None
) -> Inputs:
    """These samples, with labels and damaged samples if the model takes them.

    epochs: () the epochs trained so far, if a penalty's schedule needs them.
    """
    labels = samples.labels if model.conditioning.classes else None
    damaged = samples.damaged if isinstance(model.corruption, Pairs) else None
    return Inputs(
        samples.batch(rows),
        draws or {},
        None if labels is None else labels[rows],
        None if damaged is None else damaged[rows],
        None if epochs is None else epochs.repeat(len(rows)),
    )


def batch_of(
    model: TakesBatches,
    raw: Tensor,
    draws: Draws | None = None,
    labels: Tensor | None = None,
    damaged: Tensor | None = None,
    epochs: Tensor | None = None,
) -> Batch:
    """The batch of (N, *shape) clean raw samples, as the model's parts take it.

    Raises:
        DataError: the samples have the wrong shape, or their labels are missing.
    """
    batch = _bare(model, raw, model.shape)
    labels = labels_for(model, labels, raw.shape[0])
    damaged = None if damaged is None else model.scaling(damaged).to(batch.clean.dtype)
    return replace(batch, labels=labels, damaged=damaged, epochs=epochs, draws=draws or {})


def given_to(model: TakesBatches, raw: Tensor, observed: Tensor | None = None) -> Corrupted:
    """The encoder's samples from raw ones, corrupted (N, *input_shape) or clean (N, *shape).

    If they are clean and the corruption changes the shape, it is applied, with the same random numbers at every call.

    observed: (N, *input_shape) True for the numbers that are known, if the others are filled already.
    """
    clean = model.input_shape != model.shape and tuple(raw.shape[1:]) == model.shape
    if clean and isinstance(model.corruption, Pairs) and model.corruption.numbers:
        raise DataError(
            f"These samples of {model.shape[0]} numbers are what the model makes, and not what it takes: expected its "
            f"input, {model.corruption.numbers} numbers. Give the samples that it was trained on as damaged=."
        )
    batch = _bare(model, raw, model.shape if clean else model.input_shape)
    if observed is not None and not clean:
        return Corrupted(batch.clean, observed)
    return model.corruption.corrupt(batch) if clean or batch.readable is not None else Corrupted(batch.clean)


def labels_for(model: TakesBatches, labels: Tensor | None, count: int) -> Tensor | None:
    """The labels of a condition, checked and on the model's device; None without a condition.

    Raises:
        DataError: the model has a condition, and the labels are missing or have the wrong count.
    """
    classes = model.conditioning.classes
    if not classes:
        return None
    if labels is None or labels.shape[0] != count:
        raise DataError(
            f"This model is conditioned on labels, but got {0 if labels is None else len(labels)} labels for "
            f"{count} samples. Give one for each, from 0 to {classes - 1}, or name the label column (label=)."
        )
    return labels.to(model.scaling.scale.device)


def _bare(model: TakesBatches, raw: Tensor, shape: Shape) -> Batch:
    """(N, *shape) samples, scaled, with masks of the missing numbers if some may be missing, and nothing else.

    The type is that of the weights (see `nn.Module.to`).
    """
    cut = model.cuttable and raw.ndim == 2 and 0 < raw.shape[1] < shape[0]
    if tuple(raw.shape[1:]) != shape and not cut:
        raise DataError(
            f"The samples have shape {tuple(raw.shape)}, but this model expects (N, {commas(shape)}). "
            "Reshape them, or build a model for these data."
        )
    scaled = model.scaling(raw).to(model.scaling.scale.dtype)
    if not model.conditioning.mask:
        return Batch(scaled)
    observed = ~scaled.isnan()
    clean = torch.where(observed, scaled, 0)
    return Batch(clean, observed, _readable(model.scaling, clean, observed))


def _readable(scaling: Scaling, scaled: Tensor, observed: Tensor) -> Tensor:
    """(N, *shape) True for numbers that the encoder can use: observed ones, except unknown categories."""
    if not any(scaling.levels) or scaled.shape[1:] != (len(scaling.levels),):
        return observed
    levels = constant(scaling.levels, scaled, torch.int64)
    return observed & ((levels == 0) | (scaled < levels))

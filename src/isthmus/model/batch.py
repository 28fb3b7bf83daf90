"""From raw samples to a batch: scaled, with a mask of what is missing, and everything that comes with them."""

from types import MappingProxyType
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from isthmus.data.samples import Samples
from isthmus.data.scaling import Scaling
from isthmus.errors import DataError
from isthmus.parts import Conditioning, Corruption, Pairs, Shape
from isthmus.parts.forward_pass import Batch, Corrupted, Draws, map_tensors


class Inputs(NamedTuple):
    """What `Autoencoder.forward` takes, in its order: `model(*inputs)`.

    raw: (N, *shape). draws: the random numbers (see `Autoencoder.draw`). labels: (N,) of a condition. damaged: (N,
    *input_shape), raw, of data that come in pairs. epochs: (N,) how far training is, for schedules.
    """

    raw: Tensor
    draws: Draws = MappingProxyType({})
    labels: Tensor | None = None
    damaged: Tensor | None = None
    epochs: Tensor | None = None

    def to(self, device: torch.device) -> "Inputs":
        """The same on this device."""
        return self if device.type == "cpu" else map_tensors(lambda x: x.to(device, non_blocking=True), self)


class TakesBatches(Protocol):
    """What a batch is made for: an `Autoencoder`."""

    scaling: Scaling
    corruption: Corruption
    conditioning: Conditioning
    shape: Shape
    input_shape: Shape


def inputs_of(
    model: TakesBatches, samples: Samples, rows: Tensor, draws: Draws | None = None, *, epochs: float | None = None
) -> Inputs:
    """These samples, with those of their labels and damaged samples that the model takes."""
    wants_labels = model.conditioning.classes and samples.labels is not None
    wants_damaged = isinstance(model.corruption, Pairs) and samples.damaged is not None
    return Inputs(
        samples.batch(rows),
        draws or {},
        samples.labels[rows] if wants_labels and samples.labels is not None else None,
        samples.damaged[rows] if wants_damaged and samples.damaged is not None else None,
        None if epochs is None else torch.full((len(rows),), epochs),
    )


def batch_of(
    model: TakesBatches,
    raw: Tensor,
    draws: Draws | None = None,
    labels: Tensor | None = None,
    damaged: Tensor | None = None,
    epochs: Tensor | None = None,
) -> Batch:
    """(N, *shape) clean raw samples, and what comes with them, as the model's parts take them.

    Raises:
        DataError: the samples have another shape than the model's, or their labels are missing.
    """
    clean, observed = _scaled(model, raw, model.shape)
    readable = _readable(model.scaling, clean, observed)
    labels = labels_for(model, labels, clean.shape[0])
    damaged = None if damaged is None else model.scaling(damaged).to(clean.dtype)
    return Batch(clean, observed, readable, labels, damaged, epochs, draws or {})


def given_to(model: TakesBatches, raw: Tensor, observed: Tensor | None = None) -> Corrupted:
    """Raw samples that come as the encoder gets them, (N, *input_shape), or clean: then a corruption that changes the
    shape is applied, always alike.

    observed: (N, *input_shape) which numbers are known, where the others are filled already.
    """
    if model.input_shape != model.shape and tuple(raw.shape[1:]) == model.shape:
        values, found = _scaled(model, raw, model.shape)
        return model.corruption.corrupt(Batch(values, found, _readable(model.scaling, values, found)))
    values, found = _scaled(model, raw, model.input_shape)
    found = _readable(model.scaling, values, found)
    if observed is not None:
        return Corrupted(values, observed)
    return Corrupted(values) if found is None else model.corruption.corrupt(Batch(values, found, found))


def labels_for(model: TakesBatches, labels: Tensor | None, count: int) -> Tensor | None:
    """The labels of a condition, checked, on the model's device; None without a condition.

    Raises:
        DataError: the model has a condition, and there aren't as many labels as samples.
    """
    classes = model.conditioning.classes
    if not classes:
        return None
    if labels is None or len(labels) != count:
        raise DataError(
            f"This model is conditioned on labels, and {0 if labels is None else len(labels)} came with "
            f"{count} samples. Give one for each, 0 to {classes - 1}, or say which column they are (label=)."
        )
    return labels.to(model.scaling.scale.device)


def commas(shape: Shape) -> str:
    """A shape for a message: "1, 28, 28"."""
    return ", ".join(map(str, shape))


def _scaled(model: TakesBatches, raw: Tensor, shape: Shape) -> tuple[Tensor, Tensor | None]:
    """(N, *shape) scaled samples, missing numbers as 0, and which are observed, where some may be missing.

    In the type that the weights were moved to (see `nn.Module.to`).
    """
    if tuple(raw.shape[1:]) != shape:
        raise DataError(
            f"The samples have shape {tuple(raw.shape)}, this model takes (N, {commas(shape)}). "
            "Give them in its shape, or build the model for these data."
        )
    scaled = model.scaling(raw).to(model.scaling.scale.dtype)
    if not model.conditioning.mask:
        return scaled, None
    observed = ~scaled.isnan()
    return torch.where(observed, scaled, 0), observed


def _readable(scaling: Scaling, scaled: Tensor, observed: Tensor | None) -> Tensor | None:
    """(N, *shape) the numbers that the encoder can read: those that are observed, but for unknown categories."""
    if observed is None or not any(scaling.levels) or scaled.shape[1:] != (len(scaling.levels),):
        return observed
    levels = torch.tensor(scaling.levels, device=scaled.device)
    return observed & ((levels == 0) | (scaled < levels))

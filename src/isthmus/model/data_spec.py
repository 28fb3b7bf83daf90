"""What a blueprint learns of the data when it meets them."""

import math
from typing import Any, Protocol

import torch
from torch import Tensor

from isthmus.data import Data
from isthmus.data.pairs import how_damaged
from isthmus.data.scaling import Scaling
from isthmus.errors import BlueprintError
from isthmus.parts import Corruption, DataSpec, Pairs, Shape
from isthmus.parts.data_spec import deviation, dimensions
from isthmus.parts.distances.columns import constant_costs
from isthmus.parts.mistakes import brief


class HasShape(Protocol):
    """What `Blueprint.build` reads of the data: the samples' shape, and the scaling learnt from the training part."""

    @property
    def shape(self) -> Shape:
        """Of one sample."""
        ...

    @property
    def scaling(self) -> Scaling:
        """Learnt from the training part."""
        ...


def spec_of(
    data: HasShape | Shape, sample: Tensor | None, classes: int, masked: bool, *, count_dimensions: bool
) -> DataSpec:
    """What the parts may resolve themselves by.

    sample: scaled samples (see `sample_of`), where there are any. count_dimensions: takes a moment.
    """
    shape, scaling = shape_and_scaling(data)
    return DataSpec(
        range=scaling.range,
        levels=scaling.levels,
        classes=classes,
        masked=masked,
        constant_costs=constant_costs(sample, scaling.levels) if sample is not None and sample.ndim == 2 else (),
        damaged=how_damaged(data.train) if isinstance(data, Data) else None,
        inputs=math.prod(shape),
        dimensions=dimensions(sample, scaling.levels) if sample is not None and count_dimensions else None,
        deviation=deviation(sample) if sample is not None else None,
    )


def check_pairs(corruption: Corruption, data: Any) -> None:
    """Raise BlueprintError where data bring damaged samples that the model would ignore, or lack them."""
    if not isinstance(data, Data):
        return
    pairs, damaged = isinstance(corruption, Pairs), data.train.damaged is not None
    if damaged and not pairs:
        raise BlueprintError(
            f"These data come with damaged samples, but this model damages them itself ({corruption}). "
            "Say corruption='pairs', or open the clean ones alone."
        )
    if pairs and not damaged:
        raise BlueprintError(
            "The corruption 'pairs' wants data that come with damaged samples, and these don't. Open them with "
            "damaged=, a folder of pictures with the same names, say."
        )


def shape_and_scaling(data: HasShape | Shape) -> tuple[Shape, Scaling]:
    """Those of data; for a bare shape, pictures are expected in 0..1."""
    if hasattr(data, "shape") and hasattr(data, "scaling"):
        return tuple(data.shape), data.scaling  # pyright: ignore[reportAttributeAccessIssue]
    shape = tuple(data) if isinstance(data, tuple | list) else ()
    if not shape or not all(isinstance(size, int) and size > 0 for size in shape):
        raise BlueprintError(
            f"{brief(data)} is no shape of a sample. "
            "Give data that `open_data` made, or whole numbers above 0, such as (1, 28, 28)."
        )
    return shape, Scaling(range=(0.0, 1.0) if len(shape) == 3 else None)


def sample_of(data: HasShape | Shape) -> Tensor | None:
    """(n, *shape) scaled samples spread over the training part, a few thousand; None without samples."""
    train = getattr(data, "train", None)
    if train is None or not len(train) or isinstance(data, tuple | list):
        return None
    count = min(len(train), 4096, max(64, 2**24 // math.prod(data.shape)))
    batches = torch.linspace(0, len(train) - 1, count, dtype=torch.float64).long().split(64)
    return torch.cat([data.scaling(train.batch(batch)) for batch in batches])

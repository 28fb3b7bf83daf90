"""The `DataSpec` of data: the facts that a blueprint needs to decide its "auto" options."""

import math
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from isthmus.data import Data
from isthmus.data.pairs import how_damaged
from isthmus.data.scaling import Scaling
from isthmus.errors import BlueprintError
from isthmus.parts import Corruption, DataSpec, Pairs, Shape
from isthmus.parts.data_spec import deviation, dimensions
from isthmus.parts.distances.column_likelihood import grids
from isthmus.parts.distances.columns import constant_costs
from isthmus.parts.distances.distance import within_unit
from isthmus.parts.distances.mixture import frequent
from isthmus.parts.mistakes import brief


class HasShape(Protocol):
    """The data that `Blueprint.build` needs: the samples' shape, and the scaling learnt from the training part."""

    @property
    def shape(self) -> Shape:
        """Of one sample."""
        ...

    @property
    def scaling(self) -> Scaling:
        """Learnt from the training part."""
        ...


class Bare(NamedTuple):
    """Shape and scaling without samples."""

    shape: Shape
    scaling: Scaling


def spec_of(
    data: HasShape | Shape,
    sample: Tensor | None,
    classes: int,
    masked: bool,
    *,
    count_dimensions: bool,
    find_grids: bool,
) -> DataSpec:
    """The facts that parts use to resolve their "auto" options.

    sample: scaled samples (see `sample_of`), if there are any. count_dimensions, find_grids: whether to count the
        data's dimensions, and to find the grids of a table's columns; both take a moment.
    """
    shape, scaling = shape_and_scaling(data)
    medium = data.medium if isinstance(data, Data) else None
    tokens = medium.tokens if medium is not None else 0
    if tokens:  # they have no order, so neither variances nor grids
        return DataSpec(classes=classes, inputs=math.prod(shape), tokens=tokens, rows=rows_of(data))
    return DataSpec(
        range=scaling.range,
        levels=scaling.levels,
        classes=classes,
        masked=masked,
        constant_costs=constant_costs(sample, scaling.levels) if sample is not None and sample.ndim == 2 else (),
        grids=_grids(sample, scaling) if find_grids and sample is not None and sample.ndim == 2 else (),
        damaged=how_damaged(data.train) if isinstance(data, Data) else None,
        inputs=math.prod(shape),
        rows=rows_of(data),
        dimensions=dimensions(sample, scaling.levels) if sample is not None and count_dimensions else None,
        deviation=deviation(sample) if sample is not None else None,
        frequent=frequent(sample) if sample is not None and within_unit(scaling.range) else (),
    )


def rows_of(data: HasShape | Shape) -> int:
    """How many training samples there are; 0 if unknown."""
    train = None if isinstance(data, tuple | list) else getattr(data, "train", None)
    return 0 if train is None else len(train)


def _grids(sample: Tensor, scaling: Scaling) -> tuple[tuple[float, ...], ...]:
    units = () if scaling.curve is None else scaling.curve.unit.tolist()
    return grids(
        sample,
        scaling.exact_shift(),
        scaling.scale.cpu(),
        scaling.levels,
        precise=scaling.precise,
        unbent=scaling.unbent,
        units=units,
    )


def check_pairs(corruption: Corruption, data: Any) -> None:
    """Raise BlueprintError if the model would ignore the data's damaged samples, or needs some and there are none."""
    if not isinstance(data, Data):
        return
    pairs, damaged = isinstance(corruption, Pairs), data.train.damaged is not None
    if damaged and not pairs:
        raise BlueprintError(
            f"The data contain damaged samples, but this model damages clean samples itself ({corruption}). "
            "Set corruption='pairs', or open the data without damaged=."
        )
    if pairs and not damaged:
        raise BlueprintError(
            "The corruption 'pairs' needs data with damaged samples, but these have none. Open them with damaged=, for "
            "example a folder of damaged pictures with the same names."
        )


def shape_and_scaling(data: HasShape | Shape) -> Bare:
    """The shape and scaling of the data. For a bare shape, pictures are expected in 0..1."""
    if hasattr(data, "shape") and hasattr(data, "scaling"):
        return Bare(tuple(data.shape), data.scaling)  # pyright: ignore[reportAttributeAccessIssue]
    shape = tuple(data) if isinstance(data, tuple | list) else ()
    if not shape or not all(isinstance(size, int) and size > 0 for size in shape):
        raise BlueprintError(
            f"{brief(data)} is not the shape of a sample. "
            "Give data from `open_data`, or a shape of whole numbers above 0, such as (1, 28, 28)."
        )
    return Bare(shape, Scaling(range=(0.0, 1.0) if len(shape) == 3 else None))


def sample_of(data: HasShape | Shape) -> Tensor | None:
    """(n, *shape) scaled samples, at most a few thousand, spread over the training part; None without samples."""
    train = getattr(data, "train", None)
    if train is None or not len(train) or isinstance(data, tuple | list):
        return None
    count = min(len(train), 4096, max(64, 2**24 // math.prod(data.shape)))
    batches = torch.linspace(0, len(train) - 1, count, dtype=torch.float64).long().split(64)
    return torch.cat([data.scaling(train.batch(batch)) for batch in batches])

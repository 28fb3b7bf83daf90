"""Fitting samples to a model: the shape and the columns it was trained on."""

from collections.abc import Mapping
from typing import Any

from isthmus.data.samples import Samples
from isthmus.errors import DataError


def fit_to(samples: Samples, like: Mapping[str, Any], called: str) -> Samples:
    """`samples` as a model that was trained on data with description `like` takes them."""
    wanted = tuple(like["shape"])
    if samples.shape != wanted:
        raise DataError(f"{called} has samples of shape {samples.shape}: the model takes {wanted}.")
    return samples

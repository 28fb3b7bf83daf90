"""Labelled data for a run: opened and fitted to its model, and a few of them drawn class by class."""

from typing import Any

import numpy as np
from torch import Tensor

from isthmus.data import Data, Samples, open_data
from isthmus.data.fit import fit_to
from isthmus.errors import DataError
from isthmus.run import Run


def open_labelled(source: Any, run: Run, read_options: dict[str, Any]) -> Data:
    """Data for a run's encoder, read as the run's were, but for their columns and where `read_options` says otherwise.

    Raises:
        DataError: as `open_data` and `fitted`.
    """
    own = {"columns", "exclude", "memory_map", "label"}
    options = {name: value for name, value in run.description.get("options", {}).items() if name not in own}
    data = source if isinstance(source, Data) else open_data(source, **options | read_options)
    fitted(data.train, run)
    return data


def fitted(samples: Samples, run: Run) -> Samples:
    """The samples as the run's model takes them.

    Raises:
        DataError: columns are missing, the categories are others, or the shape is.
    """
    like = run.description
    if not like:
        return samples
    where = {name: place for place, name in enumerate(samples.columns)}
    for name, names in zip(like.get("columns") or (), like.get("categories") or (), strict=False):
        given = samples.categories[where[name]] if samples.categories and name in where else names
        if tuple(names) != tuple(given):
            raise DataError(
                f"The column {name!r} has other categories than in the run's training: {', '.join(given[:5])}. Give "
                "data with the same ones."
            )
    return fit_to(samples, like, "the source")


def draw_few(samples: Samples, count: int, seed: int) -> Samples:
    """`count` of the samples, drawn by the seed, as many of each class as there are; all where there are fewer."""
    labels = labels_of(samples).numpy()
    order = np.random.default_rng(seed).permutation(len(labels))
    place = np.empty(len(labels), dtype=np.int64)  # of each sample among its class, in that order
    for label in np.unique(labels):
        own = order[labels[order] == label]
        place[own] = np.arange(len(own))
    chosen = order[np.argsort(place[order], kind="stable")][:count]
    return samples.take(np.sort(chosen))


def labels_of(samples: Samples) -> Tensor:
    """(N,) the labels.

    Raises:
        DataError: there are none.
    """
    if samples.labels is None:
        raise DataError("These samples have no labels to learn. Say which they are (label=), or give other data.")
    return samples.labels

"""Labelled data for a run: opened, fitted to its model, and reduced to a few samples per class."""

from typing import Any

import numpy as np
from torch import Tensor

from isthmus.data import Data, Samples, open_data
from isthmus.data.fit import fit_to
from isthmus.errors import DataError
from isthmus.run import Run


def open_labelled(source: Any, run: Run, read_options: dict[str, Any]) -> Data:
    """Data for a run's encoder, read like the run's own data except for their columns and `read_options`.

    Raises:
        DataError: as `open_data` and `fitted`.
    """
    own = {"columns", "exclude", "memory_map", "label"}
    options = {name: value for name, value in run.description.get("options", {}).items() if name not in own}
    data = source if isinstance(source, Data) else open_data(source, **options | read_options)
    fitted(data.train, run)
    return data


def fitted(samples: Samples, run: Run) -> Samples:
    """The samples in the form that the run's model takes.

    Raises:
        DataError: columns are missing, or the categories or the shape differ.
    """
    like = run.description
    if not like:
        return samples
    where = {name: place for place, name in enumerate(samples.columns)}
    for name, names in zip(like.get("columns") or (), like.get("categories") or (), strict=False):
        given = samples.categories[where[name]] if samples.categories and name in where else names
        if tuple(names) != tuple(given):
            raise DataError(
                f"The column {name!r} has the categories {', '.join(given[:5])}, which differ from those in the run's "
                "training. Give data with the same categories."
            )
    return fit_to(samples, like, "the source")


def draw_few(samples: Samples, count: int, seed: int) -> Samples:
    """`count` of the samples, drawn by the seed and balanced over the classes; all if there are fewer."""
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
        raise DataError("These samples have no labels to learn. Name their column (label=), or give other data.")
    return samples.labels

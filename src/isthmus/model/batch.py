"""A batch: samples with what comes with them."""

import math
from weakref import WeakKeyDictionary

from torch import Tensor

from isthmus.data.samples import Samples
from isthmus.model.autoencoder import Autoencoder
from isthmus.parts import Pairs


def batch_context(model: Autoencoder, samples: Samples, rows: Tensor | slice) -> dict[str, Tensor]:
    """The draws that come with these samples of the data: labels for a condition, the damaged ones of pairs, scaled."""
    draws: dict[str, Tensor] = {}
    if model.conditioning.classes and samples.labels is not None:
        draws["labels"] = samples.labels[rows]
    if samples.damaged is not None and isinstance(model.corruption, Pairs):
        draws["corruption"] = model.scaling(samples.damaged[rows])
    return draws


def max_width(model: Autoencoder) -> int:
    """Numbers that one sample has where it has most: as it comes in, in a layer, or as it comes out."""
    if model not in _WIDTHS:
        out = model.example()
        made = (out.corrupted, out.code.z, out.output, *out.layers.values())
        _WIDTHS[model] = max(math.prod(numbers.shape[1:]) for numbers in made)
    return _WIDTHS[model]


_WIDTHS: WeakKeyDictionary[Autoencoder, int] = WeakKeyDictionary()
"""Models that have been tried; to try one takes a millisecond."""

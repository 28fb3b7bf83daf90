"""Forward passes for evaluation: of clean samples, or of damaged ones if the model restores."""

from collections.abc import Iterator

import torch

from isthmus.data.samples import Samples
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.batch import inputs_of
from isthmus.parts.forward_pass import Pass


def passes(
    model: Autoencoder,
    samples: Samples,
    size: int,
    *,
    generator: torch.Generator | None = None,
    damage: bool | None = None,
) -> Iterator[Pass]:
    """The model's pass over each batch of `size` samples, in order, with their labels if it needs them.

    damage: whether to damage the samples as in training; None does so only if the model `restores`. generator: for the
    damage's random numbers; None uses seed 0. The damaged samples of pairs are used if the data have them.
    """
    generator = generator or torch.Generator().manual_seed(0)
    damages = model.restores if damage is None else damage
    for rows in torch.arange(len(samples)).split(size):
        inputs = inputs_of(model, samples, rows)
        if not damages:
            inputs = inputs._replace(damaged=None)
        elif inputs.damaged is None:
            drawn = model.corruption.draw(len(rows), model.shape, generator)
            inputs = inputs._replace(draws={"corruption": drawn})
        yield model(*inputs.to(model.device))

"""What a model makes of samples when it is judged: whole ones, or damaged as in training where it puts damage right."""

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
    """The model's pass over each batch of `size` samples, in their order, with their labels where it wants them.

    damage: whether they come in damaged as in training; where None, only if the model `restores`. generator: of what
    the damage draws; one of seed 0 where None. Damaged samples of pairs are taken where they are at hand.
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

"""What a model makes of samples when it is judged: whole ones, or damaged as in training where it puts damage right."""

from collections.abc import Iterator
from typing import Any

import torch

from isthmus.data.samples import Samples
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.batch import batch_context
from isthmus.parts.forward_pass import Pass, map_draws


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
    corruption = model.corruption if (model.restores if damage is None else damage) else None
    begin = 0
    for raw in samples.batches(size):
        draws: dict[str, Any] = batch_context(model, samples, slice(begin, begin + len(raw)))
        if corruption is None:
            draws.pop("corruption", None)
        elif "corruption" not in draws:
            draws["corruption"] = corruption.draw(len(raw), model.shape, generator)
        begin += len(raw)
        yield model(raw, map_draws(lambda draw: draw.to(model.device), draws))

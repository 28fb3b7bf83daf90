"""What a model makes of samples when it is judged: whole ones, or damaged as in training where it puts damage right."""

from collections.abc import Iterator
from typing import Any

import torch

from isthmus.autoencoder import Autoencoder
from isthmus.data.samples import Samples
from isthmus.parts import Pairs
from isthmus.passes import Pass, map_draws


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
    device = model.scaling.scale.device
    generator = generator or torch.Generator().manual_seed(0)
    begin = 0
    for raw, labels in samples.labelled(size):
        draws: dict[str, Any] = {} if labels is None else {"labels": labels}
        if model.corruption is not None and (model.restores if damage is None else damage):
            draws["corruption"] = model.corruption.draw(len(raw), model.shape, generator)
            if samples.damaged is not None and isinstance(model.corruption, Pairs):
                draws["corruption"] = model.scaling(samples.damaged[begin : begin + len(raw)].to(device))
        begin += len(raw)
        yield model(raw.to(device), map_draws(lambda draw: draw.to(device), draws))

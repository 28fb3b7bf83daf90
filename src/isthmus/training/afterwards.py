"""Priors that are fitted after training, to the codes of the training part."""

import torch
from torch import Tensor

from isthmus.data import Samples
from isthmus.data.samples import placed
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.through import through
from isthmus.parts.model import eval_mode
from isthmus.seeds import seeded

MOST_CODES = 20_000
"""A prior is fitted to at most this many codes, of samples that are evenly spread."""
MOST_DRAWS = 5
"""At most this many draws of each sample's code."""
BATCH = 1000
ENDED = ("finished", "stopped early")


def learn_prior(model: Autoencoder, train: Samples, seed: int, status: str = "finished") -> None:
    """Fit the model's prior to the codes of the training part, if it is one that is fitted after training.

    status: of the training; one that was interrupted goes on later, and one that diverged has no codes to fit to.
    """
    prior, module = model.code.prior, model.prior_module
    if status not in ENDED or not prior.afterwards or module is None or not len(train):
        return
    generator, few = seeded(seed), train.some(MOST_CODES)
    with eval_mode(model):
        if prior.afterwards == "means" or not model.code.drawn:
            codes = through(lambda raw, labels: _codes(model, raw, labels, None), few, BATCH)
        else:
            times = min(MOST_DRAWS, -(-MOST_CODES // len(few)))
            codes = torch.cat(
                [through(lambda raw, labels: _codes(model, raw, labels, generator), few, BATCH) for _ in range(times)]
            )
        prior.learn(codes, module, generator)


def _codes(model: Autoencoder, raw: Tensor, labels: Tensor | None, generator: torch.Generator | None) -> Tensor:
    """(N, *code), drawn with this generator, or the means."""
    raw = placed(raw, model.device)
    if generator is None:
        return model.encode(raw, labels)
    drawn = model.code.draw(len(raw), model.code_shape, generator, draws=1)
    return model.encode(raw, labels, draws=None if drawn is None else drawn.to(model.device))

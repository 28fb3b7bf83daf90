"""A network's predictions of a table's cells in the wide layout."""

import torch
from torch import Tensor

from isthmus.data.samples import Samples, inference_batch_size
from isthmus.filling.layout import Layout
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.shape_checks import max_width
from isthmus.model.through import through
from isthmus.parts.distances.column_likelihood import ColumnLikelihood
from isthmus.parts.distances.columns import Columns
from isthmus.parts.model import eval_mode


def scaled_rows(model: Autoencoder, samples: Samples) -> Tensor:
    """(N, D) float64 scaled rows on the CPU, NaN in holes."""
    return model.scaling(samples.tensor()).cpu().double()


def predicted_cells(model: Autoencoder, layout: Layout, samples: Samples) -> Tensor:
    """(N, W) the network's reconstruction of every cell from the known ones: numbers, and categories' probabilities."""

    def use(raw: Tensor, labels: Tensor | None) -> Tensor:
        out = model(raw, labels=labels)
        made = out.reconstruction.cpu().double()
        for place, levels in enumerate(layout.levels):
            if levels:
                made[:, place] = made[:, place].round().clamp(0, levels - 1)
        wide = layout.wide(made)[0]
        if not (any(layout.levels) and isinstance(model.distance, Columns | ColumnLikelihood)):
            return wide
        chances = iter(model.distance.chances(out.output.cpu().double()))
        pairs = zip(layout.levels, layout.split(wide), strict=True)
        return torch.cat([next(chances) if levels else own for levels, own in pairs], 1)

    with eval_mode(model):
        return through(use, samples, inference_batch_size(max_width(model)))

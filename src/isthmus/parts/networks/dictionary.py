"""Dictionaries: one linear layer each, whose decoder adds up directions of norm 1."""

import math
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts.distances import Distance
from isthmus.parts.layers import Atoms, CentredLinear, Chain
from isthmus.parts.networks.network import Network
from isthmus.parts.part import Shape

STEPS = 50
"""Steps of Weiszfeld's method for the geometric median."""


class Dictionary(Network):
    r"""A dictionary of directions: :math:`f = W(x - b) + c` and :math:`\hat x = \sum_i z_i d_i + b`.

    Each latent dimension has one direction :math:`d_i`, a column of the decoder's weight. For codes of which few
    dimensions are active, on the activations of another network, each direction then stands for a feature of it.

    The encoder starts as the decoder's transpose, and b at the centre of the data. The directions keep norm 1: each
    step removes the part of their gradient that is parallel to them, and scales them to norm 1 afterwards. So a code
    can't look small because its directions are long.

    centre: where b starts, at the data's "mean" or geometric "median", which few large samples don't move.
    centred: whether the encoder subtracts b. Not if its input isn't what the decoder makes, as in a transcoder.
    unit: whether the directions keep norm 1. A crosscoder leaves them free, and penalises them (`decoder-l1`).

    Source: Bricken et al., Towards monosemanticity, Transformer Circuits Thread (2023), for the projected gradient;
    Gao et al., Scaling and evaluating sparse autoencoders (2024), arXiv 2406.04093, for the start.
    """

    flat: ClassVar[bool] = True

    centre: Literal["mean", "median"] = "median"
    centred: bool = True
    unit: bool = True

    def pair(
        self, seen: Shape, features: Shape, code: Shape, shape: Shape, generator: torch.Generator
    ) -> tuple[Chain, Chain]:
        """Encoder and decoder; the encoder's bias is that of the decoder, if it is `centred`."""
        inputs, outputs = math.prod(seen), math.prod(shape)
        if self.centred and inputs != outputs:
            raise BlueprintError(
                f"A centred dictionary subtracts what it adds again, but with this corruption, label or mask its "
                f"encoder takes {inputs} numbers and its decoder makes {outputs}. Set centred=False."
            )
        atoms = (Atoms if self.unit else nn.Linear)(math.prod(code), outputs)
        with torch.no_grad():
            directions = torch.randn(atoms.weight.shape, generator=generator)
            atoms.weight.copy_(directions / directions.norm(dim=0))
            atoms.bias.zero_()
        product = CentredLinear(inputs, math.prod(features), atoms if self.centred else None)
        with torch.no_grad():
            if product.weight.T.shape == atoms.weight.shape:
                product.weight.copy_(atoms.weight.T)
            else:
                directions = torch.randn(product.weight.shape, generator=generator)
                product.weight.copy_(directions / directions.norm(dim=1, keepdim=True))
            product.bias.zero_()
        down: dict[str, nn.Module] = {"flatten": nn.Flatten(), "code": product}
        up: dict[str, nn.Module] = {"flatten": nn.Flatten()} if len(code) != 1 else {}
        up["output"] = atoms
        if len(features) != 1:
            down["unflatten"] = nn.Unflatten(1, features)
        if len(shape) != 1:
            up["unflatten"] = nn.Unflatten(1, shape)
        return Chain(down), Chain(up)

    def start_at(self, sample: Tensor, decoder: Chain, distance: Distance) -> None:
        """Let b start at the centre of these (n, *shape) scaled samples. The directions stay."""
        if self.centre == "median":
            sample = geometric_median(sample.flatten(1)).view(1, *sample.shape[1:])
        output = decoder.get_submodule("output")
        start = distance.start(sample).flatten()
        if isinstance(output, nn.Linear) and output.bias.shape == start.shape:
            with torch.no_grad():
                output.bias.copy_(start)


def geometric_median(rows: Tensor) -> Tensor:
    r"""(n, d) to (1, d): the point with the least sum of distances to the rows; missing numbers count as the mean.

    Source: Weiszfeld (1937).
    """
    rows = rows.double()
    median = rows.nanmean(0, keepdim=True).nan_to_num(0)
    rows = torch.where(rows.isnan(), median, rows)
    for _ in range(STEPS):
        weights = 1 / (rows - median).norm(dim=1, keepdim=True).clamp(min=1e-9)
        median = (weights * rows).sum(0, keepdim=True) / weights.sum()
    return median.float()

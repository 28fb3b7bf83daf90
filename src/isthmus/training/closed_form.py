"""Training in closed form: the network's weights are solved from sums over the training part (`Network.solve`)."""

import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from isthmus.data import Samples
from isthmus.data.samples import placed
from isthmus.errors import BlueprintError
from isthmus.model.autoencoder import Autoencoder
from isthmus.parts import Plain
from isthmus.parts.least_squares import Moments, Piece
from isthmus.parts.model import eval_mode
from isthmus.pca import principal_components
from isthmus.seeds import seeded
from isthmus.training.deterministic import deterministic
from isthmus.training.processes import ALONE, Processes


def solve(
    model: Autoencoder,
    train: Samples,
    validation: Samples | None,
    *,
    seed: int = 0,
    processes: Processes = ALONE,
) -> list[dict[str, Any]]:
    """Set the best weights of a model with a closed form. Returns the history (one row).

    The same samples, seed and machine give the same bits. Several processes differ from one by rounding.

    Raises:
        BlueprintError: the model has no closed form.
    """
    began = time.perf_counter()
    network = model.blueprint.network if model.blueprint else None
    if network is None or not _linear(model):
        raise BlueprintError(
            "A closed form needs a plain code without activation, an output that is the sample itself "
            "(link='identity'), and neither a condition nor missing numbers. Set solution='gradient' for other models."
        )
    with deterministic(model.device), eval_mode(model):
        network.solve(model, _Solver(model, train, seed, processes))
    model.eval()
    processes.give(model.state_dict())
    seconds = time.perf_counter() - began
    row: dict[str, Any] = {"epoch": 1, "loss": _mean_loss(model, train)}
    if validation is not None and len(validation):
        row["validation_loss"] = _mean_loss(model, validation)
    return [row | {"seconds": seconds, "samples_per_second": len(train) / max(seconds, 1e-9)}]


class _Solver:
    """The training part as a network's closed form sees it (`isthmus.parts.least_squares.Solver`)."""

    def __init__(self, model: Autoencoder, train: Samples, seed: int, processes: Processes) -> None:
        self.model, self.train, self.processes = model, train, processes
        self.generator = seeded(seed)
        self.device = model.device if model.device.type == "cuda" else torch.device("cpu")  # others lack float64

    def principal(self, size: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The principal components, the biases of encoder and decoder, and the variances."""
        found = principal_components(self.train, self.model.scaling, size)
        return (*found.linear(), found.variances)

    def moments(self, inputs: Piece, targets: Piece | None = None) -> Moments:
        """Of what these functions make of the samples."""
        found: Moments | None = None
        for piece in self._pieces():
            given, wanted = inputs(piece), None if targets is None else targets(piece)
            if found is None:
                found = Moments(given.shape[1], 0 if wanted is None else wanted.shape[1], self.device)
            if len(given):
                found.add(given.to(self.device), None if wanted is None else wanted.to(self.device))
        assert found is not None
        return found.merged(self.processes.add) if self.processes.several else found

    def spread(self, values: Piece) -> tuple[Tensor, Tensor]:
        """The mean and the variance of each number that the function makes."""
        # without products of all with all: of wide samples they would not fit into memory
        count, mean, squares = 0, torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
        for piece in self._pieces(shared=False):
            rows = values(piece).to(self.device, torch.float64)
            centre, share = rows.mean(0), len(rows) / (count + len(rows))
            shift = centre - mean.to(rows)
            squares = squares.to(rows) + (rows - centre).square().sum(0) + shift.square() * count * share
            mean, count = mean.to(rows) + shift * share, count + len(rows)
        return mean, squares / max(1, count)

    def _pieces(self, *, shared: bool = True) -> Iterator[Tensor]:
        """Scaled samples, a piece at a time; of several processes, this one's share of each."""
        for raw in self.train.batches(self.train.at_a_time):
            own = raw
            if shared and (share := self.processes.share(len(raw))) is not None:
                # the first process takes a piece of fewer samples than processes
                few = share.size == share.count
                own = raw[: len(raw) * self.processes.chief] if few else raw[share.begin : share.end]
            yield self.model.scaling(placed(own, self.model.device)).to(self.model.scaling.scale.dtype)


def _linear(model: Autoencoder) -> bool:
    """Whether the code is the encoder's output and the decoder's output the sample, so that squares are minimised."""
    plain = isinstance(model.code, Plain) and model.code.activation == "identity"
    whole = not (model.conditioning.classes or model.conditioning.mask) and model.predicts.decodes
    return plain and whole and model.distance.link == "identity"


@torch.no_grad()
def _mean_loss(model: Autoencoder, samples: Samples) -> float:
    device = next(model.parameters()).device
    total = sum(float(model.loss(model(placed(raw, device)))[0]) * len(raw) for raw in samples.batches(4096))
    return total / len(samples)

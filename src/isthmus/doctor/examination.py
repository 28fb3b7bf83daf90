"""An examination: the quantities that the checks use, each computed once, on first use."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from isthmus.data.samples import Samples, inference_batch_size
from isthmus.doctor.units import Units, UnitSums
from isthmus.measures import Evaluation, evaluate
from isthmus.measures.passes import passes
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.shape_checks import max_width
from isthmus.ngram import NGram
from isthmus.parts.forward_pass import Pass
from isthmus.parts.model import eval_mode
from isthmus.pca import PCA
from isthmus.trained import TrainedModel
from isthmus.training import Settings, Training

LOOKED_AT = 2000
"""Samples of each part that a diagnosis examines, spread over it."""
COMPARED = 500
"""Held-out samples whose nearest training samples are searched."""
GLANCED_AT = 256
"""Samples that are examined during training."""
BATCH = 256
"""Batch size for samples damaged as in training: the random damage depends on it."""
SEED = 0


class Examination:
    """A model, its training, and its outputs for some of its data.

    train: at most 2000 samples of the training part. held: as many of the test part, or of the validation part; None if
    there is neither. run: the run, if a run is examined.
    """

    def __init__(
        self,
        model: Autoencoder,
        settings: Settings,
        history: Sequence[Mapping[str, Any]],
        train: Samples,
        held: Samples | None = None,
        run: TrainedModel | None = None,
    ) -> None:
        self.model, self.settings, self.history = model, settings, history
        self.train, self.held, self.run = train, held, run

    @classmethod
    def of_run(cls, run: TrainedModel) -> "Examination":
        """The examination of a run; its data are opened again if necessary."""
        data = run.open()
        held = next((part for part in (data.test, data.validation) if len(part) > 1), None)
        return cls(
            run.model,
            run.settings,
            run.history,
            data.train.some(LOOKED_AT),
            None if held is None else held.some(LOOKED_AT),
            run,
        )

    @classmethod
    def of_training(cls, training: Training) -> "Examination":
        """The examination of a model at this moment of its training."""
        glance = training.samples.some(GLANCED_AT)
        return cls(training.model, training.settings, training.state.history, glance)

    @property
    def status(self) -> str:
        """How the run ended; "" during training."""
        return self.run.status if self.run else ""

    @property
    def code_size(self) -> int:
        """The number of latent dimensions."""
        return math.prod(self.model.code_shape)

    @property
    def overcomplete(self) -> bool:
        """Whether the code has as many latent dimensions as numbers vary in the data, so that it could hold a copy."""
        return self.code_size >= self.varying

    @property
    def numeric(self) -> bool:
        """Whether the samples are numbers without holes, so that distances between them are meaningful."""
        if self.train.kind == "tokens":
            return False
        return not any(self.model.scaling.levels) and bool(self.scaled.isfinite().all())

    @cached_property
    def scaled(self) -> Tensor:
        """(n, D) scaled training samples; NaN in holes. Tokens as points (see `Medium.points`)."""
        scaling = self.model.scaling
        return torch.cat([self._rows(scaling(raw)) for raw in self.train.batches(self._inference_batch_size)])

    def _rows(self, scaled: Tensor) -> Tensor:
        """(N, *shape) scaled samples or reconstructions as (N, D), on the CPU."""
        medium = self.train.medium if self.train.kind == "tokens" else None
        return scaled.flatten(1).cpu() if medium is None else medium.points(scaled.cpu())

    @cached_property
    def varying(self) -> int:
        """The number of a sample's numbers that vary between samples."""
        return int((self.scaled.nan_to_num().amax(0) > self.scaled.nan_to_num().amin(0)).sum())

    @cached_property
    def _looks(self) -> tuple[list[Units], Tensor | None, float]:
        """The units of each layer, the KL of each latent dimension, (*code), and the explained variance."""
        sums, kl, count, made = UnitSums(self.model), None, 0, []
        for out in self.passes(self.train):
            sums.add(out)
            if (cost := self.model.code.kl(out.code)) is not None:
                kl = cost.cpu().double().sum(0) + (0 if kl is None else kl)
            count += len(out.clean)
            made.append(self._rows(out.reconstruction).double())
        rows = self.scaled.double()
        known = ~rows.isnan()
        centre = torch.where(known, rows, 0).sum(0) / known.sum(0).clamp(min=1)
        lost, spread = ((torch.where(known, rows - off, 0)).square().sum() for off in (torch.cat(made), centre))
        explained = 1 - float(lost / spread) if spread > 0 else math.nan
        return list(sums.units()), None if kl is None else kl / count, explained

    @property
    def units(self) -> list[Units]:
        """Each layer's units, over the training samples."""
        return self._looks[0]

    @property
    def kl(self) -> Tensor | None:
        """(*code) mean nats of each latent dimension for a training sample; None for a code without a posterior."""
        return self._looks[1]

    @property
    def brought_back(self) -> float:
        """The share of the training samples' variance that the model reconstructs."""
        return self._looks[2]

    @cached_property
    def baseline(self) -> PCA | NGram:
        """PCA with as many components as the code has dimensions; n-grams for tokens."""
        assert self.run is not None, "only a run has a baseline"
        return self.run.baseline()

    @property
    def components(self) -> PCA:
        """The PCA of a run whose samples aren't tokens."""
        assert isinstance(self.baseline, PCA), "tokens have no principal components"
        return self.baseline

    @cached_property
    def evaluation(self) -> Evaluation:
        """The errors on "train", "held" and "shuffled" (if they exist), with those of PCA and the mean."""
        parts = {"train": self.train}
        if self.held is not None:
            parts["held"] = self.held
        if self.numeric:
            parts["shuffled"] = self.shuffled
        return evaluate(self.model, parts, self.baseline, self.baseline.mean)

    def explained(self, part: str, rival: str = "model") -> float:
        """The share of a part's variance that is reconstructed; NaN if it isn't defined."""
        found = self.evaluation.measures.get(part, {}).get("explained_variance", {}).get(rival)
        return math.nan if found is None else found

    @cached_property
    def shuffled(self) -> Samples:
        """The held-out samples with each of their numbers taken from another one: noise that looks like data."""
        samples = self.train if self.held is None else self.held
        values = samples.tensor()
        flat, generator = values.flatten(1), torch.Generator().manual_seed(SEED)
        orders = torch.rand(len(flat), flat.shape[1], generator=generator).argsort(0)
        return replace(samples, values=flat.gather(0, orders).view_as(values), rows=None)

    @cached_property
    def outputs(self) -> tuple[Tensor, Tensor, Tensor]:
        """Codes (m, *code), reconstructions and originals (m, D) of at most 500 held-out samples, scaled."""
        passes = list(self.passes((self.held or self.train).some(COMPARED)))
        codes = torch.cat([out.code.z.cpu() for out in passes])
        made, clean = (
            torch.cat([self._rows(rows) for rows in each])
            for each in ([out.reconstruction for out in passes], [out.clean for out in passes])
        )
        return codes, made.float(), clean.float()

    @cached_property
    def apart(self) -> Tensor:
        """(m,) the distance of each of these samples to the nearest other training sample."""
        _, _, clean = self.outputs
        own = self.held is None
        return torch.cdist(clean, self.scaled).topk(1 + own, largest=False).values[:, -1]

    def nearest(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """(m, D) scaled rows to their distances to the nearest training sample, (m,), and its numbers, (m,)."""
        found = torch.cdist(rows, self.scaled).min(1)
        return found.values, found.indices

    def passes(self, samples: Samples) -> "list[Pass]":
        """The model's passes of samples, in evaluation mode, without gradients; a restoring model gets damaged ones."""
        with eval_mode(self.model):
            return list(passes(self.model, samples, BATCH if self.model.restores else self._inference_batch_size))

    @property
    def _inference_batch_size(self) -> int:
        return inference_batch_size(max_width(self.model))


def errors_of(differences: Tensor) -> float:
    """The mean of (n,) differences in its own standard errors; 0 for fewer than two."""
    if len(differences) < 2:
        return 0.0
    deviation = float(differences.std())
    mean = float(differences.mean())
    if deviation == 0:
        return math.copysign(math.inf, mean) if mean else 0.0
    return mean / (deviation / math.sqrt(len(differences)))

"""Measures of models of tokens: nats, wrong tokens, and the tokens that are written from the code alone."""

import math

import torch
from torch import Tensor

from isthmus.model.autoencoder import Autoencoder
from isthmus.ngram import NGram
from isthmus.parts.distances.tokens import counted
from isthmus.parts.forward_pass import Pass

GENERATED = 1000
"""The most samples of a part that are generated from their codes."""


class TokenPart:
    """Sums over the batches of one part of tokens, in float64. What follows a sample's end doesn't count.

    nats: a token, given the tokens before it and, for the model, the code. nats_with_code: with the KL of the code in
    addition, so that it compares fairly with a model without a code; for codes with a posterior.
    wrong: the share of tokens that aren't the most likely one, given those before it.
    wrong_from_code: the same for the tokens that the decoder makes from the code alone, each from its own tokens before
    it; exact: the share of samples that are then completely right. Both for the first `GENERATED` samples.
    A model that `restores` or damages gets clean samples here, unless it can't be decoded from the code.
    """

    def __init__(self, model: Autoencoder, ngram: NGram) -> None:
        self.model, self.ngram, self.kind = model, ngram, "tokens"
        self.tokens = self.generated = self.generated_tokens = 0
        self.sums: dict[str, dict[str, float]] = {}
        self.per_sample: dict[str, list[Tensor]] = {}

    def take(self, out: Pass) -> None:
        """One batch's pass."""
        clean = out.clean.cpu()
        counts = counted(clean)
        nats = {
            "model": self.model.objective.distances(out).cpu().double(),
            "n-gram": torch.where(counts, self.ngram.nats(clean), 0).sum(1),
            "unigram": torch.where(counts, self.ngram.nats(clean, 1), 0).sum(1),
        }
        made = {
            "model": out.reconstruction.cpu(),
            "n-gram": self.ngram.reconstruct(clean),
            "unigram": self.ngram.mean.expand(len(clean), -1).float(),
        }
        length = counts.sum(1)
        self.tokens += int(length.sum())
        for rival, figures in nats.items():
            self._add("nats", rival, figures)
            wrong = ((made[rival] != clean) & counts).sum(1)
            self._add("wrong", rival, wrong)
            self.per_sample.setdefault(rival, []).append((wrong / length).float())
        if out.code.distribution is not None and (kl := self.model.code.kl(out.code)) is not None:
            self._add("nats_with_code", "model", nats["model"] + kl.flatten(1).sum(1).cpu().double())
            self._add("nats_with_code", "n-gram", nats["n-gram"])
            self._add("nats_with_code", "unigram", nats["unigram"])
        self._generate(out, clean, counts)

    def measures(self) -> dict[str, dict[str, float | None]]:
        """Measure → rival → figure."""
        counts = {"exact": self.generated, "wrong_from_code": self.generated_tokens}
        figures = {
            name: {rival: total / max(1, counts.get(name, self.tokens)) for rival, total in row.items()}
            for name, row in self.sums.items()
        }
        return {
            name: {rival: figure if math.isfinite(figure) else None for rival, figure in row.items()}
            for name, row in figures.items()
        }

    def errors(self) -> dict[str, Tensor]:
        """Rival → (N,) share of wrong tokens."""
        return {rival: torch.cat(errors) for rival, errors in self.per_sample.items()}

    def _generate(self, out: Pass, clean: Tensor, counts: Tensor) -> None:
        few = min(GENERATED - self.generated, len(clean))
        if few <= 0 or not self.model.decodes:
            return
        labels = None if out.batch.labels is None else out.batch.labels[:few]
        code = getattr(out.code.distribution, "mean", out.code.z)[:few]
        made = self.model.decode(code, labels).cpu()
        wrong = ((made != clean[:few]) & counts[:few]).sum(1)
        self._add("wrong_from_code", "model", wrong)
        self._add("exact", "model", wrong == 0)
        self.generated += few
        self.generated_tokens += int(counts[:few].sum())

    def _add(self, name: str, rival: str, figures: Tensor) -> None:
        row = self.sums.setdefault(name, {})
        row[rival] = row.get(rival, 0.0) + float(figures.double().sum())

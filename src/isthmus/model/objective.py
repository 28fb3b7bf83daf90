"""The objective: what training makes small, the distance and the weighted penalties."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts import Distance, Penalty
from isthmus.parts.forward_pass import Pass
from isthmus.parts.model import Model
from isthmus.parts.part import Part
from isthmus.parts.penalties import names_of

Bound = Literal["mean", "log-mean-exp"]
"""How the losses of several draws of one sample's code become one."""


class Objective(nn.Module):
    """A distance, penalties with their weights, and the bound that makes one loss of several draws.

    penalties: resolved, so that no weight is "auto". names: their kinds, numbered where one comes again.
    penalty_modules: the weights that penalties have of their own, by name: those of rivals, for example.

    Raises:
        BlueprintError: the bound needs a likelihood, and the distance is none.
    """

    def __init__(self, distance: Distance, penalties: Sequence[Penalty] = (), bound: Bound = "mean") -> None:
        super().__init__()
        self.distance, self.penalties = distance, tuple(penalties)
        self.bound: Bound = bound
        self.names = names_of(self.penalties)
        self.penalty_modules = nn.ModuleDict()
        if bound == "log-mean-exp" and not distance.likelihood:
            raise BlueprintError(
                f"bound='log-mean-exp' averages probabilities, and {distance.kind} is none. "
                "Take a distance that is a likelihood, such as 'bce' or 'gaussian'."
            )

    @property
    def named(self) -> list[tuple[str, Penalty]]:
        """The penalties with their names."""
        return list(zip(self.names, self.penalties, strict=True))

    @property
    def has_rival(self) -> bool:
        """Whether something in it learns against the model, so that a smaller loss isn't a better model."""
        return any(penalty.has_rival for penalty in self.penalties)

    @property
    def towards_prior(self) -> bool:
        """Whether a penalty draws the codes towards their prior, so that new ones can be drawn from it."""
        return any(penalty.towards_prior and penalty.full_weight > 0 for penalty in self.penalties)

    def add_modules(self, model: Model, generator: torch.Generator) -> None:
        """Draw the weights that the penalties have of their own."""
        for name, penalty in self.named:
            module = penalty.module(model.shape, model.code_shape, generator)
            if module is not None:
                self.penalty_modules[name] = module

    def module_of(self, penalty: Part) -> nn.Module:
        """The weights that this penalty has of its own."""
        name = next(name for name, one in self.named if one is penalty)
        return self.penalty_modules[name]

    def draw(self, count: int, model: Model, generator: torch.Generator) -> dict[str, Any]:
        """The random numbers that the penalties need for `count` samples, by name."""
        drawn = {name: penalty.draw(count, model, generator) for name, penalty in self.named}
        return {name: draws for name, draws in drawn.items() if draws is not None}

    def distances(self, out: Pass) -> Tensor:
        """(K·N,) distance of each output to its clean sample, over the numbers that are observed."""
        mask = () if out.observed is None else (out.repeated(out.observed),)  # a custom distance may take none
        return self.distance(out.output, out.repeated(out.clean), *mask)

    def terms(self, out: Pass, model: Model) -> dict[str, Tensor]:
        """(N,) distance and (N,) each penalty, not yet weighted, by name; (K·N,) where K draws differ."""
        drawn = out.draws.get("penalties", {})
        terms = {"distance": self.distances(out)}
        for name, penalty in self.named:
            terms[name] = penalty(out, model, drawn[name]) if name in drawn else penalty(out, model)
        if out.code.loss is not None:
            terms["code"] = out.code.loss
        return terms

    def forward(self, out: Pass, model: Model, weights: Tensor | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """The scalar to minimise, and each of its terms' means.

        A rival's loss adds nothing to it, but its gradient reaches the rival.

        weights: (number of penalties,), where a schedule changes them; else the penalties' own.
        """
        terms = self.terms(out, model)
        means = {name: term.mean() for name, term in terms.items()}
        total = self._combined(terms, means, weights, len(out.clean))
        for name, penalty in self.named:
            if penalty.has_rival:
                drawn = out.draws.get("penalties", {}).get(name)
                means[f"{name} rival"] = rival = penalty.rival(out.detached(), model, drawn).mean()
                total = total + (rival - rival.detach())
        return total, means

    def _combined(
        self, terms: dict[str, Tensor], means: dict[str, Tensor], weights: Tensor | None, count: int
    ) -> Tensor:
        """The weighted sum of the terms, by the bound."""
        parts = means if self.bound == "mean" else {name: term.view(-1, count) for name, term in terms.items()}
        total = parts["distance"]
        for index, (name, penalty) in enumerate(self.named):
            total = total + (penalty.full_weight if weights is None else weights[index]) * parts[name]
        if "code" in parts:
            total = total + parts["code"]
        if self.bound == "log-mean-exp":  # -log (1/K) sum_k exp(-loss_k), the mean over the samples
            total = (math.log(len(total)) - torch.logsumexp(-total, 0)).mean()
        return total

"""The objective that training minimises: the distance plus the weighted penalties."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts import Bound, Distance, Kl, Penalty
from isthmus.parts.forward_pass import Pass
from isthmus.parts.model import Model
from isthmus.parts.part import Part
from isthmus.parts.penalties import names_of


class Objective(nn.Module):
    """A distance, penalties with their weights, and the bound that combines the losses of several draws.

    penalties: resolved, so that no weight is "auto". named: each with its name: its kind, numbered if it occurs again.
    penalty_modules: the penalties' modules by name, for example the rivals.

    Raises:
        BlueprintError: the bound needs a likelihood, and the distance isn't one.
    """

    def __init__(self, distance: Distance, penalties: Sequence[Penalty] = (), bound: Bound | str = "mean") -> None:
        super().__init__()
        self.distance, self.penalties = distance, tuple(penalties)
        self.bound = Bound.model_validate(bound)
        self.named = list(zip(names_of(self.penalties), self.penalties, strict=True))
        self.penalty_modules = nn.ModuleDict()
        if self.bound.by_draws and not distance.likelihood:
            raise BlueprintError(
                f"bound='{self.bound.kind}' needs a likelihood as its distance, but {distance.kind} isn't one. "
                "Use a distance that is a likelihood, such as 'bce' or 'gaussian'."
            )

    @property
    def names(self) -> list[str]:
        """The penalties' names."""
        return [name for name, _ in self.named]

    @property
    def has_rival(self) -> bool:
        """Whether a penalty learns against the model; a smaller loss is then not always a better model."""
        return any(penalty.has_rival for penalty in self.penalties)

    @property
    def towards_prior(self) -> bool:
        """Whether a penalty pulls the codes towards their prior, so that you can draw new codes from it."""
        return any(penalty.towards_prior and penalty.full_weight > 0 for penalty in self.penalties)

    def add_modules(self, model: Model, generator: torch.Generator) -> None:
        """Create the penalties' modules and draw their weights."""
        for name, penalty in self.named:
            module = penalty.module(model.shape, model.code_shape, generator)
            if module is not None:
                self.penalty_modules[name] = module

    def module_of(self, penalty: Part) -> nn.Module:
        """The module of this penalty."""
        name = next(name for name, one in self.named if one is penalty)
        return self.penalty_modules[name]

    def draw(self, count: int, model: Model, generator: torch.Generator) -> dict[str, Any]:
        """The random numbers that the penalties need for `count` samples, by name."""
        drawn = {name: penalty.draw(count, model, generator) for name, penalty in self.named}
        return {name: draws for name, draws in drawn.items() if draws is not None}

    def distances(self, out: Pass) -> Tensor:
        """(K·N,) distance of each output to its clean sample, over the observed numbers."""
        mask = () if out.observed is None else (out.repeated(out.observed),)  # a custom distance may take no mask
        return self.distance(out.output, out.repeated(out.clean), *mask)

    def terms(self, out: Pass, model: Model) -> dict[str, Tensor]:
        """The (N,) distance and penalties by name, before the penalties' weights; (K·N,) if K draws differ.

        A code with several qualities weights each sample's distance, and so does a decoder with steps of its own.
        """
        drawn = out.draws.get("penalties", {})
        distances = self.distances(out)
        terms = {"distance": distances if out.weight is None else out.repeated(out.weight) * distances}
        for name, penalty in self.named:
            terms[name] = penalty(out, model, drawn[name]) if name in drawn else penalty(out, model)
        if out.code.loss is not None:
            terms["code"] = out.code.loss
        return terms

    def forward(self, out: Pass, model: Model, weights: Tensor | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """The scalar loss to minimise, and the mean of each term.

        A rival's loss adds 0 to the value, but its gradient trains the rival.

        weights: (number of penalties,), if a schedule changes them; by default the penalties' weights.
        """
        terms = self.terms(out, model)
        means = {name: term.mean() for name, term in terms.items()}
        total = self._combined(terms, means, weights, out)
        for name, penalty in self.named:
            if penalty.has_rival:
                drawn = out.draws.get("penalties", {}).get(name)
                means[f"{name} rival"] = rival = penalty.rival(out.detached(), model, drawn).mean()
                total = total + (rival - rival.detach())
        return total, means

    def _combined(
        self, terms: dict[str, Tensor], means: dict[str, Tensor], weights: Tensor | None, out: Pass
    ) -> Tensor:
        """The weighted sum of the terms, combined by the bound."""
        by_draws = self.bound.by_draws
        parts = {name: term.view(-1, len(out.clean)) for name, term in terms.items()} if by_draws else means
        total, score = parts["distance"], 0.0
        for index, (name, penalty) in enumerate(self.named):
            weight = penalty.full_weight if weights is None else weights[index]
            total = total + weight * parts[name]
            score = score + (weight if isinstance(penalty, Kl) else 0.0)
        if "code" in parts:
            total = total + parts["code"]
        return self.bound(total, out.code.z, score) if by_draws else total

"""Training of other modules: they learn in the same loop as autoencoders do, for example by labels."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from isthmus.data import Samples
from isthmus.errors import TrainingError
from isthmus.model.objective import Objective
from isthmus.parts import Conditioning, Identity, Mse, Plain
from isthmus.training.callback import Callback
from isthmus.training.callbacks import BestWeights
from isthmus.training.loop import Training
from isthmus.training.settings import Settings


def train_by_labels(
    module: nn.Module,
    classes: int,
    parts: Sequence[Samples],
    settings: Settings,
    rates: Mapping[str, float] | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> list[dict[str, float]]:
    """Train a module from raw batches to (N, classes) logits, leave the best weights in it, and give a row an epoch.

    For the arguments and errors see `train_learner`.
    """
    return train_learner(_ByLabels(module, classes), parts, settings, rates, progress)


def train_learner(
    learner: "Learner",
    parts: Sequence[Samples],
    settings: Settings,
    rates: Mapping[str, float] | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> list[dict[str, float]]:
    """Train a learner's module, leave the best weights in it, and give a row an epoch.

    parts: the training part and, for choosing the best epoch, a validation part. rates: learning rates of some of the
    module's weights by their names, as multiples of the others'. progress: called as `progress(done, epochs)`.

    Raises:
        KeyboardInterrupt: the user stopped it.
        TrainingError: the loss is no longer finite.
    """
    best = BestWeights(settings.patience, settings.min_delta)
    callbacks = [best, _Progress(progress)] if progress else [best]
    train, validation = parts[0], parts[1] if len(parts) > 1 else None
    rates = {f"module.{name}": rate for name, rate in (rates or {}).items()}
    training = Training(cast(Any, learner), train, validation, settings, callbacks, rates=rates)
    # a custom body may draw from the global state, which starts at the seed here and is restored afterwards
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(settings.seed)
        state = training.run()
    if state.status == "interrupted":
        raise KeyboardInterrupt
    if state.status == "diverged":
        raise TrainingError(state.reason)
    best.give(cast(Any, learner))
    kept = ("epoch", "loss", "validation_loss", "validation_accuracy")
    return [{name: row[name] for name in kept if name in row} for row in state.history]


class Learner(nn.Module):
    """A module with all that the loop asks of a model. A subclass defines `loss`.

    classes: the number of labels; with 0, batches come without labels.
    """

    blueprint, code, code_module, corruption, cuttable = None, Plain(), None, Identity(), False

    def __init__(self, module: nn.Module, classes: int) -> None:
        super().__init__()
        self.module = module
        self.conditioning = Conditioning(classes, mask=True)  # batches come with their labels; numbers may be missing
        self.objective = Objective(Mse())  # without penalties; the loss is the learner's

    @property
    def encoder(self) -> nn.Module:
        """Where the loop looks for convolutions."""
        return self.module

    def draw(self, count: int, generator: torch.Generator) -> dict[str, Any]:
        """Nothing is random."""
        return {}

    def forward(self, raw: Tensor, draws: Any, labels: Tensor | None = None, *_: Any) -> Any:
        """What `loss` gets, of (N, *shape) raw samples and their (N,) labels."""
        raise NotImplementedError

    def loss(self, out: Any, weights: Tensor | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """The scalar loss, and figures by name."""
        raise NotImplementedError


class _ByLabels(Learner):
    """A module from raw batches to logits; its loss is the cross-entropy."""

    def forward(self, raw: Tensor, draws: Any, labels: Tensor | None = None, *_: Any) -> tuple[Tensor, Any]:
        """(N, *shape) raw samples to (N, classes) logits, and the (N,) labels."""
        return self.module(raw), labels

    def loss(self, out: tuple[Tensor, Tensor], weights: Tensor | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """The mean cross-entropy, and the share of labels that are the most probable ones."""
        logits, labels = out
        return functional.cross_entropy(logits, labels), {"accuracy": (logits.argmax(1) == labels).float().mean()}


class _Progress(Callback):
    """Calls `progress(done, epochs)` after each epoch."""

    def __init__(self, progress: Callable[[int, int], object]) -> None:
        self.progress = progress

    def epoch_end(self, training: Training) -> None:
        """One more."""
        self.progress(training.state.epoch, training.settings.epochs)

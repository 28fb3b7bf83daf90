"""Whole steps as captured graphs: an accelerator that waits for launches of small kernels replays all of them at once.

A graph holds everything from the choice of the samples to the note of the loss. What changes from step to step, it
reads from tensors on the device, so that the host does nothing but replay, and reads nothing back.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from isthmus.data import Samples
from isthmus.data.layout import Order
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.batch import Inputs, inputs_of
from isthmus.parts.constants import kept
from isthmus.parts.forward_pass import leaves, map_tensors
from isthmus.training.checkpoint import State
from isthmus.training.optimisers import Optimiser
from isthmus.training.schedule import Schedule
from isthmus.training.settings import Settings
from isthmus.training.step import Differentiate, Terms

WARM_UP = 3
"""Passes before a capture, in which libraries choose their algorithms and take their memory."""
TAKES_RATES = ("adam", "adamw", "sgd")
"""Optimisers whose fused functions take the learning rate as a tensor, so that it may change between replays."""

Capture = Callable[[Callable[[], object], Callable[[], object], torch.Generator], Callable[[], object]]
"""(warm-up, work, generator) to the replay of the work, which isn't done yet. The work draws by the generator."""


def can_capture(model: Autoencoder, settings: Settings, generator: torch.Generator) -> bool:
    """Whether to try to capture the step. A part that looks at computed values then stops the capture.

    Modules of your own may keep state that a replay would leave as it was.
    """
    return (
        generator.device.type == "cuda"
        and model.blueprint is not None
        and settings.compile is not True
        and settings.optimiser in TAKES_RATES
    )


class Graphs:
    """The steps of a training as graphs: one for whole batches, one for the smaller batch at an epoch's end.

    They write the loss into `state.losses`, and add to `state.terms`.

    samples: those that are trained on. If they aren't on the device, each batch is copied before its replay.
    failed: why a step could not be captured; no step is then taken here. Empty as long as none has failed.

    Source: PyTorch, CUDA graphs.
    """

    def __init__(
        self,
        model: Autoencoder,
        optimiser: Optimiser,
        differentiate: Differentiate,
        samples: Samples,
        state: State,
        batch_size: int,
        capture: Capture | None = None,
    ) -> None:
        self.model, self.optimiser, self.samples, self.state = model, optimiser, samples, state
        self.batch_size, self.failed = batch_size, ""
        self._differentiate, self._capture = differentiate, capture or CudaGraphs()
        device = state.losses.device
        self._resident = isinstance(samples.values, Tensor) and samples.values.device == device
        # what the graphs read: the step's number in the epoch, and the epoch's tables
        self._place = torch.zeros(1, dtype=torch.int64, device=device)
        self._steps = torch.arange(len(state.losses), device=device)
        self._offsets = torch.arange(batch_size + 1, device=device)
        self._order = torch.zeros(len(samples), dtype=torch.int64, device=device)
        self._rates = torch.zeros(len(state.losses), device=device)
        self._weights: Tensor | None = None
        self._epochs: Tensor | None = None
        # and what they add to: a sum for each term
        self._sums: Tensor | None = None
        self._terms: Terms = {}
        self._held: dict[int, Inputs] = {}
        self._replays: dict[int, Callable[[], object]] = {}
        self._constants: list[Tensor] = []
        self._next = -1

    def begin(self, order: Tensor | Order, schedule: Schedule, samples: Samples | None = None) -> None:
        """Put an epoch's order and schedules where the graphs read them.

        samples: those of the epoch, if they aren't the same tensors every time.
        """
        self._next = -1
        self.samples = self.samples if samples is None else samples
        if self.failed:
            return
        if self._resident and isinstance(order, Tensor):
            self._order.copy_(order)
        self._rates.copy_(schedule.rates())
        self._weights = _put(self._weights, schedule.weights)
        self._epochs = _put(self._epochs, schedule.epochs)

    def take(self, step: int, rows: Tensor) -> bool:
        """Take this step of the epoch, if it can be captured; rows: its samples, as many as its graph is for."""
        size = len(rows)
        if not self.failed and self._next != step:
            self._place.fill_(step)
        if not self.failed and not self._resident:
            self._fill(size, inputs_of(self.model, self.samples, rows))
        if not self.failed and size not in self._replays:
            self._try(size)
        if self.failed:
            return False
        if self.state.terms is not self._terms:  # of a new epoch, or of a checkpoint
            self._take_over(self.state.terms)
        self._replays[size]()
        self._next = step + 1
        return True

    def _try(self, size: int) -> None:
        generator = self.state.generator
        before = generator.get_state()
        try:
            self._replays[size] = self._capture(lambda: self._warm_up(size), lambda: self._work(size), generator)
            self._constants = kept()
        except RuntimeError as error:  # something in it looks at what it has computed
            self.failed = next(iter(str(error).splitlines()), "") or type(error).__name__
            self._replays.clear()
            # a capture that has failed may leave the generator in the middle of it
            self.state.generator = torch.Generator(device=generator.device)
            self.state.generator.set_state(before)

    def _warm_up(self, size: int) -> None:
        """Passes that leave no trace: what they have drawn and moved, such as running means, is put back."""
        generator = self.state.generator
        drawn, buffers = generator.get_state(), {name: value.clone() for name, value in self.model.named_buffers()}
        terms: Terms = {}
        for _ in range(WARM_UP):
            _, _, terms = self._pass(size)
        if self._sums is None:
            self._sums = torch.zeros(len(terms), device=self._place.device, dtype=self.state.losses.dtype)
            self._terms = dict(zip(terms, self._sums.unbind(), strict=True))
        generator.set_state(drawn)
        for name, value in self.model.named_buffers():
            value.copy_(buffers[name])

    def _work(self, size: int) -> None:
        """What one graph holds."""
        gradients, total, terms = self._pass(size)
        self.optimiser.step(gradients, self._rates.index_select(0, self._place)[0])
        assert self._sums is not None
        self._sums.add_(torch.stack(list(terms.values())).to(self._sums.dtype), alpha=size)
        losses = self.state.losses
        torch.where(self._steps == self._place, total.to(losses.dtype), losses, out=losses)
        self._place.add_(1)

    def _pass(self, size: int) -> tuple[list[Tensor], Tensor, Terms]:
        """Gradients, loss and terms of the batch at this place."""
        draws = self.model.draw(size, self.state.generator)
        epochs = None if self._epochs is None else self._epochs.index_select(0, self._place)[0]
        if self._resident:
            places = torch.add(self._offsets[:size], self._place, alpha=self.batch_size)
            rows = self._order.index_select(0, places)
            inputs = inputs_of(self.model, self.samples, rows, draws, epochs=epochs)
        else:
            inputs = self._held[size]._replace(draws=draws, epochs=None if epochs is None else epochs.repeat(size))
        weights = None if self._weights is None else self._weights.index_select(0, self._place)[0]
        return self._differentiate(inputs, weights)

    def _fill(self, size: int, inputs: Inputs) -> None:
        """Put a batch that isn't on the device where its graph reads it."""
        if size not in self._held:
            self._held[size] = map_tensors(torch.clone, inputs.to(self._place.device))
            return
        for held, given in zip(leaves(self._held[size]), leaves(inputs), strict=True):
            held.copy_(given, non_blocking=True)

    def _take_over(self, terms: Terms) -> None:
        """Let the state's sums be those that the graphs add to, beginning at these."""
        assert self._sums is not None
        self._sums.zero_()
        for name, value in terms.items():
            self._terms[name].copy_(value)
        self.state.terms = self._terms


class CudaGraphs:
    """Captures work as CUDA graphs that share their memory (see `Capture`): one is replayed at a time.

    Raises:
        RuntimeError: something in the work can't be captured.
    """

    def __init__(self) -> None:
        self._pool: Any = None

    def __call__(
        self, warm_up: Callable[[], object], work: Callable[[], object], generator: torch.Generator
    ) -> Callable[[], object]:
        """See `Capture`."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            warm_up()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(generator)  # each replay then draws on from where the generator is
        self._pool = self._pool or torch.cuda.graph_pool_handle()
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            work()
        return graph.replay


def _put(held: Tensor | None, given: Tensor | None) -> Tensor | None:
    """The given values in the memory that is held already, if there is some."""
    return given if held is None or given is None else held.copy_(given)

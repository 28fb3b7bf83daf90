"""The training loop: epochs, steps and the six moments, top to bottom."""

import contextlib
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from isthmus.data import Samples
from isthmus.data.in_order import in_order
from isthmus.data.layout import Order
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.batch import inputs_of
from isthmus.parts.forward_pass import map_tensors
from isthmus.parts.layers import awake, unit_columns
from isthmus.parts.shared_batch import normalised_together, own, sharing, weighed
from isthmus.storage.checked import damaged
from isthmus.training.callback import Callback
from isthmus.training.captured import Graphs, can_capture
from isthmus.training.checkpoint import Checkpoint, State, Status, save_checkpoint
from isthmus.training.clock import Clock
from isthmus.training.deterministic import deterministic
from isthmus.training.draws import epoch_order, generator_for
from isthmus.training.endings import interruptible, why_lost
from isthmus.training.lengths import lengths_of
from isthmus.training.optimisers import Optimiser
from isthmus.training.precision import fast_products
from isthmus.training.processes import ALONE, Processes, sums_of_bits
from isthmus.training.schedule import Schedule
from isthmus.training.settings import Settings, find_batch_size, find_device
from isthmus.training.step import Step, Terms, alone
from isthmus.training.steps import count_steps, differentiated, make_step
from isthmus.training.threads import few_threads

VALIDATION_BATCH, LARGEST_BATCH, NUMBERS_AT_ONCE = 1024, 8192, 2**23
"""Samples that are measured at once; on an accelerator at most so many, and so many numbers."""
Sum = tuple[Tensor, int]
"""A sum (), and how many values it is of."""
LOOK = 10.0
"""Seconds between two looks at an accelerator's losses within an epoch: each look waits for the device."""
LOOK_STEPS = 64
"""Steps between them where several processes must look at once."""
ORDER = ("running", "interrupted", "stopped early", "finished", "diverged")
"""Which status counts if processes want different ones: the last."""


class Training:
    """One model, its data, and the state of training. Callbacks read it, and may `stop` it.

        Training(model, train, validation, settings, callbacks).run()

    settings: with nothing left on "auto". rates: learning rates of some weights by their names, as multiples of the
    others'; those of rivals and codes are known.

    processes: those that share the batches. They all run the same training, and have the same state after every step.

    Once a step has been taken, `uncaptured` says why steps aren't captured as a graph; it is empty if they are.
    """

    def __init__(
        self,
        model: Autoencoder,
        train: Samples,
        validation: Samples | None,
        settings: Settings,
        callbacks: Sequence[Callback] = (),
        checkpoint: Checkpoint | None = None,
        rates: Mapping[str, float] | None = None,
        processes: Processes = ALONE,
    ) -> None:
        self.processes = processes
        self.device = find_device(settings.device)
        self.model = model.to(self.device)
        self.samples, self.validation, self.settings = train, validation, settings
        self._resident = train.resident(self.device, _room(self.device) // 2)
        self._resident_validation = validation and validation.resident(self.device, _room(self.device) // 4)
        self.callbacks = list(callbacks)
        self.batch_size = find_batch_size(settings, len(train))
        # on a CPU batches are cut to their longest sample; captured and compiled steps need one shape
        cut = model.cuttable and self.device.type == "cpu" and settings.compile is not True
        self._lengths = lengths_of(train) if cut else None
        self.steps_per_epoch = count_steps(model, len(train), self.batch_size)
        trained = {name: value for name, value in model.named_parameters() if value.requires_grad}
        rates = dict(rates or {}) | {
            f"objective.penalty_modules.{name}.{weight}": penalty.own_rate
            for name, penalty in model.objective.named
            if name in model.objective.penalty_modules
            for weight, _ in model.objective.penalty_modules[name].named_parameters()
        }
        if model.code_module is not None:
            rates |= {
                f"code_module.{weight}": model.code.own_rate for weight, _ in model.code_module.named_parameters()
            }
        self.optimiser = Optimiser(settings, trained, rates, unit_columns(model))
        self.state = State(
            generator=generator_for(model, self.device, settings.seed),
            losses=torch.full((self.steps_per_epoch,), float("nan"), device=self.device),
        )
        self.uncaptured = "The step was not to be captured."
        self._graphs: Graphs | None = None
        self._clock, self._looked = Clock(self.device), time.monotonic()
        self._wish: tuple[Status, str] = "running", ""
        self._wished = torch.zeros((), device=self.device)
        if checkpoint is not None:
            with damaged(checkpoint.path):
                checkpoint.restore(self.state, self.model, self.optimiser, settings.epochs)
                for name, callback in self._named_callbacks():
                    if name in checkpoint.notes["callbacks"]:
                        owned = checkpoint.group(f"callback/{name}/")
                        callback.restore(checkpoint.notes["callbacks"][name], owned)

    def run(self) -> State:
        """Train until the epochs are done, a callback stops it, you interrupt it, or the loss isn't finite."""
        share = self.processes.share(self.batch_size)
        size, combine = (self.batch_size, alone) if share is None else (share.size, self._combined)
        step = make_step(self.model, self.optimiser, self.settings, self.device, size, combine)
        self.processes.give(self.model.state_dict())
        if not self.processes.several and can_capture(self.model, self.settings, self.state.generator):
            pure = differentiated(self.model, self.settings, self.device)
            self._graphs = Graphs(self.model, self.optimiser, pure, self._resident, self.state, self.batch_size)
        self.model.train()
        threads = few_threads(self.model, size, self.device)
        together = normalised_together(self.model) if self.processes.several else contextlib.nullcontext()
        with interruptible(self), fast_products(self.device), deterministic(self.device), threads, together:
            self._call("train_begin")
            self._agree()
            while self.state.status == "running" and self.state.epoch < self.settings.epochs:
                self._epoch(step)
            if self.state.status == "running" or (
                self.state.status == "interrupted" and self.state.epoch >= self.settings.epochs
            ):
                self.state.status, self.state.reason = "finished", ""
            self._call("train_end")
        self._graphs = None  # whose memory is on the device
        self.model.eval()
        return self.state

    def stop(self, status: Status, reason: str = "") -> None:
        """End training after the current step.

        The first reason is kept: an interruption that comes later, for example while the last checkpoint is written,
        doesn't change it. A reason from training itself takes precedence over an interruption in the same epoch.

        One of several processes thereby ends the training of all, after the same step.
        """
        before = self.wish[0]
        if before != "running" and not (before == "interrupted" and status != "interrupted"):
            return
        self._wish = status, reason
        if not self.processes.several:
            self.state.status, self.state.reason = status, reason

    @property
    def wish(self) -> tuple[Status, str]:
        """The status that this process wants, and why; it becomes the state's when all processes know of it."""
        return self._wish if self.processes.several else (self.state.status, self.state.reason)

    def validate(self) -> dict[str, float]:
        """Mean loss and terms over the validation part, with the same draws every time; empty without that part.

        This process computes all of it, so a callback of one process may ask for it.
        """
        return _means(self._validated(ALONE))

    @torch.no_grad()
    def _validated(self, processes: Processes) -> dict[str, Sum]:
        """The figures of `validate`, still on the device, computed by these processes together."""
        samples = self._resident_validation
        if samples is None or not len(samples):
            return {}
        generator = torch.Generator(device=self.state.generator.device).manual_seed(self.settings.seed)
        sums: dict[str, Tensor] = {}
        self.model.eval()
        try:
            for rows in torch.arange(len(samples), device=_device_of(samples)).split(self._validation_batch()):
                draws = self.model.draw(len(rows), generator)
                for side in ("encoder", "decoder"):
                    if side in draws:  # dropout rests
                        draws[side] = awake(getattr(self.model, side), draws[side])
                with sharing(processes.share(len(rows))):
                    inputs = inputs_of(self.model, samples, own(rows), map_tensors(own, draws))
                    total, terms = self.model.loss(self.model(*inputs.to(self.device)))
                    for name, value in {"loss": total, **terms}.items():
                        sums[name] = sums.get(name, torch.zeros((), device=self.device)) + weighed(value) * len(rows)
        finally:
            self.model.train()
        if processes.several:
            sums = dict(zip(sums, processes.add(torch.stack(list(sums.values()))), strict=True))
        return {name: (value, len(samples)) for name, value in sums.items()}

    def _validation_batch(self) -> int:
        """The number of samples to measure at once; more of small ones on an accelerator, which waits for launches."""
        parts = (self.model.code.prior, *self.model.objective.penalties)
        together = any(part.over_batch for part in parts)
        if self.device.type == "cpu" or together:
            return VALIDATION_BATCH
        numbers = math.prod(self.samples.shape)
        return max(VALIDATION_BATCH, min(LARGEST_BATCH, NUMBERS_AT_ONCE // max(1, numbers)))

    def save_checkpoint(self, folder: Path) -> None:
        """Write everything that is needed to resume from here."""
        owned = {name: callback.state() for name, callback in self._named_callbacks()}
        save_checkpoint(folder, self.state, self.model, self.optimiser, owned, self.settings.epochs)

    def order(self) -> Tensor | Order:
        """(N,) the order of the samples in this epoch; on the device that draws the run's random numbers."""
        return epoch_order(self.samples, self.settings.seed, self.state.epoch, self.state.generator.device)

    def rows_of(self, order: Tensor | Order, step: int) -> Tensor:
        """The samples of a step of an epoch; the last step takes the rest."""
        begin = step * self.batch_size
        return order[begin:] if step == self.steps_per_epoch - 1 else order[begin : begin + self.batch_size]

    def _epoch(self, step: Step) -> None:
        """One epoch, or its remaining steps, and its row in the history. The loop waits for an accelerator once."""
        state = self.state
        self._call("epoch_begin")
        order = self.order()
        order = order.to(_device_of(self._resident)) if isinstance(order, Tensor) else order
        code, penalties = self.model.code, self.model.objective.penalties
        schedule = Schedule(self.settings, code, penalties, state.epoch, self.steps_per_epoch, self.device)
        self._clock.start()
        with in_order(self._resident, order, state.step * self.batch_size) as samples:
            if self._graphs is not None:
                self._graphs.begin(order, schedule, samples)
            while state.step < self.steps_per_epoch:
                self._call("batch_begin")
                self._step(step, samples, self.rows_of(order, state.step), schedule)
                state.step += 1
                self._call("batch_end")
                if self._lost() or self._ends():
                    self._clock.stop()
                    state.seconds += self._clock.seconds()
                    return
        self._clock.stop()
        figures = self._figures()
        state.seconds += self._clock.seconds()
        if not figures.pop("finite"):
            self._diverge()
            self._agree()
            return
        state.history.append(self._row(figures, schedule.rate(self.steps_per_epoch - 1)))
        state.epoch, state.step, state.seconds, state.terms = state.epoch + 1, 0, 0.0, {}
        state.losses.fill_(float("nan"))
        self._call("epoch_end")
        self._agree()

    def _ends(self) -> bool:
        """Whether training ends after this step."""
        if self.processes.several and self._looks() and float(self._wished):
            self._agree()
        return self.state.status != "running"

    def _agree(self) -> None:
        """Let all processes have the status that one of them wants, and check that they have the same weights.

        Raises:
            TrainingError: the weights differ.
        """
        if not self.processes.several:
            return
        state = self.state
        said = self.processes.exchange({"wish": self._wish, "signal": state.signal})
        # the own wish stays: a signal may have come meanwhile
        state.status, state.reason = max((one["wish"] for one in said), key=lambda wish: ORDER.index(wish[0]))
        state.signal = next((one["signal"] for one in said if one["signal"]), state.signal)
        self._wished.zero_()
        weights = {name: value for name, value in self.model.state_dict().items() if value.is_floating_point()}
        self.processes.check_alike(
            {"weights": sums_of_bits(weights)},
            {"weights": "A callback that changes them must do so in every process."},
        )

    def _combined(self, gradients: list[Tensor], loss: Tensor, terms: Terms) -> tuple[list[Tensor], Tensor, Terms]:
        """The gradients, loss and terms of all processes; with them they say whether they want to go on."""
        ends = loss.new_tensor(float(self._wish[0] != "running"))
        gradients, (ends, loss, *means) = self.processes.combined(gradients, [ends, loss, *terms.values()])
        self._wished += ends
        return gradients, loss, dict(zip(terms, means, strict=True))

    def _step(self, step: Step, samples: Samples, rows: Tensor, schedule: Schedule) -> None:
        """One step: draw the random numbers, update the weights, record the loss."""
        state, place = self.state, self.state.step
        if self._graphs is not None:
            taken = self._graphs.take(place, rows)
            self.uncaptured = self._graphs.failed
            if taken:
                return
        draws = self.model.draw(len(rows), state.generator)
        epochs = None if schedule.epochs is None else schedule.epochs[place]
        weights = None if schedule.weights is None else schedule.weights[place]
        with sharing(self.processes.share(len(rows))):
            drawn = map_tensors(own, draws)
            inputs = inputs_of(self.model, samples, own(rows), drawn, epochs=epochs).to(self.device)
            if self._lengths is not None:
                inputs = inputs.cut(int(self._lengths[rows].max()))
            loss, terms = step(inputs, weights, schedule.rate(place))
        state.losses[place] = loss
        for name, term in terms.items():
            total = term * len(rows)
            if name in state.terms:
                state.terms[name].add_(total)
            else:
                state.terms[name] = total

    @torch.no_grad()
    def _figures(self) -> dict[str, float]:
        """The results of the epoch that has just ended, in the order of the history, and whether they are finite.

        Only here the loop waits for an accelerator.
        """
        state, count = self.state, len(self.samples)
        sizes = torch.full_like(state.losses, self.batch_size)
        sizes[-1] = count - (self.steps_per_epoch - 1) * self.batch_size
        finite = torch.isfinite(state.losses).all().to(state.losses.dtype)
        figures = {"finite": (finite, 1), "loss": ((state.losses * sizes).sum() / sizes.sum(), 1)}
        figures |= {name: (total, count) for name, total in state.terms.items()}
        figures |= {f"validation_{name}": value for name, value in self._validated(self.processes).items()}
        return _means(figures)

    def _row(self, figures: dict[str, float], rate: float) -> dict[str, Any]:
        """The epoch's row in the history."""
        seconds = self.state.seconds
        row: dict[str, Any] = {"epoch": self.state.epoch + 1, **figures, "learning_rate": rate, "seconds": seconds}
        return row | {"samples_per_second": len(self.samples) / max(seconds, 1e-9)}

    def _lost(self) -> bool:
        """Whether the loss is no longer finite: on a CPU looked at after every step, where that costs no time.

        An accelerator would have to be waited for. So there all losses of the epoch are looked at when it ends, when
        training is stopped, and every `LOOK` seconds of a long epoch. Whatever was computed after the first loss that
        isn't finite is then thrown away: neither the best weights nor a checkpoint are written before that look.
        """
        state, here = self.state, self.device.type == "cpu"
        if not self._looks():
            return False
        self._looked = time.monotonic()
        begin = state.step - 1 if here else 0
        if bool(torch.isfinite(state.losses[begin : state.step]).all()):
            return False
        self._diverge()
        self._agree()
        return True

    def _looks(self) -> bool:
        """Whether to look at the losses after this step; several processes do so after the same steps."""
        if self.device.type == "cpu":
            return True
        if self.processes.several:
            return self.state.step % LOOK_STEPS == 0 or self.state.step == self.steps_per_epoch
        return self.state.status != "running" or time.monotonic() - self._looked >= LOOK

    def _diverge(self) -> None:
        """Stop, with the number of the first step whose loss isn't finite."""
        first = int((~torch.isfinite(self.state.losses.cpu())).nonzero()[0, 0])
        number = self.state.epoch * self.steps_per_epoch + first
        self.stop("diverged", why_lost(self, first, number))

    def _call(self, moment: str) -> None:
        for callback in self.callbacks:
            getattr(callback, moment)(self)

    def _named_callbacks(self) -> Iterator[tuple[str, Callback]]:
        """The callbacks by their names in a checkpoint."""
        counts: dict[str, int] = {}
        for callback in self.callbacks:
            name = type(callback).__name__
            counts[name] = counts.get(name, 0) + 1
            yield f"{name}-{counts[name]}", callback


def _room(device: torch.device) -> int:
    """Free bytes on an accelerator; a large number if PyTorch doesn't report them, because memory is then shared."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 2**33


def _device_of(samples: Samples) -> torch.device:
    """Where batches are taken from."""
    return samples.values.device if isinstance(samples.values, Tensor) else torch.device("cpu")


def _means(sums: dict[str, Sum]) -> dict[str, float]:
    """The means by name; the sums come from an accelerator in one transfer."""
    if not sums:
        return {}
    values = [value for value, _ in sums.values()]
    here = values[0].device.type == "cpu"
    totals = map(float, values) if here else torch.cat([value.reshape(1) for value in values]).tolist()
    return {name: total / count for (name, (_, count)), total in zip(sums.items(), totals, strict=True)}

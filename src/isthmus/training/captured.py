"""The step as a captured graph: an accelerator that waits for launches of small kernels replays all of them at once."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from isthmus.model.autoencoder import Autoencoder
from isthmus.model.batch import Inputs
from isthmus.parts.forward_pass import leaves, map_tensors
from isthmus.training.optimisers import Optimiser
from isthmus.training.settings import Settings
from isthmus.training.step import Differentiate, Step, Terms

WARM_UP = 3
"""Passes before a capture, in which libraries choose their algorithms and take their memory."""
TAKES_RATES = ("adam", "adamw", "sgd")
"""Optimisers whose fused functions take the learning rate as a tensor, so that it may change between replays."""

Capture = Callable[[Callable[[], object], Callable[[], Any]], tuple[Any, Callable[[], None]]]
"""(warm-up, work) to (the tensors that the work makes, filled at each replay; the replay). The work isn't done yet."""


def can_capture(model: Autoencoder, settings: Settings, device: torch.device) -> bool:
    """Whether the step may be captured: of parts that draw nothing themselves and decide nothing by what they see.

    Modules of your own may keep state that a replay would leave as it was.
    """
    return (
        device.type == "cuda"
        and model.blueprint is not None
        and model.code.compiles
        and model.code.prior.compiles
        and (settings.optimiser in TAKES_RATES)
    )


def captured_step(
    model: Autoencoder,
    optimiser: Optimiser,
    settings: Settings,
    batch_size: int,
    differentiate: Differentiate,
    remainder: Step,
    capture: Capture | None = None,
) -> Step:
    """The eager step with the same kernels, captured at the first whole batch and replayed from then on.

    `remainder` takes the last, smaller batch of an epoch, and every batch where the step can't be captured.

    Source: PyTorch, CUDA graphs.
    """
    capture = capture or cuda_graph
    held: dict[str, Any] = {}
    captured: tuple[tuple[Tensor, Terms], Callable[[], None]] | None = None
    fell_back = False

    def passes() -> tuple[list[Tensor], Tensor, Terms]:
        return differentiate(held["inputs"], held["weights"])

    def work() -> tuple[Tensor, Terms]:
        gradients, total, terms = passes()
        optimiser.step(gradients, held["rate"])
        return total, terms

    def warm_up() -> None:
        before = {name: buffer.clone() for name, buffer in model.named_buffers()}
        for _ in range(WARM_UP):
            passes()
        for name, buffer in model.named_buffers():  # running means, say, which the passes have moved
            buffer.copy_(before[name])

    def step(inputs: Inputs, weights: Tensor | None, rate: float) -> tuple[Tensor, Terms]:
        nonlocal captured, fell_back
        if len(inputs.raw) != batch_size or fell_back:
            return remainder(inputs, weights, rate)
        given = {"inputs": inputs, "weights": weights, "rate": torch.full((), rate, device=inputs.raw.device)}
        if captured is None:
            held.update(map_tensors(torch.clone, given))
            try:
                captured = capture(warm_up, work)
            except RuntimeError:  # something in it looks at what it has computed
                fell_back = True
                return remainder(inputs, weights, rate)
        _copy(held, given)
        made, replay = captured
        replay()
        return made

    return step


def cuda_graph(warm_up: Callable[[], object], work: Callable[[], Any]) -> tuple[Any, Callable[[], None]]:
    """A CUDA graph of the work (see `Capture`).

    Raises:
        RuntimeError: something in it can't be captured.
    """
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        warm_up()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        made = work()
    return made, graph.replay


def _copy(held: Any, given: Any) -> None:
    """Put a batch's tensors where the graph reads them."""
    for place, value in zip(leaves(held), leaves(given), strict=True):
        place.copy_(value)

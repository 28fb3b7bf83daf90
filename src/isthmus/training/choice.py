"""What a training leaves open, chosen from the model and the data: epochs, batch size, learning rate and schedule."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from isthmus.data import Samples
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.batch import inputs_of
from isthmus.parts.model import eval_mode
from isthmus.parts.networks.recurrent import Recurrent
from isthmus.parts.networks.residual import Block
from isthmus.training.settings import Settings

STEPS = 4000
"""That a training takes where the work allows it. On few data fewer leave the loss falling, more only overfit."""
PASSES = 30
"""Over the training part at least, where the work allows it: what makes a difference on many data."""
LEAST_SECONDS, SECONDS_A_SAMPLE, MOST_SECONDS = 15.0, 1 / 150, 120.0
"""What a training may take on two cores: so long, and more for many samples, up to two minutes. See `seconds_a_step`: a
machine's own speed doesn't enter."""
SECONDS_A_STEP, SECONDS_AN_OPERATION = 3e-4, 1.5e-5
FLOPS_A_SECOND, NUMBERS_A_SECOND = 3e10, 5e8
"""What two cores of 2020 manage: products, and numbers that operations make, forwards and backwards."""
CONVOLVING = 2
"""How many times as long a convolution's products take as a dense layer's, on small maps."""
LEAST_BATCH, MOST_BATCH, STEPS_AN_EPOCH = 32, 256, 32
OPEN = ("epochs", "batch_size", "learning_rate", "schedule", "patience")
"""What is chosen where the epochs are left open and these are not given."""


def chosen(model: Autoencoder, train: Samples, given: Mapping[str, Any]) -> Settings:
    """The settings with what is not given among `OPEN` chosen, where the epochs are left open; else as they are given.

    The batch makes some `STEPS_AN_EPOCH` steps an epoch. There are `STEPS` steps and at least `PASSES` epochs, but no
    more than `limit_seconds` allows by the work that a step is, counted and not timed: the same model and data get the
    same settings everywhere. The learning rate falls to 0 by a cosine. Where the validation loss hasn't fallen for a
    third of the epochs, training stops: what comes later only overfits. A rival's loss tells no such thing.

    Source: Loshchilov & Hutter, SGDR: stochastic gradient descent with warm restarts, ICLR (2017), for the cosine.
    """
    settings = Settings(**given)
    if "epochs" in given or not len(train):
        return settings
    batch = settings.batch_size if isinstance(settings.batch_size, int) else _batch_size(len(train))
    steps_an_epoch = -(-len(train) // batch)
    wanted = max(PASSES, math.ceil(STEPS / steps_an_epoch))
    affordable = int(limit_seconds(len(train)) / (steps_an_epoch * seconds_a_step(model, train, batch)))
    epochs = max(1, min(wanted, affordable))
    patience = None if model.objective.has_rival else max(10, epochs // 3)
    ours = {"epochs": epochs, "batch_size": batch, "learning_rate": _learning_rate(model), "schedule": "cosine"}
    return settings.replace(**ours | {"patience": patience} | dict(given))


def limit_seconds(samples: int) -> float:
    """The most that a training on so many samples is meant to take on two cores: 25 s on the bundled digits."""
    return min(MOST_SECONDS, LEAST_SECONDS + samples * SECONDS_A_SAMPLE)


def in_words(model: Autoencoder, settings: Settings) -> str:
    """What was chosen, in one line: "code 11, 89 epochs of batches of 32, cosine from 0.003"."""
    code = "×".join(map(str, model.code_shape))
    epochs = f"{settings.epochs} epoch{'s' * (settings.epochs > 1)} of batches of {settings.batch_size}"
    schedule = f"{settings.schedule} from" if settings.schedule != "constant" else "a learning rate of"
    return f"code {code}, {epochs}, {schedule} {settings.learning_rate:g}"


def seconds_a_step(model: Autoencoder, train: Samples, batch: int) -> float:
    """What a step of so many samples is assumed to take, from the operations and products of two samples' loss."""
    rows = torch.arange(min(2, len(train)))
    generator = torch.Generator().manual_seed(0)
    with eval_mode(model), _Work() as work:
        model.loss(model(*inputs_of(model, train, rows, model.draw(len(rows), generator)).to(model.device)))
    share = 3 * batch / len(rows)  # the way back takes twice as long as the way there
    a_sample = work.flops / FLOPS_A_SECOND + work.numbers / NUMBERS_A_SECOND
    return SECONDS_A_STEP + 3 * work.operations * SECONDS_AN_OPERATION + share * a_sample


def _batch_size(samples: int) -> int:
    """A power of two that makes some `STEPS_AN_EPOCH` steps an epoch, within the bounds."""
    return max(LEAST_BATCH, min(MOST_BATCH, 2 ** int(math.log2(max(1, samples // STEPS_AN_EPOCH)))))


def _learning_rate(model: Autoencoder) -> float:
    """Lower for residual blocks and recurrent cells; higher for logistic units, whose slopes are small."""
    modules = list(model.modules())
    if any(isinstance(module, Block | Recurrent | nn.RNNBase) for module in modules):
        return 1e-3
    logistic = getattr(model.code, "activation", "") == "sigmoid"
    return 1e-2 if logistic or any(isinstance(module, nn.Sigmoid) for module in modules) else 3e-3


class _Work(TorchDispatchMode):
    """Counts what is done within the block: operations, the numbers that they make, and products and sums of those."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = self.numbers = self.flops = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if any(given.alias_info is not None for given in func._schema.returns):  # a view, which costs next to nothing
            return made
        self.operations += 1
        self.numbers += sum(leaf.numel() for leaf in tree_leaves(made) if isinstance(leaf, Tensor))
        if (count := flop_registry.get(func._overloadpacket)) is not None:
            times = CONVOLVING if func._overloadpacket is torch.ops.aten.convolution else 1
            self.flops += times * int(count(*args, **(kwargs or {}), out_val=made))
        return made

"""Choosing settings that aren't given, from the model and the data: epochs, batch size, learning rate, schedule.

There are two budgets. Both bound the work of a training in seconds of two cores, which are computed and not measured
(`seconds_a_step`):

- A table gets two seconds for 20,000 numbers (1,000 rows of 20 columns), and twice as many for four times the numbers;
  at least one second, at most two minutes. If that isn't enough for 1,000 steps, it gets up to three times as long.
  Small tables take large steps: about 8 an epoch, at two or three times the usual learning rate.
- Other data get 15 seconds, and one more for every 150 samples; at most two minutes.

The rules for the size of the code and the hidden layers stand in `isthmus.parts.data_spec`.
"""

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
from isthmus.parts.distances.tokens import Tokens
from isthmus.parts.model import eval_mode
from isthmus.parts.networks.gdn import DivisiveNorm
from isthmus.parts.networks.recurrent import Recurrent
from isthmus.parts.networks.residual import Block
from isthmus.parts.networks.unet import Conditioned
from isthmus.training.lengths import lengths_of
from isthmus.training.settings import Settings

STEPS = 4000
"""Steps of a training, if the time limit allows them. On few data, fewer steps underfit and more overfit."""
PASSES = 30
"""The least number of epochs, if the time limit allows it; it matters for large data."""
LEAST_SECONDS, SECONDS_A_SAMPLE, MOST_SECONDS = 15.0, 1 / 150, 120.0
"""The time limit of a training on two cores in seconds; it grows to two minutes for many samples. It is computed from
the work (see `seconds_a_step`), so the machine's speed doesn't matter."""
LEAST_TABLE_SECONDS, TABLE_SECONDS, TABLE_NUMBERS = 1.0, 2.0, 20_000
"""The same for tables: the least limit, and the limit for a table of this many numbers. It grows with their root."""
SECONDS_A_STEP, SECONDS_AN_OPERATION = 3e-4, 1.5e-5
FLOPS_A_SECOND, NUMBERS_A_SECOND = 3e10, 5e8
"""The speed of two cores of 2020: products, and numbers that operations make, forwards and backwards."""
CONVOLVING = 2
"""How many times as long a convolution's products take as a dense layer's, on small maps."""
OF_TOKENS = 4
"""How many times as fast the work on samples of tokens is done: products have a row for each token, which suits them,
and padding is left out. Measured with GRUs and transformers on lines of text, which take a fifth without this."""
TABLE_STEPS, PATIENT = 1000, 3
"""Steps for which a table may take longer than its limit, if the model's steps take long; how many times as long."""
LEAST_BATCH, MOST_BATCH, STEPS_AN_EPOCH = 32, 256, 32
TABLE_STEPS_AN_EPOCH, MANY_STEPS_AN_EPOCH, MOST_TABLE_BATCH = 8, 1024, 2048
"""Steps an epoch of a small table, in batches of up to `MOST_BATCH`, and of a table so large that these would be more
steps; then batches grow to the last number."""
TABLE_RATE, TABLE_RATE_FROM_PCA = 8e-3, 6e-3
"""The learning rates for tables, whose trainings have few steps. The lower one keeps what a start at PCA knows."""
OF_ROWS = 4
"""How many times as fast numbers are made from rows of a table, whose batches stay in the cache."""
MEASURED = 1000
"""Samples whose lengths are measured."""
OPEN = ("epochs", "batch_size", "learning_rate", "schedule", "patience")
"""The settings that are chosen if neither they nor the epochs are given."""


def chosen(model: Autoencoder, train: Samples, given: Mapping[str, Any]) -> Settings:
    """If the epochs aren't given, choose them and those settings of `OPEN` that aren't given; else change nothing.

    The batch size gives a fixed number of steps an epoch, within bounds. There are `STEPS` steps and at least `PASSES`
    epochs, but no more than `limit_seconds` allows. A step's time is computed from its operations, not measured, so the
    same model and data get the same settings everywhere. The learning rate falls to 0 by a cosine. Training stops if
    the validation loss hasn't improved for a third of the epochs, because later epochs only overfit; not so with a
    rival, whose loss doesn't show this.

    Source: Loshchilov & Hutter, SGDR: stochastic gradient descent with warm restarts, ICLR (2017), for the cosine.
    """
    settings = Settings(**given)
    if "epochs" in given or not len(train):
        return settings
    batch = settings.batch_size if isinstance(settings.batch_size, int) else batch_size(train.kind, len(train))
    steps_an_epoch = -(-len(train) // batch)
    wanted = max(PASSES, math.ceil(STEPS / steps_an_epoch))
    seconds = seconds_a_step(model, train, min(batch, len(train)))
    limit = limit_seconds(train.kind, len(train), math.prod(train.shape))
    if train.kind == "table":
        limit = min(MOST_SECONDS, max(limit, min(PATIENT * limit, TABLE_STEPS * seconds)))
    affordable = int(limit / (steps_an_epoch * seconds))
    epochs = max(1, min(wanted, affordable))
    patience = None if model.objective.has_rival else max(10, epochs // 3)
    ours = {"epochs": epochs, "batch_size": batch, "learning_rate": learning_rate(model, train), "schedule": "cosine"}
    return settings.replace(**ours | {"patience": patience} | dict(given))


def limit_seconds(kind: str, count: int, width: int) -> float:
    """The time limit on two cores for a training on this many samples of `width` numbers each.

    25 s on the bundled digits; 2 s on 1,000 rows of 20 columns.
    """
    if kind != "table":
        return min(MOST_SECONDS, LEAST_SECONDS + count * SECONDS_A_SAMPLE)
    seconds = TABLE_SECONDS * math.sqrt(count * width / TABLE_NUMBERS)
    return min(MOST_SECONDS, max(LEAST_TABLE_SECONDS, seconds))


def in_words(model: Autoencoder, settings: Settings) -> str:
    """The chosen settings in one line: "code 11, 89 epochs of batches of 32, cosine from 0.003"."""
    code = "×".join(map(str, model.code_shape))
    epochs = f"{settings.epochs} epoch{'s' * (settings.epochs > 1)} of batches of {settings.batch_size}"
    schedule = f"{settings.schedule} from" if settings.schedule != "constant" else "a learning rate of"
    return f"code {code}, {epochs}, {schedule} {settings.learning_rate:g}"


def seconds_a_step(model: Autoencoder, train: Samples, batch: int) -> float:
    """The assumed time of a step in seconds, from the operations and products of a few samples' loss.

    Those of two and of four samples show which work grows with the batch, and which is done once, such as that on
    weights. Batches of tokens are as long as the mean sample, as on a CPU.
    """
    two, four = (_work_of(model, train, count) for count in (2, 4))
    numbers_a_second = NUMBERS_A_SECOND * (OF_ROWS if train.kind == "table" else 1)
    of_two, of_four = (work.flops / FLOPS_A_SECOND + work.numbers / numbers_a_second for work in (two, four))
    a_sample = max(0.0, (of_four - of_two) / 2)
    once = max(0.0, of_two - 2 * a_sample)
    if isinstance(model.distance, Tokens):
        a_sample /= OF_TOKENS
    # the way back takes twice as long as the way there
    return SECONDS_A_STEP + 3 * (two.operations * SECONDS_AN_OPERATION + once + batch * a_sample)


def _work_of(model: Autoencoder, train: Samples, count: int) -> "_Work":
    """The work on the loss of so many samples; they are repeated if there are fewer."""
    rows = torch.arange(count) % len(train)
    generator = torch.Generator().manual_seed(0)
    inputs = inputs_of(model, train, rows, model.draw(count, generator))
    if model.cuttable:
        inputs = inputs.cut(math.ceil(lengths_of(train.some(MEASURED)).float().mean()))
    with eval_mode(model), _Work() as work:
        model.loss(model(*inputs.to(model.device)))
    return work


def batch_size(kind: str, count: int) -> int:
    """A power of two that makes some `STEPS_AN_EPOCH` steps an epoch, within the bounds; of a table fewer steps."""
    most = MOST_BATCH
    wanted = count // STEPS_AN_EPOCH
    if kind == "table":
        wanted = max(min(count // TABLE_STEPS_AN_EPOCH, MOST_BATCH), count // MANY_STEPS_AN_EPOCH)
        most = MOST_TABLE_BATCH
    return max(LEAST_BATCH, min(most, 2 ** int(math.log2(max(1, wanted)))))


def learning_rate(model: Autoencoder, train: Samples) -> float:
    """Lower for residual blocks, recurrent cells and codecs; higher for tables and for logistic units.

    The slopes of logistic units are small, and the trainings on tables short.
    """
    modules = list(model.modules())
    if any(isinstance(module, DivisiveNorm) for module in modules):
        return 5e-4
    if any(isinstance(module, Block | Conditioned | Recurrent | nn.RNNBase) for module in modules):
        return 1e-3
    logistic = getattr(model.code, "activation", "") == "sigmoid"
    if logistic or any(isinstance(module, nn.Sigmoid) for module in modules):
        return 1e-2
    if train.kind != "table" or model.objective.has_rival:
        return 3e-3
    return TABLE_RATE_FROM_PCA if model.blueprint is not None and model.blueprint.start == "pca" else TABLE_RATE


class _Work(TorchDispatchMode):
    """Counts what is done within the block: operations, the numbers that they make, and products and sums of those."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = self.numbers = self.flops = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here, so PyTorch needn't load its compiler for that, which takes seconds."""
        return False

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

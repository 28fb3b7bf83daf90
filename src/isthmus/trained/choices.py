"""What was chosen for a run and why: sizes, epochs, batches, scaling, noise, each with the option that changes it."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from isthmus.formatting import percent
from isthmus.model.blueprint import Blueprint
from isthmus.parts import Corruption, Dense
from isthmus.parts.data_spec import LEAST_WIDTH, ROWS_A_DIMENSION, SHARE
from isthmus.parts.vectors import BITS
from isthmus.shown import Card, ShownList, Table
from isthmus.trained.trained_model import TrainedModel
from isthmus.training import choice
from isthmus.training.settings import Settings

FEW = 20
"""Validation samples below which their loss is a rough guide."""
BY_HAND = "as given, or as the recipe has it"
SCALINGS = {
    "bytes": "bytes are divided by 255",
    "standardise": "mean 0 and standard deviation 1, because the values have no common bounds",
    "minmax": "0 to 1",
    "rms": "all numbers are divided by their root mean square",
    "none": "none, because the values lie in 0 to 1 or are codes",
}


class Choice(NamedTuple):
    """One choice. what: its name. value, why: in words. option: what changes it, as in Python."""

    what: str
    value: str
    why: str
    option: str


class Choices(ShownList[Choice]):
    """What was chosen for a run and why."""

    def _card(self) -> Card:
        return Card("what was chosen and why", tables=[Table(("setting", "value", "why", "option"), self, code=(3,))])


def choices(run: TrainedModel) -> Choices:
    """What was chosen for this run, from its records alone; the data aren't opened."""
    blueprint, settings = run.model.blueprint, run.settings
    opened = {name.strip() for name in str(run.environment.get("chosen") or "").split(",")}
    rows = [] if blueprint is None else _sizes(run, blueprint, opened)
    if blueprint is None or blueprint.solution != "closed form":
        rows += _training(run, settings, opened)
    rows.append(_scaling(run.description))
    if blueprint is not None:
        rows.append(_noise(blueprint.corruption))
        rows.append(_regularisation(blueprint, settings))
    return Choices(rows)


def _counts(run: TrainedModel) -> dict[str, int]:
    return {name: int(count) for name, count in (run.description.get("counts") or {}).items()}


def _sizes(run: TrainedModel, blueprint: Blueprint, opened: set[str]) -> list[Choice]:
    """Code, hidden layers, and start."""
    why = _code_why(run, blueprint.code.most) if "code" in opened else BY_HAND
    rows = [Choice("Code", f"{_times(run.model.code_shape)} dimensions", why, "code=")]
    network = blueprint.network
    if isinstance(network, Dense):
        rows.append(Choice("Hidden layers", _joined(network.hidden) or "none", _widths_why(network, opened), "widths="))
    if "start" in opened:
        pca = blueprint.start == "pca"
        why = "the output is linear and the code flat" if pca else "the output or the code doesn't allow a start at PCA"
        rows.append(Choice("Start", "PCA" if pca else "the mean sample", why, "start="))
    return rows


def _code_why(run: TrainedModel, most: int) -> str:
    """Which of the bounds of `DataSpec.size` decided, or the data's dimensions if none did."""
    size, inputs, rows = math.prod(run.model.code_shape), math.prod(run.model.shape), _counts(run).get("train", 0)
    explained = f"as many principal components explain {percent(SHARE, 0)} of the variance"
    if run.model.code.bits(run.model.code_shape) is not None:
        return f"{BITS} bits a principal component; {explained}"
    if size == 4 * inputs:
        return f"four times the {inputs:,} numbers of a sample"
    if rows and size == max(1, rows // ROWS_A_DIMENSION):
        return f"one dimension for every {ROWS_A_DIMENSION} of the {rows:,} training samples"
    if size == max(1, inputs // 2):
        return f"half of the {inputs:,} numbers of a sample"
    return "the recipe's limit" if size == most else explained


def _widths_why(network: Dense, opened: set[str]) -> str:
    if "widths" not in opened:
        return BY_HAND
    if network.hidden == network.most_widths:
        return "the recipe's widths"
    most = f"four times the numbers of a sample, {LEAST_WIDTH} at least"
    return f"the recipe's {_joined(network.most_widths)}, reduced together to at most {most}"


def _training(run: TrainedModel, settings: Settings, opened: set[str]) -> list[Choice]:
    """Epochs, batches, learning rate, early stopping."""
    counts = _counts(run)
    done = len(run.history)
    value = f"at most {settings.epochs:,}"
    if run.status == "stopped early":
        value += f"; stopped after {done:,}"
    elif done < settings.epochs:
        value += f"; {done:,} done"
    if run.best_epoch:
        value += f"; epoch {run.best_epoch:,} was the best"
    steps = -(-counts.get("train", 0) // settings.batch_size) if isinstance(settings.batch_size, int) else 0
    rates = f"{settings.learning_rate:g}" + (f", {settings.schedule}" if settings.schedule != "constant" else "")
    fast = "by the layers"
    if run.description.get("kind") == "table":
        fast = "higher than for other data: trainings on tables are short"
    return [
        Choice("Epochs", value, _epochs_why(run, steps) if "epochs" in opened else BY_HAND, "epochs="),
        Choice(
            "Batch",
            f"{settings.batch_size} samples",
            f"{steps:,} steps an epoch" if "batch_size" in opened else BY_HAND,
            "batch_size=",
        ),
        Choice("Learning rate", rates, fast if "learning_rate" in opened else BY_HAND, "learning_rate=, schedule="),
        _stopping(settings, counts.get("validation", 0), opened),
    ]


def _epochs_why(run: TrainedModel, steps: int) -> str:
    """Which of the bounds of `isthmus.training.choice` decided."""
    epochs, description = run.settings.epochs, run.description
    if epochs == max(choice.PASSES, math.ceil(choice.STEPS / max(1, steps))):
        return f"{choice.PASSES} at least" if epochs == choice.PASSES else f"enough for {choice.STEPS:,} steps"
    limit = choice.limit_seconds(str(description.get("kind")), _counts(run).get("train", 0), math.prod(run.model.shape))
    more = f", or up to {choice.PATIENT} times that for {choice.TABLE_STEPS:,} steps"
    slow = description.get("kind") == "table" and epochs * steps <= choice.TABLE_STEPS
    return f"{epochs * steps:,} steps: {limit:.3g} s of work on two cores is the limit{more if slow else ''}"


def _stopping(settings: Settings, count: int, opened: set[str]) -> Choice:
    if settings.patience is None:
        return Choice("Early stopping", "off", BY_HAND, "patience=")
    value = f"after {settings.patience} epochs without a lower validation loss"
    if not count:
        return Choice("Early stopping", "off", "there is no validation part, so the last epoch is kept", "validation=")
    if count < FEW:
        many = f"only {count} validation sample{'s' * (count != 1)}: the best epoch is a rough guess"
        return Choice("Early stopping", value, many, "validation=, patience=")
    return Choice("Early stopping", value, "a third of the epochs" if "patience" in opened else BY_HAND, "patience=")


def _scaling(description: Mapping[str, Any]) -> Choice:
    scaling = description.get("scaling") or {}
    kind = str(scaling.get("kind", "none"))
    bent = sum(unit > 0 for unit in (scaling.get("curve") or {}).get("unit") or ())
    curves = f"; {bent} column{'s' * (bent != 1)} with heavy tails bent by asinh first" if bent else ""
    each = "each column" if description.get("kind") == "table" else "all values"
    return Choice("Scaling", kind, f"{each}: {SCALINGS.get(kind, kind)}{curves}", "scaling=")


def _noise(corruption: Corruption) -> Choice:
    if not corruption.damages:
        return Choice(
            "Noise", "none", "the recipe's: noise lowers the error on some tables, raises it on others", "corruption="
        )
    fields = {name: getattr(corruption, name) for name in type(corruption).model_fields if name != "as_bytes"}
    value = ", ".join([corruption.kind, *(f"{name} {field}" for name, field in fields.items())])
    return Choice("Noise", value, "the recipe's: it prevents copying", "corruption=")


def _regularisation(blueprint: Blueprint, settings: Settings) -> Choice:
    decay, dropout = settings.weight_decay, getattr(blueprint.network, "dropout", 0.0)
    parts = [f"weight decay {decay:g}"] * (decay > 0) + [f"dropout {dropout:g}"] * (dropout > 0)
    parts += [penalty.kind for penalty in blueprint.penalties]
    why = "the recipe's" if parts else "early stopping limits overfitting"
    return Choice("Regularisation", ", ".join(parts) or "none", why, "weight_decay=, dropout=")


def _joined(widths: tuple[int, ...]) -> str:
    return ", ".join(map(str, widths))


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))

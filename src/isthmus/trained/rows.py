"""Rows of tables that arrive in batches: the columns that a model needs, and dates that batches don't change."""

from dataclasses import replace
from typing import TypeVar

from isthmus.data.schema.schema import Schema, schema_of
from isthmus.data.schema.texts import ISO
from isthmus.trained.trained_model import TrainedModel

Trained = TypeVar("Trained", bound=TrainedModel)


def named_schema(run: TrainedModel) -> Schema | None:
    """The columns of a model of tables; None if its samples are no rows with named columns."""
    schema = schema_of(run.description)
    return schema if schema is not None and schema.named and run.description.get("kind") == "table" else None


def label_column(run: TrainedModel) -> str | None:
    """The column with the condition of a conditional model, which its rows need too; None for other models."""
    label = (run.description.get("options") or {}).get("label") if run.model.conditioning.classes else None
    return None if label is None else str(label)


def dated(run: Trained) -> Trained:
    """The run, with dates of unknown form read as ISO 8601, so that no batch's dates are read by another's."""
    schema = schema_of(run.description)
    if schema is None or all(column.form or column.kind != "date" for column in schema.used):
        return run
    columns = tuple(
        column.replace(form=ISO) if column.kind == "date" and not column.form else column for column in schema.columns
    )
    made = Schema(columns=columns, named=schema.named)
    return replace(run, description={**run.description, "schema": made.to_json()})


def joins(run: TrainedModel) -> bool:
    """Whether rows of several batches are read as they would be one by one: no column's form is open."""
    schema = schema_of(run.description)
    return schema is None or all(
        column.form or column.kind not in ("date", "time", "duration") for column in schema.used
    )

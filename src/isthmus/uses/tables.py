"""Results of uses as Arrow tables with a row for each sample."""

import pyarrow as pa
from torch import Tensor

from isthmus.uses.explanations import Explanations


def scores_table(scores: Tensor, anomalous: Tensor, reasons: Explanations | None = None) -> pa.Table:
    """(N,) scores, and whether they are anomalous, with the reasons for them."""
    made = {"score": scores.numpy(), "anomalous": anomalous.numpy()}
    if reasons is None:
        return pa.table(made)
    listed = reasons.table()
    return pa.table(made | dict(zip(listed.column_names, listed.columns, strict=True)))

"""Hidden cells of tables come out filled with less error than by their columns' means and commonest categories."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import torch
from sklearn.datasets import load_wine
from sklearn.impute import SimpleImputer
from torch import Tensor

import isthmus as ist
from benchmarks.digits import find_file
from benchmarks.proofs.proving import Bench, Row, documented
from isthmus.data import Samples
from isthmus.drawing.figures import column_bars

EPOCHS = 150
SHARE = 0.3
"""Of the test part's cells, what is hidden."""
BREAST_CANCER = Path("adbench") / "4_breastw.npz"


def prove(bench: Bench) -> list[Row]:
    """Wines: 13 numbers and the cultivar. Breast cancer: nine columns of ten grades, and the finding."""
    rows = []
    for title, table in tables().items():
        data = ist.open_data(table, categorical="auto", validation=0.1, test=0.25)
        bench.data.append(f"{title}: {len(data.train)} to train, {len(data.test)} to test")
        run = bench.train(title, documented("table"), data, batch_size=32, schedule="cosine")
        given = Given.of(run, data.train, data.test)
        bench.draw(column_bars({"model": given.explained()}, data.columns), title.replace(" ", "-"))
        rows += given.rows(title)
    return rows


def tables() -> dict[str, pa.Table]:
    """By name; the second one only where it is at hand."""
    wine = load_wine()
    names = [name.replace("_", " ") for name in wine.feature_names]
    found = {
        "wine": pa.table(dict(zip(names, wine.data.T, strict=True)) | {"cultivar": wine.target_names[wine.target]})
    }
    path = find_file(str(BREAST_CANCER))
    if path is not None:
        with np.load(path) as file:
            grades, finding = file["X"].astype(int), file["y"].astype(int)
        columns = {f"grade {place + 1}": [f"{grade:02}" for grade in column] for place, column in enumerate(grades.T)}
        found["breast cancer"] = pa.table(columns | {"finding": np.array(["benign", "malignant"])[finding.ravel()]})
    return found


@dataclass(frozen=True)
class Given:
    """Whole rows of the test part, which of their cells are hidden, and what the model and SimpleImputer make of them.

    back: of whole rows; scikit-learn's are then the means and the commonest categories. filled: of rows with holes.
    """

    whole: Tensor
    holes: Tensor
    levels: Tensor
    scale: Tensor
    back: dict[str, Tensor]
    filled: dict[str, Tensor]

    @classmethod
    def of(cls, run: ist.Run, train: Samples, test: Samples) -> Self:
        """Hide cells of the test part, and have them filled."""
        known, whole, levels = train.tensor(), test.tensor(), torch.tensor(run.model.scaling.levels)
        holes = torch.rand(whole.shape, generator=torch.Generator().manual_seed(0)) < SHARE
        holed = torch.where(holes, torch.nan, whole)
        nothing = torch.full_like(whole, torch.nan)
        back = {"model": run.reconstruct(test), "simple": _simple(known, nothing, levels)}
        filled = {"model": run.fill(holed), "simple": _simple(known, holed, levels)}
        return cls(whole, holes, levels, run.model.scaling.scale, back, filled)

    def errors(self, made: Tensor) -> Tensor:
        """(N, D) squared errors of numbers, scaled; 1 for a wrong category."""
        return torch.where(self.levels > 0, (made != self.whole).float(), ((made - self.whole) / self.scale).square())

    def rows(self, title: str) -> list[Row]:
        """The mean error of numbers and of categories, of whole rows and of hidden cells."""
        kinds = {"mean squared error of numbers, scaled (plain: the mean)": self.levels == 0}
        kinds |= {"share of wrong categories (plain: the commonest)": self.levels > 0}
        everywhere = torch.ones_like(self.holes)
        found = []
        for what, made, where in (("whole rows", self.back, everywhere), ("hidden cells", self.filled, self.holes)):
            for number, of_kind in kinds.items():
                if of_kind.any():
                    error = {name: float(self.errors(table)[where & of_kind].mean()) for name, table in made.items()}
                    words = (f"{title}, {what}: {number}", error["model"], error["simple"], "SimpleImputer's")
                    found.append(Row.at_most(*words, beside=error["simple"]))
        return found

    def explained(self) -> Tensor:
        """(D,) share of SimpleImputer's error in hidden cells that the model doesn't make."""
        model, simple = ((self.errors(self.filled[name]) * self.holes).sum(0) for name in ("model", "simple"))
        return 1 - model / simple


def _simple(train: Tensor, holed: Tensor, levels: Tensor) -> Tensor:
    """The same table filled by scikit-learn: means of numbers, the commonest category."""
    made = holed.clone()
    for strategy, chosen in (("mean", levels == 0), ("most_frequent", levels > 0)):
        if chosen.any():
            imputer = SimpleImputer(strategy=strategy).fit(train[:, chosen].numpy())
            made[:, chosen] = torch.from_numpy(imputer.transform(holed[:, chosen].numpy())).float()
    return made

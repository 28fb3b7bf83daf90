"""The figures of studies, from their entries: errors by code size, a measure of each model, accuracies by labels."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from isthmus.drawing import studies
from isthmus.drawing.theme import LIGHT, Theme
from isthmus.experiments.table import Entry
from isthmus.measures import unit_of


def errors_by_size(entries: Sequence[Entry], part: str, suggested: int | None, theme: Theme = LIGHT) -> Figure:
    """The mean squared error of the model and of PCA by code size, with the suggested size marked."""
    return studies.curves(
        {"model": curve(entries, f"{part}_mse"), "PCA": curve(entries, f"{part}_mse_pca")},
        across="latent dimensions",
        up=f"mean squared error, {part} part",
        marked=suggested,
        theme=theme,
    )


def curve(entries: Sequence[Entry], name: str) -> studies.Curve:
    """A number by code size, with its spread over the seeds."""
    known = [entry for entry in entries if name in entry.means]
    return (
        [entry.means["code"] for entry in known],
        [entry.means[name] for entry in known],
        [0.0 if name.endswith("_pca") else entry.spreads[name] or 0.0 for entry in known],
    )


def each_model(entries: Sequence[Entry], name: str, part: str, theme: Theme = LIGHT) -> Figure:
    """A measure of each model, with its spread and PCA's. name: as in the entries, such as "test_mse"."""
    known = [entry for entry in entries if name in entry.means]
    unit = unit_of(name.removeprefix(f"{part}_"))
    return studies.rivals(
        {entry.candidate: entry.means[name] for entry in known},
        {entry.candidate: entry.spreads[name] for entry in known},
        {entry.candidate: entry.get(f"{name}_pca") for entry in known},
        across=f"{unit.title} ({unit.unit})",
        theme=theme,
    )


def accuracies(lines: Mapping[str, studies.Curve], part: str, theme: Theme = LIGHT) -> Figure:
    """The accuracy of each way by the number of labelled samples."""
    return studies.curves(lines, across="samples with a label", up=f"accuracy, {part} part", log=False, theme=theme)

"""Each figure, for ordinary data and for what is awkward."""

import math

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from isthmus.drawing import figures
from isthmus.drawing.theme import DARK, png

GENERATOR = torch.Generator().manual_seed(0)


def drawn(figure: Figure) -> bytes:
    data = png(figure)
    assert data.startswith(b"\x89PNG")
    return data


def history(epochs: int) -> list[dict[str, float]]:
    return [{"epoch": i, "loss": 5 / i, "validation_loss": 6 / i + i / 50} for i in range(1, epochs + 1)]


def test_drawing_leaves_matplotlibs_settings_and_pyplot_alone():
    before = dict(mpl.rcParams)
    drawn(figures.loss_curves(history(5), theme=DARK))
    assert dict(mpl.rcParams) == before


def test_same_figure_gives_the_same_bytes():
    assert drawn(figures.loss_curves(history(5))) == drawn(figures.loss_curves(history(5)))


def test_loss_curves_mark_the_kept_epoch():
    axes = figures.loss_curves(history(30), best_epoch=7).axes[0]
    assert axes.get_legend_handles_labels()[1] == ["training", "validation", "best: epoch 7"]


def test_loss_curves_mark_the_lowest_validation_loss_where_nobody_says_which_was_kept():
    axes = figures.loss_curves(history(30)).axes[0]
    lowest = min(history(30), key=lambda row: row["validation_loss"])["epoch"]
    assert f"best: epoch {lowest}" in axes.get_legend_handles_labels()[1]


@pytest.mark.parametrize("rows", [[], [{"epoch": 1, "loss": 2.0}], [{"epoch": 1, "loss": math.nan}]])
def test_loss_curves_of_short_histories_are_drawn(rows):
    drawn(figures.loss_curves(rows))


@pytest.mark.parametrize(("count", "shape"), [
    (1, (1, 8, 8)), (3, (3, 9, 5)), (2, (4, 6, 6)), (3, (2, 6, 6)), (1, (5, 6, 6)), (2, (3, 300, 150)), (1, (1, 1, 1))
])  # fmt: skip
def test_pictures_of_any_channels_and_size_are_drawn(count, shape):
    batch = torch.rand(count, *shape, generator=GENERATOR)
    drawn(figures.picture_grid({"original": batch, "PCA": batch}, captions=["0.1"] * count))


@pytest.mark.parametrize(
    ("names", "count", "captions"),
    [
        ([f"number {i}: 3.1 %" for i in range(16)], 8, list("12345678")),
        (["content", "code, linear", "code, spherical"], 7, ["test:3", *[""] * 5, "test:8"]),
        (["original", "model", "PCA"], 1, []),
        (["original", "shallow, 16 numbers\n89%; shuffled 38%"], 10, ["", "", "digits"]),
        (["of $ and ^", ""], 3, ["", "", "what is longer than its picture is wide"]),
    ],
)
def test_a_picture_grid_leaves_no_blank_band_and_cuts_nothing_off(names, count, captions):
    pictures = torch.zeros(count, 1, 8, 8)
    figure = figures.picture_grid(dict.fromkeys(names, pictures), captions=captions)
    figure.set_facecolor("white")
    figure.canvas.draw()
    inked = np.asarray(figure.canvas.buffer_rgba())[..., :3].min(2) < 250  # pyright: ignore[reportAttributeAccessIssue]
    for axis in (0, 1):
        places = inked.any(1 - axis).nonzero()[0]
        before, after = places[0] / figure.dpi, (inked.shape[axis] - 1 - places[-1]) / figure.dpi
        assert 0 < before < 0.2, "inches"
        assert 0 < after < 0.2, "inches"


def test_picture_grid_shows_values_as_they_are_and_cuts_what_is_outside():
    picture = torch.tensor([[[[-1.0, 0.0], [0.5, 7.0]]]])
    image = figures.picture_grid({"x": picture}, bounds=(0, 1)).axes[0].get_images()[0].get_array()
    assert image is not None
    assert image[..., 0].tolist() == [[0, 0], [0.5, 1]]


@pytest.mark.parametrize("shape", [(1, 1, 30), (5, 1, 30), (4, 2, 30)])
def test_series_of_one_or_more_channels_are_drawn(shape):
    batch = torch.rand(*shape, generator=GENERATOR)
    figure = figures.series_lines({"original": batch, "model": batch, "pca": batch}, captions=["$a^$"] * shape[0])
    assert len(figure.axes) == shape[0]
    drawn(figure)


@pytest.mark.parametrize("errors", [
    torch.rand(500, generator=GENERATOR),
    torch.rand(500, generator=GENERATOR).exp().pow(20),
    torch.tensor([0.3]),
    torch.zeros(5),
    torch.tensor([1.0, math.nan, math.inf]),
    torch.tensor([math.nan]),
])  # fmt: skip
def test_histograms_of_any_errors_are_drawn(errors):
    drawn(figures.error_histogram({"model": errors, "pca": errors * 2}))


@pytest.mark.parametrize(("count", "shape", "classes"), [
    (60, (1,), 0), (60, (1,), 25), (60, (2,), 3), (1, (2,), 1), (60, (16,), 25), (1, (16,), 0), (2, (8, 3, 3), 0)
])  # fmt: skip
def test_codes_of_any_shape_with_any_labels_are_mapped(count, shape, classes):
    codes = torch.randn(count, *shape, generator=GENERATOR)
    labels = torch.arange(count) % classes if classes else None
    drawn(figures.code_map(codes, labels, [f"class ${i}$" for i in range(classes)]))


def test_codes_that_are_all_alike_or_not_finite_are_mapped():
    drawn(figures.code_map(torch.ones(20, 5)))
    drawn(figures.code_map(torch.full((20, 1), 2.0)))
    drawn(figures.code_map(torch.full((3, 5), math.nan)))


def test_codes_of_two_numbers_are_the_plane_itself():
    codes = torch.randn(7, 2, generator=GENERATOR)
    points, names = figures.code_plane(codes)
    assert torch.equal(points, codes)
    assert names == ("latent dimension 0", "latent dimension 1")


def test_larger_codes_are_projected_and_the_axes_tell_their_share():
    codes = torch.randn(4000, 3, generator=GENERATOR) * torch.tensor([3.0, 1.0, 0.0])
    points, names = figures.code_plane(codes)
    assert torch.allclose(points[:, 0].abs(), (codes[:, 0] - codes[:, 0].mean()).abs(), atol=0.2)
    assert names == ("code's 1st principal component (90\u202f%)", "code's 2nd principal component (10\u202f%)")


def test_thousands_of_points_are_thinned_out_evenly_and_always_alike():
    codes = torch.randn(50_000, 2, generator=GENERATOR)
    figure = figures.code_map(codes)
    shown = np.asarray(figure.axes[0].collections[0].get_offsets())
    assert len(shown) == figures.MOST_POINTS
    assert shown[-1].tolist() == pytest.approx(codes[-1].tolist())


def test_column_bars_come_worst_first_without_columns_that_do_not_vary():
    columns = {"model": torch.tensor([0.9, math.nan, -4.0, 0.2]), "pca": torch.tensor([0.8, math.nan, 0.1, 0.3])}
    axes = figures.column_bars(columns, ["a", "b", "c", "d"]).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["c", "d", "a"]


def test_of_many_columns_the_worst_are_shown():
    model = torch.rand(200, generator=GENERATOR)
    figure = figures.column_bars({"model": model})
    assert len(figure.axes[0].patches) == figures.MOST_COLUMNS
    drawn(figure)


def test_bars_without_any_column_are_drawn():
    drawn(figures.column_bars({"model": torch.tensor([math.nan])}))

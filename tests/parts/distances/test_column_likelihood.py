"""The likelihood of a table's cells, held against a second implementation; the grids that it settles from the data."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import special, stats

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.parts import ColumnLikelihood, DataSpec
from isthmus.parts.bounds import floored
from isthmus.parts.distances.column_likelihood import grids

LEVELS, GRIDS = (0, 3, 0, 2), ((0.5, 0.25), (0.0, 0.0), (0.1, 0.0), (0.0, 0.0))
DISTANCE = ColumnLikelihood(components=2, levels=LEVELS, grids=GRIDS)
SIZE = 3 * 2 * 2 + 5
"""Two numeric columns with two logistics each, and five logits of categories."""


def outputs(count: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, SIZE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def rows(count: int) -> torch.Tensor:
    """(count, 4) scaled cells."""
    place = np.random.default_rng(0)
    steps = place.integers(-4, 5, (count, 2))
    cells = [0.25 + 0.5 * steps[:, 0], place.integers(0, 3, count), 0.1 * steps[:, 1], place.integers(0, 2, count)]
    return torch.from_numpy(np.stack(cells, 1).astype(float))


def test_each_cell_has_the_probability_of_a_second_implementation():
    output, target = outputs(30), rows(30)
    found = DISTANCE.elements(output, target).numpy()
    logits, place, raw = output[:, :12].view(30, 3, 2, 2).unbind(1)
    weights = special.softmax(logits.numpy(), axis=1)
    for number, (column, step) in enumerate([(0, 0.5), (2, 0.1)]):
        scale = floored(raw[..., number], np.log(step / 20)).exp().numpy()
        edges = [target[:, column, None].numpy() + side * step / 2 for side in (-1, 1)]
        low, high = (stats.logistic.cdf(edge, place[..., number].numpy(), scale) for edge in edges)
        assert np.allclose(found[:, column], -np.log((weights[..., number] * (high - low)).sum(1)), rtol=1e-7)
    for column, own in ((1, output[:, 12:15]), (3, output[:, 15:])):
        chosen = target[:, column].long().numpy()
        expected = -special.log_softmax(own.numpy(), axis=1)[np.arange(30), chosen]
        assert np.allclose(found[:, column], expected)


def test_a_cells_probability_is_the_difference_of_two_cumulative_ones():
    output, target = outputs(30), rows(30)
    half, parameters = torch.tensor([0.25, 0.5, 0.05, 0.5]), DISTANCE.parameters(output)
    probability = DISTANCE.cumulative(parameters, target + half) - DISTANCE.cumulative(parameters, target - half)
    assert torch.allclose(probability, (-DISTANCE.elements(output, target)).exp(), atol=1e-8, rtol=0)


def test_each_columns_probabilities_sum_to_one():
    parameters = DISTANCE.parameters(outputs(5))
    lowest = torch.tensor([[-10_000, -0.5, -10_000, -0.5]], dtype=torch.float64).expand(5, 4)
    highest = torch.tensor([[10_000, 2.5, 10_000, 1.5]], dtype=torch.float64).expand(5, 4)
    below = DISTANCE.cumulative(parameters, lowest), DISTANCE.cumulative(parameters, highest)
    assert torch.allclose(below[0], torch.zeros(5, 4, dtype=torch.float64))
    assert torch.allclose(below[1], torch.ones(5, 4, dtype=torch.float64))


def test_gradients_equal_finite_differences():
    output = outputs(3).requires_grad_()
    assert torch.autograd.gradcheck(lambda o: DISTANCE(o, rows(3)), output, atol=1e-6)


@given(arrays(np.float32, (2, SIZE), elements=st.floats(-100, 100, width=32)))
@settings(deadline=None, max_examples=50)
def test_in_single_precision_every_cell_has_finite_nats_and_gradients(output):
    output = torch.from_numpy(output).requires_grad_()
    nats = DISTANCE.elements(output, rows(2).float())
    assert bool((nats.isfinite() & (nats > -1e-4)).all())
    assert bool(torch.autograd.grad(nats.sum(), output)[0].isfinite().all())


def test_an_output_whose_picture_is_given_can_be_found_but_for_categories():
    picture = rows(9).float()
    found = DISTANCE.picture(DISTANCE.output(picture))
    assert torch.allclose(found[:, [0, 2]], picture[:, [0, 2]], atol=1e-6)


def test_the_start_has_the_categories_shares_and_is_near_the_entropy_of_whole_numbers():
    place = np.random.default_rng(0)
    table = np.stack([place.normal(0, 20, 4000).round(), place.choice(3, 4000, p=[0.7, 0.2, 0.1])], 1)
    sample = torch.from_numpy(table)
    distance = ColumnLikelihood(levels=(0, 3), grids=((1.0, 0.0), (0.0, 0.0)))
    start = distance.start(sample).double()
    assert start[0, -3:].softmax(0).tolist() == pytest.approx([0.7, 0.2, 0.1], abs=0.02)
    expected = [stats.norm.entropy(0, 20), stats.entropy([0.7, 0.2, 0.1])]
    assert distance.elements(start.expand(4000, -1), sample).mean(0).tolist() == pytest.approx(expected, abs=0.1)


def test_a_constant_column_costs_nearly_nothing():
    distance = ColumnLikelihood(grids=((1.0, 0.0),))
    sample = torch.full((20, 1), 3.0)
    narrow = distance.start(sample).clone()
    narrow[:, -distance.components :] = -100.0
    narrow[:, distance.components : 2 * distance.components] = 3.0
    assert float(distance(narrow.expand(20, -1), sample).mean()) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("step", [1.0, 0.1, 0.001])
def test_a_column_has_the_largest_decimal_step_of_which_all_its_numbers_are_multiples(step):
    place = np.random.default_rng(0)
    raw = torch.from_numpy(place.integers(-500, 500, (300, 1)) * step)
    raw[0] = torch.nan
    shift, scale = torch.tensor([3.7]), torch.tensor([12.3])
    found = grids(((raw - shift) / scale).float(), shift, scale)
    assert found[0] == pytest.approx((step / 12.3, -3.7 / 12.3), rel=1e-6)


def test_a_column_of_categories_has_no_step_and_the_finest_one_is_a_millionth():
    sample = torch.rand(300, 2, generator=torch.Generator().manual_seed(0))
    sample[:, 0] = sample[:, 0].round()
    found = grids(sample, torch.tensor(0.0), torch.tensor(1.0), (2, 0))
    assert [grid[0] for grid in found] == pytest.approx([0.0, 1e-6])


def bent_counts(unit: float = 30.0) -> tuple[torch.Tensor, torch.Tensor, ColumnLikelihood]:
    """Whole numbers with a heavy tail, (n, 1) raw and scaled, and the distance with their grid."""
    raw = torch.from_numpy(np.floor(np.exp(np.random.default_rng(0).normal(3, 1.5, (3000, 1)))))
    bent = (raw / unit).asinh()
    shift, scale = bent.mean()[None], bent.std()[None]
    scaled = (bent - shift) / scale
    found = grids(scaled.float(), shift, scale, unbent=lambda u: unit * u.sinh(), units=[unit])
    return raw, scaled, ColumnLikelihood(components=2, grids=found)


def test_the_step_of_a_column_with_a_curve_is_found_and_its_typical_width_is_a_geometric_mean():
    raw, _, distance = bent_counts()
    assert len(distance.grids[0]) == 5
    typical, zero, shift, scale, step = distance.grids[0]
    assert step * 30 == pytest.approx(1)
    assert zero == pytest.approx(-shift / scale)
    widths = [((raw + side) / 30).asinh() / scale for side in (-0.5, 0.5)]
    assert typical == pytest.approx(float((widths[1] - widths[0]).log().mean().exp()), rel=1e-3)
    assert ColumnLikelihood.model_validate(distance.model_dump(mode="json")) == distance


def test_the_probabilities_of_a_column_with_a_curve_sum_to_one_over_the_raw_numbers():
    _, _, distance = bent_counts()
    assert len(distance.grids[0]) == 5
    _, _, shift, scale, step = distance.grids[0]
    output = torch.tensor([[0.3, -0.2, 0.1, 1.4, -2.0, -1.0]], dtype=torch.float64)
    levels = torch.arange(-(10**5), 10**5, dtype=torch.float64)[:, None]
    scaled = ((step * levels).asinh() - shift) / scale
    nats = distance.elements(output.expand(len(levels), -1), scaled)
    assert float((-nats).exp().sum()) == pytest.approx(1, abs=1e-3)
    edges = [((step * (levels + side)).asinh() - shift) / scale for side in (-0.5, 0.5)]
    below, upto = (distance.cumulative(distance.parameters(output).expand(len(levels), -1), edge) for edge in edges)
    assert torch.allclose((-nats).exp(), upto - below, atol=1e-6, rtol=0)


def test_numbers_far_outside_of_a_column_with_a_curve_have_finite_nats_in_single_precision():
    _, _, distance = bent_counts()
    target = torch.tensor([[-1e4], [0.0], [1e4]])
    assert bool(distance.elements(torch.zeros(3, 6), target).isfinite().all())


def test_pictures_are_refused():
    blueprint = ist.recipe("vae", code=1, distance="column-likelihood")
    with pytest.raises(BlueprintError, match="rows of a table"):
        blueprint.build(ist.open_data(np.zeros((100, 4, 4), np.uint8)), remarks=False)


def test_before_the_data_are_known_columns_are_whole_numbers():
    distance = ColumnLikelihood(components=1).resolve(DataSpec())
    assert distance.outputs((5,)) == (15,)


def test_table_vae_learns_numbers_and_categories(tmp_path):
    place = np.random.default_rng(0)
    kinds = place.integers(0, 3, 400)
    lines = [f"{kind * 5 + place.integers(0, 3)},{kind / 10 + 0.5:.1f},{'abc'[kind]}" for kind in kinds]
    source = tmp_path / "table.csv"
    source.write_text("\n".join(["count,share,letter", *lines]))
    data = ist.open_data(source, categorical="auto")
    run = ist.fit(ist.recipe("table-vae", code=2).build(data), data, epochs=8, compile=False, progress=False)
    assert run.history[-1]["loss"] < run.history[0]["loss"]
    assert run.reconstruct(data.test).shape == (40, 3)

"""What data settle: the size of a code by their principal components, and what else is left open."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import isthmus as ist
from isthmus.parts import ActivationL1, DataSpec, Dense, Fsq, Kl, Plain, Rvq, TopK, Vq
from isthmus.parts.data_spec import deviation, dimensions


def spread(*deviations: float, count: int = 4000) -> torch.Tensor:
    """(N, D) independent numbers with these standard deviations."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, len(deviations), generator=generator) * torch.tensor(deviations)


@pytest.mark.parametrize(
    ("deviations", "count"), [((10, 1, 1, 1), 1), ((1, 1, 1, 1, 1, 1), 5), ((3, 3, 3, 0.1, 0.1), 3), ((0, 0), 1)]
)
def test_dimensions_are_the_components_that_hold_three_quarters_of_the_variance(deviations, count):
    assert dimensions(spread(*deviations)) == count


def test_wide_samples_are_counted_by_the_products_of_their_rows():
    flat = spread(3, 3, 3, 0.1, 0.1, count=200)
    wide = torch.zeros(200, 1, 60, 60)
    wide.view(200, -1)[:, :5] = flat
    assert dimensions(wide) == dimensions(flat) == 3


def test_what_is_missing_counts_as_the_mean():
    holed = spread(3, 3, 3, 0.1)
    holed[::50, 0] = torch.nan
    assert dimensions(holed) == 3


def test_the_deviation_leaves_out_the_means_and_what_is_missing():
    values = spread(3, 4, 5) + torch.tensor([10.0, -10.0, 0.0])
    values[::50, 1] = torch.nan
    assert deviation(values) == pytest.approx(math.sqrt(50 / 3), rel=0.05)


def test_columns_of_a_mixed_table_weigh_the_same():
    assert dimensions(spread(100, 1, 1, 1)) == 1
    assert dimensions(spread(100, 1, 1, 1), (9, 0, 0, 0)) == 3


@pytest.mark.parametrize(("inputs", "found", "size"), [(64, 11, 11), (784, 33, 32), (6, 4, 3), (2, 2, 1), (64, 1, 2)])
def test_a_narrow_code_has_the_datas_dimensions_within_half_of_the_numbers(inputs, found, size):
    assert Plain(size="auto").resolve(DataSpec(inputs=inputs, dimensions=found)).size == size


@pytest.mark.parametrize(("rows", "size"), [(8, 2), (3, 1), (1, 1), (100, 11), (0, 11)])
def test_a_narrow_code_has_four_training_samples_or_more_a_dimension(rows, size):
    assert DataSpec(inputs=64, dimensions=11, rows=rows).size(32) == size


@given(st.integers(2, 20_000), st.integers(1, 10**7), st.data())
def test_tables_of_any_size_get_a_code_and_layers_that_they_can_support(columns, rows, draw):
    spec = DataSpec(inputs=columns, rows=rows, dimensions=draw.draw(st.integers(1, columns)))
    for name in ("deep", "table", "vae", "denoising", "table-vae"):
        blueprint = ist.recipe(name)
        assert isinstance(blueprint.network, Dense)
        most, size = blueprint.network.most_widths, spec.size(blueprint.code.most)
        widths = spec.widths(most)
        assert 1 <= size < columns
        assert size <= max(1, rows // 4)
        assert all(1 <= width <= min(limit, max(64, 4 * columns)) for width, limit in zip(widths, most, strict=True))
        sizes = (columns, *widths, size)
        weights = 2 * sum(one * other for one, other in itertools.pairwise(sizes))
        assert weights <= 2 * max(most) * (columns + 1000)


def test_a_wide_code_is_four_times_the_sample():
    assert Plain(size="wide", most=256).resolve(DataSpec(inputs=6)).size == 24
    assert Plain(size="wide", most=256).resolve(DataSpec(inputs=784)).size == 256


@pytest.mark.parametrize("size", [5, (2, 3), None])
def test_a_size_that_is_given_stays(size):
    assert Plain(size=size).resolve(DataSpec(inputs=64, dimensions=11)).size == size


@pytest.mark.parametrize(
    "code",
    [
        Vq(size="auto", most=64, entries=256),
        Rvq(size="auto", most=64, length=16, entries=256, quantisers=2),
        Fsq(size="auto", most=24),
    ],
    ids=str,
)
@pytest.mark.parametrize("found", [1, 3, 11, 33])
def test_quantised_codes_give_each_dimension_four_bits_up_to_their_most(code, found):
    facts = DataSpec(inputs=784, dimensions=found)
    resolve = code.resolve(facts)
    resolve.check((resolve.size,))
    assert resolve.size <= code.most
    if resolve.size < code.most:
        assert resolve.bits((resolve.size,)) >= 4 * facts.size(784)


def test_a_top_k_code_keeps_the_datas_dimensions():
    code = TopK(size="wide", most=1000, k="auto").resolve(DataSpec(inputs=64, dimensions=11))
    assert (code.size, code.k) == (256, 11)


def test_widths_shrink_together_for_narrow_data():
    network = Dense(widths="auto", most_widths=(1000, 500, 250))
    assert network.resolve(DataSpec(inputs=784)).widths == (1000, 500, 250)
    assert network.resolve(DataSpec(inputs=64)).widths == (256, 128, 64)
    assert Dense(widths=(1000,)).resolve(DataSpec(inputs=6)).widths == (1000,)


def test_weights_that_are_left_open_follow_the_numbers_of_a_sample():
    assert [Kl(weight="auto").resolve(DataSpec(inputs=count)).weight for count in (784, 64, 3072)] == [4.0, 1.24, 4.0]
    assert Kl(weight=4.0).resolve(DataSpec(inputs=64)).weight == 4.0
    assert ActivationL1(weight="auto").resolve(DataSpec(inputs=64, deviation=0.27)).weight == pytest.approx(
        1e-3, rel=0.02
    )
    assert ActivationL1(weight="auto").resolve(DataSpec(inputs=6, deviation=1.0)).weight == pytest.approx(0.04)


@pytest.fixture(scope="module")
def numbers() -> ist.Data:
    return ist.open_data(spread(3, 3, 3, 0.3, 0.3, 0.3, 0.3, 0.3, count=300).numpy())


@pytest.fixture(scope="module")
def pictures() -> ist.Data:
    values = np.random.default_rng(0).integers(0, 256, (100, 1, 4, 4), dtype=np.uint8)
    return ist.open_data(values, kind="pictures")


def test_a_recipe_asks_the_data_and_the_user_before_them(numbers):
    assert math.prod(ist.recipe("deep").build(numbers).code_shape) < 8
    assert ist.recipe("deep", code=7).build(numbers).code_shape == (7,)
    assert ist.recipe("deep", code="auto").build(numbers).code_shape == ist.recipe("deep").build(numbers).code_shape


@pytest.mark.parametrize(("options", "start"), [({}, "pca"), ({"tied": True}, "mean"), ({"missing": "mask"}, "mean")])
def test_deep_starts_at_pca_where_a_linear_path_can_lead(options, start, numbers):
    blueprint = ist.recipe("deep", **options).build(numbers).blueprint
    assert blueprint is not None
    assert blueprint.start == start


def test_pictures_start_at_the_mean(pictures):
    blueprint = ist.recipe("deep").build(pictures).blueprint
    assert blueprint is not None
    assert (blueprint.start, blueprint.distance.link) == ("mean", "sigmoid")


@pytest.mark.parametrize("name", ["vae", "beta-vae", "iwae"])
def test_a_vae_takes_the_likelihood_that_suits_its_data(name, numbers, pictures):
    assert ist.recipe(name).build(pictures).distance.kind == "bce"
    assert ist.recipe(name).build(numbers).distance.kind == "gaussian"
    assert ist.recipe(name, distance="gaussian").build(pictures).distance.kind == "gaussian"

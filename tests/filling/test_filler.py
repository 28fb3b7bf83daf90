"""Filled tables and draws: known values stay, spreads are calibrated, kinds of columns are kept."""

import numpy as np
import pandas as pd
import pytest
import torch

import isthmus as ist
from isthmus.errors import DataError, RunError, UseError
from isthmus.filling import Filler

FACTOR = np.array([[1.0, 0, 0, 0], [0.9, 0.4, 0, 0], [-0.7, 0.2, 0.7, 0], [0.1, 0.8, 0.2, 0.5]])


def trained(values, out=None, **options):
    data = ist.open_data(values, missing="keep", **({"categorical": "auto", "test": 0} | options))
    model = ist.recipe("table", code=2).build(data, remarks=False)
    return ist.fit(model, data, epochs=2, compile=False, progress=False, out=out)


def pets(count=240, seed=0):
    random = np.random.default_rng(seed)
    kind = random.integers(0, 3, count)
    legs = 2 * kind + random.integers(0, 2, count)
    return pd.DataFrame(
        {
            "kind": np.array(["cat", "dog", "yak"], dtype=object)[kind],
            "legs": pd.array(legs, dtype="Int64"),
            "size": 0.1 + kind + random.normal(0, 0.3, count) ** 2,
        }
    )


def holed(frame, share=0.2, seed=1):
    made = frame.mask(np.random.default_rng(seed).random(frame.shape) < share)
    return made[made.notna().any(axis=1)].reset_index(drop=True)


@pytest.fixture(scope="module")
def gaussian():
    random = np.random.default_rng(3)
    whole = (random.normal(size=(500, 4)) @ FACTOR.T).astype(np.float32)
    holes = random.random(whole.shape) < 0.25
    holes[holes.all(1)] = False
    return whole, np.where(holes, np.nan, whole).astype(np.float32), trained(np.where(holes, np.nan, whole))


@pytest.fixture(scope="module")
def animals(tmp_path_factory):
    given = holed(pets())
    return given, trained(given, out=tmp_path_factory.mktemp("runs") / "run")


def test_known_values_stay_bit_for_bit(gaussian, animals):
    _, given, run = gaussian
    known = ~np.isnan(given)
    for made in (run.fill(given), *run.fill(given, draws=2)):
        assert bool(made.isfinite().all())
        assert np.array_equal(made.numpy()[known], given[known])
    given, run = animals
    for made in (run.fill(given), *run.fill(given, draws=2)):
        for name in given:
            there = given[name].notna()
            assert (made[name][there].astype(object) == given[name][there].astype(object)).all()


def test_filling_is_nearer_than_the_mean_and_as_near_as_the_law_allows(gaussian):
    whole, given, run = gaussian
    hole = np.isnan(given)
    error = ((run.fill(given).numpy() - whole)[hole] ** 2).mean()
    covariance = FACTOR @ FACTOR.T
    best = []
    for row, here in zip(whole, hole, strict=True):
        if here.any():
            inner = np.linalg.inv(covariance[np.ix_(~here, ~here)])
            expected = covariance[np.ix_(here, ~here)] @ inner @ row[~here]
            best += list((row[here] - expected) ** 2)
    assert error < 1.15 * np.mean(best)


def test_intervals_of_draws_contain_the_true_value_as_often_as_they_say(gaussian):
    whole, given, run = gaussian
    hole = np.isnan(given)
    drawn = torch.stack(run.fill(given, draws=100)).numpy()[:, hole]
    for level in (0.5, 0.9):
        low, high = np.quantile(drawn, ((1 - level) / 2, (1 + level) / 2), axis=0, method="weibull")
        assert abs(((low <= whole[hole]) & (whole[hole] <= high)).mean() - level) < 0.08


def test_draws_spread_less_where_the_row_tells_more(gaussian):
    _, _, run = gaussian
    rows = np.array([[1.0, np.nan, 0.3, 0.1], [np.nan, np.nan, np.nan, 0.1]], dtype=np.float32)
    drawn = torch.stack(run.fill(rows, draws=200))
    assert float(drawn[:, 0, 1].std()) < 0.75 * float(drawn[:, 1, 1].std())
    together = np.corrcoef(drawn[:, 1, 0], drawn[:, 1, 1])[0, 1]
    assert together > 0.6  # as 0.9 under the law


def test_draws_are_reproducible_and_differ_by_seed_and_from_each_other(gaussian):
    _, given, run = gaussian
    one, again, other = (torch.stack(run.fill(given[:50], draws=3, seed=seed)) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    hole = np.isnan(given[:50])
    assert bool((one.std(0)[hole] > 0).all())


def test_whole_numbers_stay_whole_categories_are_known_and_signs_are_kept(animals):
    given, run = animals
    for made in run.fill(given, draws=5, seed=4):
        assert made["legs"].dtype.kind == "i" or str(made["legs"].dtype) == "Int64"
        assert set(made["kind"]) <= {"cat", "dog", "yak"}
        assert (made["size"] >= 0).all()
        assert (made["legs"] >= 0).all()
    assert set(run.fill(given)["kind"]) <= {"cat", "dog", "yak"}


def test_a_loaded_run_fills_the_same_without_its_data(animals):
    given, run = animals
    again = ist.load(run.folder)
    assert again.fill(given).equals(run.fill(given))
    assert again.fill(given, draws=2)[1].equals(run.fill(given, draws=2)[1])


def test_a_damaged_filler_is_named(animals, tmp_path):
    _, run = animals
    run.save(tmp_path / "copy")
    path = tmp_path / "copy" / "filling.safetensors"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(RunError, match=r"filling\.safetensors"):
        ist.load(tmp_path / "copy")


def test_tensors_come_back(animals):
    _, run = animals
    filler = run.filler()
    again = Filler.from_tensors(filler.to_tensors())
    assert again.layout.levels == filler.layout.levels
    assert all(
        torch.equal(one, other)
        for one, other in zip(again.to_tensors().values(), filler.to_tensors().values(), strict=True)
    )


def test_holes_that_training_never_had_are_filled():
    run = trained(pets(120))
    given = pets(5, seed=9).astype({"legs": "float64"})
    given.loc[2, "legs"] = np.nan
    given.loc[3, "kind"] = None
    made = run.fill(given)
    assert not made.isna().any().any()


def test_one_row_is_filled(animals):
    _, run = animals
    one = pd.DataFrame({"kind": ["cat"], "legs": [np.nan], "size": [0.2]})
    assert np.isfinite(run.fill(one)["legs"][0])
    assert len(run.fill(one, draws=2)) == 2


def test_a_row_without_known_cells_gets_what_is_usual(animals):
    given, run = animals
    made = run.fill(pd.DataFrame({"kind": ["cat", None], "legs": [1.0, np.nan], "size": [0.2, np.nan]}))
    assert made["kind"][1] in {"cat", "dog", "yak"}
    assert abs(made["size"][1] - given["size"].mean()) < given["size"].std()


def test_infinite_values_are_named(animals):
    _, run = animals
    with pytest.raises(DataError, match="infinite"):
        run.fill(pd.DataFrame({"kind": ["cat", None], "legs": [1.0, 1.0], "size": [0.2, np.inf]}))


def test_a_column_without_a_known_value_is_left_out_with_a_note_or_named():
    values = np.random.default_rng(0).normal(size=(60, 3))
    values[:, 1] = np.nan
    frame = pd.DataFrame(values, columns=["a", "b", "c"])
    with pytest.warns(ist.Remark, match="no value in any row"):
        run = trained(frame)
    assert run.fill(frame)["b"].isna().all()
    with pytest.raises(DataError, match="no finite value"):
        trained(values)


@pytest.mark.parametrize("rows", [79, 85, 90])
def test_a_few_rows_for_several_components_are_enough(rows):
    run = trained(holed(pets(rows), share=0.05))
    assert not run.fill(pets(2)).isna().any().any()


def test_three_rows_are_enough():
    frame = pd.DataFrame({"a": [1.0, 2.0, np.nan], "b": [2.0, np.nan, 6.0]})
    run = trained(frame, types={"a": "number", "b": "number"}, validation=0)
    assert not run.fill(frame).isna().any().any()


@pytest.mark.parametrize("draws", [0, -1, 1.5, True, "two"])
def test_a_wrong_number_of_draws_is_refused(gaussian, draws):
    _, given, run = gaussian
    with pytest.raises(UseError, match="draws="):
        run.fill(given, draws=draws)


def test_draws_are_for_tables():
    series = np.random.default_rng(0).normal(size=(40, 1, 16)).astype(np.float32)
    data = ist.open_data(series, kind="series")
    run = ist.fit(ist.recipe("series").build(data), data, epochs=1, compile=False, progress=False)
    with pytest.raises(UseError, match="table"):
        run.fill(series, draws=2)


def test_a_wide_table_is_filled_by_the_network_and_drawn_about_it():
    random = np.random.default_rng(0)
    values = random.normal(size=(150, 1)) + 0.2 * random.normal(size=(150, 140))
    values[random.random(values.shape) < 0.1] = np.nan
    run = trained(values.astype(np.float32))
    filler = run.filler()
    assert filler is not None
    assert filler.mixtures == ()
    drawn = torch.stack(run.fill(values.astype(np.float32), draws=3))
    assert bool(drawn.isfinite().all())
    assert float(drawn.std(0)[torch.from_numpy(np.isnan(values))].mean()) > 0.05


def test_without_a_validation_part_the_network_has_half_of_the_share(gaussian):
    _, given, _ = gaussian
    run = trained(given[:100], validation=0)
    filler = run.filler()
    assert filler is not None
    assert bool((filler.network == 0.5).all())
    assert bool(run.fill(given[:20]).isfinite().all())

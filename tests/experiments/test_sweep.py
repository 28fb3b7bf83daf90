"""How many numbers: data whose number is known, the rule by hand, and what can't be asked."""

import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet
import pytest

import isthmus as ist
from isthmus.errors import BlueprintError, DataError, RunError
from isthmus.experiments.suggestion import Point, suggest
from isthmus.experiments.sweep import default_codes


def test_a_sweep_finds_how_many_numbers_the_data_were_made_of(data, tmp_path):
    found = ist.sweep(data, [1, 2, 3, 4, 6], recipe=ist.recipe("pca"), out=tmp_path, epochs=1)
    assert found.suggested == 3
    explained = {point.code: point.explained for point in found.points}
    assert explained[3] > 0.99
    assert [point.pca_explained for point in found.points] == pytest.approx(list(explained.values()), abs=1e-5)
    assert found.price == 1 / 12


def test_the_table_is_parquet_and_json_and_agrees(data, quick, tmp_path):
    found = ist.sweep(data, [2, 1], out=tmp_path, seeds=2, **quick)
    table = pyarrow.parquet.read_table(tmp_path / "results.parquet").to_pylist()
    said = json.loads((tmp_path / "results.json").read_text())
    assert [(row["candidate"], row["seed"]) for row in table] == [(f"code {c}", s) for c in (1, 2) for s in (0, 1)]
    assert [row["test_mse"] for row in table] == [row["test_mse"] for row in said["rows"]]
    errors = np.array([row["test_mse"] for row in table]).reshape(2, 2)
    for entry, pair in zip(said["entries"], errors, strict=True):
        assert entry["means"]["test_mse"] == pytest.approx(pair.mean())
        assert entry["spreads"]["test_mse"] == pytest.approx(pair.std(ddof=1))
    assert said["suggested"] == found.suggested
    assert "n − 1" in said["spread"]


def test_pca_beside_has_as_many_numbers_as_each_code(data, quick, tmp_path):
    from isthmus.measures import evaluate
    from isthmus.pca import principal_components

    found = ist.sweep(data, [1, 4], out=tmp_path, **quick)
    for row in found.rows:
        pca = principal_components(data.train, data.scaling, row["code"])
        model = ist.recipe("vanilla", code=1).build(data)
        beside = evaluate(model, {"test": data.test}, pca, pca.mean).measures["test"]["mse"]["pca"]
        assert row["test_mse_pca"] == pytest.approx(beside, rel=1e-9)


def points(*pairs):
    made, before = [], None
    for code, explained in pairs:
        gain = None if before is None else (explained - before[1]) / (code - before[0])
        made.append(Point(code, explained, None, explained, gain))
        before = code, explained
    return made


@pytest.mark.parametrize(("price", "expected"), [(0.3, 1), (0.15, 2), (0.05, 4), (0.01, 8), (0.0, 16)])
def test_an_additional_number_pays_while_it_brings_its_price(price, expected):
    suggested, _ = suggest(points((1, 0.3), (2, 0.5), (4, 0.7), (8, 0.8), (16, 0.85)), price)
    assert suggested == expected


def test_one_training_that_went_badly_does_not_end_the_search():
    suggested, _ = suggest(points((1, 0.3), (2, 0.29), (4, 0.9), (8, 0.91)), 0.05)
    assert suggested == 4


def test_the_reason_says_what_more_would_bring_and_where_the_largest_still_pays():
    assert "each further dimension would add 2.5" in suggest(points((4, 0.7), (8, 0.8)), 0.1)[1]
    assert "try larger" in suggest(points((4, 0.5), (8, 0.9)), 0.01)[1]
    assert suggest([], 0.1)[0] is None


def test_no_larger_code_is_advised_than_the_data_have_numbers():
    found = points((32, 0.5), (64, 0.9))
    assert "try larger" in suggest(found, 0.001, width=65)[1]
    assert "try larger" not in suggest(found, 0.001, width=64)[1]
    assert "has only 64 numbers" in suggest(found, 0.001, width=64)[1]


def test_the_reason_names_its_part_and_doubts_what_is_close():
    far, close = points((1, 0.3), (2, 0.8), (4, 0.81)), points((1, 0.596), (2, 0.84))
    assert suggest(far, 0.1, "test")[1].startswith("On the test part, 2 latent dimensions explain 80.0")
    assert "chance" not in suggest(far, 0.1)[1]
    chosen, reason = suggest(close, 0.25)
    assert chosen == 1
    assert "By one training of each, this may be chance" in reason
    known = [replace(point, spread=0.001) for point in close]
    assert "chance" not in suggest(known, 0.25)[1]
    wide = [replace(point, spread=0.02) for point in close]
    assert "their standard deviations over the seeds" in suggest(wide, 0.25)[1]


def test_sizes_are_powers_of_two_where_nobody_says_which():
    assert default_codes(64) == [1, 2, 4, 8, 16, 32]
    assert default_codes(3072)[-1] == 128
    assert default_codes(1) == [1]


def test_a_size_that_a_recipe_cannot_take_is_told_and_the_others_stand(data, quick, tmp_path):
    found = ist.sweep(data, [2, 9], recipe=ist.recipe("k-sparse", code=16, widths=(8,)), out=tmp_path, **quick)
    assert list(found.failures) in ([], ["code 2, seed 0"], ["code 9, seed 0"])
    assert found.points


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        ({"codes": [0, 2]}, DataError, "1 or more"),
        ({"codes": []}, DataError, "1 or more"),
        ({"price": 1.5}, DataError, "share"),
        ({"seeds": 0}, DataError, "seeds"),
        ({"recipe": "depe"}, BlueprintError, "deep"),
        ({"epochs": 0}, BlueprintError, "epochs"),
    ],
)
def test_what_cannot_be_asked_is_said_before_any_training(data, tmp_path, words, error, said):
    with pytest.raises(error, match=said):
        ist.sweep(data, out=tmp_path, **words)
    assert not list(tmp_path.glob("runs/*"))


def test_where_every_run_fails_the_first_reason_is_given(data, quick, tmp_path):
    with pytest.raises(RunError, match=r"picture"):
        ist.sweep(data, [1, 2], recipe="conv", out=tmp_path, **quick)

"""Why rows of a table have their scores, and what would make them normal."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

import isthmus as ist
from isthmus.errors import UseError
from isthmus.uses.cells import STEPS
from isthmus.uses.usual import Usual


@pytest.fixture(scope="module")
def people():
    """A run on a table of people, and the table: whole numbers, decimals, categories, dates, true and false."""
    generator = np.random.default_rng(0)
    inner = generator.normal(size=(600, 2))
    frame = pd.DataFrame(
        {
            "age": (45 + 12 * inner[:, 0] + generator.normal(size=600)).round().clip(18, 90).astype(int),
            "height": (1.7 + 0.1 * inner[:, 0] + 0.01 * generator.normal(size=600)).round(2),
            "weight": (70 + 10 * inner[:, 0] + 5 * inner[:, 1]).round(1),
            "pulse": (70 + 6 * inner[:, 1] + generator.normal(size=600)).round().astype(int),
            "city": np.where(inner[:, 1] > 0, "Rome", "Oslo"),
            "member": inner[:, 0] > 0,
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta((400 + 100 * inner[:, 1]).round(), unit="D"),
        }
    )
    data = ist.open_data(frame, missing="keep")
    model = ist.recipe("table", code=2, widths=(32,)).build(data, remarks=False)
    how = {"epochs": 15, "learning_rate": 3e-3, "batch_size": 32, "progress": False, "compile": False}
    return ist.fit(model, data, **how), frame


def test_a_row_is_explained_in_the_data_s_own_units_with_the_change_that_makes_it_normal(people):
    run, frame = people
    row = frame.head(1).assign(age=410)
    (told,) = ist.explain(run, row)
    assert told.anomalous
    first = told.reasons[0]
    assert (first.column, first.given, first.kind) == ("age", 410, "value")
    assert isinstance(first.expected, int)
    assert first.share > 0.9
    assert told.counterfactual is not None
    assert str(told) == f"With age {told.counterfactual[0].expected} instead of 410, this row would be normal."
    assert told.to_json()["counterfactual"] == {"age": told.counterfactual[0].expected}


@pytest.mark.parametrize("by", ["error", "distance", "neighbours", "prototypes"])
def test_by_any_score_the_counterfactual_is_normal_and_shares_add_up_to_one_at_most(people, by):
    run, frame = people
    rows = frame.head(12).copy()
    rows["weight"] += 80.0
    rows.loc[::2, "since"] = pd.Timestamp("2031-07-01")
    found = ist.explain(run, rows, by=by)
    normal = 0
    for place, told in enumerate(found):
        assert sum(cell.share for cell in told.reasons) <= 1 + 1e-9
        if told.anomalous and told.counterfactual:
            changed = rows.iloc[[place]].copy()
            for cell in told.counterfactual:
                value = pd.Timestamp(cell.expected) if cell.column == "since" else cell.expected
                value = value == "True" if cell.column == "member" else value
                changed[cell.column] = pd.Series([value], index=changed.index).astype(rows[cell.column].dtype)
            detector = ist.detector(run, by)
            # the last bit of a sum hangs on the batch
            assert float(detector.scores(run.read(changed))[0]) <= detector.threshold * (1 + 1e-5)
            normal += 1
    assert normal >= 6


def test_an_unknown_category_is_a_reason_of_its_own(people):
    run, frame = people
    rows = frame.head(1).assign(city="Atlantis")
    with pytest.warns(ist.Remark, match="treated as unknown"):
        found = ist.explain(run, rows)
    first = found[0].reasons[0]
    assert (first.column, first.given, first.kind) == ("city", "unknown category", "unknown")
    assert first.expected in ("Rome", "Oslo")
    assert "instead of a category that the model does not know" in str(found[0])


def test_a_row_that_scores_no_higher_than_half_of_the_run_s_own_has_no_reasons(people):
    run, frame = people
    detector = ist.detector(run)
    found = detector.explain(run.read(frame.head(40)))
    base = float(detector.usual.nanmedian())
    assert all(not told.reasons for told in found if told.score <= base)
    assert any(told.reasons for told in found if told.score > base)
    assert all(told.counterfactual == () for told in found if not told.anomalous)


def test_no_change_is_claimed_where_none_was_found(people):
    run, frame = people
    numbers = [name for name in frame if name in ("age", "height", "weight", "pulse")]
    row = frame.head(1).copy()
    row[numbers] = row[numbers] * 40
    row["since"] = pd.Timestamp("2090-01-01")
    row["city"] = "Rome"
    (told,) = ist.explain(run, row)
    found = told.counterfactual
    assert found is None or len(found) >= 5
    assert found is not None or str(told).startswith(f"The search found no change of {STEPS} columns")


def test_the_table_of_explanations_has_text_and_shares(people):
    run, frame = people
    rows = frame.head(3).copy()
    rows.loc[1, "height"] = 17.0
    found = ist.explain(run, rows, quick=True)
    table = found.table()
    assert table.column_names[:5] == ["reason_1", "given_1", "expected_1", "share_1", "reason_2"]
    own = {name: column[1].as_py() for name, column in zip(table.column_names, table.columns, strict=True)}
    assert (own["reason_1"], own["given_1"]) == ("height", "17")
    assert own["counterfactual"].startswith("height = 1.")
    assert table["counterfactual"][0].as_py() is None
    assert found.often() == {"height": 1}
    assert len(found[1:]) == 2
    with pytest.raises(IndexError):
        found[3]


def test_rows_are_explained_alike_with_others_and_alone(people):
    run, frame = people
    rows = frame.head(6).copy()
    rows.loc[4, "pulse"] = 300
    (alone,) = ist.explain(run, rows, rows=[4])
    among = ist.explain(run, rows)[4]
    assert [cell[:3] for cell in among.reasons[:1]] == [cell[:3] for cell in alone.reasons[:1]]


def test_only_anomalous_rows_are_explained_on_request(people):
    run, frame = people
    rows = frame.head(30).copy()
    rows.loc[3, "age"] = 300
    detector = ist.detector(run)
    samples = run.read(rows)
    found = detector.explain(samples, "anomalous")
    assert all(bool(told.reasons) == told.anomalous for told in found)
    assert found.anomalous.tolist() == (detector.scores(samples) > detector.threshold).tolist()


def test_pictures_are_refused_with_the_way_to_the_place_of_their_error(digits):
    run, nines = digits
    with pytest.raises(UseError, match=r"these samples are pictures. Use Detector.where"):
        ist.detector(run).explain(nines)


def test_a_score_that_is_not_finite_is_explained_by_the_cell_that_makes_it_so(table):
    run, values = table
    huge = values[:2].copy()
    huge[1, 2] = 3e38
    found = ist.explain(run, huge)
    assert not math.isfinite(found[1].score) or found[1].score > 1e30
    assert found[1].reasons[0].column == "column 3"
    assert found[1].reasons[0].share == pytest.approx(1)


def test_usual_values_have_the_decimals_of_the_column_and_its_most_frequent_category(people):
    run, _ = people
    usual = Usual.of(run.data.train, run.model.scaling.levels)
    names = run.data.train.columns
    decimals = dict(zip(names, usual.decimals.tolist(), strict=True))
    assert {name: decimals[name] for name in ("age", "height", "weight", "pulse")} == {
        "age": 0, "height": 2, "weight": 1, "pulse": 0
    }  # fmt: skip
    assert bool(usual.always.all())
    city = run.data.train.tensor()[:, names.index("city")]
    assert float(usual.row[names.index("city")]) == float(torch.mode(city).values)

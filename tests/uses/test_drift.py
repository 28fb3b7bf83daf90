"""Drift: silent on unchanged data, alarmed by each kind of shift, and clear about what can't be compared."""

import json
import sqlite3
import warnings

import numpy as np
import pandas as pd
import pytest

import isthmus as ist
from isthmus.errors import DataError, UseError
from isthmus.uses.drift import LEAST

MODEL = {"anomalous", "score", "latent"}


def people(count, seed):
    """Four columns: the last two hang together, and are all that the third has to do with."""
    random = np.random.default_rng(seed)
    inner = random.normal(size=(count, 2))
    values = [inner[:, 0], inner[:, 0] + 0.3 * random.normal(size=count), inner[:, 1],
              2 * inner[:, 1] + 0.2 * random.normal(size=count)]  # fmt: skip
    return pd.DataFrame(dict(zip(("height", "weight", "income", "spending"), values, strict=True)))


@pytest.fixture(scope="module")
def run():
    data = ist.open_data(people(2000, 0))
    return ist.fit(ist.recipe("pca", code=2).build(data), data, progress=False)


def test_unchanged_sources_are_silent(run):
    """Also at a weaker level and for differences of any size: the limits don't have to hide false alarms."""
    found = [ist.drift(run, people(400, 100 + seed)) for seed in range(20)]
    assert sum(one.drifted for one in found) <= 1
    assert sum(min(check.adjusted for check in one.checks) <= 0.05 for one in found) <= 3


def test_a_shifted_column_is_named_first_with_its_medians(run):
    new = people(600, 1)
    found = ist.drift(run, new.assign(height=new["height"] + 1))
    assert found.drifted
    columns = [one for one in found.changed if one.about == "column"]
    assert [one.name for one in columns] == ["height"]
    before, after = (float(words.split(" ")[0].replace("−", "-")) for words in (columns[0].before, columns[0].after))
    assert after - before == pytest.approx(1, abs=0.2)
    assert columns[0].overlay is not None
    assert "'height'" in found.advice


def test_a_changed_variance_is_found(run):
    new = people(600, 2)
    found = ist.drift(run, new.assign(weight=new["weight"] * 2))
    assert found.changed[0].name in ("weight", "") or found.changed[0].about == "latent"
    assert "weight" in [one.name for one in found.changed]


def test_another_unit_is_found_by_column_and_model(run):
    new = people(600, 3)
    found = ist.drift(run, new.assign(income=new["income"] * 1000))
    assert {"column", "anomalous", "score"} <= {one.about for one in found.changed}
    assert found.anomalous is not None
    assert found.anomalous[0] > 590


def test_broken_dependence_is_found_by_the_model_while_the_columns_are_silent(run):
    new = people(600, 4)
    shuffled = new["spending"].sample(frac=1, random_state=0).to_numpy()
    found = ist.drift(run, new.assign(spending=shuffled))
    assert found.drifted
    assert {one.about for one in found.changed} <= MODEL
    assert "depend on each other in another way" in found.advice


def test_a_few_anomalous_rows_are_found_by_their_share(run):
    new = people(1000, 5)
    new.loc[:49, "spending"] -= 6 * np.sign(new["income"][:50])
    found = ist.drift(run, new, by="error")
    changed = {one.about: one for one in found.changed}
    assert "anomalous" in changed
    assert set(changed) <= MODEL
    assert found.anomalous is not None
    assert found.anomalous[0] >= 50
    low, high = found.to_json()["anomalous"]["low"], found.to_json()["anomalous"]["high"]
    assert low < 0.055 < high


def test_categories_missing_cells_and_dates_are_compared(mixed):
    run, new = mixed
    assert not ist.drift(run, new).drifted
    random = np.random.default_rng(0)
    changed = new.assign(
        b=new["b"].where(random.random(600) > 0.2),
        city=np.where(random.random(600) < 0.05, "Paris", random.choice(["Bern", "Oslo"], 600)),
        when=new["when"] + pd.Timedelta(days=400),
    )
    with pytest.warns(ist.Remark, match="Paris"):
        found = ist.drift(run, changed)
    named = {(one.about, one.name): one for one in found.changed}
    assert {("missing", "b"), ("unknown", "city"), ("column", "city"), ("column", "when")} <= set(named)
    assert ("column", "b") not in named
    assert named["unknown", "city"].before == "0\u202f%"
    assert named["column", "when"].after.startswith("2025-")
    assert "Rome 6" in named["column", "city"].before
    assert "Rome 0" in named["column", "city"].after
    overlay = named["column", "city"].overlay
    assert overlay is not None
    assert "unknown" in overlay.names
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ist.Remark)
        rest = ist.drift(run, changed, ignore=["when", "city", "b"])
    assert {one.about for one in rest.changed} <= MODEL


def test_a_change_that_is_real_but_small_is_no_alarm(run):
    new = people(6000, 6)
    new["height"] += 0.15
    found = ist.drift(run, new)
    height = next(one for one in found.checks if one.name == "height")
    assert height.adjusted < 0.01
    assert not found.drifted
    assert ist.drift(run, new, distance=0.03).drifted


def test_the_page_has_the_verdict_every_check_and_figures(run, tmp_path):
    new = people(300, 7)
    found = ist.drift(run, new.assign(height=new["height"] + 1))
    page = found.page(tmp_path / "drift.html").read_text()
    assert found.verdict in page
    assert "What has changed" in page
    assert all(one.title in page for one in found.checks)
    assert page.count("<figure>") == 2
    assert "ist.drift" not in str(found)
    assert str(found).startswith(found.verdict)
    assert repr(found) == f"<Drift of the DataFrame: {found.verdict}>"
    said = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert said["drift"] is True
    assert len(said["checks"]) == len(found.checks) == 9


def test_a_run_without_held_out_rows_compares_the_columns_alone():
    frame = people(500, 0)
    data = ist.open_data(frame, validation=0, test=0)
    run = ist.fit(ist.recipe("pca", code=2).build(data), data, progress=False)
    found = ist.drift(run, frame)  # the training rows themselves, whose errors are small
    assert {one.about for one in found.checks} == {"column"}
    assert found.anomalous is None
    assert "only the columns are compared" in found.notes[0]
    assert found.draw().axes
    with_model = ist.drift(run, people(300, 1), reference=people(300, 2))
    assert {one.about for one in with_model.checks} == {"column", *MODEL}
    assert not with_model.notes


def test_pictures_without_held_out_samples_have_nothing_to_compare():
    data = ist.open_data("digits", validation=0, test=0)
    run = ist.fit(ist.recipe("pca", code=4).build(data), data, progress=False)
    with pytest.raises(UseError, match=r"0 held-out samples: expected 20 or more.*reference="):
        ist.drift(run, data.train)


def test_pictures_are_compared_by_scores_and_codes(digits):
    run, nines = digits
    assert not ist.drift(run, run.data.test).drifted
    found = ist.drift(run, nines)
    assert {one.about for one in found.checks} == MODEL
    assert found.drifted
    assert "Look at the most anomalous samples" in found.advice


def test_missing_cells_that_training_filled_in_are_counted_in_its_source(tmp_path):
    frame = people(600, 0)
    frame.loc[frame.index % 10 == 0, "weight"] = np.nan
    frame.to_csv(tmp_path / "people.csv", index=False)
    for source, counted in ((str(tmp_path / "people.csv"), True), (frame, False)):
        data = ist.open_data(source, missing="fill")
        run = ist.fit(ist.recipe("pca", code=2).build(data), data, progress=False)
        new = people(300, 1)
        new.loc[new.index % 10 == 0, "weight"] = np.nan
        found = ist.drift(run, new)
        assert not found.drifted
        assert ("missing" in {one.about for one in found.checks}) is counted
        assert bool(found.notes) is not counted
        assert found.anomalous is not None
        assert found.anomalous[1] == 300


def test_a_model_of_complete_rows_counts_missing_cells_and_scores_the_other_rows(run):
    new = people(400, 8)
    new.loc[:99, "weight"] = np.nan
    found = ist.drift(run, new)
    assert [(one.about, one.name) for one in found.changed] == [("missing", "weight")]
    assert found.anomalous is not None
    assert found.anomalous[1] == 300
    new.loc[:390, "weight"] = np.nan
    found = ist.drift(run, new)
    assert found.anomalous is None
    assert "Only 9 rows have no missing cell" in found.notes[0]
    found = ist.drift(run, new * np.nan)
    assert {one.about for one in found.changed} == {"missing"}
    assert len(found.changed) == 4


def test_few_rows_are_refused_or_noted(run):
    for count in (1, LEAST - 1):
        with pytest.raises(DataError, match=rf"has {count} rows?: expected at least 20"):
            ist.drift(run, people(count, 9))
    found = ist.drift(run, people(30, 9))
    assert "30 rows are few: only distances of more than about 0.3" in found.notes[0]


def test_sources_that_do_not_fit_are_refused_with_the_column_s_name(run, tmp_path):
    new = people(50, 10)
    with pytest.raises(DataError, match="lacks the column 'weight'"):
        ist.drift(run, new.drop(columns="weight"))
    texts = new.assign(weight=["heavy"] * 50)
    with pytest.raises(DataError, match=r"column 'weight', row 1 and 49 more: 'heavy' is not a number"):
        ist.drift(run, texts)
    with pytest.raises(DataError, match=r"column 'weight', has values of type timestamp"):
        ist.drift(run, new.assign(weight=pd.Timestamp("2024-01-01")))
    new.loc[3, "weight"] = np.inf
    with pytest.raises(DataError, match=r"1 of 50 samples with infinite values \(sample 3, column 'weight'\)"):
        ist.drift(run, new)
    (tmp_path / "empty.csv").write_text("height,weight,income,spending\n")
    with pytest.raises(DataError, match=r"empty\.csv"):
        ist.drift(run, str(tmp_path / "empty.csv"))


def test_a_locked_or_corrupt_database_is_one_message(run, tmp_path, monkeypatch):
    monkeypatch.setattr("isthmus.data.readers.databases.WAIT_SECONDS", 0.1)
    path = tmp_path / "people.sqlite"
    people(50, 11).to_sql("people", keeper := sqlite3.connect(path), index=False)
    keeper.commit()
    assert not ist.drift(run, str(path)).drifted
    keeper.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(DataError, match=r"people\.sqlite.*locked"):
            ist.drift(run, str(path))
    finally:
        keeper.close()
    path.write_bytes(b"SQLite format 3\x00" + b"\x07" * 5000)
    with pytest.raises(DataError, match=r"people\.sqlite"):
        ist.drift(run, str(path))


@pytest.mark.parametrize(("words", "said"), [
    ({"level": 0}, "level=0: expected a number between 0 and 1"),
    ({"distance": 1.5}, "distance=1.5"),
    ({"share": -1}, "share=-1"),
    ({"quantile": 2}, "quantile=2"),
    ({"ignore": "heigth"}, "Did you mean 'height'"),
    ({"by": "eror"}, "Did you mean 'error'"),
])  # fmt: skip
def test_arguments_out_of_bounds_are_refused(run, words, said):
    with pytest.raises(DataError, match=said):
        ist.drift(run, people(50, 0), **words)

"""The cells of a row that are off, and by how much."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

import isthmus as ist
from isthmus.errors import Remark


def test_cells_of_many_rows_are_those_of_each_by_itself(table):
    run, values = table
    changed = run.read(values[:6] + np.eye(6, 5, dtype=np.float32) * 8)
    detector = ist.detector(run)
    together = detector.explain(changed)
    alone = [detector.explain(changed.take([row]))[0] for row in range(6)]
    # a share is 1 less a ratio of sums of 5 squares, after 2 passes through 2 products of float32; how a product sums
    # up hangs on how many rows it has
    tolerance = 2 * 2 * 5 * torch.finfo(torch.float32).eps
    for one, own in zip(together, alone, strict=True):
        assert {cell.column: cell.share for cell in one.reasons} == pytest.approx(
            {cell.column: cell.share for cell in own.reasons}, abs=tolerance
        )
    assert [one.reasons[0].column for one in list(together)[:5]] == [f"column {place + 1}" for place in range(5)]


def test_broken_cell_is_named_before_those_that_it_pulls_along():
    generator = np.random.default_rng(0)
    values = generator.normal(size=(400, 1)) * [3.0, 1, 1, 1] + 0.05 * generator.normal(size=(400, 4))
    data = ist.open_data(values.astype(np.float32), scaling="none")
    run = ist.fit(ist.recipe("pca", code=1).build(data), data, progress=False)
    changed = values[:20].astype(np.float32)
    changed[7, 0] = 90
    errors = ist.detector(run).where(run.read(changed))[7]
    assert int(errors.argmax()) != 0  # it is followed
    (name, given, expected, share, kind) = ist.detect(run, changed).most_anomalous[0].columns[0]
    assert (name, given, kind) == ("column 1", 90, "value")
    assert expected == pytest.approx(values[7, 0], abs=0.5)
    assert share > 0.99


def test_broken_category_is_named_by_its_words(tmp_path):
    generator = np.random.default_rng(0)
    city = generator.integers(0, 3, 400)
    rows = [
        f"{place * 4 + noise:.3f},{place * 3 - noise:.3f},{('Berlin', 'Paris', 'Rome')[place]}"
        for place, noise in zip(city, generator.normal(size=400), strict=True)
    ]
    (tmp_path / "table.csv").write_text("\n".join(["x,y,city", *rows]))
    data = ist.open_data(tmp_path / "table.csv", categorical="auto")
    model = ist.recipe("table", code=1, widths=(32,)).build(data)
    run = ist.fit(model, data, epochs=30, learning_rate=3e-3, progress=False, compile=False)
    (tmp_path / "odd.csv").write_text("x,y,city\n8.0,6.0,Rome\n0.0,0.0,Rome\n")
    columns = ist.detect(run, tmp_path / "odd.csv").most_anomalous[0].columns
    (told,) = [(cell.given, cell.expected) for cell in columns if cell.column == "city"]
    assert told in [("Rome", "Berlin"), ("Rome", "Paris")]


def test_changed_cell_is_found_with_its_column(table):
    run, values = table
    changed = values[:50].copy()
    changed[7, 3] += 4
    found = ist.detect(run, changed)
    assert found.most_anomalous[0].sample == 7
    assert found.anomalous[7]
    assert found.most_anomalous[0].columns[0][0] == "column 4"
    assert found.most_anomalous[0].columns[0][1] == pytest.approx(changed[7, 3])
    assert found.to_json()["most_anomalous"][0]["columns"][0]["column"] == "column 4"


def test_two_broken_cells_are_both_named_and_the_shares_of_a_row_add_up_to_one_at_most():
    generator = np.random.default_rng(1)
    values = generator.normal(size=(800, 2)) @ generator.normal(size=(2, 9)) + 0.05 * generator.normal(size=(800, 9))
    data = ist.open_data(values.astype(np.float32))
    run = ist.fit(ist.recipe("pca", code=2).build(data), data, progress=False)
    broken = values[:8].astype(np.float32)
    broken[:, 2] += 6
    broken[:, 7] -= 9
    for row in ist.explain(run, broken):
        assert {cell.column for cell in row.reasons[:2]} == {"column 3", "column 8"}
        assert 0.95 < sum(cell.share for cell in row.reasons) <= 1 + 1e-6


@pytest.mark.parametrize("by", ["error", "neighbours"])
def test_an_unknown_category_is_anomalous_and_named_and_a_missing_one_is_neither(by):

    place = np.random.default_rng(0)
    kind = place.choice(["http", "smtp", "dns"], 400)
    size = np.where(kind == "http", 1.0, 3.0) + place.normal(0, 0.2, 400)
    given = {"kind": kind, "size": size} | {f"n{i}": size + place.normal(0, 0.1, 400) for i in range(6)}
    data = ist.open_data(pa.table(given), categorical="auto", missing="keep")
    run = ist.fit(ist.recipe("table", code=2).build(data), data, epochs=3, compile=False, progress=False)
    row = {name: pa.array([values[0]] * 2) for name, values in given.items()}
    with pytest.warns(Remark, match="treated as unknown"):
        found = ist.detect(run, pa.table(row | {"kind": pa.array(["backdoor", None])}), by)
    assert found.anomalous.tolist() == [True, False]
    assert found.most_anomalous[0].sample == 0
    first = found.most_anomalous[0].columns[0]
    assert (first.column, first.given, first.kind) == ("kind", "unknown category", "unknown")


def test_a_date_is_one_cell_with_its_place_in_the_day():
    when = pd.date_range("2024-01-01", periods=300, freq="h")
    light, warm = np.random.default_rng(0).normal(size=(2, 300))
    table = pd.DataFrame({"when": when, "light": light, "warm": warm})
    data = ist.open_data(table)
    run = ist.fit(ist.recipe("deep", code=2).build(data), data, epochs=1, progress=False)
    late = table.head(5).assign(when=pd.Timestamp("2031-07-01 13:00"))
    for row in ist.explain(run, late):
        assert {cell.column for cell in row.reasons} <= {"when", "light", "warm"}
        assert [cell.given for cell in row.reasons if cell.column == "when"] == ["2031-07-01 13:00:00"]

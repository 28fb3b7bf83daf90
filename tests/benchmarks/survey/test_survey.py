"""The survey: every recipe has data, rows are measured and kept, failures are rows, the best are marked."""

import json

import numpy as np
import pytest
from benchmarks.survey.families import families
from benchmarks.survey.measures import MEASURES, best_rows, markdown, packaged, rounded
from benchmarks.survey.page import page_of

import isthmus as ist
from benchmarks.survey import __main__ as command
from benchmarks.survey import measures, sets, trial


def row(recipe, data="digits", code=16, likelihood=None, failed=None, **values):
    return {
        "recipe": recipe,
        "family": "basic",
        "data": data,
        "code": code,
        "likelihood": likelihood,
        "measures": {name: values.get(name) for name in MEASURES},
        "missing": {},
        "failed": failed,
    }


def table(*rows):
    facts = {"kind": "pictures", "shape": [2], "samples": 1000, "epochs": 2, "what": "digits", "tested": 10}
    facts |= {"batch": 5, "rate": 0.001, "perfect": {}}
    return {"made_by": "me", "machine": "one", "data": {"digits": facts}, "rows": list(rows)}


def test_every_recipe_has_a_family_and_a_data_set():
    assert set(families()) == set(ist.recipes())
    homeless = [one.name for one in ist.recipes().values() if not any(of.fits(one) for of in sets.SETS.values())]
    assert homeless == []


def test_codes_have_one_size_where_recipes_leave_it_open():
    recipes = ist.recipes()
    budget = sets.Budget(100, 100, 1, code=16)
    sizes = {name: trial.options_of(recipes[name], budget) for name in ("deep", "vae", "vq", "k-sparse", "conv")}
    assert sizes == {"deep": {"code": 16}, "vae": {"code": 16}, "vq": {}, "k-sparse": {}, "conv": {}}


def test_errors_are_compared_among_codes_of_one_size_only():
    rows = [row("deep", error=0.2), row("vae", error=0.3), row("topk", code=784, error=0.01)]
    assert best_rows(rows) == {"digits": {"error deep"}}


def test_likelihoods_are_compared_among_models_with_the_same_one_only():
    rows = [row("vae", likelihood="bce", nll=90.0), row("iwae", likelihood="bce", nll=88.0)]
    rows.append(row("vae-gan", likelihood="gaussian", nll=-500.0))
    assert best_rows(rows) == {"digits": {"nll iwae"}}


def test_larger_measures_are_better_where_the_table_says_so():
    rows = [row("deep", probe=0.8, seconds=2.0), row("vae", probe=0.9, seconds=3.0), row("bad", failed="no", probe=1.0)]
    assert best_rows(rows) == {"digits": {"probe vae", "seconds deep"}}


def test_numbers_have_four_digits_and_are_finite():
    assert [rounded(value) for value in (0.123456, 16, float("nan"), None, 123456.0)] == [
        0.1235,
        16,
        None,
        None,
        123500,
    ]


def test_packaged_table_has_a_line_for_each_row_and_only_published_measures():
    text = packaged(table(row("deep", error=0.5, links=0.9), row("conv", failed="it takes pictures")))
    found = json.loads(text)
    assert [line["recipe"] for line in found["rows"]] == ["deep", "conv"]
    assert found["rows"][0]["measures"]["error"] == 0.5
    assert set(found["rows"][0]["measures"]) == set(found["measures"])
    assert "links" not in found["measures"]
    assert sum('"recipe": ' in line for line in text.splitlines()) == 2


def test_markdown_names_failures_and_marks_the_best():
    text = markdown(table(row("deep", error=0.5), row("vae", error=0.6), row("conv", failed="it takes pictures")))
    assert "| deep | 16 | **0.5** |" in text
    assert "`conv` failed: it takes pictures" in text


def test_page_holds_its_data_and_no_text_can_end_the_script():
    page = page_of(table(row("deep", error=0.5), row("conv", failed="</script><b>")))
    assert page.count("</script>") == 1
    assert "default-src 'none'" in page
    assert "script-src 'unsafe-inline'" in page


@pytest.fixture
def tiny(monkeypatch):
    """One small table, with anomalies."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(60, 5)).astype(np.float32)
    outlier = np.arange(20) < 5
    judged = rows[:20] + 10 * outlier[:, None]

    def opened(budget):
        data = ist.open_data({"x_train": rows[20:], "x_test": rows[:20]}, kind="table", validation=0)
        return sets.Opened(data, judged.astype(np.float32), outlier)

    one = sets.SurveySet("table", "noise", ("any",), opened, {"quick": sets.Budget(0, 0, 1, 20, code=2)})
    for module in (sets, command, trial):
        monkeypatch.setattr(module, "SETS", {"noise": one})
    for cached in (sets.opened, trial.features_of):
        cached.cache_clear()
    yield
    for cached in (sets.opened, trial.features_of):
        cached.cache_clear()


def test_rows_are_measured_once_and_failures_are_rows(tiny, tmp_path, capsys):
    words = ["--quick", "--out", str(tmp_path), "--only", "vae,conv-vae"]
    assert command.main(words) == 0
    found = {one["recipe"]: one for one in json.loads((tmp_path / "table.json").read_text())["rows"]}
    measured = found["vae"]["measures"]
    assert found["vae"]["code"] == 2
    known = ("error", "relative_error", "nll", "kl", "active", "frechet", "recall", "auroc", "seconds", "megabytes")
    assert all(measured[name] is not None for name in known)
    assert measured["probe"] is None
    assert "needs pictures" in found["conv-vae"]["failed"]
    capsys.readouterr()
    assert command.main(words) == 0
    assert "noise vae:" not in capsys.readouterr().out
    assert (tmp_path / "survey.html").stat().st_size > 10_000


def test_meanings_are_sentences():
    assert all(one.means.endswith(".") for one in measures.MEASURES.values())

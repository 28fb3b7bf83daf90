"""Comparing: the order, the spread, what is said about it, and the page."""

import math
import re
import statistics

import pytest

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.experiments.comparison import verdict
from isthmus.experiments.table import Entry
from isthmus.experiments.words import brief_columns


def test_the_better_model_comes_first_with_its_mean_and_spread(data, tmp_path):
    found = ist.compare(
        data,
        {"one number": ist.recipe("tied", code=1), "three numbers": ist.recipe("tied", code=3)},
        out=tmp_path,
        seeds=2,
        epochs=5,
        learning_rate=3e-2,
        compile=False,
    )
    assert [entry.candidate for entry in found.entries] == ["three numbers", "one number"]
    errors = [row["test_mse"] for row in found.rows if row["candidate"] == "three numbers"]
    best = found.entries[0]
    assert best.means["test_mse"] == pytest.approx(statistics.fmean(errors))
    assert best.spreads["test_mse"] == pytest.approx(statistics.stdev(errors))
    assert best.means["test_mse"] >= best.means["test_mse_pca"] * (1 - 1e-6)
    assert "three numbers has the smallest error" in found.verdict


def entry(name, mean, spread):
    return Entry(name, 3, 0, {"mse": mean, "mse_pca": 0.5, "pca_code": 8}, {"mse": spread, "mse_pca": 0.0})


@pytest.mark.parametrize(
    ("spreads", "said"),
    [((0.01, 0.02), "larger than both"), ((0.1, 0.02), "more seeds may reverse it"), ((None, None), "With one seed")],
)
def test_the_verdict_says_whether_chance_may_have_made_the_order(spreads, said):
    assert said in verdict([entry("a", 0.2, spreads[0]), entry("b", 0.3, spreads[1])], "mse")


def test_the_page_stands_by_itself_and_shows_failures(data, quick, tmp_path):
    plans = {name: ist.recipe(name, code=2) for name in ("vanilla", "conv")}
    found = ist.compare(data, plans, out=tmp_path, seeds=1, **quick)
    page = (tmp_path / "report.html").read_text()
    assert all(link.startswith("data:image/png") for link in re.findall(r'(?:src|srcset|href)="([^"]*)"', page))
    assert "Failed trials" in page
    assert "conv, seed 0" in page
    assert list(found.failures) == ["conv, seed 0"]
    words = re.sub(r"base64,[^\"]*", "", page)
    assert not re.search(r"\b(nan|inf|None)\b", words)


def test_pictures_are_shown_as_each_model_gives_them_back(quick, tmp_path):
    ist.compare("digits", ["vanilla", "cvae"], out=tmp_path, seeds=1, **quick)
    assert "Reconstructions" in (tmp_path / "report.html").read_text()


def test_vaes_are_ranked_by_the_elbo_with_their_kl_bits_and_draws(tmp_path):
    words = ["vae@weight=1/8,code=2,network.widths=[16]"]
    found = ist.compare("digits", words, out=tmp_path, seeds=1, epochs=8, learning_rate=3e-3, compile=False)
    assert found.ranked_by == "test_elbo"
    elbos = [entry.means["test_elbo"] for entry in found.entries]
    assert elbos == sorted(elbos, reverse=True)
    assert "has the largest ELBO" in found.verdict
    for entry in found.entries:
        means = entry.means
        assert means["test_bits"] == pytest.approx(-means["test_elbo"] / 64 / math.log(2))
        assert means["test_kl"] >= 0
        assert means["test_frechet"] > 0
    light, heavy = (entry.means["test_kl"] for entry in sorted(found.entries, key=lambda entry: entry.candidate))
    assert light > heavy
    assert list(brief_columns(found.entries, "test"))[1:] == ["test_elbo", "test_kl", "test_frechet", "test_mse"]


def test_among_others_vaes_are_ranked_by_the_error_and_what_they_are_trained_for_is_said(quick, tmp_path):
    found = ist.compare("digits", ["vanilla@code=4", "vae@code=2,widths=[8]"], out=tmp_path, seeds=1, **quick)
    assert found.ranked_by == "test_mse"
    errors = [entry.means["test_mse"] for entry in found.entries]
    assert errors == sorted(errors)
    assert re.fullmatch(
        r"vae@code=2,widths=\[8\] maximises the ELBO \(bce\), not the error: −[\d.]+ nats\.", found.explanation
    )
    page = (tmp_path / "report.html").read_text()
    assert "The test part, of models with a prior" in page
    assert "Fréchet" in page


def test_no_table_of_the_page_has_more_columns_than_fit_it(quick, tmp_path):
    ist.compare("digits", ["vanilla@code=4", "vae@code=2,widths=[8]"], out=tmp_path, seeds=2, **quick)
    page = (tmp_path / "report.html").read_text()
    heads = re.findall(r"<thead>(.*?)</thead>", page, re.DOTALL)
    assert len(heads) >= 3
    assert max(head.count("<th") for head in heads) <= 6
    assert "^" not in re.sub(r"base64,[^\"]*", "", page[page.index("<body>") :])


def test_unknown_recipes_and_none_are_said(data, tmp_path):
    with pytest.raises(BlueprintError, match=r"deep"):
        ist.compare(data, ["depe"], out=tmp_path)
    with pytest.raises(BlueprintError, match=r"no recipes"):
        ist.compare(data, [], out=tmp_path)

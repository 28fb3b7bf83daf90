"""The command `doctor`."""

import json

import pytest

import isthmus as ist


@pytest.fixture(scope="module")
def collapsed(tmp_path_factory):
    """A VAE whose code says nothing."""
    folder = tmp_path_factory.mktemp("runs") / "vae"
    data = ist.open_data("digits")
    model = ist.recipe("vae", code=8, weight=20).build(data)
    ist.fit(model, data, epochs=8, out=folder, progress=False, compile=False)
    return folder


def test_finding_is_said_with_number_limit_and_cure(isthmus, collapsed):
    said = isthmus("doctor", collapsed)
    assert said.code == 0
    assert "posterior collapse (serious): 0 of the code's 8 latent dimensions" in said.out
    assert "(healthy: at least 0.2)" in said.out
    assert f"Try:  isthmus train digits --blueprint {collapsed}/model.json --set kl.weight=1" in said.out


def test_json_is_the_findings_and_nothing_else(isthmus, collapsed):
    said = isthmus("doctor", collapsed, "--json")
    (finding,) = json.loads(said.out)
    assert finding["name"] == "posterior collapse"
    assert finding["number"] == 0
    assert finding["command"].startswith("isthmus train digits ")


def test_healthy_run_is_told_so(isthmus, tmp_path):
    assert isthmus("train", "digits", "--recipe", "pca", "--out", tmp_path / "pca", "--quiet").code == 0
    assert isthmus("doctor", tmp_path / "pca").out.startswith("All is well")
    assert json.loads(isthmus("doctor", tmp_path / "pca", "--json").out) == []


def test_folder_without_a_run_is_refused_in_one_line(isthmus, tmp_path):
    said = isthmus("doctor", tmp_path)
    assert said.code == 1
    assert said.err.count("\n") == 1


def test_report_shows_the_findings_at_its_top(isthmus, collapsed, tmp_path):
    assert isthmus("report", collapsed, tmp_path / "report.html", "--quiet").code == 0
    page = (tmp_path / "report.html").read_text()
    assert page.index("The doctor&#39;s findings") < page.index("<h2>Reconstructions")
    assert "Posterior collapse (serious)" in page

"""Every script of the lectures' experiments runs, on small data, to its picture and its two sentences."""

import contextlib
import io
import re
import runpy
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "examples" / "lectures").glob("*.py"))
MOST_LINES = 60


@pytest.fixture(scope="module", params=SCRIPTS, ids=lambda script: script.stem)
def ran(request, tmp_path_factory):
    """The folder where the script was asked for a picture, and what it printed."""
    folder = tmp_path_factory.mktemp(request.param.stem)
    said = io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        torch.random.fork_rng(),
        contextlib.redirect_stdout(said),
        warnings.catch_warnings(action="ignore", category=DeprecationWarning),  # other libraries' own, as in a script
    ):
        patch.chdir(folder)
        patch.setattr(sys, "argv", [str(request.param), "seen.png", "--quick"])
        runpy.run_path(str(request.param), run_name="__main__")
    return folder, said.getvalue()


def test_script_ends_in_a_picture(ran):
    folder, _ = ran
    assert [path.name for path in folder.iterdir()] == ["seen.png"]
    with Image.open(folder / "seen.png") as picture:
        assert min(picture.convert("L").size) >= 200
        assert np.asarray(picture.convert("L")).min() < 100  # something is drawn on the paper


def test_script_says_in_two_sentences_what_is_seen(ran):
    _, said = ran
    sentences = re.split(r"(?<=[.!?])\s+", said.strip())
    assert len(sentences) == 2, said
    assert all(sentence.endswith(".") and re.search(r"\d", sentence) for sentence in sentences), sentences


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_script_is_short(script):
    assert len(script.read_text().splitlines()) <= MOST_LINES


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_page_shows_what_the_script_makes(script):
    page = (ROOT / "docs" / "lectures.md").read_text()
    assert f"python examples/lectures/{script.name}" in page
    assert f"(images/lectures/{script.stem}.png)" in page
    assert (ROOT / "docs" / "images" / "lectures" / f"{script.stem}.png").stat().st_size < 150_000

"""Every script of the lectures' experiments runs, on small data, to its picture and its two sentences."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "examples" / "lectures").glob("*.py"))
MOST_LINES = 60


@pytest.fixture(scope="module", params=SCRIPTS, ids=lambda script: script.stem)
def ran(request, tmp_path_factory):
    """The script, the picture that it was asked for, and what came of it."""
    folder = tmp_path_factory.mktemp(request.param.stem)
    words = [sys.executable, str(request.param), "seen.png", "--quick"]
    where = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(words, cwd=folder, env=where, capture_output=True, text=True, timeout=600, check=False)
    return request.param, folder, done


def test_script_ends_in_a_picture(ran):
    _, folder, done = ran
    assert done.returncode == 0, done.stderr
    assert [path.name for path in folder.iterdir()] == ["seen.png"]
    with Image.open(folder / "seen.png") as picture:
        assert min(picture.convert("L").size) >= 200
        assert np.asarray(picture.convert("L")).min() < 100  # something is drawn on the paper


def test_script_says_in_two_sentences_what_is_seen(ran):
    _, _, done = ran
    sentences = re.split(r"(?<=[.!?])\s+", done.stdout.strip())
    assert len(sentences) == 2, done.stdout
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

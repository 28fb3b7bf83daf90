"""Every script that shows how to extend Isthmus runs, is short, ends in a sentence with figures, and is on the page."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest
import torch

from isthmus.parts import Penalty
from isthmus.training import Settings, Training

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))
MOST_LINES = 60
EPOCHS = 2

pytestmark = pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)


@pytest.fixture
def soon_done(monkeypatch):
    """Two epochs, and kinds of penalties that nobody meets afterwards."""
    monkeypatch.setattr(Penalty, "_kinds", dict(Penalty._kinds))
    whole, ready = Training.run, Settings.__init__

    def run(training):
        training.settings = training.settings.replace(epochs=min(training.settings.epochs, EPOCHS))
        return whole(training)

    def begin(settings: Settings, **given: Any) -> None:
        short: dict[str, Any] = given | {"epochs": EPOCHS}
        ready(settings, **short)

    monkeypatch.setattr(Training, "run", run)
    monkeypatch.setattr(Settings, "__init__", begin)


@pytest.mark.usefixtures("soon_done")
def test_script_ends_in_a_sentence_with_figures(script, capsys):
    with torch.random.fork_rng():
        runpy.run_path(str(script), run_name="__main__")
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert re.fullmatch(r"[A-Z\d].*\d\.\d+.*\.", last), last


def test_script_is_short(script):
    assert len(script.read_text().splitlines()) <= MOST_LINES


def test_page_shows_the_script(script):
    assert f'--8<-- "examples/{script.name}"' in (ROOT / "docs" / "extending.md").read_text()

"""The code blocks of the README and of every page of the documentation do what they say."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.example import Example
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser
from typer.testing import CliRunner

from isthmus.cli.main import app
from isthmus.data import named
from isthmus.training import Training

ROOT = Path(__file__).parents[2]
EPOCHS = 3
SAMPLES = 500
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def run_shell(example: Example) -> None:
    """Run the lines of a block that start with `isthmus`; the others (make, pip) are for the reader."""
    for line in example.parsed.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words and words[0] == "isthmus":
            result = CliRunner().invoke(app, words[1:])
            assert result.exit_code == 0, f"{line}\n{result.output}"


def check_json(example: Example) -> None:
    """Write a block of JSON to `model.json`, for the commands that follow."""
    Path("model.json").write_text(example.parsed)


BLOCKS = Sybil(
    parsers=[
        PythonCodeBlockParser(),
        CodeBlockParser(language="sh", evaluator=run_shell),
        CodeBlockParser(language="json", evaluator=check_json),
    ]
)


@pytest.fixture
def soon_done(monkeypatch):
    """There are few digits and sprites, and runs end after three epochs: a page is tried, not how a model learns."""
    bundled, whole = named._digits(), Training.run
    few = replace(bundled, values=bundled.values[:SAMPLES], labels=bundled.labels[:SAMPLES])
    monkeypatch.setattr(named, "_digits", lambda: few)
    drawn = named.sprites()  # pyright: ignore[reportPrivateImportUsage]
    held = {name: getattr(drawn, name)[::17] for name in ("values", "labels", "factors")}
    monkeypatch.setattr(named, "sprites", lambda: replace(drawn, **held))

    def run(training):
        training.settings = training.settings.replace(epochs=min(training.settings.epochs, EPOCHS))
        return whole(training)

    monkeypatch.setattr(Training, "run", run)


@pytest.mark.usefixtures("soon_done")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_code_blocks_of_the_page_run(page, tmp_path, monkeypatch, request):
    if page.name == "export.md":
        request.getfixturevalue("operations_read_once")
    monkeypatch.chdir(tmp_path)
    for example in BLOCKS.parse(page).examples():
        example.evaluate()


def test_links_between_pages_lead_somewhere():
    import re

    for page in PAGES:
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page.name} links to {link}"

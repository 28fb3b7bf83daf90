"""The picture of the house shows every folder of the library, in the order that the linter holds."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(ROOT / "docs" / "images" / "architecture.py"))


def test_house_shows_every_folder_in_the_linters_order(script):
    shown = [room for rooms in script["FLOORS"].values() for room in rooms]
    folders = {path.parent.name for path in (ROOT / "src" / "isthmus").glob("*/__init__.py")}
    assert folders <= set(shown)
    assert shown == [layer for layer in script["layers"]() if layer in shown]


def test_files_that_the_page_names_are_there():
    page = (ROOT / "docs" / "architecture.md").read_text()
    for name in re.findall(r"`((?:tests/|docs/)?[\w/]+(?:/|\.py|\.md))`", page):
        here = ROOT if name.startswith(("tests/", "docs/")) else ROOT / "src" / "isthmus"
        assert (here / name.removeprefix("isthmus/")).exists() or name == "__init__.py", name

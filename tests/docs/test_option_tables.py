"""The tables of options in the documentation are those that the definitions make."""

import importlib.util
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "docs/option_tables.py"


def load():
    spec = importlib.util.spec_from_file_location("option_tables", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pages_have_the_tables_that_the_definitions_make():
    tables = load()
    for page in (tables.PAGE, tables.CHOOSING):
        assert page.read_text() == tables.with_tables(page), "run: python docs/option_tables.py"


def test_every_option_has_a_row_with_its_flag_name_and_help():
    tables = load()
    rows = tables.PAGE.read_text().splitlines()
    for cls in tables.PYTHON:
        for defined in tables.options_of(cls).values():
            assert any(
                f"| `{defined.name}` |" in row and tables.in_our_words(defined.option.help) in row for row in rows
            ), defined.name
            assert not defined.option.offered or any(f"`{defined.flag}" in row for row in rows), defined.name

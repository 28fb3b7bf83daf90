"""Pages: the templates in `templates/`, filled with facts and plates."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader

from isthmus.plain import plain
from isthmus.shown import Page
from isthmus.storage.files import write_whole


def fill_page(template: str, **facts: Any) -> str:
    """One of the pages in `templates/`, filled with facts, as HTML."""
    loader = PackageLoader("isthmus.drawing")
    pages = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return plain(pages.get_template(template).render(**facts))


def write_page(path: str | Path, page: str) -> Page:
    """Write a page of HTML, whole or not at all, and return its path, which shows the page in a notebook.

    Raises:
        IsthmusError: the path can't be written to.
    """
    write_whole(path, lambda beside: beside.write_text(page, encoding="utf-8", newline="\n"))
    return Page(path)

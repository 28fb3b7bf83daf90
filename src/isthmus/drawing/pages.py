"""Pages: the templates in `templates/`, filled with facts and plates."""

from typing import Any

from jinja2 import Environment, PackageLoader

from isthmus.plain import plain


def fill_page(template: str, **facts: Any) -> str:
    """One of the pages in `templates/`, filled with facts, as HTML."""
    loader = PackageLoader("isthmus.drawing")
    pages = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return plain(pages.get_template(template).render(**facts))

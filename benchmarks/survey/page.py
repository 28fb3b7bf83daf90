"""The page of the survey: one HTML file with a table that sorts and filters, and a picture of two measures."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader

from benchmarks.survey.measures import MEASURES, best_rows
from isthmus.drawing.pages import write_page
from isthmus.model.recipes import RECIPES
from isthmus.plain import plain


def write_survey(path: Path, table: Mapping[str, Any]) -> Path:
    """Write the page, whole or not at all, and return its path. It needs no network and no other file."""
    return Path(write_page(path, page_of(table)))


def page_of(table: Mapping[str, Any]) -> str:
    """The page as HTML."""
    loaders = [FileSystemLoader(Path(__file__).parent), PackageLoader("isthmus.drawing")]
    pages = Environment(loader=ChoiceLoader(loaders), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    well = [row for row in table["rows"] if row["failed"] is None]
    # "<" as JSON's own escape, so that no text can end the script
    data = json.dumps(_data(table), separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
    return plain(
        pages.get_template("page_of_survey.html").render(
            data=data,
            table=table,
            recipes=len({row["recipe"] for row in well}),
            trained=len(well),
            measures=MEASURES,
        )
    )


def _data(table: Mapping[str, Any]) -> dict[str, Any]:
    """What the page's script sorts and draws."""
    names = list(MEASURES)
    best = best_rows(table["rows"])
    return {
        "measures": [
            {"name": name, "title": one.title, "means": one.means, "better": one.better}
            for name, one in MEASURES.items()
        ],
        "data": {
            name: {key: facts[key] for key in ("kind", "what", "perfect")} for name, facts in table["data"].items()
        },
        "about": {row["recipe"]: RECIPES[row["recipe"]].summary for row in table["rows"] if row["recipe"] in RECIPES},
        "rows": [
            {
                "recipe": row["recipe"],
                "family": row["family"],
                "data": row["data"],
                "code": row["code"],
                "likelihood": row["likelihood"],
                "failed": row["failed"],
                "values": [row["measures"].get(name) for name in names],
                "best": [
                    place for place, name in enumerate(names) if f"{name} {row['recipe']}" in best.get(row["data"], ())
                ],
            }
            for row in table["rows"]
        ],
    }

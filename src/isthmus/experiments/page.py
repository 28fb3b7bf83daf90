"""The page of a study: the answer, sections, all numbers, failed trials, and the facts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from isthmus.drawing.pages import fill_page
from isthmus.drawing.pages import write_page as write_file
from isthmus.drawing.plates import Section
from isthmus.experiments.table import PAGE, SPREAD, Entry
from isthmus.experiments.words import MEASURES, OF_DRAWS, SHORT, cells, tables
from isthmus.measures import unit_of
from isthmus.report.facts import data_facts, flat
from isthmus.run import environment
from isthmus.shown import Page


def write_page(
    folder: Path,
    description: Mapping[str, Any],
    *,
    title: str,
    verdict: str,
    explanation: str,
    sections: Sequence[Section],
    caption: str,
    tables: Sequence[Mapping[str, Any]],
    failures: Mapping[str, str],
    settings: Mapping[str, Any],
) -> Page:
    """Write the page of a study into its folder, whole or not at all, and return its path.

    description: of the data (`Data.description`). title: the kind of study. verdict, explanation: the answer and its
    reason. tables: each with a `title`, a `head` and `rows` of `cells`; `chosen` rows are marked. failures: the error
    of each failed trial. settings: those that all trainings share.
    """
    around = environment()
    command = str(around.pop("command") or "")
    page = fill_page(
        "study.html",
        title=title,
        verdict=verdict,
        explanation=explanation,
        sections=sections,
        caption=caption,
        tables=tables,
        failures=failures,
        source=Path(description.get("source") or "data in memory").name,
        data_facts=data_facts(description),
        settings=flat(settings),
        environment=flat(around),
        command=command if command.startswith("isthmus") else "",
    )
    return write_file(folder / PAGE, page)


def entries_shown(entries: Sequence[Entry], chosen: str, decided_by: str = "") -> dict[str, Any]:
    """The `caption` and `tables` of a study whose numbers are entries, as `write_page` takes them.

    chosen: the candidate whose row is marked. decided_by: see `isthmus.experiments.words.tables`.
    """
    shown = tables(entries, decided_by)
    measured = {name.split("_", 1)[1] for names in shown.values() for name in names if "_" in name}
    units = [
        f"{SHORT.get(name, name)}: {unit_of(name).title} ({unit_of(name).unit})"
        for name in (*MEASURES, *OF_DRAWS)
        if name in measured
    ]
    runs = max((entry.count for entry in entries), default=0)
    return {
        "caption": f"Means of {runs} run{'s' * (runs != 1)} each{f', ± the {SPREAD}' if runs > 1 else ''}. "
        + "; ".join(units)
        + ". PCA has as many components as the code has dimensions, 512 at most. For a quantised code, PCA has as many "
        "bits.",
        "tables": [
            {
                "title": title,
                "head": ["", *names.values()],
                "rows": [
                    {"cells": [entry.candidate, *cells(entry, names)], "chosen": entry.candidate == chosen}
                    for entry in entries
                    if any(name in entry.means for name in names)
                ],
            }
            for title, names in shown.items()
        ],
    }

"""Write the tables of options in `cli.md` and of purposes in `choosing.md`: `python docs/option_tables.py`.

They are made from the definitions of the options, and from `isthmus.guidance`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from isthmus.cli.wording import in_our_words
from isthmus.formatting import number
from isthmus.guidance import KINDS, PURPOSES, Advice, every_advice, measurements, recommend
from isthmus.guidance.advice import COST, HEADS, SHOWN
from isthmus.guidance.measured import title_of
from isthmus.options import Defined, DivisionOptions, ReadingOptions, StudyOptions, TrainingOptions, options_of
from isthmus.options.option import GROUPS

DOCS = Path(__file__).parent
PAGE, CHOOSING = DOCS / "cli.md", DOCS / "choosing.md"
EXAMPLE = "anomalies in a table"
BEGIN, END = "<!-- written by option_tables.py -->\n", "<!-- end of the tables -->\n"
PYTHON = {
    TrainingOptions: "fit",
    ReadingOptions: "open_data",
    DivisionOptions: "open_data",
    StudyOptions: "sweep, compare, pretrain",
}
"""The functions whose arguments the options are in Python."""


def with_tables(page: Path) -> str:
    """The text of a page with the tables as they should be."""
    head, _, rest = page.read_text().partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{tables() if page == PAGE else purposes()}\n{END}{tail}"


def tables() -> str:
    """A table for each group of options, in the order of the command's help."""
    found = [defined for cls in PYTHON for defined in options_of(cls).values()]
    groups = {group: [row(one) for one in found if one.option.group == group] for group in GROUPS}
    head = "| option | in Python | default | meaning |\n|---|---|---|---|\n"
    return "\n".join(f"### {group}\n\n{head}" + "".join(rows) for group, rows in groups.items())


def row(defined: Defined) -> str:
    """An option's line of a table."""
    cells = [
        ", ".join(flags(defined)) or "none",
        f"`{defined.name}`",
        in_our_words(defined.default_words(chosen=True)),
        in_our_words(defined.option.help),
    ]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def flags(defined: Defined) -> Iterator[str]:
    """An option's words on the command line; none where Python alone has it."""
    if not defined.option.offered:
        return
    if defined.option.short:
        yield f"`{defined.option.short}`"
    if defined.forms == (bool,):
        yield f"`{defined.flag}`"
        yield f"`--no-{defined.flag[2:]}`"
    else:
        yield f"`{defined.flag} {defined.option.metavar or '|'.join(defined.choices)}`"


def purposes() -> str:
    """A list of all purposes, then a section for each: its recipes for each kind of data, with their figures."""
    found: dict[str, list[Advice]] = {name: [] for name in PURPOSES}
    for advice in every_advice():
        found[advice.purpose.name].append(advice)
    head = "| you want to | `--for` | recipes |\n|---|---|---|\n"
    index = "".join(_entry(advices) for advices in found.values())
    source = f"`{measurements().made_by}`, measured on {measurements().machine}."
    example = f'```python\nprint(ist.recommend("{EXAMPLE}"))\n```\n\n```text\n{recommend(EXAMPLE)}\n```\n\n'
    sections = "\n".join(map(_section, found.values()))
    return f"{example}{head}{index}\nFigures: {source}\n\n{sections}"


def _entry(advices: list[Advice]) -> str:
    purpose = advices[0].purpose
    firsts = ", ".join(dict.fromkeys(f"`{advice.first.recipe}`" for advice in advices))
    return f"| [{purpose.title}](#{_anchor(purpose.title)}) | `{purpose.name}` | {firsts} |\n"


def _anchor(title: str) -> str:
    return "".join(letter for letter in title.lower() if letter.isalnum() or letter in " -").replace(" ", "-")


def _section(advices: list[Advice]) -> str:
    purpose = advices[0].purpose
    measures = [one for one in dict.fromkeys((purpose.measure, *COST)) if any(map(_figures(one), advices))]
    heads = ["data", "recipe", "when to choose it", *(HEADS.get(one) or title_of(one) for one in measures)]
    rows = [row for advice in advices for row in _rows(advice, measures)]
    table = "\n".join([f"| {' | '.join(heads)} |", "|---|---|---|" + "--:|" * len(measures), *rows])
    means = [f"{title_of(one)}: {measurements().measures[one].means}\n" for one in measures if one not in COST]
    simpler = [f"- {_begun(_kind(kind) + text)}" for kind, text in purpose.simpler.items()]
    tools = ["A simpler tool may be enough:\n", "\n".join(simpler) + "\n"] if simpler else []
    head = (DOCS / purpose.page).read_text().splitlines()[0].removeprefix("# ")
    return "\n".join(
        [f"## {_begun(purpose.title)}\n", *means, f"{table}\n", *tools, f"Next: [{head}]({purpose.page})\n"]
    )


def _figures(measure: str) -> Callable[[Advice], bool]:
    return lambda advice: any(
        measure in one.figures.get(data, {}) for one in advice.choices[:SHOWN] for data in advice.sets[:1]
    )


def _begun(text: str) -> str:
    return text if text.startswith(("scikit-learn", "t-SNE", "k-means")) else text[0].upper() + text[1:]


def _kind(kind: str) -> str:
    return "" if kind == "any" else f"For {KINDS[kind].title}: "


def _rows(advice: Advice, measures: list[str]) -> Iterator[str]:
    """The lines of one kind of data in the table of a purpose."""
    data = advice.facts.kind.title + (f" ({advice.sets[0]})" if advice.sets else "")
    for place, choice in enumerate(advice.choices[:SHOWN]):
        figures = choice.figures.get(advice.sets[0], {}) if advice.sets else {}
        name = f"`{choice.recipe}`" if place else f"**`{choice.recipe}`**"
        shown = [number(figures[one]) if one in figures else "" for one in measures]
        yield f"| {' | '.join(['' if place else data, name, choice.why, *shown])} |"
    if more := advice.choices[SHOWN:]:
        yield f"| {' | '.join(['', '…', ', '.join(f'`{one.recipe}`' for one in more), *['' for _ in measures]])} |"


if __name__ == "__main__":
    for path in (PAGE, CHOOSING):
        path.write_text(with_tables(path))

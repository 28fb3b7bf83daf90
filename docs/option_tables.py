"""Write the tables of options in `cli.md` from their definitions: `python docs/option_tables.py`."""

from collections.abc import Iterator
from pathlib import Path

from isthmus.cli.wording import in_our_words
from isthmus.options import Defined, DivisionOptions, ReadingOptions, StudyOptions, TrainingOptions, options_of
from isthmus.options.option import GROUPS

PAGE = Path(__file__).with_name("cli.md")
BEGIN, END = "<!-- written by option_tables.py -->\n", "<!-- end of the tables -->\n"
PYTHON = {
    TrainingOptions: "fit",
    ReadingOptions: "open_data",
    DivisionOptions: "open_data",
    StudyOptions: "sweep, compare, pretrain",
}
"""The functions whose arguments the options are in Python."""


def with_tables(page: str) -> str:
    """The text of the page with the tables as they should be."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{tables()}\n{END}{tail}"


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


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text()))

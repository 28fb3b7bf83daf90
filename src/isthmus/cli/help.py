"""How help and advice look: text, code, and boxes of arguments and options, written without a library that draws."""

import inspect
import os
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand

from isthmus.plain import plain

WIDEST = 22
"""The most characters in a column of names; a row with a longer one has its text below."""
NARROWEST = 24
"""The fewest characters for a text next to the names; where there are fewer, all texts stand below."""
_STYLES: dict[str, dict[str, Any]] = {
    "name": {"fg": "cyan", "bold": True},
    "short": {"fg": "green", "bold": True},
    "value": {"fg": "yellow", "bold": True},
    "usage": {"bold": True},
    "code": {"fg": "cyan", "bold": True},
    "aside": {"dim": True},
    "required": {"fg": "red"},
    "": {},
}
_MARKED = re.compile(r"(?P<code>`[^`]*`)|(?P<required>\[required\])|(?P<aside>\[default: [^\]]*\])")
_ROUND, _ASCII = "╭╮╰╯─│", "++++-|"


class Line(NamedTuple):
    """A line of a box: its names, each with its style, and what they mean, in which `` `code` `` stands out."""

    names: Sequence[tuple[str, str]]
    text: str


class Help(TyperCommand):
    """A command whose help is written by this file."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help to stdout."""
        write_help(self, ctx)


def write_help(command: Any, context: Any, boxes: Iterable[tuple[str, Sequence[Line]]] = ()) -> None:
    """Write a command's help to stdout, in colour if it is a terminal.

    boxes: more boxes, with their headings, below those of the options.
    """
    width = _width()
    pieces = ["Usage:", context.command_path, *command.collect_usage_pieces(context)]
    lines = ["", *_indented(" ".join(pieces), width, "usage"), ""]
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        lines += [*_indented(" ".join(paragraph.split()), width), ""]
    for heading, rows in [*_options(command, context), *boxes]:
        lines += _box(heading, rows, width)
    if command.epilog:
        lines += ["", *_indented(command.epilog, width), ""]
    _echo("\n".join(lines))


def write_words(text: str, indent: int = 0) -> None:
    """Write text to stdout in lines that fit the terminal; `` `code` `` stands out, in colour if it is a terminal."""
    for line in _flowed(plain(text), _width() - indent):
        _echo(" " * indent + line)


def write_code(text: str, indent: int = 2) -> None:
    """Write lines to copy to stdout, which are not broken."""
    for line in plain(text).splitlines():
        _echo(" " * indent + typer.style(line, **_STYLES["code"]))


def write_box(heading: str, rows: Sequence[Line]) -> None:
    """Write rows of names and their meanings to stdout, in a frame."""
    _echo("\n".join(_box(heading, rows, _width())))


def _width() -> int:
    return max(NARROWEST + 8, shutil.get_terminal_size().columns)


def _echo(text: str) -> None:
    typer.echo(text, color=False if os.environ.get("NO_COLOR") else None)


def _options(command: Any, context: Any) -> list[tuple[str, list[Line]]]:
    """The boxes of arguments and options: those without a heading of their own first."""
    boxes: dict[str, list[Line]] = {"Arguments": [], "Options": []}
    for option in command.get_params(context):
        if getattr(option, "hidden", False):
            continue
        named = option.param_type_name == "option"
        heading = getattr(option, "rich_help_panel", None) or ("Options" if named else "Arguments")
        boxes.setdefault(heading, []).append(Line(_names(option, named), _meaning(option, context)))
    return [(heading, rows) for heading, rows in boxes.items() if rows]


def _names(option: Any, named: bool) -> list[tuple[str, str]]:
    if not named:
        return [(option.metavar or option.name.upper(), "name")]
    value = option.metavar if option.metavar is not None else "" if option.is_flag else option.type.name.upper()
    long = [name for name in (*option.opts, *option.secondary_opts) if name.startswith("--")]
    short = [name for name in option.opts if name not in long]
    return [(", ".join(long), "name"), (", ".join(short), "short"), (value, "value")]


def _meaning(option: Any, context: Any) -> str:
    parts = [option.help or ""]
    if option.required:
        parts.append("[required]")
    elif option.show_default and (default := option.get_default(context)) not in (None, False, "", ()):
        parts.append(f"[default: {default}]")
    return " ".join(parts)


def _box(heading: str, rows: Sequence[Line], width: int) -> list[str]:
    """Rows in columns, within a frame."""
    upper_left, upper_right, lower_left, lower_right, across, down = _ROUND if _draws() else _ASCII
    columns = zip(*([len(name) for name, _ in row.names] for row in rows), strict=True)
    sizes = [max((size for size in column if size <= WIDEST), default=0) for column in columns]
    lines = [line for row in rows for line in _columns(row, sizes, width - 4)]
    title = f"{across} {heading} "
    side = typer.style(down, dim=True)
    return [
        typer.style(upper_left + title + across * (width - 2 - len(title)) + upper_right, dim=True),
        *(f"{side} {line}{' ' * (width - 4 - _length(line))} {side}" for line in lines),
        typer.style(lower_left + across * (width - 2) + lower_right, dim=True),
    ]


def _columns(row: Line, sizes: Sequence[int], width: int) -> list[str]:
    """The lines of a row: its names, and next to them its text; below them if a name is too long for its column."""
    margin = sum(size + 2 for size in sizes if size)
    if width - margin < NARROWEST:
        sizes, margin = [0 for _ in sizes], 4
    text = [" " * margin + line for line in _flowed(row.text, width - margin)]
    if any(len(name) > size for (name, _), size in zip(row.names, sizes, strict=True)):
        names = "  ".join(name for name, _ in row.names if name)
        styles = [style for name, style in row.names if name for _ in f"{name}  "][: len(names)]
        return [*_cut(names, styles, width), *text]
    cells = [(name, style, size) for (name, style), size in zip(row.names, sizes, strict=True) if size]
    names = "".join(_painted(name, [style] * len(name)) + " " * (size + 2 - len(name)) for name, style, size in cells)
    return [names + "".join(text[:1])[margin:], *text[1:]]


def _indented(text: str, width: int, style: str = "") -> list[str]:
    return [f" {line}" for line in _flowed(text, width - 2, style)]


def _flowed(text: str, width: int, style: str = "") -> list[str]:
    """Lines of at most `width` characters, broken between words; only a longer word is broken itself."""
    plain, styles = "", []
    for match in re.finditer(rf"{_MARKED.pattern}|.", " ".join(text.split())):
        shown = match[0].strip("`") if match["code"] else match[0]
        plain += shown
        styles += [match.lastgroup or style] * len(shown)
    return _cut(plain, styles, width)


def _cut(plain: str, styles: Sequence[str], width: int) -> list[str]:
    """Text with the style of each character, in lines of at most `width` characters."""
    lines, start = [], 0
    while start < len(plain):
        end = len(plain) if len(plain) - start <= width else plain.rfind(" ", start, start + width + 1)
        end = start + width if end <= start else end
        lines.append(_painted(plain[start:end], styles[start:end]))
        start = end + (plain[end : end + 1] == " ")
    return lines


def _painted(plain: str, styles: Sequence[str]) -> str:
    """Text with the style of each of its characters."""
    runs = groupby(zip(plain, styles, strict=True), key=lambda pair: pair[1])
    painted = (("".join(letter for letter, _ in run), _STYLES[style]) for style, run in runs)
    return "".join(typer.style(text, **style) if style else text for text, style in painted)


def _length(painted: str) -> int:
    """How many characters are seen."""
    return len(re.sub(r"\x1b\[[0-9;]*m", "", painted))


def _draws() -> bool:
    """Whether stdout can show the lines of a frame."""
    try:
        _ROUND.encode(sys.stdout.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True

"""Help: names in columns, texts within their width, and nothing but letters where the terminal shows no more."""

import io
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from isthmus.cli.help import Help
from isthmus.cli.main import app

FRAME = set("╭╮╰╯─│")


def shown(command: Any, width: int) -> str:
    made = typer.Typer()
    made.command(cls=Help, epilog="Example: `isthmus thing`")(command)
    return CliRunner().invoke(made, ["--help"], env={"COLUMNS": str(width)}).stdout


def thing(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A file.")],
    size: Annotated[int, typer.Option("--size", "-s", metavar="N", help="Numbers such as `3` and more.")] = 7,
    long: Annotated[str, typer.Option("--an-option-of-a-long-name", metavar="WORD", help="Long.")] = "",
    odd: Annotated[bool, typer.Option("--odd/--even", rich_help_panel="More", help="Odd.")] = True,
    unseen: Annotated[bool, typer.Option("--unseen", hidden=True, help="Unseen.")] = False,
) -> None:
    """Do a thing.

    At length.
    """


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("words", [[], ["train"], ["detect"], ["sweep"]])
def test_no_line_is_wider_than_the_terminal(words: list[str], width: int) -> None:
    lines = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": str(width)}).stdout.splitlines()
    assert max(map(len, lines)) == width
    assert all(len(line) == width for line in lines if line[:1] in FRAME)


def test_everything_is_said_once_and_in_order() -> None:
    text = shown(thing, 80)
    parts = ["Usage:", "[OPTIONS]", "Do a thing.", "At length.", "Arguments", "SOURCE", "A file. [required]", "Options"]
    parts += [
        "--size",
        "-s",
        "N",
        "Numbers such as 3 and more. [default: 7]",
        "More",
        "--odd, --even",
        "Example: isthmus thing",
    ]
    place = 0
    for part in parts:
        place = text.index(part, place) + len(part)
    assert "unseen" not in text


def test_the_text_of_a_name_that_is_too_long_stands_below_it() -> None:
    lines = shown(thing, 80).splitlines()
    place = next(place for place, line in enumerate(lines) if "--an-option-of-a-long-name  WORD" in line)
    assert "Long." in lines[place + 1]


def test_a_terminal_without_lines_gets_a_frame_of_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="backslashreplace")
    monkeypatch.setattr("sys.stdout", out)
    with pytest.raises(SystemExit):
        app(["resume", "--help"])
    out.flush()
    text = out.buffer.getvalue().decode("ascii")  # pyright: ignore[reportAttributeAccessIssue]
    assert "+- Options -" in text


def test_names_and_code_are_in_colour_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    made = typer.Typer()
    made.command(cls=Help)(thing)
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = CliRunner().invoke(made, ["--help"], color=True).stdout
    assert "\x1b[36m\x1b[1m3\x1b[0m" in coloured
    assert "\x1b" not in CliRunner().invoke(made, ["--help"]).stdout
    assert "\x1b" not in CliRunner().invoke(made, ["--help"], color=True, env={"NO_COLOR": "1"}).stdout

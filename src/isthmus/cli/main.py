"""The command `isthmus`: which commands there are, and what becomes of an error."""

import contextlib
import os
import sys
import traceback
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from isthmus.cli import blend, detect, doctor, experiments, judge, know, map, restore, sample, train, traverse, use
from isthmus.cli.says import INTERRUPTED, WRONG_USE, complain, notes
from isthmus.errors import IsthmusError


class Commands(TyperGroup):
    """The commands, with one line on stderr and a fitting exit code for whatever stops one of them."""

    def main(self, *args: Any, **words: Any) -> Any:
        """Run one command line and leave the process with its exit code."""
        code = 0
        try:
            with notes():
                result = super().main(*args, **words | {"prog_name": "isthmus", "standalone_mode": False})
                sys.stdout.flush()
            code = result if isinstance(result, int) else 0
        except BrokenPipeError:  # whoever read our output has had enough
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 1
        except Exception as error:
            code = _explain(error)
        sys.exit(code)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for; Ctrl-C is said too."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            complain("Stopped.")
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=Commands,
    no_args_is_help=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: `isthmus train digits --epochs 50 --out runs/digits`",
)


@app.callback()
def isthmus(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    """Autoencoders of every kind: train one on your data, judge it beside PCA, look at it, use it."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(installed("isthmus"))
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


for commands in (train, judge, doctor, use, detect, restore, blend, traverse, map, sample, experiments, know):
    commands.add_to(app)


def run() -> None:
    """The entry point of the installed command."""
    for stream in (sys.stdout, sys.stderr):  # a file's name may hold what the terminal's encoding has no sign for
        stream.reconfigure(errors="backslashreplace")  # pyright: ignore[reportAttributeAccessIssue]
    app()


def _explain(error: Exception) -> int:
    """Say in one line what stopped the command; return the exit code."""
    wants_traceback = bool(os.environ.get("ISTHMUS_TRACEBACK"))
    if wants_traceback:
        traceback.print_exception(error)
    if isinstance(error, IsthmusError):
        complain(str(error))
        return 1
    if isinstance(error, typer.TyperException):
        context = getattr(error, "ctx", None)
        where = context.command_path if context else "isthmus"
        message = error.format_message().replace("Value error, ", "").rstrip(".")
        complain(f"{message}{'' if message.endswith('?') else '.'} See `{where} --help`.")
        return WRONG_USE
    if isinstance(error, MemoryError):
        complain("The memory is used up. Try a smaller --batch-size, or less data.")
        return 1
    hint = "" if wants_traceback else "; run again with ISTHMUS_TRACEBACK=1 to see where"
    complain(f"{type(error).__name__}: {error} (this is a bug{hint})")
    return 1

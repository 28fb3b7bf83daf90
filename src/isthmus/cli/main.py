"""The command `isthmus`: which commands there are, and what becomes of an error."""

import contextlib
import errno
import os
import re
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from isthmus.cli import listing
from isthmus.cli.console import INTERRUPTED, READER_GONE, WRONG_USE, complain, notes
from isthmus.cli.help import write_help
from isthmus.cores import keep_to_quota
from isthmus.errors import ElsewhereError, IsthmusError, out_of_memory
from isthmus.launch import launched
from isthmus.synonyms import OPTIONS, SETTINGS
from isthmus.waiting import considerate

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What the system says of an output that takes no more."""

TOGETHER = ("train", "resume")
"""The commands that several processes can share."""


class Commands(TyperGroup):
    """The commands, with one line on stderr and a fitting exit code for whatever stops one of them."""

    def __init__(self, **words: Any) -> None:
        super().__init__(**words)
        self.commands: Any = listing.Commands()

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The list of commands, none of which is loaded for it."""
        write_help(self, ctx, listing.boxes())

    def get_params(self, ctx: Any) -> Any:
        """The options before the command. A switch that isn't given is off: typer would load Pydantic for its None."""
        options = super().get_params(ctx)
        for option in options:
            if option.default is None and getattr(option, "is_flag", False):
                option.default = False
        return options

    def main(self, *args: Any, **words: Any) -> Any:
        """Run one command line and leave the process with its exit code."""
        code = 0
        try:
            with notes():
                result = super().main(*args, **words | {"prog_name": "isthmus", "standalone_mode": False})
            code = result if isinstance(result, int) else 0
        except Exception as error:
            if isinstance(error, OSError) and error.filename is None and error.errno in FULL:
                _leave_stdout()
                complain(f"The output could not be written: {error.strerror}. Free some space, or send it elsewhere.")
                code = 1
            else:
                code = _explain(error)
        sys.exit(code)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is asked for, and its words, those of other tools put in ours (`isthmus.synonyms`)."""
        name, command, words = super().resolve_command(ctx, args)
        if launched().size > 1 and name not in TOGETHER:
            raise typer.BadParameter(f"{name} runs in one process: torchrun is for {' and '.join(TOGETHER)} alone")
        return name, command, words if command is None else in_our_options(words, command)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for; Ctrl-C is said too, and a reader that is gone is none of our troubles."""
        try:
            with considerate():
                result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except BrokenPipeError:
            _leave_stdout()
            raise typer.Exit(READER_GONE) from None
        except KeyboardInterrupt:
            complain("Stopped.")
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=Commands,
    no_args_is_help=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: `isthmus train digits --epochs 50 --out runs/digits`",
)


@app.callback()
def isthmus(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", metavar="", help="Print the version and exit.")] = False,
) -> None:
    """Autoencoders of every kind: train one on your data, compare it with PCA, look at it, use it."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(installed("isthmus"))
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def run() -> None:
    """The entry point of the installed command."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed before we began: there is nobody to speak to
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115  # as long as the process
        # a file's name may hold what the terminal's encoding has no sign for
        getattr(sys, name).reconfigure(errors="backslashreplace")
    keep_to_quota(os.environ)
    app()


def in_our_options(words: Sequence[str], command: Any) -> list[str]:
    """Options by the names that this command has for them: `--lr 0.1` is `--learning-rate 0.1`.

    An option of the model, where the command takes these by `--set`, is given so: `--latent-dim 8` is `--set code=8`.
    """
    known = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
    ours: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return [*ours, word, *rest]
        option, equals, value = word.partition("=")
        plain = option.removeprefix("--").replace("-", "_")
        meant = SETTINGS.get(plain) or OPTIONS.get(plain)
        if option in known or not option.startswith("--") or meant is None:
            ours.append(word)
        elif (name := f"--{meant.replace('_', '-')}") in known:
            ours.append(f"{name}{equals}{value}")
        elif plain in OPTIONS and "--set" in known and (equals or rest):
            ours += ["--set", f"{meant}={value if equals else rest.pop(0)}"]
        else:
            ours.append(word)
    return ours


def _leave_stdout() -> None:
    """Let what is left to print go nowhere, so that Python does not try it again when it ends."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _explain(error: Exception) -> int:
    """Say in one line what stopped the command; return the exit code."""
    wants_traceback = bool(os.environ.get("ISTHMUS_TRACEBACK"))
    if wants_traceback:
        traceback.print_exception(error)
    if isinstance(error, IsthmusError):
        if not isinstance(error, ElsewhereError):
            complain(str(error))
        return 1
    if isinstance(error, typer.TyperException):
        context = getattr(error, "ctx", None)
        where = context.command_path if context else "isthmus"
        message = error.format_message().replace("Value error, ", "").rstrip(".")
        complain(f"{message}{'' if message.endswith('?') else '.'} See `{where} --help`.")
        return WRONG_USE
    if out_of_memory(error):
        asked = re.search(r"allocate (\d+) bytes|allocate ([\d.]+ [KMGT]iB)", str(error))
        size = "" if asked is None else f" ({asked[2] or f'{int(asked[1]) / 1e9:,.1f} GB'} at once were asked for)"
        complain(f"The memory is used up{size}. Try a smaller --batch-size or model, or less data.")
        return 1
    hint = "" if wants_traceback else "; run again with ISTHMUS_TRACEBACK=1 to see where"
    complain(f"{type(error).__name__}: {error} (this is a bug{hint})")
    return 1

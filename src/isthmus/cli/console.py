"""How the command speaks: results on stdout; progress, notes and errors on stderr, an error in one line."""

import contextlib
import json
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from isthmus import formatting
from isthmus.cli.wording import in_our_words
from isthmus.errors import Remark
from isthmus.launch import launched
from isthmus.plain import plain, plain_json
from isthmus.storage.files import finite

if TYPE_CHECKING:
    from isthmus.data.stream import Stream
    from isthmus.measures import Evaluation
    from isthmus.uses.detect import Detection
    from isthmus.uses.drift_result import Drift

WRONG_USE, DRIFTED, INTERRUPTED, READER_GONE = 2, 3, 130, 141
"""Exit codes; 1 is any other reason for which a command could not do its work."""


def complain(message: str) -> None:
    """Print an error as one line on stderr."""
    _tell(f"isthmus: {in_our_words(message)}")


@contextlib.contextmanager
def notes() -> Iterator[None]:
    """Print each remark once, as a line on stderr; keep the warnings of other libraries to ourselves.

    Of several processes, the first one prints them.
    """
    seen: set[str] = set()

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        text = in_our_words(str(message))
        if text not in seen and launched().chief:
            seen.add(text)
            _tell(f"note: {text}")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", Remark)
        warnings.showwarning = show
        yield


def say(*lines: str) -> None:
    """Print lines of text on stdout."""
    for line in lines:
        print(plain(line))


def say_json(value: Any) -> None:
    """Print `value` as JSON on stdout; numbers that are not finite become null."""
    print(plain_json(json.dumps(finite(value), indent=2, ensure_ascii=False)))


def say_table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, title: str | None = None, right: bool = False
) -> None:
    """Print a table on stdout; with `right`, all columns but the first are aligned to the right."""
    from rich import box
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    shown = None if title is None else Text(plain(title, line=True))
    table = Table(box=box.SIMPLE_HEAD, title=shown, title_justify="left", title_style="bold", pad_edge=False)
    for position, name in enumerate(head):
        table.add_column(Text(plain(name, line=True)), justify="right" if right and position else "left")
    for row in rows:
        table.add_row(*(Text(plain(cell, line=True)) for cell in row))
    console = Console(highlight=False)
    if not console.is_terminal:  # a pipe has no width: leave no cell cut off
        max_width = Measurement.get(console, console.options.update(max_width=10_000), table).maximum
        console = Console(highlight=False, width=max(80, max_width))
    with console.capture() as printed:  # rich would leave by itself where a pipe is closed
        console.print(table)
    print(printed.get(), end="")


@contextlib.contextmanager
def counted(what: str, *, quiet: bool = False) -> Iterator[Callable[[int, int | None], None]]:
    """A progress bar on stderr, where somebody looks; it gives what is to be called with samples done and in all.

    In all may be None, where nobody knows.
    """
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def tell_skipped(stream: "Stream | Detection | Drift | Evaluation") -> None:
    """Name the pictures that were left out, and leave with 1 if there are any: the work was done for the others only.

    Raises:
        typer.Exit: there are some.
    """
    import typer

    if names := stream.skipped:
        some = formatting.listed(names)
        many = "picture" if len(names) == 1 else "pictures"
        complain(f"{len(names)} {many} can't be read and {'is' if len(names) == 1 else 'are'} left out: {some}.")
        raise typer.Exit(1)


@contextlib.contextmanager
def working(what: str, *, quiet: bool = False) -> Iterator[None]:
    """A sign of life on stderr, where somebody looks, for work whose length nobody knows."""
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True)
    shown = Text(plain(f"{what} …", line=True))  # no markup either, which a name may look like
    with contextlib.nullcontext() if quiet or not console.is_terminal else console.status(shown):
        yield


def number(value: float | None) -> str:
    """A measure with four significant digits."""
    return formatting.number(value, digits=4)


def figures(measures: Mapping[str, Mapping[str, float | None]]) -> tuple[list[str], list[list[str]]]:
    """Head and rows of a table of one part's measures: a row a measure, a column each for the model and its rivals.

    Of a model that puts damaged samples right: for the model, for doing nothing, and for the mean.
    """
    names = {
        "model": "model", "nothing": "nothing", "pca": "PCA", "mean": "mean", "n-gram": "n-gram", "unigram": "unigram"
    }  # fmt: skip
    there = {name for row in measures.values() for name in row}
    columns = [name for name in names if name in there and not (name == "pca" and "nothing" in there)]
    head = ["", *(names[name] for name in columns)]
    return head, [[measure, *(number(row.get(name)) for name in columns)] for measure, row in measures.items()]


def _tell(text: str) -> None:
    """Print one line on stderr; where nobody takes it, the work goes on."""
    with contextlib.suppress(OSError):
        print(plain(" ".join(text.split())), file=sys.stderr)

"""How `isthmus recipes --for PURPOSE` shows its advice."""

from typing import TYPE_CHECKING, Any

from isthmus.cli.console import say, say_json, say_table, working
from isthmus.cli.help import Line, write_box, write_code, write_words

if TYPE_CHECKING:
    from isthmus.guidance import Advice


def tell(purpose: str, source: str | None, read_options: dict[str, Any], *, json: bool) -> None:
    """Show which recipe to take for a purpose, and for a source if there is one."""
    from isthmus.guidance import recommend

    with working(f"reading {source}", quiet=source is None):
        found = recommend(purpose, source, **read_options)
    if json:
        say_json(found.to_json())
    else:
        _show(found)


def _show(found: "Advice") -> None:
    first, table = found.first, found.figures()
    write_words(f"{found.words.removesuffix(first.recipe)}`{first.recipe}`")
    write_words(found.reason)
    say("")
    write_code(first.commands)
    if table.rows:
        say_table(table.head, table.rows, right=True)
    else:
        say("")
    if found.instead:
        write_box("Instead", [Line([(one.recipe, "name")], one.why) for one in found.instead])
    for note in found.notes():
        write_words(note)

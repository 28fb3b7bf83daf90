"""Notebooks: showing something in a cell of Jupyter, VS Code or Colab, and changing it while the cell runs."""

import sys
from typing import Any

from isthmus.plain import plain


class Place:
    """A place below the running cell. What is shown there last is what a saved notebook keeps.

    It needs no widgets: any front end that can update an output shows it.
    """

    def __init__(self) -> None:
        self.handle: Any = None

    def show(self, what: Any) -> None:
        """Show this, in place of what was shown here before."""
        if self.handle is None:
            self.handle = sys.modules["IPython"].display.display(what, display_id=True)
        else:
            self.handle.update(what)


def in_notebook() -> bool:
    """Whether this code runs in a notebook, whose cells show HTML and pictures."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


def say(line: str) -> None:
    """Print a line on standard error, or in a notebook, which shows that as if it were a fault, on standard output."""
    print(plain(line), file=sys.stdout if in_notebook() else sys.stderr)

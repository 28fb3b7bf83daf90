"""Make a notebook of each guide and execute it: `python docs/make_notebooks.py [--out notebooks] [page.md …]`.

The pages are the source, and their notebooks are never edited by hand. Blocks of Python are cells, commands are
cells of bash, and JSON is written to `model.json`, as the tests of the pages do.
"""

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

DOCS = Path(__file__).parent
GUIDES = (
    *(
        "quickstart.md",
        "choosing.md",
        "notebooks.md",
        "data.md",
        "runs.md",
        "sklearn.md",
        "tune.md",
        "trackers.md",
        "hub.md",
    ),
    *("export.md", "serve.md", "processes.md", "engines.md", "extending.md", "lectures.md"),
)
FOLDERS = ("varieties", "uses")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```\n?", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(!?\[[^\]]*\]\()(?!https?://|#)([^)]+\))")
JSON = "model.json"


def pages() -> list[Path]:
    """All guides, in the order of the site."""
    there = [DOCS / name for name in GUIDES if (DOCS / name).exists()]
    return there + [page for folder in FOLDERS for page in sorted((DOCS / folder).glob("*.md"))]


def notebook_of(page: Path, site: str = "") -> Any:
    """The page as a notebook that isn't executed. site: an address that the page's links are relative to."""
    cells = [_cell(kind, text, page, site) for kind, text in _parts(page.read_text(encoding="utf-8"))]
    about = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    made = nbformat.v4.new_notebook(cells=[cell for cell in cells if cell.source.strip()], metadata=about)
    for number, cell in enumerate(made.cells):
        cell["id"] = f"cell-{number}"  # otherwise at random, so that the same page would give another file
    return made


def execute(notebook: Any, folder: Path, seconds: int = 3600) -> Any:
    """Run the cells in a folder, in a kernel of their own, and keep their output.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell or a command fails.
    """
    about = {"metadata": {"path": str(folder)}}
    paths = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))  # where the command is
    client = NotebookClient(notebook, timeout=seconds, kernel_name="python3", resources=about)
    client.execute(env={**os.environ, "PATH": paths, "TTY_COMPATIBLE": "0"})  # no terminal's codes in the output
    return notebook


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """The page in turn: ("", words) and (language, code)."""
    done = 0
    for block in BLOCK.finditer(text):
        yield "", text[done : block.start()]
        yield block[1] or "text", block[2]
        done = block.end()
    yield "", text[done:]


def _cell(kind: str, text: str, page: Path, site: str) -> Any:
    if kind == "python":
        return nbformat.v4.new_code_cell(text.strip())
    if kind == "json":
        return nbformat.v4.new_code_cell(f"%%writefile {JSON}\n{text.strip()}")
    if kind == "sh" and all(line.startswith("isthmus ") for line in _commands(text)):
        return nbformat.v4.new_code_cell("\n".join(("%%bash -e", *_commands(text))))
    if kind:
        return nbformat.v4.new_markdown_cell(f"```{kind}\n{text}```")
    base = f"{site}{page.parent.relative_to(DOCS).as_posix()}/"
    return nbformat.v4.new_markdown_cell(LINK.sub(rf"\g<1>{base}\g<2>", text).strip() if site else text.strip())


def _commands(text: str) -> list[str]:
    """The commands of a block of the shell, each in one line, without empty lines and comments."""
    lines = text.replace("\\\n", " ").splitlines()
    return [" ".join(line.split()) for line in lines if line.strip() and not line.lstrip().startswith("#")]


def main() -> None:
    """Make the notebooks."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("pages", nargs="*", type=Path, help="guides; all by default")
    words.add_argument("--out", type=Path, default=Path("notebooks"), help="the folder to write to")
    words.add_argument("--bare", action="store_true", help="don't execute them")
    asked = words.parse_args()
    for page in map(Path.resolve, asked.pages or pages()):
        made = notebook_of(page)
        target = asked.out / page.relative_to(DOCS).with_suffix(".ipynb")
        target.parent.mkdir(parents=True, exist_ok=True)
        print(target, file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            nbformat.write(made if asked.bare else execute(made, Path(folder)), target)


if __name__ == "__main__":
    main()

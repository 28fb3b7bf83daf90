r"""The pages' formulas, the docstrings' :math:`\sigma` and `.. math::`, as MathML, which browsers draw themselves.

So the pages need no script, no font and no network for them.
"""

import re
import unicodedata
from typing import Any

from latex2mathml.converter import convert
from markdown import Extension, Markdown
from markdown.inlinepatterns import InlineProcessor
from markdown.preprocessors import Preprocessor
from mkdocs.plugins import event_priority

INLINE = r":math:`([^`]+)`"
BLOCK = re.compile(r"^ *\.\. math::\n((?:[ \t]+\S.*\n|\n)+)", re.MULTILINE)
ALPHABETS = {"mathcal": "SCRIPT", "mathbb": "DOUBLE-STRUCK"}  # MathML has characters for these, and no style


def mathml(latex: str, display: str = "inline") -> str:
    """The formula as a `<math>` element."""
    latex = " ".join(latex.split()).replace(r"\arg\min", r"\operatorname{arg\,min}")
    return convert(re.sub(r"\\(mathcal|mathbb)\s*\{?([A-Z])\}?", _letter, latex), display=display)


def _letter(found: re.Match[str]) -> str:
    name = f"{ALPHABETS[found[1]]} CAPITAL {found[2]}"
    try:
        return unicodedata.lookup(f"MATHEMATICAL {name}")
    except KeyError:  # some of each alphabet came into Unicode before the others, and aren't called mathematical
        return unicodedata.lookup(name)


class _Inline(InlineProcessor):
    def handleMatch(self, m: re.Match[str], data: str) -> tuple[str, int, int]:  # noqa: N802  # Markdown's own name
        return self.md.htmlStash.store(mathml(m[1])), m.start(0), m.end(0)


class _Block(Preprocessor):
    def run(self, lines: list[str]) -> list[str]:
        def formulas(found: re.Match[str]) -> str:
            rows = [row for row in re.split(r"\n\s*\n", found[1]) if row.strip()]
            return "".join(f"\n{self.md.htmlStash.store(mathml(row, 'block'))}\n" for row in rows) + "\n"

        return BLOCK.sub(formulas, "\n".join(lines) + "\n").split("\n")


class Maths(Extension):
    """Markdown that understands the two forms of formulas that docstrings have."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802  # Markdown's own name
        """Take formulas before anything else: their backslashes, underscores and stars mean nothing to Markdown."""
        md.inlinePatterns.register(_Inline(INLINE, md), "maths", 195)
        md.preprocessors.register(_Block(md), "maths", 24)


@event_priority(100)  # before mkdocstrings takes the list of extensions for the docstrings
def on_config(config: Any) -> None:
    """Let every page and docstring be read so."""
    config["markdown_extensions"].append(Maths())

"""The API reference's docstrings: paragraphs "name: text" become lists, and names of the API become links."""

import importlib
import inspect
import re
from functools import cache
from pathlib import Path
from typing import Any

import griffe

from isthmus import options

API = Path(__file__).parents[1] / "api"
NAMES = r"[a-z_]\w*(?:, [a-z_]\w*)*"


class Docstrings(griffe.Extension):
    """Isthmus' docstrings, for the page; and the fields of its values as the arguments that they are."""

    def on_class(self, *, cls: griffe.Class, **kwargs: Any) -> None:
        """Fields as arguments; a docstring that gets its options on import, as it is then."""
        if cls.docstring is not None and any("described" in str(each.value) for each in cls.decorators):
            imported = getattr(importlib.import_module(cls.module.path), cls.name)
            cls.docstring.value = inspect.getdoc(imported) or ""
            _rewrite(cls, list(imported.__dataclass_fields__))
            return
        _rewrite(cls, [*cls.members, *_arguments(cls.members.get("__init__"))])

    def on_function(self, *, func: griffe.Function, **kwargs: Any) -> None:
        """Arguments of a function."""
        _rewrite(func, _arguments(func))

    def on_package(self, *, pkg: griffe.Module, **kwargs: Any) -> None:
        """Give every value an `__init__` with its fields, once all bases are known."""
        value = pkg["parts.part.Value"]
        for cls in _classes(pkg):
            _describe(cls)
            if "__init__" in cls.members:
                continue
            mro = cls.mro()
            if value in mro:
                fields = {name: field for base in (*reversed(mro), cls) for name, field in _fields(base).items()}
                _set_init(cls, fields)


def _describe(cls: griffe.Class) -> None:
    """Add what the decorator `described` adds to a docstring when the module is imported: the options' help."""
    for decorator in cls.decorators:
        if cls.docstring is not None and decorator.callable_path == "isthmus.options.described":
            definition = getattr(options, str(decorator.value).partition("(")[2].rstrip(")"))
            holder = type(cls.name, (), {"__doc__": cls.docstring.value})
            cls.docstring.value = options.described(definition)(holder).__doc__ or ""
            _rewrite(cls, list(options.options_of(definition)))


def _classes(module: griffe.Module) -> list[griffe.Class]:
    own = [member for member in module.members.values() if not member.is_alias]
    found = [member for member in own if isinstance(member, griffe.Class)]
    return found + [cls for member in own if isinstance(member, griffe.Module) for cls in _classes(member)]


def _fields(cls: griffe.Class) -> dict[str, griffe.Attribute]:
    """Annotated, public, and not of the class itself."""
    return {
        name: member
        for name, member in cls.members.items()
        if isinstance(member, griffe.Attribute)
        and member.annotation is not None
        and not name.startswith("_")
        and "property" not in member.labels
        and not ("class-attribute" in member.labels and "instance-attribute" not in member.labels)
    }


def _arguments(func: Any) -> list[str]:
    return [each.name for each in func.parameters] if isinstance(func, griffe.Function) else []


def _set_init(cls: griffe.Class, fields: dict[str, griffe.Attribute]) -> None:
    keyword = griffe.ParameterKind.keyword_only
    given = [
        griffe.Parameter(name, annotation=_plain(field.annotation), kind=keyword, default=field.value)
        for name, field in fields.items()
    ]
    own = griffe.Parameter("self", kind=griffe.ParameterKind.positional_or_keyword)
    cls.set_member("__init__", griffe.Function("__init__", parameters=griffe.Parameters(own, *given), parent=cls))


def _plain(annotation: Any) -> Any:
    """A type without what `Annotated` says of it."""
    if isinstance(annotation, griffe.ExprSubscript) and str(annotation.left) == "Annotated":
        return annotation.slice.elements[0] if isinstance(annotation.slice, griffe.ExprTuple) else annotation.slice
    return annotation


def _rewrite(obj: griffe.Class | griffe.Function, names: list[str]) -> None:
    if obj.docstring is not None:
        known = [name.lstrip("*") for name in names]
        obj.docstring.value = linked("\n".join(listed(obj.docstring.value, known)))


def listed(text: str, known: list[str]) -> list[str]:
    """The lines of a docstring, in which what begins with names that are known, "a, b: text", is an item of a list."""
    middle = rf"(?<=[.;]) (?=(?:{'|'.join(known)})(?:, [a-z_]\w*)*: )"  # an item that begins within a line
    lines: list[str] = []
    inside = False
    for line in (re.sub(middle, "\n", text) if known else text).split("\n"):
        if (found := _item(line, known)) is not None:
            lines += ([] if inside else [""]) + [found]
            inside = True
        elif inside and line:
            lines.append(re.sub(rf"^    (?={NAMES}: )", "    - ", line) if line.startswith("    ") else f"    {line}")
        else:
            lines.append(line)
            inside = False
    return lines


def _item(line: str, known: list[str]) -> str | None:
    found = re.match(rf"({NAMES}): (.*)", line)
    if found is None:
        return None
    names = found[1].split(", ")
    if not all(name in known for name in names):
        return None
    return f"- {', '.join(f'**`{name}`**' for name in names)}: {found[2]}"


def linked(text: str) -> str:
    """The text with `Name` and `Name.more` as links to where the reference documents `Name`."""
    pages = documented()

    def link(found: re.Match[str]) -> str:
        name = found[1].partition(".")[0]
        return f"[`{found[1]}`][{pages[name]}]" if name in pages else found[0]

    return re.sub(r"(?<![:`\w*\[])`([A-Za-z_]\w*(?:\.\w+)?)`", link, text)


@cache
def documented() -> dict[str, str]:
    """What the pages of the reference document: the full name of each by its last word."""
    found = re.findall(r"^::: ([\w.]+)", "\n".join(page.read_text() for page in sorted(API.glob("*.md"))), re.MULTILINE)
    return {name.rpartition(".")[2]: name for name in found}

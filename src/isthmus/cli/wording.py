"""The wording of messages and help texts: options as they are written in Python become those of the command line."""

import re

from isthmus.options import Defined, DivisionOptions, ReadingOptions, StudyOptions, TrainingOptions, options_of


def _shared() -> dict[str, Defined]:
    """The options by their names in Python, but for a name that stands for two of them (`seed`)."""
    classes = (TrainingOptions, ReadingOptions, DivisionOptions, StudyOptions)
    offered = [one for cls in classes for one in options_of(cls).values() if one.option.offered]
    names = [one.name for one in offered]
    return {one.name: one for one in offered if names.count(one.name) == 1}


SHARED = _shared()
OWN = {name: f"--{name}" for name in ("by", "condition", "ignore", "mask", "reference", "resume", "way", "ways")} | {
    "overwrite": "--force"
}
"""Arguments that are options of single commands."""
CHOICES = ("bound", "corruption", "distance", "predicts", "link", "skips", "solution", "start", "tied")
"""Options of a recipe, which are given by --set."""
_ARGUMENT = re.compile(
    rf"(?<![\w.-])({'|'.join((*SHARED, *OWN, *CHOICES))})=('[^']*'|\"[^\"]*\"|\([^()]*\)|\[[^\[\]]*\]|…|[\w.+-]*\w)?"
)


def in_our_words(text: str) -> str:
    """A text with what to write in Python changed to what to write on the command line.

    >>> in_our_words("Say missing='drop', or size=(28, 28).")
    'Say --missing drop, or --size 28x28.'
    """
    return _ARGUMENT.sub(_as_option, text)


def _as_option(found: re.Match[str]) -> str:
    name, value = found[1], found[2] or ""
    if name in CHOICES:
        plain = value.strip("'").lower()
        return f"--set {name}={plain}"
    defined = SHARED.get(name)
    flag = OWN[name] if defined is None else defined.flag
    if defined is not None and defined.choices and value in ("True", "False"):
        return f"{flag} {'yes' if value == 'True' else 'no'}"
    if value == "False":
        return flag.replace("--", "--no-", 1)
    if value in ("True", ""):
        return flag
    parts = [part.strip().strip("'\"") for part in value.strip("()[]").split(",")]
    separator = "x" if defined is not None and tuple[int, int] in defined.forms else ","
    return f"{flag} {separator.join(part for part in parts if part)}"

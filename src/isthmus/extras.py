"""Extras: packages that only some parts of Isthmus need, and the message if one is missing."""

import importlib
from typing import Any

from isthmus.errors import IsthmusError


class MissingPackageError(IsthmusError, ImportError):
    """A package that this part of Isthmus needs isn't installed."""


def needs(module: str, extra: str, user: str, *, package: str = "", instead: str = "") -> Any:
    """The module, imported. user: what needs it, as the message's subject, such as "Text in pieces".

    package: its name in pip, if it is not the module's. instead: what else the user can do, such as "use way=tsne".

    Raises:
        MissingPackageError: it isn't installed; the message has the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = package or module.partition(".")[0]
        other = f", or {instead}" if instead else ""
        raise MissingPackageError(
            f"{user} needs {package}, which is not installed here. Install it: pip install 'isthmus[{extra}]'{other}."
        ) from error

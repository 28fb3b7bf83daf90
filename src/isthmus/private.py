"""Private paths: what a run that is given away says of them is the name of the file alone."""

import re
from collections.abc import Mapping
from typing import Any


def without_folders(place: str) -> str:
    """The last part of a path or an address, without its folders, host, password and query.

    >>> [without_folders(place) for place in ("/home/me/x.csv", "https://me:secret@host/a/x.csv?key=1", "digits")]
    ['x.csv', 'x.csv', 'digits']
    """
    path = place.partition("?")[0] if "://" in place else place
    parts = [part for part in re.split(r"[/\\]", path) if part not in ("", ".", "..", "~")]
    return parts[-1].rpartition("@")[2] if parts else ""


def without_password(address: str) -> str:
    """An address without its user and password.

    >>> without_password("https://me:secret@host/path")
    'https://host/path'
    """
    return re.sub(r"//[^/@]*@", "//", address)


def public_description(said: Mapping[str, Any]) -> dict[str, Any]:
    """A data description without the folders of its sources."""
    found = dict(said)
    if found.get("source"):
        found["source"] = without_folders(str(found["source"]))
    if isinstance(damaged := found.get("damaged"), Mapping) and damaged.get("source"):
        found["damaged"] = {**damaged, "source": without_folders(str(damaged["source"]))}
    return found


def public_environment(said: Mapping[str, Any]) -> dict[str, Any]:
    """A run's environment whose command names no folders."""
    command = re.sub(r"[^\s=,]*[/\\][^\s,]*", lambda found: without_folders(found[0]), str(said.get("command") or ""))
    return {**said, "command": command}

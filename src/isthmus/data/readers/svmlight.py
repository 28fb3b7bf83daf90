"""Libsvm (svmlight): a label and `place:value` pairs on each line."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isthmus.data.arrays import dense
from isthmus.data.options import Options
from isthmus.data.raw import Raw
from isthmus.errors import DataError

HEAD = 2**16
_LINE = re.compile(r"[-+\d.,eE]+(\s+qid:\d+)?(\s+\d+:[-+\d.eE]+)*\s*(#.*)?")


def is_svmlight(path: Path) -> bool:
    """Whether a text file has this form: all of its first lines do."""
    with path.open("rb") as file:
        lines = file.read(HEAD).decode("utf-8", errors="replace").splitlines()
    lines = [line for line in lines[: max(1, min(20, len(lines) - 1))] if line.strip() and not line.startswith("#")]
    return any(":" in line for line in lines) and all(_LINE.fullmatch(line.strip()) for line in lines)


def read_svmlight(path: Path, options: Options, like: Mapping[str, Any] | None = None) -> Raw:
    """Read a libsvm file. Its labels are the samples' labels; places that a line lacks are 0.

    Raises:
        DataError: the file is damaged, or needs more memory than the limit.
    """
    from sklearn.datasets import load_svmlight_file  # noqa: PLC0415  # a second of imports that other formats don't need

    width = len(like["columns"] or ()) or like["shape"][0] if like and len(like["shape"]) == 1 else None
    try:
        matrix, labels = load_svmlight_file(str(path), n_features=width)[:2]
    except (ValueError, OverflowError) as error:
        said = " ".join(str(error).split())[:120]
        raise DataError(f"{path} is damaged or no libsvm file ({said}). Expected lines like '1 3:0.5 7:1'.") from error
    return Raw(dense(matrix, options.max_bytes, str(path)), labels, kind=None if options.kind else "table")

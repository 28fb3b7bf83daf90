"""If you follow the advice of a message, you never get the same message again."""

import ast
import re
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

from isthmus.data import open_data
from isthmus.errors import DataError, Remark
from isthmus.options import ReadingOptions, options_of

ADVICE = re.compile(r"\b([a-z_]+)=('[^']*'|\[[^\]]*\]|\([^)]*\)|\{[^}]*\}|True|False|None|[\d.]+)")
G = np.random.default_rng(0)
VALUES = G.normal(size=50).round(3)


def text(lines: str, name: str = "a.csv"):
    def make(folder):
        (folder / name).write_text(lines)
        return folder / name

    return make


def pictures(*modes_and_sizes):
    def make(folder):
        for number, (mode, size) in enumerate(modes_and_sizes):
            Image.new(mode, size).save(folder / f"{number}.png")
        return folder

    return make


SOURCES: dict[str, tuple[Any, dict[str, Any]]] = {
    "dates": (lambda _: pd.DataFrame({"v": VALUES, "when": pd.date_range("2024", periods=50, freq="h")}), {}),
    "a code for missing": (text("1,?\n" + "2,3\n" * 50), {"header": False}),
    "text in a column of numbers": (text("x,y\n" + "1,2\n" * 40 + "oops,3\n"), {}),
    "text late in a column": (text("x\n" + "1\n" * 40 + "oops\n"), {}),
    "lists": (lambda _: pa.table({"x": [[1], [2]], "y": [1, 2]}), {}),
    "mixed objects": (lambda _: pd.DataFrame({"v": VALUES, "note": [1, "a"] * 25}), {}),
    "names of series": (lambda _: pd.DataFrame({"v": VALUES, "kind": ["a", "b"] * 25}), {"kind": "series"}),
    "too many categories": (
        lambda _: pa.table({"c": [f"{i}" for i in range(1200)], "x": G.normal(size=1200)}),
        {"categorical": "c"},
    ),
    "missing numbers": (lambda _: pa.table({"x": [1.0, None, 3.0], "y": [1, 2, 3]}), {}),
    "infinite numbers": (lambda _: pa.table({"x": [1.0, np.inf, 3.0], "y": [1.0, 2.0, 3.0]}), {}),
    "a wrong type": (lambda _: pa.table({"x": ["a", "b"], "y": [1, 2]}), {"types": "x=date"}),
    "dates of two forms": (
        lambda _: pa.table({"d": ["1.2.2021"] * 40 + ["2021-02-03"], "x": G.normal(size=41)}),
        {},
    ),
    "names in one array of several": (lambda _: {"a": np.ones((4, 2)), "b": np.ones((4, 3))}, {}),
    "bytes as channels": (lambda _: np.zeros((40, 7, 64, 64, 2)), {}),
    "two sizes": (pictures(("L", (6, 6)), ("L", (8, 8))), {}),
    "two modes": (pictures(("L", (6, 6)), ("RGB", (6, 6))), {}),
    "rows of two lengths": (text("1;2\n1;2;3\n"), {}),
    "an unknown column": (text("x,y\n1,2\n3,4\n"), {"label": "z"}),
    "columns of an array": (lambda _: np.ones((4, 3)), {"columns": "a"}),
}


@pytest.mark.parametrize("name", SOURCES)
def test_obeyed_advice_gets_further(name, tmp_path):
    make, words = SOURCES[name]
    source = make(tmp_path)
    for message in messages(source, words):
        for option, value in advice(message):
            if words.get(option) != value:  # or the message only quotes it
                again = messages(source, words | {option: value})
                assert message not in again, f"after {option}={value!r}"


def messages(source: Any, words: dict[str, Any]) -> list[str]:
    """The error, if there is one, and the remarks on opening a source."""
    with warnings.catch_warnings(record=True) as remarks:
        warnings.simplefilter("always", Remark)
        try:
            open_data(source, **words)
        except DataError as error:
            return [str(error)]
    return [str(one.message) for one in remarks if issubclass(one.category, Remark)]


def advice(message: str) -> list[tuple[str, Any]]:
    """The options with values that a message advises."""
    found = []
    for option, value in ADVICE.findall(message):
        if option not in options_of(ReadingOptions) or "FORMAT" in value:
            continue
        try:
            found.append((option, ast.literal_eval(value)))
        except (SyntaxError, ValueError):
            continue
    return found


def test_messages_give_advice(tmp_path):
    make, words = SOURCES["text late in a column"]
    (message,) = messages(make(tmp_path), words)
    assert advice(message) == [("na_values", "oops"), ("exclude", "x")]

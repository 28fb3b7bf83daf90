"""Examples in Python, C++ and JavaScript that run an exported part on a few of its samples."""

from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from isthmus.exporting.checks import Case

COUNT = 4
"""Samples that the examples run on."""
LANGUAGES = ("py", "cpp", "js", "html")
ARRAYS = {
    "uint8": ("uint8_t", "Uint8Array"),
    "int64": ("int64_t", "BigInt64Array"),
    "float32": ("float", "Float32Array"),
    "float64": ("double", "Float64Array"),
}
"""The type of numbers in C++, and of arrays in JavaScript, by NumPy's name."""


def examples(case: Case) -> dict[str, bytes]:
    """The examples' files by name: the programs, and the inputs and the wanted output as plain binary numbers."""
    part = case.part
    values = {port.name: (port, value[:COUNT].numpy()) for port, value in zip(part.inputs, case.given, strict=True)}
    values[part.output.name] = (part.output, case.wanted[:COUNT])
    pages = Environment(
        loader=PackageLoader("isthmus.exporting"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 programs, not pages, with none of the user's words
    )
    ports = [_port(port.name, port.type_name, value) for port, value in values.values()]
    facts = {"part": part.part, "inputs": ports[:-1], "output": ports[-1], "count": ports[-1]["shape"][0]}
    files = {
        f"{part.part}.{suffix}": pages.get_template(f"example.{suffix}.jinja").render(**facts).encode()
        for suffix in LANGUAGES
    }
    little = {f"{part.part}.{name}.bin": _bytes(value) for name, (_, value) in values.items()}
    return files | little


def _port(name: str, kind: str, value: np.ndarray) -> dict[str, Any]:
    cpp, js = ARRAYS[kind]
    return {"name": name, "type": kind, "cpp": cpp, "js": js, "shape": list(value.shape), "size": value.size}


def _bytes(value: np.ndarray) -> bytes:
    return np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<")).tobytes()

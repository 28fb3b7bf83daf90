"""PyTorch's own export format: a recorded part as a .pt2 file, without pickles."""

import io
import json
import zipfile

import numpy as np
import torch
from torch.export import ExportedProgram

from isthmus.errors import UseError
from isthmus.exporting.checks import Program
from isthmus.exporting.parts import Exportable
from isthmus.exporting.recording import refused, silent

PICKLED = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
"""How a pickle begins, or the zip in which `torch.save` puts one."""


def to_torch(program: ExportedProgram, part: Exportable) -> bytes:
    """The bytes of a .pt2 file: weights as plain numbers, the rest as JSON.

    PyTorch would add the samples with which the part was recorded, as a pickle, and the names of this machine's files.

    Raises:
        UseError: PyTorch can't write the program, or only with a pickle.
    """
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
    program._example_inputs = None
    buffer = io.BytesIO()
    try:
        with silent():
            torch.export.save(program, buffer)
    except Exception as error:
        raise refused(part, "PyTorch can't write its operations", error) from error
    if pickled := _pickled(buffer.getvalue()):
        raise UseError(
            f"The {part.part} can't be exported as torch-export: PyTorch {torch.__version__} writes {pickled} as a "
            "pickle, which could run code when it is read. Use --format onnx."
        )
    return buffer.getvalue()


def torch_program(content: bytes) -> Program:
    """The .pt2 file as a program."""
    with silent():
        module = torch.export.load(io.BytesIO(content)).module()

    def run(given: tuple[np.ndarray, ...]) -> np.ndarray:
        with torch.no_grad():
            return module(*(torch.from_numpy(np.ascontiguousarray(value)) for value in given)).numpy()

    return run


def _pickled(content: bytes) -> str:
    """The name of a pickle in a .pt2 file, "" if there is none."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            if name.endswith("_config.json"):
                entries = json.loads(archive.read(name))["config"].values()
                if any(entry.get("use_pickle") for entry in entries):
                    return name
            elif name.endswith(".pt") and archive.read(name)[:4].startswith(PICKLED):
                return name
    return ""

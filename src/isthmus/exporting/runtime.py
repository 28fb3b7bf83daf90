"""Running an ONNX model with onnxruntime."""

from typing import Any

import numpy as np

from isthmus.errors import UseError
from isthmus.exporting.checks import Program
from isthmus.exporting.parts import Exportable
from isthmus.extras import needs


def onnx_program(part: Exportable, model: bytes, opset: int) -> Program:
    """An ONNX model as a program.

    Raises:
        UseError: onnxruntime can't read the model, or can't run it.
    """
    runtime = needs("onnxruntime", "onnx", "ONNX")
    options = runtime.SessionOptions()
    options.log_severity_level = 4  # what it says goes into our message
    names = [port.name for port in part.inputs]

    def refused(error: Exception) -> UseError:
        words = " ".join(str(error).split())
        return UseError(
            f"onnxruntime can't run the exported {part.part} with opset {opset} ({words[:200]}). Nothing was written. "
            "Choose another opset."
        )

    try:
        session: Any = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise refused(error) from error

    def run(given: tuple[np.ndarray, ...]) -> np.ndarray:
        try:
            return session.run(None, dict(zip(names, given, strict=True)))[0]
        except Exception as error:
            raise refused(error) from error

    return run

"""Quantising an ONNX model: weights and activations of its products and convolutions as bytes."""

import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from isthmus.errors import UseError
from isthmus.exporting.parts import Exportable
from isthmus.exporting.recording import refused, silent
from isthmus.extras import needs

OPERATIONS = ("Conv", "ConvTranspose", "MatMul", "Gemm")
"""The operations that are quantised: nearly all of the time and the weights are theirs."""
OLDEST = 13
"""The oldest opset with a scale for each row of the weights."""
SAMPLES, BATCH = 256, 32
"""Training samples from which the ranges of activations are learnt, and how many at a time."""


def check_int8(opset: int) -> None:
    """Raise UseError if this opset can't hold a quantised model."""
    if opset < OLDEST:
        raise UseError(f"A model of int8 needs opset {OLDEST} or newer, not {opset}. Choose one, or leave int8 out.")


def to_int8(proto: Any, part: Exportable, given: tuple[Tensor, ...]) -> Any:
    """The model in int8: the weights by rows, the activations by their ranges on the given training samples.

    It holds the original operations between others that round their inputs ("QDQ"), which every runtime can read.

    Raises:
        UseError: the part has nothing that can be quantised.
    """
    onnx = needs("onnx", "onnx", "ONNX")
    needs("onnxruntime", "onnx", "ONNX")
    from onnxruntime import quantization  # noqa: PLC0415 it takes a second

    if not any(node.op_type in OPERATIONS for node in proto.graph.node):
        raise UseError(f"The {part.part} can't be exported in int8: it has no weights to quantise. Leave int8 out.")
    names = [port.name for port in part.inputs]
    batches = iter(
        [
            dict(zip(names, (piece.numpy() for piece in pieces), strict=True))
            for pieces in zip(*(value.split(BATCH) for value in given), strict=True)
        ]
    )

    class Reader(quantization.CalibrationDataReader):
        """The samples, as onnxruntime takes them."""

        def get_next(self) -> Any:
            return next(batches, None)

    prepared = onnx.ModelProto()
    prepared.CopyFrom(proto)
    prepared.metadata_props.add(key="onnx.quant.pre_process", value="onnxruntime.quant")  # PyTorch has folded it
    with tempfile.TemporaryDirectory(prefix="isthmus-") as folder:
        path = Path(folder) / "int8.onnx"
        try:
            with silent(), torch.no_grad():
                quantization.quantize_static(
                    prepared,
                    path,
                    Reader(),
                    op_types_to_quantize=list(OPERATIONS),
                    per_channel=True,
                    weight_type=quantization.QuantType.QInt8,
                    activation_type=quantization.QuantType.QInt8,
                )
            return onnx.load(path)
        except Exception as error:
            raise refused(part, "onnxruntime can't quantise it", error) from error

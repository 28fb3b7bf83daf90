"""ONNX: a recorded part as the bytes of an ONNX file, for a given opset."""

import json
from collections.abc import Mapping
from typing import Any

from torch.export import ExportedProgram

from isthmus import version
from isthmus.errors import UseError
from isthmus.exporting.opsets import lowered
from isthmus.exporting.parts import Exportable
from isthmus.exporting.recording import refused, silent
from isthmus.extras import needs

OPSET = 18
"""The opset unless you choose one: PyTorch's own, which onnxruntime has read since 1.14 (2023)."""
OLDEST = 7
"""The oldest opset that onnxruntime reads."""
LARGEST = 2**31
"""Bytes: no ONNX file can be larger."""


def needs_onnx() -> None:
    """Raise MissingPackageError unless all packages for ONNX are installed."""
    for module in ("onnx", "onnxscript", "onnxruntime"):
        needs(module, "onnx", "ONNX")


def check_opset(opset: Any) -> None:
    """Raise UseError unless onnxruntime reads this opset."""
    newest = needs("onnx", "onnx", "ONNX").defs.onnx_opset_version()
    if type(opset) is not int or not OLDEST <= opset <= newest:
        raise UseError(f"There is no opset {opset!r:.40}: expected a whole number from {OLDEST} to {newest}.")


def to_onnx(program: ExportedProgram, part: Exportable, opset: int) -> Any:
    """The ONNX model (`onnx.ModelProto`) of a recorded part, without the names of this machine's files.

    Raises:
        UseError: an operation has no form in ONNX, or in this opset, or the weights are too large for one file.
    """
    import torch.onnx  # noqa: PLC0415 it takes a second

    weights = sum(tensor.nbytes for tensor in (*program.state_dict.values(), *_constants(program)))
    if weights >= LARGEST:
        raise UseError(
            f"The {part.part} can't be exported to ONNX: its weights take {weights / 1e9:.1f} GB, and an ONNX file "
            "has at most 2 GB. Use --format safetensors+json or torch-export."
        )
    try:
        with silent():
            made: Any = torch.onnx.export(
                program,
                dynamo=True,
                opset_version=max(opset, OPSET),
                verbose=False,
                input_names=[port.name for port in part.inputs],
                output_names=[part.output.name],
            )
            proto = made.model_proto
    except Exception as error:
        raise refused(part, f"ONNX has no form of its operations in opset {opset}", error) from error
    if opset < OPSET:
        lowered(proto, part.part, opset)
    found = next(each.version for each in proto.opset_import if each.domain in ("", "ai.onnx"))
    if found != opset:
        raise UseError(f"The {part.part} can't be exported with opset {opset}. Choose an older one, such as {found}.")
    _tidy(proto, part)
    return proto


def describe(proto: Any, facts: Mapping[str, Any]) -> bytes:
    """The bytes of an ONNX model, with these facts in its metadata: text as it is, all else as JSON."""
    del proto.metadata_props[:]
    for name, value in facts.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, allow_nan=False)
        proto.metadata_props.add(key=name, value=text)
    return proto.SerializeToString(deterministic=True)


def _tidy(proto: Any, part: Exportable) -> None:
    """Remove the names of this machine's files and of symbols, and call the size of the batch "batch"."""
    proto.producer_name, proto.producer_version, proto.graph.name = "isthmus", version.VERSION, part.part
    proto.graph.doc_string = ""
    del proto.graph.value_info[:]
    del proto.graph.metadata_props[:]
    for graph in (proto.graph, *proto.functions):
        for node in graph.node:
            node.doc_string = ""
            del node.metadata_props[:]
    for values, ports in ((proto.graph.input, part.inputs), (proto.graph.output, (part.output,))):
        for value, port in zip(values, ports, strict=True):
            value.doc_string = ""
            del value.metadata_props[:]
            shape = value.type.tensor_type.shape
            del shape.dim[:]
            shape.dim.add(dim_param="batch")
            for size in port.shape:
                shape.dim.add(dim_value=size)


def _constants(program: ExportedProgram) -> list[Any]:
    return [value for value in program.constants.values() if hasattr(value, "nbytes")]

"""Older opsets: an ONNX model in the forms that its operations had before."""

from typing import Any

import numpy as np

from isthmus.errors import UseError
from isthmus.extras import needs

IMPLIED = {("Reshape", "allowzero"), ("Split", "num_outputs")}
"""Attributes that an older form does without, because it gives the same results."""


def lowered(proto: Any, part: str, opset: int) -> None:
    """Put a model of one graph into an older opset, in place.

    ONNX's own converter lacks most ways back, even where only a type of numbers was added. Here, attributes that an
    operation didn't have yet are left out if they have their default, and constant inputs become the attributes that
    they were. Whether it still computes the same is for the check on real samples to find.

    Raises:
        UseError: an operation has no such form; the message names it.
    """
    onnx = needs("onnx", "onnx", "ONNX")
    entry = next(each for each in proto.opset_import if each.domain in ("", "ai.onnx"))
    constants = {each.name: onnx.numpy_helper.to_array(each) for each in proto.graph.initializer}
    for node in proto.graph.node:
        if node.op_type == "Constant":
            constants[node.output[0]] = onnx.numpy_helper.to_array(node.attribute[0].t)
    for node in proto.graph.node:
        if node.domain not in ("", "ai.onnx"):
            continue
        try:
            before = onnx.defs.get_schema(node.op_type, opset)
            now = onnx.defs.get_schema(node.op_type, entry.version)
            fits = _lower(onnx, node, before, now, constants)
        except onnx.defs.SchemaError:
            fits = False
        if not fits:
            raise UseError(
                f"The {part} can't be exported with opset {opset}, because it needs the operation {node.op_type} of a "
                "newer one. Choose a newer opset, or leave it out for 18."
            )
    entry.version = opset


def _lower(onnx: Any, node: Any, before: Any, now: Any, constants: dict[str, np.ndarray]) -> bool:
    """Put an operation into its older form, in place; False if it has none."""
    for attribute in list(node.attribute):
        if attribute.name in before.attributes:
            continue
        default = now.attributes[attribute.name].default_value
        if (node.op_type, attribute.name) not in IMPLIED and not _equal(onnx, attribute, default):
            return False
        node.attribute.remove(attribute)
    while len(node.input) > before.max_input:
        name, place = node.input[-1], len(node.input) - 1
        called = now.inputs[place].name
        if name:
            if name not in constants or called not in before.attributes:
                return False
            value = constants[name].tolist()
            node.attribute.append(onnx.helper.make_attribute(called, value))
        del node.input[-1]
    return True


def _equal(onnx: Any, attribute: Any, default: Any) -> bool:
    return default.name != "" and onnx.helper.get_attribute_value(attribute) == onnx.helper.get_attribute_value(default)

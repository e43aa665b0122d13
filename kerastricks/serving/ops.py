"""The operations in a SavedModel, and those that no server knows.

TensorFlow Serving's stock binary has the operations of TensorFlow itself, but
no Python to call back and none that other packages register. The binary itself
is not asked: what counts as TensorFlow's own is what tf.raw_ops names in the
TensorFlow installed here, less what needs Python, a compiler or another chip.
"""

import pathlib

import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from kerastricks.errors import RunError

# Call Python, which is not there.
PYTHON = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}
# For compilers and chips that the stock binary is built without.
DEVICES = ("Xla", "TPU")


def ops_of(folder: pathlib.Path) -> set[str]:
    """The kinds of all nodes, in the graph and in every function."""
    saved = SavedModel()
    saved.ParseFromString((folder / "saved_model.pb").read_bytes())
    found = set()
    for meta in saved.meta_graphs:
        graph = meta.graph_def
        found |= {node.op for node in graph.node}
        for function in graph.library.function:
            found |= {node.op for node in function.node_def}
    return found


def foreign(ops: set[str]) -> list[str]:
    """Those not in tf.raw_ops, or of Python, compilers and other chips."""
    return sorted(
        op
        for op in ops
        if op in PYTHON
        or any(device in op for device in DEVICES)
        # Made of TensorFlow's own list, which what is loaded later is not in.
        or not hasattr(tf.raw_ops, op)
    )


def refuse_foreign(folder: pathlib.Path) -> None:
    """Raises if there are others than TensorFlow's own."""
    found = foreign(ops_of(folder))
    if found:
        raise RunError(
            "a SavedModel must be made of TensorFlow's own operations, for "
            "TensorFlow Serving has no others and no Python. "
            f"Received: {', '.join(found)}"
        )

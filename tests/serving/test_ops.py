"""A SavedModel holds operations that TensorFlow itself registers, no others."""

import dataclasses

import keras
import pytest
import tensorflow as tf

from kerastricks.errors import RunError
from kerastricks.evaluation.tta import Tta
from kerastricks.run_dir import RunDir
from kerastricks.serving import ops
from kerastricks.serving.saved_model import save

# All that an export of a ResNet is made of. Each is registered in TensorFlow
# itself, for which nothing needs to be loaded; no server was asked.
FLOW = """Const Identity If NoOp PartitionedCall Placeholder
    StatefulPartitionedCall StatelessIf StatelessWhile While Assert
    TensorListFromTensor TensorListGetItem TensorListReserve
    TensorListSetItem TensorListStack"""
SAVING = """AssignVariableOp DisableCopyOnRead MergeV2Checkpoints Pack
    ReadVariableOp RestoreV2 SaveV2 Select ShardedFilename
    StaticRegexFullMatch StringJoin VarHandleOp VarIsInitializedOp"""
DECODING = """DecodeImage DecodeJpeg DecodeRaw DecodeWebP ExtractJpegShape
    StringLength Substr"""
ARITHMETIC = """Abs Add AddV2 BitwiseAnd Cast Equal FloorDiv Greater
    GreaterEqual LeftShift Less LessEqual LogicalAnd LogicalNot LogicalOr
    Maximum Minimum Mul Neg RealDiv RightShift Round SelectV2 Sub"""
SHAPES = """ConcatV2 EnsureShape ExpandDims GatherV2 Pad PadV2 Range Reshape
    Shape Size Split Squeeze StridedSlice Transpose"""
VIEWS = "Exp Log LogSoftmax ReverseV2 ZerosLike"
SILU = "IdentityN Sigmoid Square"
NETWORK = """Any AvgPool BiasAdd Conv2D MatMul Max MaxPool Mean Prod Relu
    ScaleAndTranslate Softmax Sum TopKV2"""
STOCK = set(
    " ".join(
        (FLOW, SAVING, DECODING, ARITHMETIC, SHAPES, VIEWS, SILU, NETWORK)
    ).split()
)


def test_an_export_is_made_of_stock_operations(finished):
    found = ops.ops_of(RunDir(finished.run_dir).saved_model)
    assert found - STOCK == set()
    assert {"Conv2D", "DecodeJpeg", "ScaleAndTranslate", "TopKV2"} <= found
    assert ops.foreign(STOCK) == []


@pytest.mark.parametrize(
    "several, of", [(True, "probabilities"), (False, "logits")]
)
def test_other_answers_are_made_of_them_too(tiny, tmp_path, several, of):
    """Several labels, and several views."""
    classifier = dataclasses.replace(tiny, multi_label=several)
    save(classifier, tmp_path, 2, Tta("flip", of))
    found = ops.ops_of(tmp_path)
    assert found - STOCK == set()
    assert "ReverseV2" in found
    assert ({"LogSoftmax", "Exp", "Log"} <= found) == several


def test_operations_that_no_server_has_are_refused(tmp_path):
    """Also where they are in a function in a function."""

    def python(x):
        return tf.numpy_function(lambda x: x + 1, [x], tf.float32)

    @tf.function(input_signature=[tf.TensorSpec([2])])
    def serve(x):
        return tf.cond(x[0] > 0, lambda: python(x), lambda: x)

    archive = keras.export.ExportArchive()
    archive.add_endpoint("serve", serve)
    archive.write_out(str(tmp_path), verbose=False)
    with pytest.raises(RunError, match="no Python. Received: PyFunc"):
        ops.refuse_foreign(tmp_path)


@pytest.mark.parametrize(
    "op", ["XlaCallModule", "EagerPyFunc", "TPUReplicate", "SomebodysOwnOp"]
)
def test_foreign(op):
    assert ops.foreign({"Conv2D", op}) == [op]

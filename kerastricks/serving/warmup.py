"""Warm-up requests, which TensorFlow Serving answers before it takes others.

The first call of a graph is slow: kernels are chosen and memory is fetched. A
SavedModel brings requests for that, in a TFRecord file of PredictionLog
messages. Their classes are in the package tensorflow-serving-api; as four
fields are all it takes, they are written here byte by byte. The field numbers
are those of tensorflow_serving/apis/{prediction_log,predict,model}.proto.

https://www.tensorflow.org/tfx/serving/saved_model_warmup
"""

import pathlib
from collections.abc import Mapping, Sequence

import tensorflow as tf

FILE = pathlib.Path("assets.extra", "tf_serving_warmup_requests")
# PredictionLog.predict_log, PredictLog.request, PredictRequest.model_spec and
# .inputs, ModelSpec.signature_name; key and value of any map.
PREDICT_LOG, REQUEST, MODEL_SPEC, INPUTS, SIGNATURE_NAME = 6, 1, 1, 2, 3
KEY, VALUE = 1, 2
LENGTH_DELIMITED = 2  # protobuf's wire type of messages and strings

Request = tuple[str, Mapping[str, tf.Tensor]]  # signature, inputs by name


def write_warmup(folder: pathlib.Path, requests: Sequence[Request]) -> None:
    """Puts the requests into a SavedModel."""
    path = folder / FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as file:
        for signature, inputs in requests:
            file.write(prediction_log(signature, inputs))


def prediction_log(signature: str, inputs: Mapping[str, tf.Tensor]) -> bytes:
    """One request, as a serialized PredictionLog."""
    request = field(MODEL_SPEC, field(SIGNATURE_NAME, signature.encode()))
    for name, tensor in inputs.items():
        value = tf.make_tensor_proto(tensor).SerializeToString()
        pair = field(KEY, name.encode()) + field(VALUE, value)
        request += field(INPUTS, pair)
    return field(PREDICT_LOG, field(REQUEST, request))


def field(number: int, content: bytes) -> bytes:
    """A message or string as a field of another message."""
    tag = varint(number << 3 | LENGTH_DELIMITED)
    return tag + varint(len(content)) + content


def varint(value: int) -> bytes:
    """Protobuf's numbers: 7 bits a byte, the lowest first."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def picture(side: int) -> tf.Tensor:
    """A grey uint8 [side, side, 3] with a bit of structure.

    No image of the data: those may not be meant for everybody.
    """
    ramp = tf.cast(tf.range(side) * 255 // max(1, side - 1), tf.uint8)
    return tf.tile(ramp[None, :, None], [side, 1, 3])

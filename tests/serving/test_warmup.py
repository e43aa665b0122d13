"""Warm-up requests, read by protobuf's own parser from the published schema."""

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from tensorflow.core.framework import tensor_pb2

from kerastricks.serving import warmup

# Of tensorflow_serving/apis: message -> (field, number, type), where a type is
# a message of these, `string`, TensorFlow's TensorProto, or * for a map.
SCHEMA = {
    "ModelSpec": [("name", 1, "string"), ("signature_name", 3, "string")],
    "InputsEntry": [("key", 1, "string"), ("value", 2, "TensorProto")],
    "PredictRequest": [("model_spec", 1, "ModelSpec"), ("inputs", 2, "*")],
    "PredictLog": [("request", 1, "PredictRequest")],
    "PredictionLog": [("predict_log", 6, "PredictLog")],
}


@pytest.fixture(scope="module")
def prediction_log():
    """The class of PredictionLog."""
    pool = descriptor_pool.DescriptorPool()
    file = descriptor_pb2.FileDescriptorProto(
        name="serving.proto", package="s", syntax="proto3"
    )
    kinds = descriptor_pb2.FieldDescriptorProto
    for name, fields in SCHEMA.items():
        message = file.message_type.add(name=name)
        for key, number, kind in fields:
            made = message.field.add(name=key, number=number, label=1)
            if kind == "string":
                made.type = kinds.TYPE_STRING
            elif kind == "TensorProto":  # as bytes, which the wire has alike
                made.type = kinds.TYPE_BYTES
            else:
                made.type = kinds.TYPE_MESSAGE
                made.label = 3 if kind == "*" else 1
                made.type_name = f".s.{'InputsEntry' if kind == '*' else kind}"
    pool.Add(file)
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName("s.PredictionLog")
    )


def parsed(prediction_log, data):
    """(signature, inputs by name) of a record; all of its bytes are known."""
    log = prediction_log.FromString(data)
    assert log.SerializeToString(deterministic=True) == data
    request = log.predict_log.request
    inputs = {}
    for pair in request.inputs:
        proto = tensor_pb2.TensorProto.FromString(pair.value)
        inputs[pair.key] = tf.make_ndarray(proto)
    return request.model_spec.signature_name, inputs


def test_requests_are_prediction_logs(tmp_path, prediction_log):
    image = warmup.picture(40)
    data = tf.io.encode_jpeg(image)
    requests = [
        ("serve_bytes", {"image_bytes": data[None]}),
        ("serving_default", {"images": image[None], "more": tf.ones([2])}),
    ]
    warmup.write_warmup(tmp_path, requests)
    path = tmp_path / "assets.extra" / "tf_serving_warmup_requests"
    records = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
    (first, by_bytes), (second, by_pixels) = [
        parsed(prediction_log, record) for record in records
    ]
    assert (first, list(by_bytes)) == ("serve_bytes", ["image_bytes"])
    assert by_bytes["image_bytes"].tolist() == [data.numpy()]
    assert (second, list(by_pixels)) == ("serving_default", ["images", "more"])
    assert by_pixels["images"].dtype == np.uint8
    np.testing.assert_array_equal(by_pixels["images"], image[None])


@pytest.mark.parametrize(
    "value, wire",
    [(0, b"\x00"), (127, b"\x7f"), (128, b"\x80\x01"), (300, b"\xac\x02")],
)
def test_varint(value, wire):
    """300 is the example in protobuf's manual."""
    assert warmup.varint(value) == wire


def test_picture_is_a_ramp():
    assert warmup.picture(2)[:, :, 0].numpy().tolist() == [[0, 255], [0, 255]]
    assert warmup.picture(1).shape == (1, 1, 3)


def test_the_package_of_tensorflow_serving_reads_them_too():
    """Where it is installed."""
    pytest.importorskip("tensorflow_serving")
    from tensorflow_serving.apis import prediction_log_pb2

    data = warmup.prediction_log("f", {"x": tf.constant([b"y"])})
    log = prediction_log_pb2.PredictionLog.FromString(data)
    request = log.predict_log.request
    assert request.model_spec.signature_name == "f"
    assert tf.make_ndarray(request.inputs["x"]).tolist() == [b"y"]

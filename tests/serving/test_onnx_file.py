"""ONNX files, answered by onnxruntime."""

import json

import numpy as np
import pytest

from kerastricks.evaluation.tta import Tta
from kerastricks.serving import onnx_file

for package in ("onnx", "onnxruntime", "tf2onnx"):
    pytest.importorskip(package)


def test_an_onnx_file_is_the_network(tiny, squares, probabilities, tmp_path):
    path = tmp_path / "model.onnx"
    onnx_file.write_onnx(tiny, path, 2, Tta("center"))
    found = onnx_file.read_onnx(path)(squares)
    np.testing.assert_allclose(found["probabilities"], probabilities, atol=1e-6)
    order = np.argsort(-probabilities, axis=1)[:, :2]
    np.testing.assert_array_equal(found["top_k_indices"], order)
    assert found["top_k_indices"].dtype == np.int32

    session = onnx_file.open_session(path)
    (images,) = session.get_inputs()
    assert (images.name, images.type) == ("images", "tensor(uint8)")
    assert images.shape == ["N", 8, 8, 3]
    told = session.get_modelmeta().custom_metadata_map
    assert json.loads(told["class_names"]) == ["cat", "dög", "eel"]
    assert json.loads(told["temperature"]) == 0.5
    assert json.loads(told["image_size"]) == 8

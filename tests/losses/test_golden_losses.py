"""Against torch, timm and torchvision: tools/golden_losses.py."""

import json
import pathlib

import numpy as np
import pytest
from keras import ops

from kerastricks import losses

pytestmark = pytest.mark.traced

GOLDEN = json.loads(
    pathlib.Path(__file__).with_name("golden_losses.json").read_text("utf-8")
)
INPUTS = {name: np.array(value) for name, value in GOLDEN["inputs"].items()}


def loss_of(case):
    if case["loss"] == "feature_loss":
        return lambda y, x: ops.mean(losses.feature_loss(x, y))
    return getattr(losses, case["loss"])(**case["settings"])


def name_of(case):
    settings = [
        f"{key}={value}" for key, value in case["settings"].items() if value
    ]
    return " ".join([case["loss"], *settings, "of", case["labels"]])


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=name_of)
def test_value_and_gradient(case, value_and_gradient):
    loss, labels = loss_of(case), INPUTS[case["labels"]]
    value, gradient = value_and_gradient(
        lambda x: loss(labels, x), INPUTS[case["logits"]].astype(np.float32)
    )
    np.testing.assert_allclose(value, case["value"], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(gradient, case["gradient"], atol=1e-6)


def test_every_loss_is_in_the_file():
    found = {case["loss"] for case in GOLDEN["cases"]}
    helpers = {"FeatureLoss", "distillation_loss", "smooth_labels"}
    assert found == set(losses.__all__) - helpers

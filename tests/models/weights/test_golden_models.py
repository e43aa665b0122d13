"""Logits of timm's and torchvision's ResNets with the same weights.

The file is made by tools/golden_models.py, in double precision; the rule for
the weights is repeated here.
"""

import pathlib
import zlib

import numpy as np
import pytest
from keras import ops

from kerastricks import models
from kerastricks.models.parts import Parts
from kerastricks.models.weights.torch_weights import (
    load_torch_weights,
    torch_names,
)

GOLDEN = np.load(pathlib.Path(__file__).parent / "golden_models.npz")
CLASSES = 10
SIDES = {"even": (2, 64, 64, 3), "odd": (1, 65, 71, 3)}
DRAWS = 65521

# The reference's name, ours, and what it takes besides.
NETWORKS = [
    ("timm/resnet18", "resnet18", {}),
    ("timm/resnet34", "resnet34", {}),
    ("timm/resnet26", "resnet26", {}),
    ("timm/resnet50", "resnet50", {}),
    ("torchvision/resnet50", "resnet50_b", {}),
    ("timm/resnet50c", "resnet50_c", {}),
    ("timm/resnet26d", "resnet26_d", {}),
    ("timm/resnet34d", "resnet34_d", {}),
    ("timm/resnet50d", "resnet50_d", {}),
    ("timm/seresnet18", "se_resnet18", {}),
    ("timm/seresnet50", "se_resnet50", {}),
    ("timm/resnext50_32x4d", "resnext50_32x4d", {}),
    ("timm/resnetblur50", "resnet50", {"blur_pool": True}),
    ("timm/resnet101d", "resnet101_d", {}),
    ("timm/wide_resnet50_2", "wide_resnet50_2", {}),
]


@pytest.fixture(autouse=True)
def nothing_is_drawn(monkeypatch):
    """All of it is overwritten, and JAX compiles each draw for a second."""
    monkeypatch.setattr(Parts, "initializer", lambda self, name: "zeros")


def value(name, shape, branch_end):
    """What tools/golden_models.py gives a tensor of this name."""
    random = np.random.RandomState(zlib.crc32(name.encode()))
    if name.endswith("running_var"):
        return random.uniform(0.5, 1.5, shape).astype(np.float32)
    if len(shape) == 1 and name.endswith("weight"):
        scale = 0.2 if f".{branch_end}." in name else 1.0
        return (random.uniform(0.5, 1.5, shape) * scale).astype(np.float32)
    if len(shape) == 1:
        return (random.normal(size=shape) * 0.1).astype(np.float32)
    gain = 0.02 if name.startswith("fc.") else 2.0
    draws = random.normal(size=DRAWS).astype(np.float32)
    fan_in = int(np.prod(shape[1:]))
    return np.resize(draws, shape) * np.float32((gain / fan_in) ** 0.5)


# The others are left to `make test-all`.
QUICK = ("timm/resnet50d", "torchvision/resnet50", "timm/seresnet50")


def torch_shape(name, shape):
    """Of a tensor that has this shape here."""
    if len(shape) == 4:
        return (shape[3], shape[2], *shape[:2])
    if len(shape) == 2:
        ones = (1, 1) if ".se." in name else ()
        return (shape[1], shape[0], *ones)
    return tuple(shape)


def tensors(model):
    """By torch's names, all that the model needs."""
    shapes = {weight.path: tuple(weight.shape) for weight in model.weights}
    named = {
        name: torch_shape(name, shapes[path])
        for path, (name, _) in torch_names(model).items()
    }
    end = "bn3" if "layer1.0.bn3.weight" in named else "bn2"
    return {name: value(name, shape, end) for name, shape in named.items()}


def picture(kind):
    random = np.random.RandomState(zlib.crc32(kind.encode()))
    return random.normal(size=SIDES[kind]).astype(np.float32)


def compare(reference, name, options):
    model = models.create(name, num_classes=CLASSES, **options)
    copied = load_torch_weights(model, tensors(model))
    assert copied.parameters == model.count_params()
    assert (copied.left_new, copied.notes) == ("", ())
    for kind in SIDES:
        logits = ops.convert_to_numpy(model(picture(kind), training=False))
        expected = GOLDEN[f"{reference}/{kind}"]
        assert expected.std() > 0.3
        np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-4)


@pytest.mark.traced
def test_resnet18d_on_every_backend():
    compare("timm/resnet18d", "resnet18_d", {})


@pytest.mark.parametrize(
    "reference, name, options",
    [
        pytest.param(*row, marks=[] if row[0] in QUICK else pytest.mark.slow)
        for row in NETWORKS
    ],
)
def test_logits(reference, name, options):
    compare(reference, name, options)


def test_every_reference_is_compared():
    kept = {key.rpartition("/")[0] for key in GOLDEN.files}
    compared = {reference for reference, *_ in NETWORKS}
    assert kept == compared | {"timm/resnet18d"}

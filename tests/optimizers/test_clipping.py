import json
import pathlib

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.optimizers.clipping import (
    MODES,
    Clip,
    clip_adaptively,
    clip_by_global_norm,
    clip_by_value,
    clip_by_variable_norm,
    global_norm,
    head_variables,
    unit_axes,
)

pytestmark = pytest.mark.traced

GOLDEN = json.loads(
    pathlib.Path(__file__)
    .with_name("golden_clipping.json")
    .read_text(encoding="utf-8")
)
NAMES = tuple(GOLDEN["shapes"])


def as_keras(name, flat):
    """From torch's shape to Keras's: (out, in, h, w) -> (h, w, in, out)."""
    array = np.array(flat, np.float32).reshape(GOLDEN["shapes"][name])
    if name == "depthwise":  # (channels, 1, h, w) -> (h, w, channels, 1)
        return array.transpose(2, 3, 0, 1)
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T


def arrays(flat):
    return [as_keras(name, flat[name]) for name in NAMES]


@pytest.fixture(scope="module")
def variables():
    return [
        keras.Variable(value, name=name)
        for name, value in zip(NAMES, arrays(GOLDEN["weights"]), strict=True)
    ]


@pytest.fixture
def gradients():
    return list(map(ops.convert_to_tensor, arrays(GOLDEN["gradients"])))


@pytest.mark.parametrize(
    "case", GOLDEN["cases"], ids=lambda case: f"{case['mode']} {case['amount']}"
)
def test_equals_torch_and_timm(case, variables, gradients):
    found = Clip(case["amount"], case["mode"])(gradients, variables)
    for ours, theirs in zip(found, arrays(case["gradients"]), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9)


def test_variable_norm_is_keras_clipnorm(variables, gradients):
    """Of each variable's own norm; some are below the limit."""
    limit = 10.0
    norms = [np.linalg.norm(gradient) for gradient in gradients]
    assert min(norms) < limit < max(norms)
    moved = [keras.Variable(ops.zeros_like(value)) for value in gradients]
    keras.optimizers.SGD(1.0, clipnorm=limit).apply(gradients, moved)
    found = clip_by_variable_norm(gradients, limit)
    for ours, theirs, norm in zip(found, moved, norms, strict=True):
        np.testing.assert_allclose(ours, -ops.convert_to_numpy(theirs), 1e-6)
        assert np.linalg.norm(ours) == pytest.approx(min(norm, limit), 1e-5)


def test_hand_computed_points():
    three = np.array([[3.0, 0]], np.float32)
    four = np.array([-4.0], np.float32)
    assert float(global_norm([three, None, four])) == 5
    found = clip_by_global_norm([three, four], 1.0)
    np.testing.assert_allclose(found[0], [[0.6, 0]], rtol=1e-6)
    np.testing.assert_allclose(found[1], [-0.8], rtol=1e-6)
    found = clip_by_value([three, four], 3.5)
    np.testing.assert_array_equal(found[0], three)
    np.testing.assert_array_equal(found[1], [-3.5])
    # Columns of weight norm 5 and 0, of gradient norm 5 and 1.
    weight = keras.Variable([[3.0, 0.0], [4.0, 0.0]])
    gradient = np.array([[4.0, 1.0], [-3.0, 0.0]], np.float32)
    (found,) = clip_adaptively([gradient], [weight], 0.1)
    expected = [[0.4, 1e-4], [-0.3, 0.0]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_units_of_layers():
    made = [
        keras.layers.Conv2D(4, 3),
        keras.layers.DepthwiseConv2D(3),
        keras.layers.DepthwiseConv2D(3, depth_multiplier=2),
        keras.layers.SeparableConv2D(6, 3, use_bias=False),
        keras.layers.Conv2D(6, 1, groups=2),
        keras.layers.BatchNormalization(),
        keras.layers.Dense(2),
    ]
    for layer in made:
        layer.build((None, 8, 8, 4))
    found = [
        unit_axes(weight)
        for layer in made
        for weight in layer.trainable_weights
    ]
    conv, each, whole = (0, 1, 2), (0, 1), (0,)
    assert found == [
        *(conv, whole),
        *(each, whole),
        *(each, whole),
        *(each, conv),
        *(conv, whole),
        *(whole, whole),
        *((0,), whole),
    ]


def test_skipped_variables_stay():
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(3, name="body"),
            keras.layers.Dense(2, name="head"),
            keras.layers.Softmax(),
        ]
    )
    variables = model.trainable_variables
    gradients = [np.full(value.shape, 9, np.float32) for value in variables]
    clip = Clip(0.01, "agc", skip=head_variables(model))
    found = clip(gradients, variables)
    for variable, new in zip(variables, found, strict=True):
        alone = "head" in variable.path
        assert bool(np.all(np.asarray(new) == 9)) is alone


@pytest.mark.parametrize("mode", MODES)
def test_no_gradient_stays_none(mode, variables, gradients):
    left_out = [None, *gradients[1:]]
    found = Clip(0.1, mode)(left_out, variables)
    assert found[0] is None
    assert all(gradient is not None for gradient in found[1:])


@pytest.mark.parametrize("mode", MODES)
def test_gradients_of_zero_and_below_the_limit_stay(mode, variables):
    zeros = [np.zeros(value.shape, np.float32) for value in variables]
    for found in Clip(0.1, mode)(zeros, variables):
        np.testing.assert_array_equal(found, 0 * np.asarray(found))
    small = [np.full(value.shape, 1e-6, np.float32) for value in variables]
    for found in Clip(0.1, mode)(small, variables):
        np.testing.assert_allclose(found, 1e-6, rtol=1e-6)


@pytest.mark.parametrize("mode", MODES)
def test_half_precision_stays_and_its_norm_does_not_overflow(mode):
    """300^2 is more than float16 holds."""
    gradient = ops.cast(np.full((4, 4), 300.0), "float16")
    variable = keras.Variable(np.ones((4, 4)), dtype="float16")
    (found,) = Clip(1.0, mode)([gradient], [variable])
    assert keras.backend.standardize_dtype(found.dtype) == "float16"
    expected = {"value": 1, "agc": 1}.get(mode, 0.25)
    np.testing.assert_allclose(found, np.full((4, 4), expected), rtol=1e-3)


def test_config_round_trip():
    clip = Clip(0.02, "agc", ("head/kernel",))
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(clip)
    )
    assert again == clip
    assert json.loads(json.dumps(clip.get_config()))["skip"] == ["head/kernel"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"amount": 0}, "amount must be above 0.*amount=0"),
        ({"amount": float("nan")}, "amount must be above 0"),
        ({"amount": 1, "mode": "norm"}, "mode must be one of global_norm"),
        ({"amount": 1, "skip": ("a",)}, "only mode agc can skip.*global_norm"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Clip(**arguments)

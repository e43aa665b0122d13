import re

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.models.resnet import SMALL_UP_TO, resnet

# Trainable parameters at 1,000 classes of torchvision's resnet18/34/50; D's
# stem has 3x3x(3x32 + 32x32 + 32x64) weights and 2x(32 + 32 + 64) of batch norm
# in place of 7x7x3x64 and 2x64.
PLAIN = {18: 11_689_512, 34: 21_797_672, 50: 25_557_032}
STEM_D = 9 * (3 * 32 + 32 * 32 + 32 * 64) + 2 * 128 - (49 * 3 * 64 + 2 * 64)
# timm's resnet50d, resnet18d and resnet34d.
TIMM = {50: 25_576_264, 18: 11_708_744, 34: 21_816_904}


def small(**options):
    """ResNet-10-D of 8, 16, 32 and 64 channels."""
    return resnet(10, "d", **{"num_classes": 7, "width": 0.125} | options)


@pytest.fixture(scope="module")
def model():
    return small(zero_gamma=False, seed=1)


def values(model):
    return {w.path: ops.convert_to_numpy(w) for w in model.weights}


def run(model, start, end, x):
    """The output of a layer from the output of another, in inference."""
    part = keras.Model(
        model.get_layer(start).output, model.get_layer(end).output
    )
    return ops.convert_to_numpy(part(ops.convert_to_tensor(x)))


def torch_convolution(x, kernel, stride, padding):
    """torch's Conv2d in NumPy: `padding` pixels of zeros on every side."""
    x = np.pad(x, [(0, 0), (padding, padding), (padding, padding), (0, 0)])
    size = kernel.shape[0]
    rows = range(0, x.shape[1] - size + 1, stride)
    columns = range(0, x.shape[2] - size + 1, stride)
    return np.stack(
        [
            np.stack(
                [
                    np.tensordot(x[:, i : i + size, j : j + size], kernel, 3)
                    for j in columns
                ],
                axis=1,
            )
            for i in rows
        ],
        axis=1,
    )


def zero_gammas(model):
    return {
        layer.name
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization)
        and not ops.convert_to_numpy(layer.gamma).any()
    }


@pytest.mark.parametrize("depth", TIMM)
def test_parameters_are_timms(depth):
    assert PLAIN[depth] + STEM_D == TIMM[depth]
    model = resnet(depth, "d")
    trainable = sum(
        w.value.shape.num_elements() for w in model.trainable_weights
    )
    assert trainable == TIMM[depth]


@pytest.mark.traced
@pytest.mark.parametrize("sides", [(8, 8), (9, 7)])
def test_stride_2_convolutions_have_torchs_geometry(model, sides):
    x = np.random.RandomState(0).normal(size=(2, *sides, 3)).astype("float32")
    kernel = values(model)["stem_1_conv/kernel"]
    found = run(model, "images", "stem_1_conv", x)
    np.testing.assert_allclose(
        found, torch_convolution(x, kernel, stride=2, padding=1), atol=1e-5
    )


@pytest.mark.traced
def test_stride_1_convolutions_keep_the_size(model):
    x = np.random.RandomState(0).normal(size=(2, 5, 6, 8)).astype("float32")
    kernel = values(model)["stem_2_conv/kernel"]
    found = run(model, "stem_1_act", "stem_2_conv", x)
    np.testing.assert_allclose(
        found, torch_convolution(x, kernel, stride=1, padding=1), atol=1e-5
    )


@pytest.mark.traced
@pytest.mark.parametrize("sides", [(6, 6), (7, 5)])
def test_max_pool_has_torchs_geometry(model, sides):
    x = np.random.RandomState(0).uniform(0, 1, (1, *sides, 8))
    found = run(model, "stem_3_act", "stem_pool", x.astype("float32"))
    padded = np.pad(
        x, [(0, 0), (1, 1), (1, 1), (0, 0)], constant_values=-np.inf
    )
    expected = [
        [
            padded[0, i : i + 3, j : j + 3].max((0, 1))
            for j in range(0, sides[1], 2)
        ]
        for i in range(0, sides[0], 2)
    ]
    np.testing.assert_allclose(found[0], expected, rtol=1e-6)


@pytest.mark.traced
@pytest.mark.parametrize("side", [4, 5])
def test_shortcut_averages_leave_padding_out(model, side):
    x = np.random.RandomState(0).normal(size=(1, side, side, 8))
    found = run(
        model,
        "stage1_block1_act",
        "stage2_block1_down_pool",
        x.astype("float32"),
    )
    # torch: AvgPool2d(2, 2, ceil_mode=True, count_include_pad=False)
    expected = [
        [x[0, i : i + 2, j : j + 2].mean((0, 1)) for j in range(0, side, 2)]
        for i in range(0, side, 2)
    ]
    np.testing.assert_allclose(found[0], expected, atol=1e-6)


@pytest.mark.traced
def test_a_block_is_its_branch_plus_its_shortcut(model):
    x = np.random.RandomState(0).uniform(0, 1, (2, 6, 6, 8)).astype("float32")
    parts = [
        run(model, "stage1_block1_act", f"stage2_block1_{name}", x)
        for name in ("2_bn", "down_bn", "act")
    ]
    np.testing.assert_allclose(
        parts[2], np.maximum(parts[0] + parts[1], 0), atol=1e-6
    )
    assert parts[0].any() and parts[1].any()


@pytest.mark.traced
def test_zero_gamma_is_the_last_of_each_residual_branch():
    model = small()
    assert zero_gammas(model) == {f"stage{i}_block1_2_bn" for i in range(1, 5)}
    x = np.random.RandomState(0).uniform(0, 1, (1, 6, 6, 8)).astype("float32")
    found = run(model, "stem_pool", "stage1_block1_act", x)
    np.testing.assert_array_equal(found, x)  # its shortcut is the input itself


@pytest.mark.traced
def test_without_zero_gamma_all_gammas_are_one(model):
    assert zero_gammas(model) == set()
    gammas = [v for path, v in values(model).items() if "gamma" in path]
    assert len(gammas) == 3 + 4 * 2 + 3
    assert all((gamma == 1).all() for gamma in gammas)


def test_bottlenecks():
    model = resnet(50, "d", num_classes=3, width=0.125)
    blocks = [
        f"stage{stage}_block{block}"
        for stage, count in enumerate((3, 4, 6, 3), 1)
        for block in range(1, count + 1)
    ]
    assert zero_gammas(model) == {f"{block}_3_bn" for block in blocks}
    for block in blocks:
        stride = 2 if re.fullmatch(r"stage[234]_block1", block) else 1
        steps = [model.get_layer(f"{block}_{i}_conv") for i in (1, 2, 3)]
        assert [step.strides[0] for step in steps] == [1, stride, 1]
        assert [step.kernel_size[0] for step in steps] == [1, 3, 1]
        assert steps[2].filters == 4 * steps[0].filters
    projected = {
        layer.name for layer in model.layers if "down_conv" in layer.name
    }
    assert projected == {f"stage{i}_block1_down_conv" for i in range(1, 5)}
    pooled = {layer.name for layer in model.layers if "down_pool" in layer.name}
    assert pooled == {f"stage{i}_block1_down_pool" for i in (2, 3, 4)}


@pytest.mark.traced
def test_glorot_uniform_fills_its_range(model):
    kernel = values(model)["stage4_block1_2_conv/kernel"]
    assert kernel.shape == (3, 3, 64, 64)
    limit = np.sqrt(6 / (9 * 64 + 9 * 64))
    assert limit * 0.999 < np.abs(kernel).max() <= limit * (1 + 1e-6)
    assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.01)
    head = values(model)["head/kernel"]
    limit = np.sqrt(6 / (64 + 7))
    assert limit * 0.98 < np.abs(head).max() <= limit * (1 + 1e-6)
    assert not values(model)["head/bias"].any()


def test_he_normal_goes_by_the_outputs():
    model = small(init="he_normal")
    kernel = values(model)["stage4_block1_1_conv/kernel"]
    assert kernel.shape == (3, 3, 32, 64)
    # torch: kaiming_normal_(mode="fan_out", nonlinearity="relu")
    deviation = np.sqrt(2 / (9 * 64))
    assert kernel.std() == pytest.approx(deviation, rel=0.02)
    # Not truncated: of 18,432 normal draws, 49 or so lie beyond 3 deviations.
    assert 20 < (np.abs(kernel) > 3 * deviation).sum() < 90


@pytest.mark.traced
def test_the_seed_fixes_the_weights(model):
    first = values(model)
    again = values(small(zero_gamma=False, seed=1))
    other = values(small(zero_gamma=False, seed=2))
    assert first.keys() == again.keys() == other.keys()
    for path, value in first.items():
        np.testing.assert_array_equal(value, again[path], err_msg=path)
        if "kernel" in path:
            assert not np.allclose(value, other[path]), path


@pytest.mark.traced
def test_layers_of_one_shape_start_apart(model):
    kernels = [values(model)[f"stage1_block1_{i}_conv/kernel"] for i in (1, 2)]
    assert kernels[0].shape == kernels[1].shape
    assert abs(np.corrcoef(*(k.ravel() for k in kernels))[0, 1]) < 0.15


@pytest.mark.traced
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_has_the_same_weights_and_float32_logits(policy, model):
    half = small(zero_gamma=False, seed=1, dtype=policy)
    for path, value in values(half).items():
        assert value.dtype == np.float32, path
        np.testing.assert_array_equal(value, values(model)[path])
    computed = {layer.name: layer.compute_dtype for layer in half.layers}
    assert computed.pop("pool") == computed.pop("head") == "float32"
    assert set(computed.values()) - {policy.removeprefix("mixed_")} <= {
        computed["images"]
    }
    x = np.random.RandomState(0).normal(size=(2, 32, 32, 3)).astype("float32")
    logits = half(x)
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    np.testing.assert_allclose(
        ops.convert_to_numpy(logits),
        ops.convert_to_numpy(model(x)),
        atol=0.05,
    )


@pytest.mark.traced
def test_logits_are_float32_under_a_global_policy():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = small()
    finally:
        keras.config.set_dtype_policy(before)
    assert model.get_layer("stem_1_conv").compute_dtype == "bfloat16"
    assert model.output.dtype == "float32"


@pytest.mark.parametrize(
    "stem, image_size, convolutions",
    [
        ("small", 224, 1),
        ("deep", 32, 3),
        ("auto", 32, 1),
        ("auto", SMALL_UP_TO, 1),
        ("auto", SMALL_UP_TO + 1, 3),
        ("auto", None, 3),
    ],
)
def test_stems(stem, image_size, convolutions):
    model = small(stem=stem, image_size=image_size)
    stems = [
        layer
        for layer in model.layers
        if re.fullmatch(r"stem_\d_conv", layer.name)
    ]
    assert len(stems) == convolutions
    reduction = 8 if convolutions == 1 else 32
    features = keras.Model(model.input, model.get_layer("pool").input)
    side = features.compute_output_shape((1, 64, 64, 3))[1]
    assert side == 64 // reduction


@pytest.mark.parametrize(
    "width, channels",
    [
        (0.125, [8, 8, 16, 32, 64]),
        (0.5, [32, 32, 64, 128, 256]),
        (0.3, [16, 16, 40, 80, 152]),  # 19.2 38.4 76.8 153.6 in eights
    ],
)
def test_width_scales_channels_in_eights(width, channels):
    model = small(width=width)
    names = ["stem_3_conv"] + [f"stage{i}_block1_2_conv" for i in range(1, 5)]
    assert [model.get_layer(name).filters for name in names] == channels


@pytest.mark.parametrize(
    "options, message",
    [
        (
            {"stem": "tiny"},
            "stem must be one of auto, 7x7, deep, small.*stem=tiny",
        ),
        ({"groups": 32}, "are of bottlenecks.*depth=10, groups=32"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        small(**options)


def test_bad_depths_and_variants():
    with pytest.raises(ValueError, match="variant must be one of v1, b, c, d"):
        resnet(50, "e")
    with pytest.raises(ValueError, match="depth must be one of .* depth=51"):
        resnet(51)


@pytest.mark.parametrize(
    "variant, strides, stem",
    [("v1", [2, 1], 7), ("b", [1, 2], 7), ("c", [1, 2], 3), ("d", [1, 2], 3)],
)
def test_variants_of_the_bottleneck(variant, strides, stem):
    model = resnet(26, variant, num_classes=3, width=0.125)
    found = [model.get_layer(f"stage2_block1_{i}_conv") for i in (1, 2)]
    assert [layer.strides[0] for layer in found] == strides
    assert model.get_layer("stem_1_conv").kernel_size == (stem, stem)
    pooled = [layer for layer in model.layers if "down_pool" in layer.name]
    assert len(pooled) == (3 if variant == "d" else 0)
    down = model.get_layer("stage2_block1_down_conv")
    assert down.strides == ((1, 1) if variant == "d" else (2, 2))


def test_groups_and_their_width():
    model = resnet(26, groups=32, group_width=4)
    convolution = model.get_layer("stage3_block1_2_conv")
    assert (convolution.groups, convolution.filters) == (32, 512)
    wide = resnet(26, group_width=128).get_layer("stage3_block1_2_conv")
    assert (wide.groups, wide.filters) == (1, 512)
    thin = resnet(26, groups=4, group_width=4, width=0.125)
    found = [
        thin.get_layer(f"stage{i}_block1_2_conv").filters for i in (1, 2, 3, 4)
    ]
    assert found == [4, 4, 8, 16]  # at least a channel for each group


def test_blur_takes_over_the_strides_of_branches():
    model = small(blur_pool=True)
    blurred = {layer.name for layer in model.layers if "blur" in layer.name}
    assert blurred == {"stem_pool_blur"} | {
        f"stage{i}_block1_1_blur" for i in (2, 3, 4)
    }
    assert model.get_layer("stage2_block1_1_conv").strides == (1, 1)
    assert model.get_layer("stem_1_conv").strides == (2, 2)
    features = keras.Model(model.input, model.get_layer("pool").input)
    for side, reduced in ((64, 2), (65, 3), (224, 7)):
        shape = features.compute_output_shape((1, side, side, 3))
        assert shape[1:3] == (reduced, reduced)

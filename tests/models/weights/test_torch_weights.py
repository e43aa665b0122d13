"""Weights by torch's names: where each goes, and what is refused."""

import re

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks import models
from kerastricks.errors import InputError
from kerastricks.models.weights.torch_names import torch_shape
from kerastricks.models.weights.torch_weights import (
    file_classes,
    load_torch_weights,
    torch_names,
)


def tiny(name="resnet10_d", num_classes=5, **options):
    return models.create(name, num_classes=num_classes, width=0.125, **options)


def tensors(model, **changes):
    """Random ones by name, as torch shapes them."""
    random = np.random.RandomState(0)
    shapes = {weight.path: tuple(weight.shape) for weight in model.weights}
    found = {}
    for path, (name, _) in torch_names(model).items():
        shape = torch_shape(shapes[path])
        if re.search(r"se\.fc.\.weight", name):
            shape = (*shape, 1, 1)
        found[name] = random.uniform(0.1, 1, shape).astype(np.float32)
    found |= {"bn1.num_batches_tracked": np.array(9), **changes}
    return {name: x for name, x in found.items() if x is not None}


def values(model):
    return {w.path: ops.convert_to_numpy(w) for w in model.weights}


def logits(model, x):
    return ops.convert_to_numpy(model(x, training=False))


def images(channels=3):
    random = np.random.RandomState(1)
    return random.normal(size=(2, 32, 32, channels)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    """For tests that assign nothing."""
    return tiny()


# Names


@pytest.mark.parametrize(
    "name, path, expected",
    [
        ("resnet18", "stem_1_conv/kernel", "conv1.weight"),
        ("resnet18", "stem_1_bn/moving_mean", "bn1.running_mean"),
        ("resnet18", "stage3_block2_2_bn/gamma", "layer3.1.bn2.weight"),
        (
            "resnet18",
            "stage2_block1_down_conv/kernel",
            "layer2.0.downsample.0.weight",
        ),
        ("resnet26_c", "stem_1_conv/kernel", "conv1.0.weight"),
        ("resnet26_c", "stem_2_bn/beta", "conv1.4.bias"),
        ("resnet26_c", "stem_3_conv/kernel", "conv1.6.weight"),
        ("resnet26_c", "stem_3_bn/gamma", "bn1.weight"),
        (
            "resnet26_c",
            "stage1_block1_down_bn/moving_variance",
            "layer1.0.downsample.1.running_var",
        ),
        (
            "resnet26_d",  # an Identity stands where nothing is pooled
            "stage1_block1_down_conv/kernel",
            "layer1.0.downsample.1.weight",
        ),
        (
            "resnet26_d",
            "stage1_block1_down_bn/gamma",
            "layer1.0.downsample.2.weight",
        ),
        (
            "se_resnet18",
            "stage4_block2_se/reduce/kernel",
            "layer4.1.se.fc1.weight",
        ),
        (
            "se_resnet18",
            "stage4_block2_se/expand/bias",
            "layer4.1.se.fc2.bias",
        ),
        ("se_resnet18", "head/kernel", "fc.weight"),
    ],
)
def test_names_are_timms(name, path, expected):
    assert torch_names(tiny(name))[path][0] == expected


@pytest.mark.parametrize("name", ["se_resnet18", "resnet26_d"])
def test_each_variable_has_a_name_of_its_own(name):
    model = tiny(name)
    found = torch_names(model)
    assert found.keys() == {weight.path for weight in model.weights}
    assert len({torch for torch, _ in found.values()}) == len(found)


def test_networks_that_torch_lacks_are_refused():
    with pytest.raises(InputError, match=r"for their ResNets.*1_conv/left"):
        torch_names(tiny(spectral_norm=True))
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    with pytest.raises(InputError, match="for their ResNets"):
        torch_names(other)


# Values


def test_values_lie_as_they_should():
    model = tiny("se_resnet18")
    given = tensors(model)
    copied = load_torch_weights(model, given)
    assert (copied.tensors, copied.parameters) == (
        len(model.weights),
        model.count_params(),
    )
    assert (copied.left_new, copied.notes) == ("", ())
    found = values(model)
    kernel = given["layer2.0.conv1.weight"]
    assert kernel.shape == (16, 8, 3, 3)
    for place in [(0, 0, 0, 0), (15, 7, 0, 2), (3, 5, 2, 1)]:
        o, i, y, x = place
        assert found["stage2_block1_1_conv/kernel"][y, x, i, o] == kernel[place]
    np.testing.assert_array_equal(
        found["stage2_block1_se/expand/kernel"],
        given["layer2.0.se.fc2.weight"][:, :, 0, 0].T,
    )
    np.testing.assert_array_equal(found["head/kernel"], given["fc.weight"].T)
    for ours, torch in (
        ("gamma", "weight"),
        ("beta", "bias"),
        ("moving_mean", "running_mean"),
        ("moving_variance", "running_var"),
    ):
        np.testing.assert_array_equal(
            found[f"stage1_block2_2_bn/{ours}"], given[f"layer1.1.bn2.{torch}"]
        )


@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_other_precisions_become_float32(kind):
    model = tiny()
    given = {name: x.astype(kind) for name, x in tensors(model).items()}
    load_torch_weights(model, given)
    found = values(model)["head/bias"]
    np.testing.assert_array_equal(
        found, given["fc.bias"].astype(np.float32), strict=True
    )


@pytest.mark.traced
def test_the_model_has_a_copy_of_its_own():
    images = keras.Input((None, None, 3))
    conv = keras.layers.Conv2D(8, 3, use_bias=False, name="stem_1_conv")
    pool = keras.layers.GlobalAveragePooling2D()
    head = keras.layers.Dense(5, name="head")
    model = keras.Model(images, head(pool(conv(images))))
    room = np.empty(256, np.uint8)
    # Where JAX takes memory over as it is: at multiples of 64.
    start = -room.ctypes.data % 64
    bias = room[start : start + 20].view(np.float32)
    bias[:] = 2
    load_torch_weights(model, tensors(model, **{"fc.bias": bias}))
    bias[:] = 3
    np.testing.assert_array_equal(values(model)["head/bias"], 2)


def test_mixed_precision_takes_float32():
    model = tiny(dtype="mixed_bfloat16")
    given = tensors(model)
    load_torch_weights(model, given)
    np.testing.assert_array_equal(
        values(model)["stem_3_bn/gamma"], given["bn1.weight"]
    )


# Refusals


@pytest.mark.parametrize(
    "changes, rule",
    [
        (
            {"bn1.bias": None, "layer1.0.conv1.weight": None},
            r"2 missing \(bn1\.bias, layer1\.0\.conv1\.weight\)$",
        ),
        (
            {"layer1.0.se.fc1.bias": np.ones(4)},
            r"1 unexpected \(layer1\.0\.se\.fc1\.bias\)$",
        ),
        (
            {"conv1.0.weight": np.ones((8, 3, 7, 7), np.float32)},
            r"1 misshapen \(conv1\.0\.weight float32 \[8, 3, 7, 7\] for "
            r"\[8, 3, 3, 3\]\)$",
        ),
        (
            {"conv1.0.weight": np.ones(3, np.float32)},
            r"conv1\.0\.weight float32 \[3\] for \[8, 3, 3, 3\]",
        ),
        (
            {"bn1.weight": np.ones(8, np.int64)},
            r"bn1\.weight int64 \[8\] for \[8\]",
        ),
        (
            {"fc.bias": np.ones(4, np.float32)},
            r"fc\.bias float32 \[4\] for \[5\]",
        ),
        ({"fc.bias": None}, r"1 missing \(fc\.bias\)$"),
        (
            {"bn1.bias": None, "x": np.ones(4), "bn1.weight": np.ones(4)},
            r"1 missing \(bn1\.bias\); 1 unexpected \(x\); 1 misshapen \(bn1",
        ),
        (  # no blur, so a file of a network that blurs is of another one
            {"layer2.0.aa.filt": np.ones((16, 1, 3, 3))},
            r"1 unexpected \(layer2\.0\.aa\.filt\)",
        ),
    ],
)
def test_what_does_not_fit_is_told_and_nothing_assigned(changes, rule, model):
    before = values(model)
    with pytest.raises(
        InputError, match=rf"Received: model=resnet10_d, .*{rule}"
    ):
        load_torch_weights(model, tensors(model, **changes))
    after = values(model)
    assert all((before[path] == after[path]).all() for path in before)


def test_long_lists_are_shortened(model):
    strange = {f"x{i:02d}": np.ones(1) for i in range(27)}
    with pytest.raises(
        InputError, match=r"27 unexpected \(x00, .*x19, 7 more\)"
    ):
        load_torch_weights(model, tensors(model, **strange))


def test_filters_of_a_blur_are_no_weights():
    model = tiny(blur_pool=True)
    filters = {
        "maxpool.1.filt": np.ones((8, 1, 3, 3)),
        "layer2.0.aa.filt": np.ones((16, 1, 3, 3)),
    }
    copied = load_torch_weights(model, tensors(model, **filters))
    assert copied.parameters == model.count_params()


def test_strides_elsewhere_are_noted():
    model = tiny("resnet26_v1")
    (note,) = load_torch_weights(model, tensors(model)).notes
    assert "without v1" in note


# Heads


@pytest.mark.parametrize(
    "changes, new_head, why",
    [
        (
            {"fc.weight": np.ones((7, 64)), "fc.bias": np.ones(7)},
            False,
            "head (7 classes in the file, 5 in the model)",
        ),
        (
            {"fc.weight": np.ones((5, 128))},
            False,
            "head (128 features in the file, 64 in the model)",
        ),
        (
            {"fc.weight": None, "fc.bias": None},
            False,
            "head (the file has none)",
        ),
        ({}, True, "head (as asked for)"),
    ],
)
def test_another_head_leaves_the_models(changes, new_head, why):
    model = tiny()
    before = values(model)
    given = tensors(model, **changes)
    copied = load_torch_weights(model, given, new_head)
    assert copied.left_new == why
    assert copied.parameters == model.count_params() - 65 * 5
    found = values(model)
    np.testing.assert_array_equal(found["head/kernel"], before["head/kernel"])
    np.testing.assert_array_equal(found["stem_3_bn/gamma"], given["bn1.weight"])


def test_classes_of_a_file(model):
    given = tensors(model)
    assert file_classes(given) == 5
    del given["fc.weight"]
    assert file_classes(given) is None


# Colours


def test_grey_stem_sees_grey_pictures_alike_in_colour():
    grey, colour = tiny(in_channels=1), tiny()
    given = tensors(grey)
    load_torch_weights(grey, given)
    copied = load_torch_weights(colour, given)
    assert "for 3 colours, the file's for 1" in copied.notes[0]
    kernel = values(colour)["stem_1_conv/kernel"]
    one = given["conv1.0.weight"].transpose(2, 3, 1, 0) / np.float32(3)
    np.testing.assert_array_equal(kernel, np.repeat(one, 3, axis=2))
    x = images(1)
    np.testing.assert_allclose(
        logits(colour, np.repeat(x, 3, axis=-1)), logits(grey, x), rtol=1e-4
    )


def test_coloured_stem_sees_grey_pictures_alike_in_grey():
    grey, colour = tiny(in_channels=1), tiny()
    given = tensors(colour)
    load_torch_weights(colour, given)
    copied = load_torch_weights(grey, given)
    assert "for 1 colours, the file's for 3" in copied.notes[0]
    assert copied.parameters == grey.count_params()
    np.testing.assert_allclose(
        values(grey)["stem_1_conv/kernel"][:, :, 0],
        given["conv1.0.weight"].sum(axis=1).transpose(1, 2, 0),
        rtol=1e-6,
    )
    x = images(1)
    np.testing.assert_allclose(
        logits(grey, x), logits(colour, np.repeat(x, 3, axis=-1)), rtol=1e-4
    )


def test_other_counts_of_colours_are_refused(model):
    kernel = np.ones((8, 4, 3, 3), np.float32)
    with pytest.raises(InputError, match=r"\[8, 4, 3, 3\] for \[8, 3, 3, 3\]"):
        load_torch_weights(model, tensors(model, **{"conv1.0.weight": kernel}))

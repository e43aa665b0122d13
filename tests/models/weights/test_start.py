"""A model's weights from our own files: exact, or refused with what differs."""

import h5py
import keras
import numpy as np
import pytest
from keras import ops

from kerastricks import models
from kerastricks.errors import InputError
from kerastricks.layers import FusedBatchNorm
from kerastricks.models.weights.start import copy_from, init_from


def tiny(name="resnet10_d", num_classes=5, seed=0, **options):
    return models.create(
        name, num_classes=num_classes, width=0.125, seed=seed, **options
    )


def values(model):
    return {w.path: ops.convert_to_numpy(w) for w in model.weights}


def scrambled(model):
    """The model with values that no initializer gives."""
    random = np.random.RandomState(3)
    for weight in model.weights:
        weight.assign(random.uniform(0.1, 1, weight.shape))
    return model


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """(model, its file)."""
    model = scrambled(tiny())
    path = tmp_path_factory.mktemp("weights") / "a.weights.h5"
    model.save_weights(path)
    return model, path


def check_equal(model, source):
    expected = values(source)
    for path, value in values(model).items():
        np.testing.assert_array_equal(value, expected[path], path)


def test_all_is_from_the_file(source):
    model = tiny(seed=1)
    copied = copy_from(model, str(source[1]))
    check_equal(model, source[0])
    assert (copied.tensors, copied.parameters, copied.left_new) == (
        len(model.weights),
        model.count_params(),
        "",
    )


def test_what_came_of_it_in_words(source):
    model = tiny(num_classes=7)
    # 14 convolutions, 14 batch norms of four; not the head of 64 x 5 and 5.
    count = source[0].count_params() - 65 * 5
    assert init_from(model, source[1]) == [
        f"weights    {source[1]}: {count:,} numbers in 70 tensors",
        "new        head (5 classes in the file, 7 in the model)",
    ]


def test_layers_without_weights_make_no_difference(source):
    model = tiny(drop_path=0.1, dropout=0.2, blur_pool=True, activation="silu")
    init_from(model, source[1])
    check_equal(model, source[0])


def test_random_state_in_the_file_is_passed_over(tmp_path, source):
    other = scrambled(tiny(drop_path=0.1, dropout=0.2))
    other.save_weights(tmp_path / "a.weights.h5")
    model = tiny(seed=1)
    init_from(model, tmp_path / "a.weights.h5")
    check_equal(model, other)


@pytest.mark.parametrize(
    "options, why",
    [
        ({"num_classes": 7}, "head (5 classes in the file, 7 in the model)"),
        (
            {"pool": "concat"},
            "head (64 features in the file, 128 in the model)",
        ),
    ],
)
def test_another_head_is_left_new(options, why, source):
    model = tiny(seed=1, **options)
    kernel = values(model)["head/kernel"]
    copied = copy_from(model, source[1])
    assert copied.left_new == why
    found, expected = values(model), values(source[0])
    np.testing.assert_array_equal(found["head/kernel"], kernel)
    np.testing.assert_array_equal(found["head/bias"], 0)
    for path in found.keys() - {"head/kernel", "head/bias"}:
        np.testing.assert_array_equal(found[path], expected[path])
    assert copied.parameters == source[0].count_params() - 65 * 5


@pytest.mark.parametrize(
    "options, rule",
    [
        (
            {"name": "resnet18_d"},
            r"40 missing \(stage1_block2_1_bn/0, .*2_conv/0, 20 more\)$",
        ),
        (
            {"stem": "small"},
            r"10 unexpected \(stem_2_bn/0, .*stem_3_conv/0\)$",
        ),
        ({"width": 0.25}, r"misshapen \(head/0 \[64, 5\] for \[128, 5\], "),
    ],
)
def test_other_networks_are_refused(options, rule, source):
    model = models.create(
        **{"name": "resnet10_d", "num_classes": 5, "width": 0.125, **options}
    )
    before = values(model)
    with pytest.raises(InputError, match=rule):
        init_from(model, source[1])
    after = values(model)
    assert all((before[path] == after[path]).all() for path in before)


def test_keras_batch_norm_stands_for_the_fused(source, tmp_path):
    def stock(layer):
        config = layer.get_config()
        if not isinstance(layer, FusedBatchNorm):
            return type(layer).from_config(config)
        return keras.layers.BatchNormalization.from_config(config)

    other = keras.models.clone_model(source[0], clone_function=stock)
    scrambled(other).save_weights(tmp_path / "a.weights.h5")
    model = tiny(seed=1)
    init_from(model, tmp_path / "a.weights.h5")
    check_equal(model, other)
    init_from(other, source[1])
    check_equal(other, source[0])


def test_broken_files_are_refused(source, tmp_path):
    broken = tmp_path / "broken.weights.h5"
    broken.write_bytes(source[1].read_bytes()[:5000])
    with pytest.raises(InputError, match="no whole HDF5 file.*broken.weights"):
        init_from(source[0], broken)
    with pytest.raises(InputError, match="must be a file that exists"):
        init_from(source[0], tmp_path / "none.weights.h5")
    with pytest.raises(InputError, match=r"end in \.weights\.h5 or one of"):
        init_from(source[0], tmp_path / "model.keras")


def test_data_outside_the_file_is_not_read(tmp_path):
    dense = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(3, use_bias=False)]
    )
    path = tmp_path / "a.weights.h5"
    dense.save_weights(path)
    secret = tmp_path / "secret"
    secret.write_bytes(np.arange(6, dtype=np.float32).tobytes())
    with h5py.File(path, "r+") as file:
        group = file["layers/dense/vars"]
        del group["0"]
        group.create_dataset("0", (2, 3), "f4", external=[(str(secret), 0, 24)])
    with pytest.raises(InputError, match="must lie in the file itself"):
        init_from(dense, path)


def test_the_head_of_a_zoo_model_is_left_new(tmp_path):
    def made(classes):
        images = keras.Input((None, None, 3))
        x = keras.layers.Conv2D(4, 3, name="first")(images)
        x = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
        x = keras.layers.Conv2D(classes, 1, name="conv_preds")(x)
        return keras.Model(images, keras.layers.Flatten()(x))

    given, model = made(5), made(3)
    given.save_weights(tmp_path / "a.weights.h5")
    lines = init_from(model, tmp_path / "a.weights.h5")
    assert "5 classes in the file, 3 in the model" in lines[-1]
    np.testing.assert_array_equal(
        model.get_layer("first").get_weights()[0],
        given.get_layer("first").get_weights()[0],
    )

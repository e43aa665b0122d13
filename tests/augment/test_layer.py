import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.augment import (
    Augment,
    AugmentLayer,
    ColorJitter,
    CutMix,
    MixUp,
    Normalize,
    RandomErasing,
    RandomFlip,
    draws,
)

pytestmark = pytest.mark.traced

BATCH, STEPS = 4, 3
MEAN, STD = (100.0, 110.0, 120.0), (50.0, 60.0, 70.0)
on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="only TensorFlow's tensors can be traced inside a tf.data pipeline",
)


@pytest.fixture(scope="module")
def images():
    random = np.random.RandomState(0)
    return random.randint(0, 256, (BATCH * STEPS, 4, 5, 3), np.uint8)


@pytest.fixture(scope="module")
def labels():
    return np.eye(BATCH * STEPS, dtype=np.float32)


def numpy_of(tensors):
    return [ops.convert_to_numpy(tensor) for tensor in tensors]


def keys_of(layer, call=0, count=BATCH):
    """Those of a call to come."""
    first = int(layer.calls) + call
    return np.array([[first, place] for place in range(count)], np.int32)


def flipped(images, keys, rate=0.5):
    chosen = ops.convert_to_numpy(draws.uniform(keys, "flip"))[:, 0] < rate
    return np.where(chosen[:, None, None, None], images[:, :, ::-1], images)


def normalised(images):
    return (images - np.array(MEAN)) / np.array(STD)


def linear_model(layer):
    """A sum of pixels with weights, after the layer; no weights at first."""
    return keras.Sequential(
        [
            keras.Input((4, 5, 3), dtype="uint8"),
            layer,
            keras.layers.Flatten(),
            keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros"),
        ]
    )


# Called as a function


def test_every_call_has_keys_of_its_own(images):
    layer = AugmentLayer([RandomFlip(), Normalize(MEAN, STD)], seed=5)
    expected = [
        normalised(flipped(images[:BATCH], keys_of(layer, call)))
        for call in range(STEPS)
    ]
    assert not np.allclose(expected[0], expected[1])
    for want in expected:
        found = ops.convert_to_numpy(layer(images[:BATCH]))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, want, atol=1e-5)


def test_a_seed_repeats_and_seeds_have_nothing_in_common(images):
    def calls(seed):
        layer = AugmentLayer([RandomFlip()], seed=seed)
        return [ops.convert_to_numpy(layer(images)) for _ in range(4)]

    first = calls(0)
    np.testing.assert_array_equal(first, calls(0))
    # Not even one call of theirs: 12 flips agree by chance in 1 of 4,096.
    for one in first:
        for other in calls(1):
            assert (one != other).any()


def test_images_and_labels_together(images, labels):
    layer = AugmentLayer([RandomFlip(), CutMix(1.0)])
    for _ in range(2):
        keys = keys_of(layer)
        tricks = Augment([RandomFlip(), CutMix(1.0)])
        expected = numpy_of(tricks(images[:4], labels[:4], keys))
        found = layer((images[:4], labels[:4]))
        assert isinstance(found, tuple)
        for got, want in zip(numpy_of(found), expected, strict=True):
            assert got.dtype == np.float32
            np.testing.assert_array_equal(got, want)


def test_whole_one_hot_labels_become_soft_ones(images):
    layer = AugmentLayer([MixUp(1.0, partner="roll")], seed=4)
    hot = np.eye(4, dtype=np.int32)
    expected = numpy_of(
        Augment(layer.augment.tricks)(
            images[:4], np.float32(hot), keys_of(layer)
        )
    )
    found = numpy_of(layer((images[:4], hot)))
    np.testing.assert_allclose(found[1], expected[1], atol=1e-6)
    assert ((found[1] > 0.01) & (found[1] < 0.99)).any()


def test_bytes_become_floats_and_labels_stay_as_they_are(images):
    layer = AugmentLayer([RandomFlip(1.0)])
    numbers = np.arange(4, dtype=np.int32)
    found = numpy_of(layer((images[:4], numbers)))
    assert found[0].dtype == np.float32 and found[1].dtype == np.int32
    np.testing.assert_array_equal(found[0], images[:4, :, ::-1])
    np.testing.assert_array_equal(found[1], numbers)


def test_outside_training_only_normalisation_acts(images, labels):
    tricks = [RandomFlip(1.0), ColorJitter(), Normalize(MEAN, STD), MixUp(1.0)]
    layer = AugmentLayer(tricks)
    found = layer(images[:4], training=False)
    np.testing.assert_allclose(
        ops.convert_to_numpy(found), normalised(images[:4]), atol=1e-5
    )
    found = layer((images[:4], labels[:4]), training=False)
    np.testing.assert_array_equal(numpy_of(found)[1], labels[:4])
    plain = AugmentLayer([RandomFlip(1.0), ColorJitter()])
    found = ops.convert_to_numpy(plain(images[:4], training=False))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, images[:4])


@pytest.mark.parametrize(
    "bring, received",
    [
        (lambda images, labels: images, "None"),
        (lambda images, labels: (images, labels[:, 0]), r"\(4,\)"),
    ],
    ids=["none", "of one axis"],
)
def test_mixing_needs_labels_with_classes(bring, received, images, labels):
    layer = AugmentLayer([RandomFlip(), MixUp(0.2)])
    rule = (
        r"tricks that mix need \(images, labels\) with labels \[B, C\], "
        rf"one-hot or soft\. Received: labels {received}"
    )
    with pytest.raises(ValueError, match=rule):
        layer(bring(images[:4], labels[:4]))


def test_float32_under_half_precision_policies(images):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        layer = AugmentLayer([RandomFlip(1.0), Normalize(MEAN, STD)])
        found = ops.convert_to_numpy(layer(images[:4]))
    finally:
        keras.config.set_dtype_policy(before)
    assert found.dtype == np.float32
    np.testing.assert_allclose(
        found, normalised(images[:4, :, ::-1]), atol=1e-5
    )


# In a model


def test_fit_trains_on_what_the_keys_choose(images):
    layer = AugmentLayer([RandomFlip(), Normalize(MEAN, STD)], seed=2)
    model = linear_model(layer)
    model.compile(keras.optimizers.SGD(0.01), "mse")
    targets = np.random.RandomState(1).normal(size=(BATCH * STEPS, 1))
    weights = np.zeros((60, 1))
    for step in range(STEPS):
        chosen = slice(step * BATCH, (step + 1) * BATCH)
        seen = normalised(flipped(images[chosen], keys_of(layer, step)))
        seen = seen.reshape(BATCH, 60)
        slope = seen.T @ (seen @ weights - targets[chosen]) * 2 / BATCH
        weights -= 0.01 * slope
    before = int(layer.calls)
    model.fit(images, targets, batch_size=BATCH, shuffle=False, verbose=0)
    assert int(layer.calls) == before + STEPS
    found = ops.convert_to_numpy(model.layers[-1].kernel)
    np.testing.assert_allclose(found, weights, atol=1e-5)
    # What predicts does not flip.
    np.testing.assert_allclose(
        model.predict(images, verbose=0),
        normalised(images).reshape(-1, 60) @ weights,
        atol=1e-4,
    )


def test_saved_and_loaded_it_goes_on_where_it_was(images, tmp_path):
    tricks = [
        RandomFlip(),
        Normalize(MEAN, STD),
        RandomErasing(0.5, area=(0.1, 0.2), fill=(1.0, 2.0, 3.0)),
    ]
    layer = AugmentLayer(tricks, seed=9, name="tricks")
    model = linear_model(layer)
    for _ in range(2):
        layer(images)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    found = loaded.get_layer("tricks")
    assert list(found.augment.tricks) == tricks and found.seed == 9
    assert int(found.calls) == int(layer.calls)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(found(images)), ops.convert_to_numpy(layer(images))
    )


def test_only_training_counts(images):
    layer = AugmentLayer([RandomFlip(), Normalize(MEAN, STD)])
    before = int(layer.calls)
    layer(images, training=False)
    assert int(layer.calls) == before
    layer(images, training=True)
    assert int(layer.calls) == before + 1


def test_a_config_serves_twice():
    config = AugmentLayer([RandomFlip(0.3)], seed=2).get_config()
    for _ in range(2):
        layer = AugmentLayer.from_config(config)
        assert list(layer.augment.tricks) == [RandomFlip(0.3)]
        assert layer.seed == 2


def test_keys_that_count_calls_have_no_side():
    rule = "flips that alternate need batches with the keys of data.pipeline"
    with pytest.raises(ValueError, match=rf"{rule}\. Received: RandomFlip"):
        AugmentLayer([Normalize(), RandomFlip(alternate=True)])


def test_no_weights_are_trained():
    layer = AugmentLayer([RandomFlip()])
    assert layer.trainable_weights == []


# In a dataset


def dataset_of(images, labels):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((images, labels))


@on_tensorflow
def test_a_dataset_of_images_and_labels(images, labels):
    layer = AugmentLayer([RandomFlip(), MixUp(1.0)], seed=3)
    sizes = (5, 5, 2)  # the last one is smaller
    tricks = Augment([RandomFlip(), MixUp(1.0)])
    expected, start = [], 0
    for call, size in enumerate(sizes):
        part = slice(start, start + size)
        keys = keys_of(layer, call, size)
        expected.append(numpy_of(tricks(images[part], labels[part], keys)))
        start += size
    found = list(dataset_of(images, labels).batch(5).map(layer))
    assert len(found) == 3
    for pair, want in zip(found, expected, strict=True):
        for got, values in zip(numpy_of(pair), want, strict=True):
            np.testing.assert_allclose(got, values, atol=1e-5)


@on_tensorflow
def test_a_dataset_of_images(images, labels):
    layer = AugmentLayer([RandomFlip()])
    expected = flipped(images, keys_of(layer, count=len(images)))
    batches = dataset_of(images, labels).batch(12).map(lambda x, y: x)
    (found,) = batches.map(layer)
    np.testing.assert_array_equal(ops.convert_to_numpy(found), expected)


def test_a_model_of_bytes_trains_and_evaluates_without_normalize(images):
    model = keras.Sequential(
        [
            keras.Input((4, 5, 3), dtype="uint8"),
            AugmentLayer([RandomFlip()]),
            keras.layers.Conv2D(1, 3),
            keras.layers.Flatten(),
        ]
    )
    model.compile("sgd", "mse")
    targets = np.zeros((len(images), 6), np.float32)
    model.fit(images, targets, batch_size=6, verbose=0)
    assert np.isfinite(model.evaluate(images, targets, verbose=0))


@pytest.mark.parametrize("labels", [np.arange(4), np.arange(4)[:, None]])
def test_numbers_of_classes_cannot_be_mixed(images, labels):
    layer = AugmentLayer([MixUp(1.0)])
    with pytest.raises(ValueError, match="one-hot or soft"):
        layer((images[:4], labels))

"""The stream of batches: its order, its keys, and where it can be resumed."""

import dataclasses
import itertools
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.data import (
    eval_pipeline,
    open_splits,
    pipeline,
    resize,
    train_pipeline,
)
from kerastricks.data.crop import random_resized_crop_box
from kerastricks.data.order import shuffled
from kerastricks.data.pipeline import steps_per_epoch
from kerastricks.errors import InputError

SIZE, BATCH = 6, 4


def open_images(path, images):
    """An arrays: source; the label of image i is i % 3."""
    labels = np.arange(len(images)) % 3
    few = dict(x_val=images[:3], y_val=labels[:3])
    np.savez(path, x_train=images, y_train=labels, **few)
    return open_splits(f"arrays:{path}")["train"]


def plain(path, count):
    """Images of one colour each, (index, 100, 200): no crop changes that."""
    colours = [(index, 100, 200) for index in range(count)]
    ones = np.ones((1, 8, 10, 1), np.uint8)
    images = ones * np.array(colours, np.uint8)[:, None, None]
    return open_images(path / f"plain{count}.npz", images)


@pytest.fixture(scope="module")
def even(tmp_path_factory):
    """20 plain images: five whole batches of 4."""
    return plain(tmp_path_factory.mktemp("even"), 20)


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """22 plain images: two are left out in each epoch."""
    return plain(tmp_path_factory.mktemp("odd"), 22)


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    """14 images in which every crop looks different."""
    images = np.random.RandomState(0).randint(0, 256, (14, 12, 16, 3), np.uint8)
    return open_images(tmp_path_factory.mktemp("noise") / "a.npz", images)


def batches(source, **options):
    """[(images, keys, labels)] of the training batches."""
    options = dict(image_size=SIZE, batch_size=BATCH) | options
    return arrays_of(train_pipeline(source, **options))


def arrays_of(stream):
    """[(images, keys, labels)] of any batches."""
    return [(x["image"], x["key"], y) for x, y in stream.as_numpy_iterator()]


def joined(parts):
    """Images, keys and labels, over all the batches."""
    return [np.concatenate(part) for part in zip(*parts, strict=True)]


def order(source, **options):
    """The indices of the images as they come."""
    return joined(batches(source, **options))[0][:, 0, 0, 0]


def assert_same(stream, expected):
    assert len(stream) == len(expected)
    for batch, other in zip(stream, expected, strict=True):
        for array, wanted in zip(batch, other, strict=True):
            assert array.dtype == wanted.dtype
            np.testing.assert_array_equal(array, wanted)


# Order


def test_epoch_is_a_permutation(even):
    for indices in order(even, epochs=5).reshape(5, 20):
        assert sorted(indices) == list(range(20))
        assert list(indices) != list(range(20))


def test_epoch_leaves_out_what_makes_no_batch(odd):
    left_out = set()
    for indices in order(odd, epochs=12).reshape(12, 20):
        assert len(set(indices)) == 20
        left_out |= set(range(22)) - set(indices)
    assert len(left_out) > 10  # others each time


def test_labels_belong_to_their_images(odd):
    images, _, labels = joined(batches(odd, epochs=3))
    np.testing.assert_array_equal(labels, images[:, 0, 0, 0] % 3)
    assert labels.dtype == np.int32
    # Nothing but the plain colour of the image is anywhere in its square.
    assert (images == images[:, :1, :1]).all()
    assert (images[..., 1:] == (100, 200)).all()


def test_epochs_differ_and_follow_their_numbers(even):
    three = order(even, epochs=3).reshape(3, 20)
    assert len({tuple(epoch) for epoch in three}) == 3
    later = order(even, epochs=2, first_epoch=1).reshape(2, 20)
    np.testing.assert_array_equal(later, three[1:])


def test_seed_makes_the_stream(noise):
    first = batches(noise, seed=5, epochs=2)
    assert_same(batches(noise, seed=5, epochs=2), first)
    other = batches(noise, seed=6, epochs=2)
    for part, kind in enumerate(("images", "keys", "labels")):
        ours, theirs = joined(first)[part], joined(other)[part]
        assert (ours != theirs).any(), kind


def test_resumed_stream_is_the_rest_of_the_whole(noise):
    """14 images make 3 batches an epoch; 3 and 6 are between two epochs."""
    options = dict(epochs=3, first_epoch=2, seed=1)
    whole = batches(noise, **options)
    assert len(whole) == 9
    for start in (1, 3, 5, 6, 9):
        assert_same(batches(noise, start_step=start, **options), whole[start:])


@pytest.mark.parametrize("count", [*range(1, 18), 100])
def test_shuffle_is_a_permutation_of_any_size(count):
    positions = tf.range(count, dtype=tf.int64)
    for epoch in range(4):
        got = shuffled(positions, tf.constant([9, epoch], tf.int64), count - 1)
        assert sorted(got.numpy()) == list(range(count))


@tf.function
def orders(seed, count, epochs):
    """[epochs, count] indices."""
    positions = tf.range(count)
    return tf.map_fn(
        lambda epoch: shuffled(positions, tf.stack([seed, epoch]), count - 1),
        tf.range(epochs),
    )


def excess(counts):
    """How far chi-squared is from its mean, in standard deviations."""
    expected = counts.mean()
    rows, columns = counts.shape
    degrees = max(1, rows - 1) * (columns - 1)
    chi2 = ((counts - expected) ** 2).sum() / expected
    return abs(chi2 - degrees) / (2 * degrees) ** 0.5


@pytest.mark.parametrize("count", [10, 64])
@pytest.mark.parametrize("seed", [0, 7])
def test_every_place_is_as_likely_for_every_image(count, seed):
    """TensorFlow's own index_shuffle is off by 70 and more deviations here."""
    arguments = (tf.constant(number, tf.int64) for number in (seed, count, 800))
    found = orders(*arguments).numpy()
    places = np.stack([np.bincount(column) for column in found.T])
    assert places.shape == (count, count)
    assert excess(places) < 5
    # So is every distance from an image to the next one.
    steps = np.bincount((np.diff(found) % count).ravel(), minlength=count)
    assert steps[0] == 0 and excess(steps[None, 1:]) < 5


# Keys


def test_no_two_samples_share_a_key(odd):
    keys = joined(batches(odd, epochs=4, seed=3))[1]
    assert keys.shape == (80, 2) and keys.dtype == np.int32
    others = joined(batches(odd, epochs=1, seed=4))[1]
    assert len(np.unique(np.concatenate([keys, others]), axis=0)) == 100


def test_key_is_of_the_position_not_of_the_image(even, noise):
    """14 images or 20: the 12 first samples of an epoch have the same keys.

    But for the lowest bit, which is the image's side.
    """
    ours, theirs = joined(batches(even))[1], joined(batches(noise))[1]
    np.testing.assert_array_equal(ours[:12] // 2, theirs // 2)
    np.testing.assert_array_equal(theirs[:, 1] // 2, np.arange(12))


def test_an_images_side_turns_over_from_epoch_to_epoch():
    index = np.arange(1000)
    sides = []
    for epoch in range(3):
        places = np.random.RandomState(epoch).permutation(1000)
        keys = pipeline.keys(7, tf.constant(epoch), places, index)
        sides.append(keys.numpy()[:, 1] & 1)
    np.testing.assert_array_equal(sides[0], 1 - sides[1])
    np.testing.assert_array_equal(sides[0], sides[2])
    other = pipeline.keys(8, tf.constant(0), index, index).numpy()[:, 1] & 1
    assert 430 < sides[0].sum() < 570  # deviation 16
    assert 430 < (sides[0] == other).sum() < 570


def test_image_is_the_crop_that_its_key_draws(noise):
    shape = dict(crop_area=(0.2, 0.6), crop_aspect=(0.5, 2.0))
    images, keys, labels = joined(batches(noise, epochs=2, **shape))
    pixels = noise.fetch(tf.constant(noise.indices))
    for image, key, label in zip(images, keys, labels, strict=True):
        box = random_resized_crop_box(12, 16, key, (0.2, 0.6), (0.5, 2.0))
        top, left, height, width = box.numpy()
        crops = pixels[:, top : top + height, left : left + width]
        squares = resize.resize(crops, SIZE, SIZE).numpy()
        found = np.flatnonzero((squares == image).all(axis=(1, 2, 3)))
        assert len(found) == 1 and found[0] % 3 == label


# Evaluation


@pytest.mark.parametrize("batch_size", [1, 7, 22, 27])
def test_evaluation_sees_every_image_once_in_order(odd, batch_size):
    parts = arrays_of(
        eval_pipeline(odd, image_size=SIZE, batch_size=batch_size)
    )
    images, keys, labels = joined(parts)
    np.testing.assert_array_equal(images[:, 0, 0, 0], np.arange(22))
    np.testing.assert_array_equal(labels, np.arange(22) % 3)
    np.testing.assert_array_equal(keys[:, 1], np.arange(22))
    whole, left = divmod(22, batch_size)
    sizes = [batch_size] * whole + [left] * bool(left)
    assert [len(part[2]) for part in parts] == sizes


def test_evaluation_cuts_the_centre(noise):
    stream = eval_pipeline(noise, image_size=8, batch_size=5, eval_crop=0.8)
    images = np.concatenate([x["image"] for x, _ in stream.as_numpy_iterator()])
    pixels = noise.fetch(tf.constant(noise.indices))
    expected = resize.eval_square(pixels, 8, 0.8)
    np.testing.assert_array_equal(images, expected)


def test_centre_crop_of_training_is_that_of_evaluation(noise):
    """Also the order, the keys and the labels are those of random crops."""
    options = dict(image_size=8, epochs=2, seed=2)
    centre = joined(
        batches(noise, train_crop="center", eval_crop=0.8, **options)
    )
    random = joined(batches(noise, **options))
    np.testing.assert_array_equal(centre[1], random[1])
    np.testing.assert_array_equal(centre[2], random[2])
    stream = eval_pipeline(noise, image_size=8, batch_size=14, eval_crop=0.8)
    squares = next(stream.as_numpy_iterator())[0]["image"]
    equal = (centre[0][:, None] == squares).all(axis=(2, 3, 4))
    assert (equal.sum(axis=1) == 1).all()
    np.testing.assert_array_equal(equal.argmax(axis=1) % 3, centre[2])


# Sources


def test_subset_gives_its_own_images_alone(odd):
    part = odd.subset(np.array([1, 3, 8, 9, 15, 16, 20, 21]))
    assert sorted(order(part)) == [1, 3, 8, 9, 15, 16, 20, 21]
    images, _, labels = joined(batches(part, epochs=2))
    np.testing.assert_array_equal(labels, images[:, 0, 0, 0] % 3)
    stream = eval_pipeline(part, image_size=SIZE, batch_size=8)
    images = next(stream.as_numpy_iterator())[0]["image"]
    assert images[:, 0, 0, 0].tolist() == [1, 3, 8, 9, 15, 16, 20, 21]


def test_files_give_squares_too(image_folder):
    source = open_splits(f"folder:{image_folder}")["val"]
    images, _, labels = joined(batches(source, train_crop="center"))
    assert images.shape == (16, SIZE, SIZE, 3)
    # The strongest channel tells the class: blue, green, red.
    strongest = images.mean(axis=(1, 2)).argmax(axis=-1)
    np.testing.assert_array_equal(strongest, 2 - labels)
    random, _, labels = joined(batches(source))
    strongest = random.mean(axis=(1, 2)).argmax(axis=-1)
    np.testing.assert_array_equal(strongest, 2 - labels)


@pytest.mark.parametrize("parallel", [1, 8])
def test_parallel_work_does_not_change_the_stream(noise, monkeypatch, parallel):
    """Though the first image takes longer than the batches after it."""
    calls = itertools.count()

    def late(index):
        time.sleep(0.3 if next(calls) == 0 else 0.0)
        return index

    def fetch(index):
        index = tf.numpy_function(late, [index], tf.int64, stateful=False)
        return noise.fetch(tf.ensure_shape(index, []))

    expected = batches(noise, epochs=2)
    monkeypatch.setattr(tf.data, "AUTOTUNE", parallel)
    slow = dataclasses.replace(noise, fetch=fetch)
    stream = train_pipeline(slow, image_size=SIZE, batch_size=BATCH, epochs=2)
    # Fused with the batch, a map keeps the order whatever it is told.
    options = tf.data.Options()
    options.experimental_optimization.map_and_batch_fusion = False
    assert_same(arrays_of(stream.with_options(options)), expected)


def test_shapes_are_known_before_the_first_batch(even):
    inputs, labels = train_pipeline(
        even, image_size=SIZE, batch_size=BATCH
    ).element_spec
    assert inputs["image"] == tf.TensorSpec((BATCH, SIZE, SIZE, 3), tf.uint8)
    assert inputs["key"] == tf.TensorSpec((BATCH, 2), tf.int32)
    assert labels == tf.TensorSpec((BATCH,), tf.int32)


def test_steps_are_the_whole_batches(odd):
    for batch_size, steps in ((1, 22), (4, 5), (22, 1), (23, 0)):
        assert steps_per_epoch(odd, batch_size) == steps
        got = batches(odd, batch_size=batch_size, epochs=2)
        assert len(got) == 2 * steps
    lengths = {len(part) for part in itertools.chain(*batches(odd))}
    assert lengths == {BATCH}


# Shares, repetitions, policies, services


def test_workers_share_each_batch(noise):
    whole = batches(noise, epochs=2, seed=1)
    parts = [
        batches(noise, epochs=2, seed=1, shard=(index, 2)) for index in range(2)
    ]
    for batch, first, second in zip(whole, *parts, strict=True):
        for array, *halves in zip(batch, first, second, strict=True):
            np.testing.assert_array_equal(array, np.concatenate(halves))


@pytest.mark.parametrize("shard", [(0, 3), (2, 2), (-1, 2)])
def test_share_that_is_none(noise, shard):
    with pytest.raises(InputError, match="multiple of the number of shards"):
        batches(noise, shard=shard)


def test_workers_share_the_evaluation(odd):
    parts = [
        eval_pipeline(odd, image_size=SIZE, batch_size=4, shard=(index, 3))
        for index in range(3)
    ]
    seen = [joined(arrays_of(part))[0][:, 0, 0, 0].tolist() for part in parts]
    assert sum(seen, []) == list(range(22))
    assert max(map(len, seen)) - min(map(len, seen)) <= 1


def test_repeated_images_have_draws_of_their_own(noise):
    repeated = batches(noise, batch_size=6, repeat_augment=3)
    assert len(repeated) == 2  # as many steps as without
    images, keys, labels = repeated[0]
    np.testing.assert_array_equal(labels[:3], labels[0])
    np.testing.assert_array_equal(labels[3:], labels[3])
    assert len(np.unique(keys, axis=0)) == 6
    assert (images[0] != images[1]).any()


def test_policy_acts_on_the_square_with_a_key_of_its_own(noise):
    plain = joined(batches(noise, seed=2))
    given = []

    def policy(image, key):
        given.append(image.shape)
        return 255 - image + tf.cast(key[1] * 0, tf.uint8)

    changed = joined(batches(noise, seed=2, policy=policy))
    np.testing.assert_array_equal(changed[0], 255 - plain[0])
    np.testing.assert_array_equal(changed[1], plain[1])
    assert given[0].as_list() == [SIZE, SIZE, 3]

    def keys_as_pixels(image, key):
        return tf.fill([SIZE, SIZE, 3], tf.cast(key[1] & 255, tf.uint8))

    seen = joined(batches(noise, seed=2, policy=keys_as_pixels))
    expected = (seen[1][:, 1] ^ 0x5EED) & 255
    np.testing.assert_array_equal(seen[0][:, 0, 0, 0], expected)


def test_balanced_sampler_is_the_orders(noise):
    subset = noise.subset(np.array([0, 3, 6, 9, 1, 4, 2]))
    labels = joined(
        batches(subset, batch_size=3, epochs=4, sampler="balanced")
    )[2]
    assert np.bincount(labels).tolist() == [8, 8, 8]


def test_views_of_an_image_stand_in_successive_rows(noise):
    def policy(image, key):
        drawn = tf.random.stateless_uniform([], key, 0, 100, tf.int32)
        return image // 2 + tf.cast(drawn, tf.uint8)

    plain = joined(batches(noise, seed=3))
    alone = joined(batches(noise, seed=3, policy=policy))
    images, keys, labels = joined(
        batches(noise, seed=3, policy=policy, views=3)
    )
    np.testing.assert_array_equal(images[::3], plain[0])
    np.testing.assert_array_equal(images[1::3], alone[0])
    assert (images[2::3] != images[1::3]).any(axis=(1, 2, 3)).mean() > 0.9
    shift = images[2::3].astype(int) - plain[0] // 2
    assert (shift == shift[:, :1, :1, :1]).all()  # the same square underneath
    for view in range(3):
        np.testing.assert_array_equal(keys[view::3], plain[1])
        np.testing.assert_array_equal(labels[view::3], plain[2])


def test_rows_beside_are_those_of_the_images(noise):
    rows = np.arange(2.0 * len(noise)).reshape(-1, 2)
    found = train_pipeline(
        noise,
        image_size=SIZE,
        batch_size=4,
        seed=3,
        beside={"teacher": rows, "place": np.arange(len(noise))},
    )
    for inputs, labels in found:
        places = inputs["place"].numpy()
        np.testing.assert_array_equal(labels, noise.labels[places])
        np.testing.assert_array_equal(inputs["teacher"], rows[places])


def test_finished_squares_are_taken_as_they_are(noise):
    """A cache of squares gives them as they are, at that size alone."""
    done = dataclasses.replace(noise, square=SIZE)
    done = dataclasses.replace(
        done, fetch=lambda index: tf.fill([SIZE, SIZE, 3], tf.uint8.max)
    )
    assert (joined(batches(done))[0] == 255).all()


WORKER = """
import sys
import tensorflow as tf
service = tf.data.experimental.service
config = service.WorkerConfig(dispatcher_address=sys.argv[1])
service.WorkerServer(config).join()
"""


@pytest.fixture
def two_workers():
    """The address of a dispatcher, its workers processes of their own."""
    service = tf.data.experimental.service
    dispatcher = service.DispatchServer(service.DispatcherConfig(port=0))
    address = dispatcher.target.partition("://")[2]
    command = [sys.executable, "-c", WORKER, address]
    workers = [subprocess.Popen(command) for _ in range(2)]
    deadline = time.monotonic() + 60
    while dispatcher._num_workers() < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert dispatcher._num_workers() == 2
    yield address
    for worker in workers:
        worker.kill()
        worker.wait()


def test_data_service_makes_the_same_batches(noise, two_workers):
    options = dict(epochs=4, seed=1)
    expected = batches(noise, **options)
    found = batches(noise, data_service=two_workers, **options)
    assert len(found) == len(expected) == 12

    def in_order(parts):
        return sorted(parts, key=lambda part: part[1].tolist())

    assert_same(in_order(found), in_order(expected))


def test_data_service_that_cannot_work(noise):
    with pytest.raises(InputError, match="HOST:PORT.*Received: data_service=a"):
        batches(noise, data_service="a")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(InputError, match=f"running.*127.0.0.1:{port}"):
        batches(noise, data_service=f"127.0.0.1:{port}")
    tied = dataclasses.replace(noise, anywhere=False)
    with pytest.raises(InputError, match="cannot read ArrayRecord"):
        batches(tied, data_service=f"127.0.0.1:{port}")

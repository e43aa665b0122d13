"""Views as torchvision, evaluation and training cut them, and their answer."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerastricks
from kerastricks import build, views
from kerastricks.augment import Normalize, RandomFlip
from kerastricks.data import policies
from kerastricks.data.pipeline import keys
from kerastricks.data.sources import Source
from kerastricks.data.squares import Squares
from kerastricks.errors import InputError
from kerastricks.evaluation import sigmoid, softmax
from kerastricks.evaluation.tta import Tta, View
from kerastricks.trained import Trained

pytestmark = pytest.mark.traced
GOLDEN = np.load(pathlib.Path(__file__).parent / "golden_tta.npz")
SIZE, COUNT = 8, 5
MEAN, STD = (100.0, 110.0, 120.0), (50.0, 60.0, 70.0)
NUMBERS = "100,110,120/50,60,70"


# Squares


@pytest.mark.parametrize("kind", ["fivecrop", "tencrop"])
@pytest.mark.parametrize("name, off", [("plain", 0), ("large", 1)])
def test_crops_are_torchvisions(kind, name, off):
    squares = Squares(SIZE, eval_crop=8 / 11)
    found = [
        views.view_square(squares, GOLDEN[name], view)
        for view in Tta(kind).views
    ]
    np.testing.assert_allclose(
        np.array(found, int), GOLDEN[f"{name} {kind}"].astype(int), atol=off
    )


def pictures(count=COUNT, shape=(13, 18, 3)):
    random = np.random.RandomState(1)
    return random.randint(0, 256, (count, *shape)).astype(np.uint8)


@pytest.mark.parametrize("filtered", ["bilinear", "bicubic", "random"])
def test_centre_is_that_of_evaluation(filtered):
    squares, images = Squares(SIZE, interpolation=filtered), pictures()
    centre, mirror = (
        views.view_square(squares, images, view) for view in Tta("flip").views
    )
    expected = squares.centre(images).numpy()
    np.testing.assert_array_equal(centre, expected)
    np.testing.assert_array_equal(mirror, expected[:, :, ::-1])


def test_scales_are_cut_anew_from_the_picture():
    images, scaled = pictures(shape=(90, 99, 3)), Tta("multiscale").views
    for view, side in zip(scaled, (28, 32, 36), strict=True):
        np.testing.assert_array_equal(
            views.view_square(Squares(32), images, view),
            Squares(side).centre(images),
        )


# Answers


def source_of(images, labels=None, **options):
    """Pictures at hand."""
    labels = np.zeros(len(images), np.int32) if labels is None else labels
    return Source(
        class_names=("cat", "dog", "owl"),
        labels=labels,
        names=[str(i) for i in range(len(images))],
        fetch=lambda index: tf.gather(images, index),
        encoded=False,
        natural_size=SIZE,
        indices=np.arange(len(images)),
        **options,
    )


def network(side=None):
    """To whom left and right are not the same."""
    model = keras.Sequential(
        [
            keras.Input((side, side, 3)),
            keras.layers.Conv2D(4, 3, strides=2, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3),
        ]
    )
    random = np.random.RandomState(2)
    for weight in model.weights:
        weight.assign(random.normal(0, 1, weight.shape))
    return model


MODEL = network()


def logits_of(squares):
    """The network's of uint8 squares, normalised in NumPy."""
    images = (np.asarray(squares, np.float32) - MEAN) / STD
    return np.asarray(MODEL(images.astype(np.float32), training=False))


def recipe_of(**knobs):
    """No flips, no crops at random, unless told otherwise."""
    plain = dict(image_size=SIZE, normalize=NUMBERS, batch_size=2, seed=3)
    return kerastricks.Recipe(**plain | dict(flip=0.0) | knobs)


def found_by(recipe, kind, images=None, multi_label=False, **how):
    """`tta_logits` of the pictures."""
    labels = np.zeros((COUNT, 3), np.float32) if multi_label else None
    source = source_of(pictures() if images is None else images, labels)
    classifier = Trained(
        MODEL,
        source.class_names,
        build.squares(recipe, SIZE),
        Normalize(MEAN, STD),
        multi_label,
    )
    splits = build.Splits(source, source, SIZE)
    return views.tta_logits(recipe, classifier, splits, Tta(kind, **how))


def expected_views(kind):
    return [
        logits_of(views.view_square(Squares(SIZE), pictures(), view))
        for view in Tta(kind).views
    ]


@pytest.mark.parametrize("kind", ["center", "tencrop"])
def test_answer_is_the_mean_of_probabilities(kind):
    expected = np.mean([softmax(z) for z in expected_views(kind)], axis=0)
    found = found_by(recipe_of(), kind)
    assert found.shape == (COUNT, 3)
    np.testing.assert_allclose(softmax(found), expected, atol=1e-5)


def test_answer_is_the_mean_or_maximum_of_logits():
    both = expected_views("flip")
    mean = found_by(recipe_of(), "flip", of="logits")
    np.testing.assert_allclose(mean, np.mean(both, axis=0), atol=1e-4)
    most = found_by(recipe_of(), "flip", of="logits", by="max")
    np.testing.assert_allclose(most, np.max(both, axis=0), atol=1e-4)


def test_several_labels():
    expected = np.mean([sigmoid(z) for z in expected_views("flip")], axis=0)
    found = found_by(recipe_of(), "flip", multi_label=True)
    np.testing.assert_allclose(sigmoid(found), expected, atol=1e-5)


def test_scales_are_squares_of_other_sizes(capsys):
    images = pictures()
    expected = [
        softmax(logits_of(Squares(side).centre(images))) for side in (4, 8, 12)
    ]
    found = found_by(recipe_of(), "multiscale=0.5/1/1.5")
    np.testing.assert_allclose(
        softmax(found), np.mean(expected, axis=0), atol=1e-5
    )
    assert capsys.readouterr().out == ""


def test_random_views_are_those_of_training():
    """Crop, then flip, from keys of (seed, view, position)."""
    recipe = recipe_of(flip=0.5, crop_area=(0.3, 1.0), batch_size=COUNT)
    squares, images = build.squares(recipe, SIZE), pictures()
    chances = []
    for view in (1, 2):
        places = tf.range(COUNT, dtype=tf.int64)
        key = keys(3, view, places, places)
        cut = np.stack(
            [squares.train(images[i], key[i], False) for i in range(COUNT)]
        )
        turned = np.asarray(RandomFlip().mirrored(key.numpy()))
        cut[turned] = cut[turned][:, :, ::-1]
        chances.append(softmax(logits_of(cut)))
    centre = softmax(logits_of(squares.centre(images)))
    expected = 0.75 * np.mean(chances, axis=0) + 0.25 * centre
    found = softmax(found_by(recipe, "center+2"))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_policy_acts_on_random_views():
    recipe, images = recipe_of(policy="trivialaugment"), pictures()
    squares = build.squares(recipe, SIZE)
    batches = views.view_batches(
        recipe, squares, source_of(images), View("random", 1.0, draw=2)
    )
    found = np.concatenate([b["image"] for b in batches.as_numpy_iterator()])
    places = tf.range(COUNT, dtype=tf.int64)
    policy = policies.create("trivialaugment")
    for i, key in enumerate(keys(3, 2, places, places)):
        expected = policy(squares.train(images[i], key, False), key ^ 0x5EED)
        np.testing.assert_array_equal(found[i], expected)


# One shape, so that its tricks are compiled once.
STRONG = dict(flip=0.5, grayscale=0.5, train_crop="pad", crop_padding=2)
STRONG |= dict(batch_size=COUNT)


@pytest.fixture(scope="module")
def strong():
    return found_by(recipe_of(**STRONG), "center+1")


def test_draws_repeat_and_follow_the_seed(strong):
    again = found_by(recipe_of(**STRONG), "center+1")
    np.testing.assert_array_equal(strong, again)
    other = found_by(recipe_of(**STRONG, seed=4), "center+1")
    assert np.abs(strong - other).max() > 1e-3


def test_what_mixes_or_erases_is_left_out(strong):
    more = dict(mixup=0.4, cutmix=1.0, cutout=4, erasing=1.0, grid_mask=0.9)
    recipe = recipe_of(**STRONG, **more, hide_and_seek=0.5)
    tricks = views.random_tricks(recipe).tricks
    assert tricks == views.random_tricks(recipe_of(**STRONG)).tricks
    assert len(build.augment(recipe).tricks) == len(tricks) + 5


def test_flips_that_alternate_show_both_sides():
    """Two views in a row: one of them is the centre's mirror image."""
    recipe = recipe_of(
        flip=0.5,
        flip_mode="alternate",
        train_crop="center",
        eval_crop=1.0,
        batch_size=COUNT,
    )
    both = found_by(recipe, "center+2", beta=0.0)
    mirrored = found_by(recipe, "flip")
    np.testing.assert_allclose(both, mirrored, atol=1e-5)


# Refused, and warned of


def test_pictures_without_corners_are_told_of(capsys):
    found_by(recipe_of(eval_crop=1.0), "tencrop", pictures(COUNT, (9, 9, 3)))
    said = capsys.readouterr().out
    assert "of 10 views by tta=tencrop only 2 differ" in said


def test_scales_that_come_to_one_side_are_refused():
    with pytest.raises(InputError, match="sides of their own.*8, 8, 8"):
        found_by(recipe_of(), "multiscale")


def test_a_network_of_one_size_takes_no_other():
    classifier = Trained(network(SIZE), ("a",), Squares(SIZE), Normalize())
    views.refuse_sides(classifier, Tta("tencrop"))
    with pytest.raises(InputError, match="images of 8 pixels only"):
        views.refuse_sides(classifier, Tta("multiscale=1/1.5"))


def test_finished_squares_have_no_corners_but_a_mirror():
    recipe, images = recipe_of(), pictures(COUNT, (SIZE, SIZE, 3))
    source = source_of(images, square=SIZE)
    classifier = Trained(
        MODEL, source.class_names, Squares(SIZE), Normalize(MEAN, STD)
    )
    splits = build.Splits(source, source, SIZE)
    found = views.tta_logits(recipe, classifier, splits, Tta("flip", "logits"))
    both = [logits_of(images), logits_of(images[:, :, ::-1])]
    np.testing.assert_allclose(found, np.mean(both, axis=0), atol=1e-4)
    for kind in ("fivecrop", "center+1", "multiscale=1/1.5"):
        with pytest.raises(InputError, match="cache=none"):
            views.tta_logits(recipe, classifier, splits, Tta(kind))


def test_views_are_counted():
    counts = {"center": 1, "center+4": 5, "flip": 2, "fivecrop": 5}
    counts |= {"tencrop": 10, "multiscale": 3}
    assert {k: len(Tta(k).views) for k in counts} == counts

"""Operations: torchvision's pixels on PIL images, and Pillow's arithmetic."""

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.data.policies import enhance, geometry, magnitudes, tones
from kerastricks.data.policies.ops import OPS, apply, apply_all


def run(name, image, magnitude=0.0, fill=0):
    return OPS[name](
        tf.constant(image), tf.constant(magnitude, tf.float32), fill
    ).numpy()


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("name", OPS)
def test_pixels_are_torchvisions(golden, name, number):
    image, results = golden[f"image/{number}"], golden[f"ops/{number}"]
    cases = [
        (magnitude, result)
        for (tried, magnitude), result in zip(
            golden["about"]["tried"], results, strict=True
        )
        if tried == name
    ]
    assert cases
    for magnitude, result in cases:
        np.testing.assert_array_equal(
            run(name, image, magnitude), result, str(magnitude)
        )


def test_golden_results_differ_from_the_image(golden):
    same = [
        name
        for (name, _), result in zip(
            golden["about"]["tried"], golden["ops/1"], strict=True
        )
        if np.array_equal(result, golden["image/1"])
    ]
    assert set(same) == {"Identity"}


@pytest.mark.parametrize(
    "name, nothing",
    [
        *((name, 0.0) for name in sorted(magnitudes.SIGNED)),
        ("Identity", 0.5),
        ("Posterize", 8.0),
        ("Solarize", 256.0),
    ],
)
def test_strength_zero_is_the_identity(picture, name, nothing):
    np.testing.assert_array_equal(run(name, picture, nothing), picture)


def test_invert_and_solarize_from_zero(picture):
    np.testing.assert_array_equal(run("Invert", picture), 255 - picture)
    np.testing.assert_array_equal(run("Solarize", picture, 0.0), 255 - picture)


def test_solarize_at_fractions_and_ends():
    image = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    for threshold in (0.5, 127.5, 128.0, 254.5, 255.0):
        expected = np.where(image < threshold, image, 255 - image)
        np.testing.assert_array_equal(
            run("Solarize", image, threshold), expected
        )


@pytest.mark.parametrize(
    "name, amount, moved",
    [
        ("TranslateX", 2.9, (0, 2)),
        ("TranslateX", -3.2, (0, -3)),
        ("TranslateY", 4.0, (4, 0)),
        ("TranslateY", -1.0, (-1, 0)),
        ("TranslateX", 100.0, (0, 8)),  # all of it out of sight
        ("TranslateY", -100.0, (-6, 0)),
    ],
)
@pytest.mark.parametrize("fill", [0, 128])
def test_translation_by_hand(name, amount, moved, fill):
    image = np.random.RandomState(0).randint(0, 256, (6, 8, 3)).astype(np.uint8)
    down, right = moved
    expected = np.full_like(image, fill)
    for y in range(6):
        for x in range(8):
            if 0 <= y - down < 6 and 0 <= x - right < 8:
                expected[y, x] = image[y - down, x - right]
    np.testing.assert_array_equal(run(name, image, amount, fill), expected)


@pytest.mark.parametrize(
    "name, amount", [("ShearX", 0.9), ("ShearY", -0.5), ("Rotate", 37.0)]
)
def test_fill_is_only_where_nothing_comes_from(picture, name, amount):
    black, gray = (run(name, picture, amount, fill) for fill in (0, 128))
    outside = (run(name, np.full_like(picture, 1), amount) == 0)[..., 0]
    assert 0.1 < outside.mean() < 0.9
    assert (gray[outside] == 128).all() and (black[outside] == 0).all()
    np.testing.assert_array_equal(gray[~outside], black[~outside])


@pytest.mark.parametrize("quarters", [1, -1, 3])
def test_right_angle_is_a_quarter_turn(quarters):
    image = np.random.RandomState(0).randint(0, 256, (9, 9, 3)).astype(np.uint8)
    np.testing.assert_array_equal(
        run("Rotate", image, 90.0 * quarters), np.rot90(image, quarters)
    )


def pillow_autocontrast(channel):
    """Pillow's ImageOps.autocontrast of one channel, in Python's floats."""
    low, high = int(channel.min()), int(channel.max())
    if high <= low:
        return channel
    scale = 255.0 / (high - low)
    offset = -low * scale
    table = [int(min(max(i * scale + offset, 0), 255)) for i in range(256)]
    return np.array(table, np.uint8)[channel]


@pytest.mark.parametrize("low, high", [(0, 254), (3, 170), (37, 38), (9, 9)])
def test_autocontrast_rounds_as_pillow_does(low, high):
    ramp = np.arange(256) * (high - low) // 255 + low
    image = ramp.astype(np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    image[..., 1] = np.arange(256).reshape(16, 16)  # a channel that is full
    new = run("AutoContrast", image)
    for c in range(3):
        np.testing.assert_array_equal(
            new[..., c], pillow_autocontrast(image[..., c])
        )


def test_equalize_of_one_value_and_of_few_pixels():
    plain = np.full((8, 8, 3), 77, np.uint8)
    np.testing.assert_array_equal(run("Equalize", plain), plain)
    # Fewer than 255 pixels below the highest: Pillow lets them be.
    few = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)
    np.testing.assert_array_equal(run("Equalize", few), few)


def test_equalize_by_the_formula():
    random = np.random.RandomState(1)
    image = (random.rand(40, 40, 3) ** 2 * 200).astype(np.uint8)
    new = run("Equalize", image)
    for c in range(3):
        counts = np.bincount(image[..., c].ravel(), minlength=256)
        step = (counts.sum() - counts[counts > 0][-1]) // 255
        below = np.cumsum(counts) - counts
        table = np.minimum((step // 2 + below) // step, 255)
        np.testing.assert_array_equal(new[..., c], table[image[..., c]])


def test_gray_of_every_part_of_the_cube():
    values = np.arange(0, 256, 5)
    image = np.stack(np.meshgrid(values, values, values), axis=-1)
    image = image.reshape(-1, 52, 3).astype(np.uint8)
    wide = image.astype(np.int64)
    expected = (wide @ [19595, 38470, 7471] + 32768) >> 16
    new = enhance.grayscale(tf.constant(image)).numpy()
    np.testing.assert_array_equal(new, expected[..., None].repeat(3, axis=2))


def test_tiny_images_pass_through_everything():
    for shape in ((1, 1, 3), (2, 5, 3), (3, 1, 3)):
        image = np.random.RandomState(0).randint(0, 256, shape, np.uint8)
        for name in OPS:
            assert run(name, image, 1.0).shape == shape


def test_only_the_drawn_operation_is_applied(picture):
    names = ("Identity", "Invert", "Posterize")
    for i, expected in enumerate((picture, 255 - picture, picture & 0xC0)):
        new = apply(names, tf.constant(i), tf.constant(picture), 2.0)
        np.testing.assert_array_equal(new, expected)


def test_operations_act_in_turn(picture):
    names = ("Posterize", "Invert")
    image = tf.constant(picture)
    first = apply_all(names, tf.constant([1, 0]), image, tf.fill([2], 2.0))
    np.testing.assert_array_equal(first, (255 - picture) & 0xC0)
    second = apply_all(names, tf.constant([0, 1]), image, tf.fill([2], 2.0))
    np.testing.assert_array_equal(second, 255 - (picture & 0xC0))
    none = apply_all(names, tf.zeros([0], tf.int32), image, tf.zeros([0]))
    np.testing.assert_array_equal(none, picture)


def test_unknown_size_is_refused():
    @tf.function(input_signature=[tf.TensorSpec([None, None, 3], tf.uint8)])
    def traced(image):
        return apply(("Invert",), tf.constant(0), image, 0.0)

    with pytest.raises(ValueError, match=r"known size. Received: image.shape"):
        traced.get_concrete_function()


def test_linspace_ends_where_it_should():
    row = magnitudes.linspace(255, 0, 31)
    np.testing.assert_array_equal(row[[0, 9, 10, 30]], [255, 178.5, 170, 0])
    assert row.dtype == np.float32


def test_parts_are_plain_functions(picture):
    """The public pieces take images and numbers and need no policy."""
    image = tf.constant(picture)
    assert (tones.posterize(image, 1).numpy() == picture & 0x80).all()
    assert (geometry.shear_x(image, 0.0).numpy() == picture).all()

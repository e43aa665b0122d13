"""Like pictures are found, unlike ones are not."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from kerastricks.data.inspection import near

COUNT = 60


def grey(image):
    small = image.convert("L").resize((32, 32), Image.Resampling.BILINEAR)
    return np.asarray(small)


def layout(image):
    return np.asarray(image.resize((4, 4), Image.Resampling.BOX))


def plain(signatures):
    """All of one colour, so that only the grey pictures matter."""
    return near.near_duplicates(
        signatures, np.full((len(signatures), 4, 4, 3), 9, np.uint8)
    )


def jpeg(image, quality):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return Image.open(out)


def cropped(image, share):
    width, height = image.size
    left, top = round(width * (1 - share) * 0.3), round(height * (1 - share))
    return image.crop(
        (left, top, left + round(width * share), top + round(height * share))
    )


CHANGES = {
    "re-encoded": lambda image: jpeg(image, 40),
    "half": lambda image: image.resize((60, 48)),
    "cropped": lambda image: cropped(image, 0.95),
    "mirrored": ImageOps.mirror,
    "brighter": lambda image: image.point(lambda level: min(255, level * 1.1)),
}


@pytest.fixture(scope="module")
def originals(photo):
    return [Image.fromarray(photo(seed)) for seed in range(COUNT)]


@pytest.mark.parametrize("change", CHANGES)
def test_changed_pictures_are_found_and_no_others(originals, change):
    changed = [CHANGES[change](image) for image in originals]
    images = originals + changed
    found = near.near_duplicates(
        np.stack([grey(image) for image in images]),
        np.stack([layout(image) for image in images]),
    )
    pairs = [(twins.first, twins.second) for twins in found]
    assert sorted(pairs) == [(i, i + COUNT) for i in range(COUNT)]
    assert {twins.mirrored for twins in found} == {change == "mirrored"}
    likeness = [twins.likeness for twins in found]
    assert likeness == sorted(likeness, reverse=True)
    assert near.SAME <= likeness[-1] <= likeness[0] <= 1 + 1e-5


def test_equal_pictures_are_wholly_alike(originals):
    one = grey(originals[0])
    (twins,) = plain(np.stack([one, one]))
    assert (twins.first, twins.second, twins.mirrored) == (0, 1, False)
    assert twins.likeness == pytest.approx(1, abs=1e-5)


def test_same_shading_is_not_enough(photo):
    """Low frequencies alike, so candidates; the fine structure is not."""
    random = np.random.RandomState(0)
    sky = np.linspace(60, 180, 32)[:, None] + np.zeros((32, 32))
    sky = sky + 25 * np.sin(np.arange(32) / 5)
    skies = np.stack(
        [sky + random.normal(0, 4, (32, 32)) for _ in range(8)]
    ).astype(np.uint8)
    pairs, _ = near.candidates(near.vectors(skies))
    assert len(pairs) == 8 * 7 // 2
    assert plain(skies) == []


def test_other_colours_are_another_picture(originals):
    signatures = np.stack([grey(originals[0])] * 3)
    colours = layout(originals[0])
    layouts = np.stack([colours, colours // 2, colours[..., ::-1]])
    found = near.near_duplicates(signatures, layouts)
    assert [(twins.first, twins.second) for twins in found] == [(0, 1)]


def test_tints_are_what_brightness_leaves():
    random = np.random.RandomState(0)
    layouts = random.randint(0, 256, (2, 4, 4, 3)).astype(np.uint8)
    a, b = layouts.reshape(2, -1).astype(float)
    gain = np.linalg.lstsq(b[:, None], a, rcond=None)[0]
    expected = np.sqrt(np.mean((a - gain * b) ** 2)) / a.std()
    pairs = np.array([[0, 1]])
    (found,) = near.tints(layouts, pairs, np.array([False]))
    assert found == pytest.approx(expected, rel=1e-5)
    turned = np.stack([layouts[0], layouts[1][:, ::-1]])
    (again,) = near.tints(turned, pairs, np.array([True]))
    assert again == pytest.approx(expected, rel=1e-5)


def test_blank_pictures_are_passed_over():
    blank = np.full((5, 32, 32), 90, np.uint8)
    blank[1] += np.eye(32, dtype=np.uint8)
    assert plain(blank) == []
    assert plain(blank[:0]) == []


def test_no_candidates():
    one = np.random.RandomState(0).randint(0, 256, (2, 32, 32))
    assert near.candidates(near.vectors(one.astype(np.uint8)))[0].shape == (
        0,
        2,
    )
    assert plain(one.astype(np.uint8)) == []


def test_vectors_are_weighted_cosines():
    picture = np.random.RandomState(1).randint(0, 256, (32, 32))
    expected = np.zeros((8, 8))
    place = (np.arange(32) + 0.5) * np.pi / 32
    for u in range(8):
        for v in range(8):
            wave = np.outer(np.cos(u * place), np.cos(v * place))
            expected[u, v] = np.hypot(u, v) * (picture * wave).sum()
    expected /= np.linalg.norm(expected)
    (found,) = near.vectors(picture[None].astype(np.uint8))
    np.testing.assert_allclose(found.reshape(8, 8), expected, atol=1e-5)


def test_mirror_is_that_of_the_picture():
    pictures = np.random.RandomState(2).randint(0, 256, (3, 32, 32))
    pictures = pictures.astype(np.uint8)
    np.testing.assert_allclose(
        near.mirror(near.vectors(pictures)),
        near.vectors(pictures[:, :, ::-1]),
        atol=1e-5,
    )


def test_pivots_miss_few_of_all_pairs(photo):
    """Against comparing each with each."""
    random = np.random.RandomState(0)
    base = random.normal(size=(700, 64)).astype(np.float32)
    close = base[:100] + 0.4 * random.normal(size=(100, 64))
    rows = np.concatenate([base, close]).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    pairs, _ = near.candidates(rows)
    all_pairs = np.argwhere(np.triu(rows @ rows.T >= near.LIKE, 1))
    assert len(all_pairs) >= 95
    found = set(map(tuple, pairs.tolist()))
    assert found <= set(map(tuple, all_pairs.tolist()))
    assert len(found) >= 0.95 * len(all_pairs)


def test_stretching_a_part():
    line = np.arange(32.0)
    np.testing.assert_allclose(near.part_of_line(0, 32) @ line, line)
    half = near.part_of_line(8, 16) @ line
    np.testing.assert_allclose(half, 8 - 0.25 + np.arange(32) / 2, atol=1e-5)

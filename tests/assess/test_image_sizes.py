"""Sizes of images from their headers."""

import numpy as np

from kerastricks.assess.image_sizes import image_sizes
from kerastricks.data import open_source


def test_heights_and_widths_are_the_files(image_folder):
    source = open_source(f"folder:{image_folder}", "val")
    found = image_sizes(source)
    # 20 + i % 5 pixels high and 24 wide, i = 0 .. 5 of each of three classes
    heights = np.tile(20 + np.arange(6) % 5, 3)
    np.testing.assert_array_equal(found[:, 0], heights)
    np.testing.assert_array_equal(found[:, 1], 24)


def test_a_broken_header_or_no_files_are_unknown(image_folder, tmp_path):
    import dataclasses

    source = open_source(f"folder:{image_folder}", "val")
    broken = tmp_path / "x.jpg"
    broken.write_bytes(b"\xff\xd8\xff")
    names = [str(broken), *source.names[1:]]
    assert image_sizes(dataclasses.replace(source, names=names)) is None
    assert image_sizes(dataclasses.replace(source, in_files=False)) is None

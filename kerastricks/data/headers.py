"""What a picture's file says of it before anything is decoded."""

import os

from PIL import Image


def file_size(path: str) -> tuple[int, int] | None:
    """(height, width) of a picture, or None if it is none."""
    try:
        with open(os.fsencode(path), "rb") as file, Image.open(file) as image:
            width, height = image.size
    except Exception:  # PIL raises many kinds for what is no picture
        return None
    return height, width

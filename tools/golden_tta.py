"""torchvision's FiveCrop and TenCrop, for kerastricks.views.

Needs: torch 2.13.0, torchvision 0.28.0, Pillow (made the file that is kept).
Run:   python tools/golden_tta.py tests/golden_tta.npz

`plain` is cropped as it is, so that every pixel must agree; its sides leave odd
numbers of pixels around the centre. `large` is first halved by Resize, which
Pillow does, to within a level.
"""

import sys

import numpy as np
from golden_crops import import_torchvision
from PIL import Image

SIZE = 8
SHORT = 11  # the resized picture's, so that eval_crop is 8 / 11


def main() -> None:
    transforms = import_torchvision().transforms
    random = np.random.RandomState(0)
    pictures = {
        "plain": random.randint(0, 256, (SHORT, 18, 3)).astype(np.uint8),
        "large": random.randint(0, 256, (2 * SHORT, 34, 3)).astype(np.uint8),
    }
    found = dict(pictures)
    for name, pixels in pictures.items():
        resized = transforms.Resize(SHORT)(Image.fromarray(pixels))
        for kind, crop in (
            ("fivecrop", transforms.FiveCrop(SIZE)),
            ("tencrop", transforms.TenCrop(SIZE)),
        ):
            views = [np.asarray(view) for view in crop(resized)]
            found[f"{name} {kind}"] = np.stack(views)
    np.savez_compressed(sys.argv[1], **found)


if __name__ == "__main__":
    main()

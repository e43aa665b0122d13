"""Pixels and tables of torchvision's policies, for data/policies to match.

Needs: torch (2.13.0), torchvision (0.29.2) and Pillow (13.0.0 made the file
       that is kept); CPU builds are enough.
Run:   python tools/golden_policies.py tests/data/policies/golden_policies.npz

Two images of odd sizes, soft shapes with noise like a photo's, one of them of
low contrast so that there is something to stretch. Every operation on the PIL
image at several magnitudes; RandAugment's and AutoAugment's operations in
sequence; the magnitudes of every bin for several sizes; AutoAugment's pairs.
"""

import json
import sys

import numpy as np
import torch

_register_fake = torch.library.register_fake


def _no_fake(name, *arguments, **options):
    """torchvision built for CUDA registers kernels that a CPU torch lacks."""
    if str(name).startswith("torchvision::"):
        return lambda function: function
    return _register_fake(name, *arguments, **options)


torch.library.register_fake = _no_fake

from PIL import Image, ImageFilter, ImageOps  # noqa: E402
from torchvision.transforms import InterpolationMode, autoaugment  # noqa: E402

SIZES = [(33, 47), (224, 224), (32, 32), (97, 160)]  # (height, width)
WIDE_BINS = (17, 30)  # besides RandAugment's 9th
SIGMAS = (0.1, 0.7, 1.3, 2.0)
# RandAugment's draws at m9: (operation, negative).
SEQUENCES = [
    [("Rotate", True), ("Color", False)],
    [("TranslateX", False), ("TranslateY", True)],
    [("Sharpness", False), ("Equalize", False), ("ShearY", True)],
]
# AutoAugment's: (policy, pair, (acts, acts), (negative, negative)).
PAIRS = [
    ("IMAGENET", 0, (True, True), (False, True)),
    ("CIFAR10", 9, (True, False), (True, False)),
    ("SVHN", 18, (True, True), (False, False)),
]


def picture(height: int, width: int, low: int, high: int) -> np.ndarray:
    """Gradients and waves with noise, uint8 between low and high."""
    random = np.random.RandomState(height)
    y, x = np.mgrid[0:height, 0:width] / 8.0
    waves = [
        np.sin(x + 0.3 * y),
        np.cos(0.7 * x - y),
        x / x.max() - y / y.max(),
    ]
    image = np.stack(waves, axis=-1) + random.randn(height, width, 3) * 0.1
    image -= image.min(axis=(0, 1))
    image *= (high - low) / image.max(axis=(0, 1))
    return (image + low).astype(np.uint8)


def apply(image: Image.Image, name: str, magnitude: float) -> Image.Image:
    return autoaugment._apply_op(
        image, name, magnitude, InterpolationMode.NEAREST, None
    )


def magnitudes_to_try() -> list[tuple[str, float]]:
    """(operation, magnitude): of RandAugment at m9 and of TrivialAugment."""
    narrow = autoaugment.RandAugment()._augmentation_space(31, (33, 47))
    wide = autoaugment.TrivialAugmentWide()._augmentation_space(31)
    tried = [("Invert", 0.0)]
    for name, (bins, signed) in narrow.items():
        if not bins.ndim:
            tried.append((name, 0.0))
            continue
        tried.append((name, float(bins[9])))
        tried += [(name, float(wide[name][0][i])) for i in WIDE_BINS]
        if signed:
            tried.append((name, -float(bins[9])))
            tried += [(name, -float(wide[name][0][i])) for i in WIDE_BINS]
    return tried


def spaces() -> dict[str, np.ndarray]:
    """Magnitudes [operations, bins] by policy and size, and their names."""
    found = {}
    for height, width in SIZES:
        size = (height, width)
        tables = {
            "rand": autoaugment.RandAugment()._augmentation_space(31, size),
            "trivial": autoaugment.TrivialAugmentWide()._augmentation_space(31),
            "auto": autoaugment.AutoAugment()._augmentation_space(10, size),
            "augmix": autoaugment.AugMix()._augmentation_space(10, size),
        }
        for name, table in tables.items():
            bins = max(row.numel() for row, _ in table.values())
            found[f"space/{name}/{height}x{width}"] = np.stack(
                [row.expand(bins).numpy() for row, _ in table.values()]
            ).astype(np.float32)
            found[f"names/{name}"] = np.array(list(table))
            found[f"signed/{name}"] = np.array([s for _, s in table.values()])
    return found


def sequences(image: Image.Image) -> list[np.ndarray]:
    """RandAugment's operations one after the other."""
    size = (image.height, image.width)
    space = autoaugment.RandAugment()._augmentation_space(31, size)
    results = []
    for sequence in SEQUENCES:
        new = image
        for name, negative in sequence:
            bins, signed = space[name]
            magnitude = float(bins[9]) if bins.ndim else 0.0
            new = apply(
                new, name, -magnitude if negative and signed else magnitude
            )
        results.append(np.asarray(new))
    return results


class Drawn(autoaugment.AutoAugment):
    """AutoAugment with its draws given."""

    def __init__(self, policy: str, draws: tuple) -> None:
        super().__init__(getattr(autoaugment.AutoAugmentPolicy, policy))
        self.draws = draws

    def get_params(self, transform_num: int) -> tuple:
        pair, acts, negative = self.draws
        return (
            pair,
            torch.tensor([0.0 if a else 1.0 for a in acts]),
            torch.tensor([0 if n else 1 for n in negative]),
        )


def policies() -> dict[str, list]:
    return {
        name: autoaugment.AutoAugment(
            getattr(autoaugment.AutoAugmentPolicy, name)
        ).policies
        for name in ("IMAGENET", "CIFAR10", "SVHN")
    }


def main() -> None:
    arrays = {
        "image/0": picture(33, 47, 0, 255),
        "image/1": picture(20, 26, 37, 201),
    } | spaces()
    tried = magnitudes_to_try()
    for number in (0, 1):
        image = Image.fromarray(arrays[f"image/{number}"])
        arrays[f"ops/{number}"] = np.stack(
            [np.asarray(apply(image, *each)) for each in tried]
        )
    image = Image.fromarray(arrays["image/0"])
    arrays["sequences"] = np.stack(sequences(image))
    arrays["pairs"] = np.stack(
        [np.asarray(Drawn(name, tuple(draws))(image)) for name, *draws in PAIRS]
    )
    arrays["blurs"] = np.stack(
        [np.asarray(image.filter(ImageFilter.GaussianBlur(s))) for s in SIGMAS]
    )
    arrays["gray"] = np.asarray(image.convert("L"))
    arrays["solarized"] = np.asarray(ImageOps.solarize(image))
    arrays["about"] = np.array(
        json.dumps(
            {
                "tried": tried,
                "sequences": SEQUENCES,
                "pairs": PAIRS,
                "sigmas": SIGMAS,
                "sizes": SIZES,
                "policies": policies(),
            }
        )
    )
    np.savez_compressed(sys.argv[1], **arrays)


if __name__ == "__main__":
    main()

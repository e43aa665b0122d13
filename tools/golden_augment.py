"""Pixels and boxes of torchvision's transforms, for kerastricks.augment.

Needs: torch (2.13.0) and torchvision (0.28.0 made the file that is kept); CPU
       builds are enough.
Run:   python tools/golden_augment.py tests/augment/golden_augment.npz

Two images of soft shapes with noise: `middle`, of which no change here leaves
0..255, as floats; and `full`, from black to white, as bytes, where torchvision
cuts and drops the fraction. Besides: boxes of RandomErasing, the hue turn by
MXNet's published matrices and the lighting noise by GluonCV's numbers.
"""

import math
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from conformance.laws_image import AXES, FROM_YIQ, SIZES, TO_YIQ  # noqa: E402
from conformance.torch_peers import torch, torchvision, v2  # noqa: E402

F = v2.functional
FACTORS = (0.6, 0.85, 1.0, 1.2, 1.4)
BLURS = [(3, 0.5), (5, 1.0), (9, 0.1), (9, 2.0), (23, 1.3)]  # (taps, sigma)
TURNS = (-0.5, -0.1, 0.0, 0.05, 0.4)
SHAPES = [(32, 32), (64, 96)]
BOXES = 3000
NAMES = ("brightness", "contrast", "saturation")


def picture(low: float, high: float) -> np.ndarray:
    """float32 [20, 26, 3] between low and high."""
    random = np.random.RandomState(0)
    y, x = np.mgrid[0:20, 0:26] / 8.0
    waves = [np.sin(x + 0.3 * y), np.cos(0.7 * x - y), np.sin(y) * np.cos(x)]
    image = np.stack(waves, axis=-1) + random.randn(20, 26, 3) * 0.1
    image -= image.min(axis=(0, 1))
    image *= (high - low) / image.max(axis=(0, 1))
    return (image + low).astype(np.float32)


def with_torch(image: np.ndarray, function, *arguments) -> np.ndarray:
    """Bytes as bytes, floats on 0..1."""
    tensor = torch.from_numpy(image).permute(2, 0, 1)
    if image.dtype == np.uint8:
        return function(tensor, *arguments).permute(1, 2, 0).numpy()
    return function(tensor / 255, *arguments).permute(1, 2, 0).numpy() * 255


def changes(image: np.ndarray, kind: str) -> dict[str, np.ndarray]:
    """By operation, [settings, H, W, 3 or 1]."""
    found = {
        f"{name}/{kind}": np.stack(
            [
                with_torch(image, getattr(F, f"adjust_{name}"), factor)
                for factor in FACTORS
            ]
        )
        for name in NAMES
    }
    found[f"gray/{kind}"] = with_torch(image, F.rgb_to_grayscale)
    found[f"blur/{kind}"] = np.stack(
        [with_torch(image, F.gaussian_blur, [k] * 2, [s] * 2) for k, s in BLURS]
    )
    return found


def boxes() -> dict[str, np.ndarray]:
    """int16 [BOXES, 4] of (top, left, height, width) by shape."""
    torch.manual_seed(0)
    draw = torchvision.transforms.RandomErasing.get_params
    return {
        f"boxes/{height}x{width}": np.array(
            [
                draw(torch.empty(3, height, width), (0.02, 0.33), (0.3, 3.3))[
                    :4
                ]
                for _ in range(BOXES)
            ],
            np.int16,
        )
        for height, width in SHAPES
    }


def turned(image: np.ndarray, amount: float) -> np.ndarray:
    """MXNet's HueJitterAug, the rounded way back included."""
    cos, sin = math.cos(amount * math.pi), math.sin(amount * math.pi)
    turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    return (image @ (FROM_YIQ @ turn @ TO_YIQ).T).astype(np.float32)


def main() -> None:
    middle, full = picture(60, 170), picture(0, 255).round().astype(np.uint8)
    amounts = np.random.RandomState(1).normal(0, 0.1, (8, 3))
    arrays = {
        "middle": middle,
        "full": full,
        "flip/horizontal": with_torch(full, F.horizontal_flip),
        "flip/vertical": with_torch(full, F.vertical_flip),
        "factors": np.array(FACTORS, np.float32),
        "blurs": np.array(BLURS, np.float32),
        "turns": np.array(TURNS, np.float32),
        "hue": np.stack([turned(middle, turn) for turn in TURNS]),
        "amounts": amounts.astype(np.float32),
        "lighting": (amounts * SIZES @ AXES.T).astype(np.float32),
        **changes(middle, "floats"),
        **changes(full, "bytes"),
        **boxes(),
    }
    np.savez_compressed(sys.argv[1], **arrays)


if __name__ == "__main__":
    main()

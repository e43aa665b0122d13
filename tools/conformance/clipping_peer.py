"""torchvision's colour jitter on photos, for clipping.py.

Run: python tools/conformance/clipping_peer.py IMAGES FOLDER

Writes FOLDER/00.npz, ...: 50 photos each (224 x 224, of 256 on the shorter
side) with their factors and orders, and what torchvision makes of them: on
bytes, where it cuts and rounds after each step, and on floats, where it only
cuts.
"""

import pathlib
import sys

import numpy as np
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from conformance.torch_peers import torch, v2  # noqa: E402

CHUNK = 50
STRENGTHS = np.array([0.4, 0.4, 0.4, 0.1])


def photo(path: pathlib.Path) -> np.ndarray:
    """uint8 [224, 224, 3]."""
    image = Image.open(path).convert("RGB")
    scale = 256 / min(image.size)
    size = [max(256, round(side * scale)) for side in image.size]
    image = image.resize(size, Image.Resampling.BILINEAR)
    left, top = ((side - 224) // 2 for side in size)
    return np.asarray(image.crop((left, top, left + 224, top + 224)))


def jittered(
    image: torch.Tensor, factors: np.ndarray, order: np.ndarray, hue: bool
) -> torch.Tensor:
    """The steps in this order."""
    steps = (
        v2.functional.adjust_brightness,
        v2.functional.adjust_contrast,
        v2.functional.adjust_saturation,
        v2.functional.adjust_hue,
    )
    for step in order:
        if step < 3 or hue:
            image = steps[step](image, float(factors[step]))
    return image


def results(
    images: np.ndarray, factors: np.ndarray, orders: np.ndarray
) -> dict[str, np.ndarray]:
    """By kind: [N, 224, 224, 3]."""
    found: dict[str, list[np.ndarray]] = {}
    for image, *draws in zip(images, factors, orders, strict=True):
        whole = torch.from_numpy(image.copy()).permute(2, 0, 1)
        for hue in (False, True):
            name = "hue" if hue else "plain"
            floats = jittered(whole.float() / 255, *draws, hue) * 255
            for kind, new in (
                (f"{name} bytes", jittered(whole, *draws, hue)),
                (f"{name} floats", floats),
            ):
                found.setdefault(kind, []).append(new.permute(1, 2, 0).numpy())
    return {kind: np.stack(images) for kind, images in found.items()}


def main() -> None:
    folder, out = map(pathlib.Path, sys.argv[1:])
    paths = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in (".jpeg", ".jpg", ".png")
    )
    random = np.random.default_rng(0)
    for start in range(0, len(paths), CHUNK):
        images = np.stack([photo(path) for path in paths[start:][:CHUNK]])
        size = (len(images), 4)
        factors = [1, 1, 1, 0] + STRENGTHS * random.uniform(-1, 1, size)
        orders = random.permuted(np.tile(np.arange(4), (size[0], 1)), axis=1)
        np.savez(
            out / f"{start // CHUNK:02d}.npz",
            images=images,
            factors=factors,
            orders=orders,
            **results(images, factors, orders),
        )


if __name__ == "__main__":
    main()

"""What the papers and their code say, in NumPy: mixing."""

import numpy as np

from conformance.adaptor import Adaptor, Apply, Contestant

Batch = tuple[np.ndarray, np.ndarray]


def mixup() -> Apply:
    random = np.random.default_rng(1)

    def apply(images: np.ndarray, labels: np.ndarray) -> Batch:
        weight = random.beta(0.2, 0.2)
        order = random.permutation(len(images))
        return (
            weight * images + (1 - weight) * images[order],
            weight * labels + (1 - weight) * labels[order],
        )

    return apply


def cutmix() -> Apply:
    random = np.random.default_rng(2)

    def apply(images: np.ndarray, labels: np.ndarray) -> Batch:
        sides = images.shape[1:3]
        ratio = np.sqrt(1 - random.beta(1.0, 1.0))
        order = random.permutation(len(images))
        inside, area = [], 1.0
        for side in sides:
            half, centre = int(side * ratio) // 2, random.integers(0, side)
            low, high = max(centre - half, 0), min(centre + half, side)
            inside.append(slice(low, high))
            area *= (high - low) / side
        images = images.copy()
        box = (slice(None), *inside)
        images[box] = images[order][box].copy()
        return images, (1 - area) * labels + area * labels[order]

    return apply


def ricap() -> Apply:
    random = np.random.default_rng(3)

    def apply(images: np.ndarray, labels: np.ndarray) -> Batch:
        side = images.shape[1]
        height, width = np.round(side * random.beta(0.3, 0.3, 2)).astype(int)
        new, mixed = np.zeros_like(images), np.zeros_like(labels)
        for top, rows in ((0, height), (height, side - height)):
            for left, columns in ((0, width), (width, side - width)):
                order = random.permutation(len(images))
                y = random.integers(0, side - rows + 1)
                x = random.integers(0, side - columns + 1)
                part = images[order, y : y + rows, x : x + columns]
                new[:, top : top + rows, left : left + columns] = part
                mixed += rows * columns / side**2 * labels[order]
        return new, mixed

    return apply


LAWS: Contestant = {
    "mixup": Adaptor("Beta(.2, .2)", mixup),
    "cutmix": Adaptor("alpha 1, as in its code", cutmix),
    "ricap": Adaptor("beta .3, as in its code", ricap),
}

"""Probes of tricks that erase: a plain image, of which some pixels change."""

import numpy as np

from conformance.adaptor import Apply

VALUE = 100.0


def erased(apply: Apply, n: int, batch: int, side: int) -> np.ndarray:
    """bool [n * batch, H, W]: what went."""
    images = np.full((batch, side, side, 3), VALUE, np.float32)
    labels = np.eye(batch, dtype=np.float32)
    return np.concatenate(
        [
            (np.abs(apply(images.copy(), labels)[0] - VALUE) > 1e-3).any(axis=3)
            for _ in range(n)
        ]
    )


def cutout(apply: Apply, n: int) -> dict[str, object]:
    """16 pixels of 32."""
    mask = erased(apply, n, 64, 32)
    share = mask.mean(axis=(1, 2))
    return {
        "mean share erased": share.mean(),
        "largest share erased": share.max(),
        "share of squares cut off at the border": np.mean(
            share < share.max() - 1e-6
        ),
        "mean share of a middle row": mask[:, 16].mean(),
        "mean share of the first row": mask[:, 0].mean(),
        "filled with": fill_of(apply, 32),
    }


def fill_of(apply: Apply, side: int) -> str:
    """What stands where something went."""
    images = np.full((64, side, side, 3), VALUE, np.float32)
    new, _ = apply(images, np.eye(64, dtype=np.float32))
    found = new[np.abs(new - VALUE) > 1e-3]
    if len(np.unique(found)) <= 1:
        return f"{found[0]:g}" if len(found) else "nothing"
    zeros = np.mean(found == 0)
    return f"noise, {zeros:.0%} of it 0" if zeros > 0.01 else "noise"


def random_erasing(apply: Apply, n: int) -> dict[str, object]:
    """64 x 64 pixels, probability .5."""
    mask = erased(apply, n, 64, 64)
    chosen = mask[mask.any(axis=(1, 2))]
    heights = chosen.any(axis=2).sum(axis=1)
    widths = chosen.any(axis=1).sum(axis=1)
    share = chosen.mean(axis=(1, 2))
    logs = np.log(heights / widths)
    return {
        "share of images erased": len(chosen) / len(mask),
        "mean share of their pixels": share.mean(),
        "its smallest and largest": [share.min(), share.max()],
        "mean log aspect": logs.mean(),
        "deviation of the log aspect": logs.std(),
        "filled with": fill_of(apply, 64),
    }


def grid_mask(apply: Apply, n: int) -> dict[str, object]:
    """224 x 224 pixels."""
    mask = erased(apply, n, 16, 224)
    chosen = mask[mask.any(axis=(1, 2))]
    share = chosen.mean(axis=(1, 2))
    upright = chosen == (
        chosen.any(axis=2)[:, :, None] & chosen.any(axis=1)[:, None, :]
    )
    return {
        "share of images erased": len(chosen) / len(mask),
        "mean share of their pixels": share.mean(),
        "deviation of this share": share.std(),
        "share of grids that stand upright": upright.all(axis=(1, 2)).mean(),
    }


def hide_and_seek(apply: Apply, n: int) -> dict[str, object]:
    """224 x 224 pixels."""
    mask = erased(apply, n, 16, 224)
    cells = mask[:, ::8, ::8]  # all of the paper's cells end between these
    share = mask.mean(axis=(1, 2))
    some = share > 0
    edges = (cells[some, 1:] != cells[some, :-1]).any(axis=2)
    first = edges.argmax(axis=1)[edges.any(axis=1)] + 1
    return {
        "share of images that stay whole": 1 - some.mean(),
        "mean share erased of the others": share[some].mean(),
        "smallest cell in pixels": int(first.min()) * 8,
    }

"""Probe of CutMix: plain images whose value names the sample."""

from collections.abc import Iterator

import numpy as np

from conformance.adaptor import Apply
from conformance.probe_mix import SEED
from conformance.stats import ks


def cutmix(apply: Apply, n: int) -> dict[str, object]:
    """Plain images whose value names the sample."""
    batch, side = 64, 32
    shares, counts, errors, edges, mass = [], [], [], [], 0.0
    for pasted, labels in pasted_boxes(apply, n, batch, side):
        share = pasted.mean(axis=(1, 2))
        own = np.diag(labels)
        errors.append(np.abs((1 - own) - share))
        mass = max(mass, np.abs(labels.sum(axis=1) - 1).max())
        # One box for all is unseen where a sample met itself.
        several = (pasted != pasted.any(axis=0))[share > 0].any()
        if not several:
            pasted, share = pasted[share.argmax()][None], share.max()[None]
        counts.append(batch if several else 1)
        shares.append(share)
        edges.append(at_the_edge(pasted)[share > 0])
    found = np.concatenate(shares)
    law = cutmix_shares(200_000, side)
    return {
        "boxes in a batch": "one" if np.median(counts) == 1 else "one each",
        "mean share pasted": found.mean(),
        "distance of the shares to the code's law": ks(found, law),
        "share of boxes at the border": np.concatenate(edges).mean(),
        "mean |label - share of the pixels|": np.concatenate(errors).mean(),
        "largest |label - share of the pixels|": np.concatenate(errors).max(),
        "largest |sum of a label - 1|": mass,
    }


def pasted_boxes(
    apply: Apply, n: int, batch: int, side: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(bool [B, H, W], labels [B, B]) of n calls."""
    value = np.arange(1, batch + 1, dtype=np.float32)[:, None, None, None]
    images = np.broadcast_to(value, (batch, side, side, 3))
    for _ in range(n):
        new, labels = apply(images.copy(), np.eye(batch, dtype=np.float32))
        yield np.abs(new - images)[..., 0] > 0.5, labels


def at_the_edge(pasted: np.ndarray) -> np.ndarray:
    """bool [B]: whether a box touches the border."""
    return (
        pasted[:, [0, -1], :].any(axis=(1, 2))
        | pasted[:, :, [0, -1]].any(axis=(1, 2))
    )  # fmt: skip


def cutmix_shares(count: int, side: int) -> np.ndarray:
    """Shares that the paper's code pastes: its box, cut off at the borders."""
    random = np.random.default_rng(SEED)
    half = (side * np.sqrt(1 - random.random(count))).astype(int) // 2
    lengths = []
    for _ in range(2):
        centre = random.integers(0, side, count)
        low, high = (
            np.maximum(centre - half, 0),
            np.minimum(centre + half, side),
        )
        lengths.append(high - low)
    return lengths[0] * lengths[1] / side**2

"""Probes of tricks that mix samples.

The labels are one-hot and name the sample, so that a row of the new labels
says whom it is made of; the pixels say the same, and the two are compared.
"""

from collections.abc import Iterator

import numpy as np

from conformance.adaptor import Apply
from conformance.stats import distinct, ks, most_common

BATCH = 64
SEED = 11


def mixup(apply: Apply, n: int) -> dict[str, object]:
    """Of sample i pixel i alone is lit: the output's pixels are the weights."""
    lit = np.eye(BATCH, dtype=np.float32)
    images = np.repeat(lit.reshape(BATCH, 8, 8, 1), 3, axis=3)
    weights, counts, partners, error, alone = [], [], [], 0.0, 0
    for _ in range(n):
        new, labels = apply(images.copy(), lit.copy())
        pixels = new[..., 0].reshape(BATCH, BATCH)
        error = max(error, np.abs(pixels - labels).max())
        own, order = np.diag(pixels), partner_of(pixels)
        mixed = order != np.arange(BATCH)
        alone += BATCH - mixed.sum()
        partners.append(partner_law(order))
        counts.append(distinct(own[mixed]))
        # A weight for all of them, which is 1 if nothing changed.
        one = own[mixed][:1] if mixed.any() else own[:1]
        weights.append(own[mixed] if counts[-1] > 1 else one)
    found = np.concatenate(weights)
    law = np.random.default_rng(SEED).beta(0.2, 0.2, 200_000)
    return {
        "weights in a batch of 64": int(np.median(counts)),
        "distance of the weights to Beta(.2, .2)": ks(found, law),
        "the same, of max(w, 1 - w)": ks(folded(found), folded(law)),
        "share of weights in (.01, .99)": np.mean(
            (found > 0.01) & (found < 0.99)
        ),
        "largest |label - share of the pixels|": error,
        "partner": most_common(partners),
        "share of samples left alone": alone / (n * BATCH),
    }


def folded(weights: np.ndarray) -> np.ndarray:
    return np.maximum(weights, 1 - weights)


def partner_of(shares: np.ndarray) -> np.ndarray:
    """Who else is in each row; itself if nobody is."""
    others = shares * (1 - np.eye(len(shares)))
    return np.where(
        others.max(axis=1) > 1e-30, others.argmax(axis=1), np.arange(len(shares))
    )


def partner_law(order: np.ndarray) -> str:
    """Its name."""
    places = np.arange(len(order))
    for name, law in (
        ("the one before", (places - 1) % len(order)),
        ("the one after", (places + 1) % len(order)),
        ("from the other end", places[::-1]),
    ):
        # A weight of nearly 1 hides a partner.
        if np.mean((order == law) | (order == places)) > 0.99:
            return name if np.mean(order == law) > 0.5 else "none seen"
    return "permutation"


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
        low, high = np.maximum(centre - half, 0), np.minimum(centre + half, side)
        lengths.append(high - low)
    return lengths[0] * lengths[1] / side**2

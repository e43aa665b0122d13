"""Probes of tricks that mix samples.

The labels are one-hot and name the sample, so that a row of the new labels
says whom it is made of; the pixels say the same, and the two are compared.
"""

import numpy as np

from conformance.adaptor import Apply
from conformance.stats import distinct, ks, most_common

BATCH = 16
SEED = 11


def mixup(apply: Apply, n: int) -> dict[str, object]:
    """Of sample i pixel i alone is lit: the output's pixels are the weights."""
    lit = np.eye(BATCH, dtype=np.float32)
    images = np.repeat(lit.reshape(BATCH, 4, 4, 1), 3, axis=3)
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
    law = told(np.random.default_rng(SEED).beta(0.2, 0.2, 200_000))
    return {
        "weights in a batch": "one" if np.median(counts) == 1 else "one each",
        "distance of the weights to Beta(.2, .2)": ks(told(found), law),
        "the same, of max(w, 1 - w)": ks(folded(told(found)), folded(law)),
        "share of weights in (.01, .99)": np.mean(
            (found > 0.01) & (found < 0.99)
        ),
        "largest |label - share of the pixels|": error,
        "partner": most_common(partners),
        "share of samples that stay as they are": alone / (n * BATCH),
    }


def told(weights: np.ndarray) -> np.ndarray:
    """Those that float32 tells from 0 and 1."""
    return weights[(weights > 1e-6) & (weights < 1 - 1e-6)]


def folded(weights: np.ndarray) -> np.ndarray:
    return np.maximum(weights, 1 - weights)


def partner_of(shares: np.ndarray) -> np.ndarray:
    """Who else is in each row; itself if nobody is."""
    others = shares * (1 - np.eye(len(shares)))
    return np.where(
        others.max(axis=1) > 1e-30,
        others.argmax(axis=1),
        np.arange(len(shares)),
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

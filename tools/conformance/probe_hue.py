"""Probes of saturation and hue: what a change leaves alone tells its kind."""

import colorsys

import numpy as np

from conformance.adaptor import Apply
from conformance.probe_color import COLORS, LUMA, drawn_for, outputs, spread
from conformance.stats import most_common

IQ = np.array([[0.596, -0.274, -0.321], [0.211, -0.523, 0.311]])


def saturation(apply: Apply, n: int) -> dict[str, object]:
    """Kept is either the grey of a pixel or its largest channel."""
    grey = (COLORS @ LUMA)[:, None]
    batches, kept = [], []
    for new in outputs(apply, n, COLORS):
        holds_grey = np.abs(new @ LUMA - grey[:, 0]).max() < 0.3
        holds_top = np.abs(new.max(axis=2) - COLORS.max(axis=1)).max() < 0.3
        kept.append(
            "grey" if holds_grey else "largest channel" if holds_top else "?"
        )
        base = grey if holds_grey else COLORS.max(axis=1, keepdims=True)
        away, was = new - base, COLORS - base
        batches.append((away * was).sum(axis=(1, 2)) / (was**2).sum())
    factors = np.concatenate(batches)
    return {
        "kept": most_common(kept),
        "f: smallest, mean, largest": spread(factors),
        "drawn for": drawn_for(batches),
    }


def hue(apply: Apply, n: int) -> dict[str, object]:
    """Kept is the luma (YIQ) or the largest and smallest channel (HSV)."""
    angles, kept = [], []
    for new in outputs(apply, n, COLORS):
        luma = np.abs(new @ LUMA - COLORS @ LUMA).max() < 0.5
        angles.append(turns_in_yiq(new) if luma else turns_in_hsv(new))
        ends = [np.abs(f(new, axis=2) - f(COLORS, axis=1)).max() < 0.5
                for f in (np.max, np.min)]  # fmt: skip
        kept.append(
            "luma" if luma else "largest and smallest" if all(ends) else "?"
        )
    degrees = np.abs(np.concatenate(angles))
    return {
        "kept": most_common(kept),
        "largest turn in degrees": degrees.max(),
        "mean size of the turns": degrees.mean(),
        "drawn for": drawn_for(angles, 0.01),
    }


def turns_in_yiq(new: np.ndarray) -> np.ndarray:
    """Degrees [B]."""
    after, before = (values @ IQ.T @ [1, 1j] for values in (new, COLORS))
    return np.degrees(np.angle((after / before).mean(axis=1)))


def turns_in_hsv(new: np.ndarray) -> np.ndarray:
    """Degrees [B], of the first colour."""
    before = colorsys.rgb_to_hsv(*COLORS[0] / 255)[0]
    after = [colorsys.rgb_to_hsv(*pixel / 255)[0] for pixel in new[:, 0]]
    return (np.array(after) - before + 0.5) % 1 * 360 - 180

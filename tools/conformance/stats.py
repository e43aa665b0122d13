"""Numbers about samples."""

import numpy as np


def ks(sample: np.ndarray, reference: np.ndarray) -> float:
    """Kolmogorov and Smirnov's distance of two samples, in float32."""
    sample, reference = (
        np.sort(np.ravel(values).astype(np.float32))
        for values in (sample, reference)
    )
    places = np.concatenate([sample, reference])
    shares = [
        np.searchsorted(values, places, side="right") / len(values)
        for values in (sample, reference)
    ]
    return float(np.abs(shares[0] - shares[1]).max())


def distinct(values: np.ndarray, step: float = 1e-3) -> int:
    """How many of these are further apart than the step."""
    values = np.sort(np.ravel(values))
    return 1 + int((np.diff(values) > step).sum())


def most_common(words: list[str]) -> str:
    """The word that comes most often."""
    return max(sorted(set(words)), key=words.count)


def rounded(value: object) -> object:
    """Floats to four digits, in lists and dicts too."""
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, np.integer | int):
        return int(value)
    if isinstance(value, np.floating | float):
        return float(f"{float(value):.4g}") if abs(value) > 1e-7 else 0.0
    return value

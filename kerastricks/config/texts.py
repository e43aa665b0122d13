"""Numbers that are given as a text."""

import math

from kerastricks.errors import InputError


def numbers(text: str, name: str) -> tuple[float, ...]:
    """The positive numbers of a list, of a flag's text."""
    try:
        found = tuple(float(part) for part in text.split(",")) if text else ()
        if all(0 < number < math.inf for number in found):
            return found
    except ValueError:
        pass
    raise InputError(
        f"{name} must be positive numbers with commas between. "
        f"Received: {name}={text}"
    )


def along_run(text: str, name: str) -> tuple[tuple[float, float], ...]:
    """(share of the run, value) of a text as 128@0,192@0.6.

    A value without a share is from the start.
    """
    found = []
    try:
        for part in text.split(",") if text else ():
            value, _, share = part.partition("@")
            found.append((float(share or 0), float(value)))
    except ValueError:
        found = [(-1.0, 0.0)]
    shares = [share for share, _ in found]
    good = all(0 < value < math.inf for _, value in found)
    if not text or (
        good
        and shares[0] == 0
        and shares[-1] < 1
        and sorted(set(shares)) == shares
    ):
        return tuple(found)
    raise InputError(
        f"{name} must be positive values with the share of the run from which "
        "each holds, the first at 0, all below 1, as a@0,b@0.6. "
        f"Received: {name}={text}"
    )


# Of the ImageNet training set, on 0..255; torchvision's and GluonCV's.
IMAGENET_MEAN = (123.675, 116.28, 103.53)


IMAGENET_STD = (58.395, 57.12, 57.375)


def normalization(text: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(mean, std) on 0..255 that --normalize stands for.

    `none` maps 0..255 to 0..1, which networks without batch norm also bear.
    """
    if text == "imagenet":
        return IMAGENET_MEAN, IMAGENET_STD
    if text == "none":
        return (0.0, 0.0, 0.0), (255.0, 255.0, 255.0)
    try:
        mean, std = (
            tuple(float(number) for number in half.split(","))
            for half in text.split("/")
        )
        finite = all(map(math.isfinite, mean + std))
        good = len(mean) == len(std) == 3 and finite and min(std) > 0
    except ValueError:
        good = False
    if good:
        refuse_unit_range(mean, std, text)
        return mean, std
    raise InputError(
        "normalize must be imagenet, dataset, none or three means and three "
        f"positive deviations as r,g,b/r,g,b. Received: normalize={text}"
    )


def refuse_unit_range(
    mean: tuple[float, ...], std: tuple[float, ...], text: str
) -> None:
    """Numbers on 0..1, as torchvision and timm have them."""
    if 0 < max(mean) <= 1 and max(std) <= 1:
        raise InputError(
            "normalize has means and deviations on 0..255, those on 0..1 times "
            f"255. Received: normalize={text}"
        )


def class_weights(text: str) -> tuple[float, ...]:
    """The numbers that a list of --class_weights holds."""
    try:
        weights = tuple(float(number) for number in text.split(","))
        if all(0 <= weight < math.inf for weight in weights) and any(weights):
            return weights
    except ValueError:
        pass
    raise InputError(
        "class_weights must be balanced or a number of at least 0 for each "
        f"class as w0,w1,... Received: class_weights={text}"
    )

"""A sample of torchvision's RandomResizedCrop, for kerastricks.data.crop.

Needs: torch 2.13.0 and torchvision 0.28.0 (made the file that is kept).
Run:   python tools/golden_crops.py > tests/data/golden_crops.json

20,000 boxes of RandomResizedCrop.get_params for each of three shapes, kept as
the share of boxes at or below each of 50 points for four numbers: share of the
area, width / height, and where the box's centre lies. In the extreme shape
most boxes are the centre crop of the fallback.
"""

import bisect
import json
from collections.abc import Callable
from typing import Any

import torch

DRAWS = 20_000
POINTS = 50
SHAPES = [(375, 500), (500, 333), (90, 900)]
AREA, ASPECT = (0.08, 1.0), (3 / 4, 4 / 3)


def import_torchvision() -> Any:
    """torchvision, also when its build for CUDA meets torch's for the CPU.

    That lacks the operators whose shapes torchvision wants to register.
    """
    register = torch.library.register_fake

    def patient(name: Any, *args: Any, **options: Any) -> Callable[..., Any]:
        if isinstance(name, str) and name.startswith("torchvision::"):
            return lambda function: function
        return register(name, *args, **options)

    torch.library.register_fake = patient
    import torchvision.transforms

    return torchvision


def numbers(box: tuple[int, ...], height: int, width: int) -> list[float]:
    """Share of the area, aspect, and where the centre lies."""
    top, left, h, w = box
    return [
        h * w / (height * width),
        w / h,
        (top + h / 2) / height,
        (left + w / 2) / width,
    ]


def points(row: int) -> list[float]:
    """From 0 to 1, for the aspect from .7 to 1.4, at no round number."""
    grid = [(i + 0.371) / POINTS for i in range(POINTS)]
    return [0.7 + 0.7 * x for x in grid] if row == 1 else grid


def shares(values: list[float], grid: list[float]) -> list[float]:
    """What share of the values is at or below each point."""
    values = sorted(values)
    return [
        round(bisect.bisect_right(values, point) / len(values), 5)
        for point in grid
    ]


def main() -> None:
    torchvision = import_torchvision()
    draw = torchvision.transforms.RandomResizedCrop.get_params
    torch.manual_seed(0)
    cases = []
    for height, width in SHAPES:
        image = torch.empty(3, height, width)
        found = [
            numbers(draw(image, list(AREA), list(ASPECT)), height, width)
            for _ in range(DRAWS)
        ]
        columns = list(zip(*found, strict=True))
        cases.append(
            {
                "shape": [height, width],
                "cdf": [
                    shares(list(column), points(row))
                    for row, column in enumerate(columns)
                ],
            }
        )
    golden = {
        "torchvision": torchvision.__version__.split("+")[0],
        "draws": DRAWS,
        "points": [[round(x, 5) for x in points(row)] for row in range(4)],
        "cases": cases,
    }
    print(json.dumps(golden).replace("]], ", "]],\n").replace("], [", "],\n["))


if __name__ == "__main__":
    main()

"""Trajectories of torch.optim.SGD, for kerastricks.optimizers.SGD to match.

Needs: torch (2.13.0 made the file that is kept; its CPU build is enough).
Run:   python tools/golden_sgd.py > tests/optimizers/golden_sgd.json

Four weights, 50 steps in double precision. The learning rate rises for five
steps and drops to a tenth after step 25, because implementations of momentum
agree while it is constant. The gradient has a part that depends on the weights,
so an error in a step shows in all that follow.
"""

import json
import math

import torch

STEPS = 50
START = [[1.0, -2.0], [0.5, 3.0]]
PULL = 0.3  # of the gradient towards zero, per unit of weight
CASES = [
    {"momentum": momentum, "nesterov": nesterov, "weight_decay": decay}
    for momentum, nesterov, decay in (
        (0.0, False, 0.0),
        (0.0, False, 0.05),
        (0.9, False, 0.0),
        (0.9, False, 0.05),
        (0.9, True, 0.0),
        (0.9, True, 0.05),
    )
]


def learning_rate(step: int) -> float:
    """.02, .04 ... .1 in five steps; .01 from step 25 on."""
    return 0.1 * min(step + 1, 5) / 5 if step < 25 else 0.01


def noise(step: int) -> list[list[float]]:
    """The part of the gradient that changes from step to step."""
    place = [[1, 2], [3, 4]]
    return [[math.sin(0.7 * (step + 1) * i) for i in row] for row in place]


def trajectory(case: dict) -> list[list[list[float]]]:
    """The weights after each step."""
    weights = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([weights], lr=learning_rate(0), **case)
    found = []
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = learning_rate(step)
        moved = torch.tensor(noise(step), dtype=torch.float64)
        weights.grad = moved + PULL * weights.detach()
        optimizer.step()
        found.append(rounded(weights.tolist()))
    return found


def rounded(rows: list[list[float]]) -> list[list[float]]:
    """More digits than float32 has."""
    return [[round(value, 10) for value in row] for row in rows]


def main() -> None:
    golden = {
        "torch": torch.__version__.split("+")[0],
        "start": START,
        "pull": PULL,
        "learning_rates": [
            round(learning_rate(step), 10) for step in range(STEPS)
        ],
        "noise": [rounded(noise(step)) for step in range(STEPS)],
        "cases": [case | {"weights": trajectory(case)} for case in CASES],
    }
    # A line for each step.
    text = json.dumps(golden).replace("]], [[", "]],\n[[")
    print(text.replace('"cases"', '\n"cases"'))


if __name__ == "__main__":
    main()

"""Learning rates of torch's and timm's schedulers, for kerastricks.schedules.

Needs: torch and timm (2.13.0 and 1.0.31 made the file that is kept).
Run:   python tools/golden_schedules.py > tests/schedules/golden_schedules.json

Each case names ours with its arguments, theirs, the first step that is compared
and their rate at each step from there on, in double precision.
"""

import json
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import lr_scheduler

STEPS = 40
PEAK = 0.4


def import_timm_scheduler() -> Any:
    """timm.scheduler, also where torchvision's operators do not load."""
    register = torch.library.register_fake

    def patient(name: Any, *args: Any, **options: Any) -> Callable[..., Any]:
        if isinstance(name, str) and name.startswith("torchvision::"):
            return lambda function: function
        return register(name, *args, **options)

    torch.library.register_fake = patient
    import timm.scheduler

    return timm.scheduler


def optimizer() -> torch.optim.Optimizer:
    """Something that has a learning rate."""
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=PEAK)


def of_torch(name: str, steps: int = STEPS, **options: Any) -> list[float]:
    """The rate at each step."""
    made = optimizer()
    scheduler = getattr(lr_scheduler, name)(made, **options)
    found = []
    for _ in range(steps):
        found.append(made.param_groups[0]["lr"])
        made.step()
        scheduler.step()
    return found


def of_timm(name: str, **options: Any) -> list[float]:
    """The rate at each step."""
    made = optimizer()
    scheduler = getattr(import_timm_scheduler(), name)(
        made, t_in_epochs=False, **options
    )
    found = []
    for step in range(STEPS):
        scheduler.step_update(step)
        found.append(made.param_groups[0]["lr"])
    return found


def torch_cases() -> list[dict[str, Any]]:
    return [
        case(
            "Step",
            {"peak": PEAK, "every": 7, "rate": 0.3},
            "StepLR",
            of_torch("StepLR", step_size=7, gamma=0.3),
        ),
        case(
            "MultiStep",
            {"peak": PEAK, "milestones": [3, 10, 11], "rate": 0.3},
            "MultiStepLR",
            of_torch("MultiStepLR", milestones=[3, 10, 11], gamma=0.3),
        ),
        case(
            "Exponential",
            {"peak": PEAK, "steps": STEPS, "end": PEAK * 0.9**STEPS},
            "ExponentialLR",
            of_torch("ExponentialLR", gamma=0.9),
        ),
        case(
            "Polynomial",
            {"peak": PEAK, "steps": 30, "power": 0.9},
            "PolynomialLR",
            of_torch("PolynomialLR", total_iters=30, power=0.9),
        ),
        case(
            "Linear",
            {"peak": PEAK, "steps": 30},
            "PolynomialLR",
            of_torch("PolynomialLR", total_iters=30, power=1.0),
        ),
        # torch's cosine rises again after T_max.
        case(
            "Cosine",
            {"peak": PEAK, "steps": STEPS, "end": 0.01},
            "CosineAnnealingLR",
            of_torch("CosineAnnealingLR", T_max=STEPS, eta_min=0.01),
        ),
        *(
            case(
                "CosineRestarts",
                {
                    "peak": PEAK,
                    "first_steps": 6,
                    "cycle_mult": float(mult),
                    "end": 0.01,
                },
                "CosineAnnealingWarmRestarts",
                of_torch(
                    "CosineAnnealingWarmRestarts",
                    T_0=6,
                    T_mult=mult,
                    eta_min=0.01,
                ),
            )
            for mult in (1, 2)
        ),
        *(one_cycle(share) for share in (0.25, 0.4)),
    ]


def one_cycle(share: float) -> dict[str, Any]:
    """torch turns and ends at the step before; see ours for the arguments."""
    return case(
        "OneCycle",
        {"peak": PEAK, "steps": STEPS, "pct_start": share, "div_final": 1e4},
        "OneCycleLR",
        of_torch(
            "OneCycleLR",
            steps=STEPS + 1,
            max_lr=PEAK,
            total_steps=STEPS + 1,
            pct_start=(share * STEPS + 1) / (STEPS + 1),
            div_factor=25.0,
            final_div_factor=1e4 / 25,
            cycle_momentum=False,
        ),
    )


def timm_cases() -> list[dict[str, Any]]:
    warmed = {"kind": "linear", "start": 0.05, "steps": 8}
    tanh = of_timm("TanhLRScheduler", t_initial=30, lr_min=0.01)
    restarts = of_timm(
        "CosineLRScheduler",
        t_initial=10,
        lr_min=0.01,
        cycle_mul=1.5,
        cycle_decay=0.5,
        cycle_limit=9,
    )
    cosine = {"t_initial": 30, "lr_min": 0.01}
    inside, prefix = (
        of_timm(
            "CosineLRScheduler",
            warmup_t=8,
            warmup_lr_init=0.05,
            warmup_prefix=apart,
            **cosine,
        )
        for apart in (False, True)
    )
    ours = {"peak": PEAK, "steps": 30, "end": 0.01}
    return [
        case(
            "Tanh",
            {"peak": PEAK, "steps": 30, "end": 0.01},
            "TanhLRScheduler",
            tanh,
        ),
        # Cycles of 10, 15 and 22.5 steps: the last begins where ours does.
        case(
            "CosineRestarts",
            {
                "peak": PEAK,
                "first_steps": 10,
                "cycle_mult": 1.5,
                "peak_mult": 0.5,
                "end": 0.01,
            },
            "CosineLRScheduler",
            restarts[:25],
        ),
        # timm's warm-up begins at its start, and so is a step behind ours.
        case(
            "Cosine",
            ours,
            "CosineLRScheduler",
            inside[8:],
            first=8,
            warmup=warmed | {"inside": True},
        ),
        case(
            "Cosine",
            ours,
            "CosineLRScheduler",
            inside[1:8],
            warmup=warmed | {"inside": True},
        ),
        case(
            "Cosine",
            ours,
            "CosineLRScheduler",
            prefix[8:],
            first=8,
            warmup=warmed,
        ),
    ]


def case(
    name: str,
    arguments: dict[str, Any],
    theirs: str,
    rates: list[float],
    first: int = 0,
    warmup: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "name": name,
        "arguments": arguments,
        "warmup": warmup,
        "theirs": theirs,
        "first": first,
        "rates": [float(f"{rate:.12g}") for rate in rates],
    }


def main() -> None:
    # torch complains of schedulers that step without an epoch's end.
    warnings.simplefilter("ignore")
    golden = {
        "torch": torch.__version__.split("+")[0],
        "cases": torch_cases() + timm_cases(),
    }
    import timm

    golden["timm"] = timm.__version__
    print(json.dumps(golden).replace('{"name"', '\n{"name"'))


if __name__ == "__main__":
    main()

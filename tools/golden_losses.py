"""Values and gradients of torch's, timm's and torchvision's losses.

Needs: torch (2.13.0), timm (1.0.31) and torchvision (0.28.0 made the file that
       is kept); CPU builds are enough.
Run:   python tools/golden_losses.py > tests/losses/golden_losses.json

In double precision; each gradient is by the logits (features) of the mean over
the images. Softmax focal loss has no reference: it is the paper's formula, and
torch's automatic gradient of it.
"""

import json
import pathlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from conformance.torch_peers import torch, torchvision, versions  # noqa: E402

F = torch.nn.functional
IMAGES, CLASSES, VIEWS = 6, 5, 3
WEIGHTS = [0.5, 2.0, 0.0, 1.0, 3.0]
Case = dict[str, Any]
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def inputs() -> dict[str, torch.Tensor]:
    """By name, as float32 has them exactly."""
    torch.manual_seed(0)
    logits, teacher = 3 * torch.randn(2, IMAGES, CLASSES)
    views = logits[:, None] + torch.randn(IMAGES, VIEWS, CLASSES)
    numbers = torch.tensor([0, 3, 4, 1, 1, 2])
    one_hot = F.one_hot(numbers, CLASSES)
    shares = torch.tensor([[1.0, 0.9, 0.7, 0.5, 0.3, 0.15]]).T
    return {
        "logits": logits.double(),
        "teacher": teacher.double(),
        "views": views.reshape(-1, CLASSES).double(),
        "numbers": numbers,
        "numbers of views": numbers.repeat_interleave(VIEWS),
        "one hot": one_hot.double(),
        "mixed": (shares * one_hot + (1 - shares) * one_hot.flip(0)).double(),
        "several": (torch.rand(IMAGES, CLASSES) < 0.4).double(),
    }


INPUTS = inputs()


def case(
    loss: str, settings: Case, labels: str, law: Loss, on: str = "logits"
) -> Case:
    """One line of the file."""
    logits = INPUTS[on].clone().requires_grad_()
    value = law(logits, INPUTS[labels])
    value.backward()
    return {
        "loss": loss,
        "settings": settings,
        "labels": labels,
        "logits": on,
        "value": rounded(value),
        "gradient": rounded(logits.grad),
    }


def rounded(tensor: torch.Tensor) -> Any:
    """More digits than float32 has."""

    def shorter(value: Any) -> Any:
        if isinstance(value, list):
            return [shorter(item) for item in value]
        return round(value, 10)

    return shorter(tensor.tolist())


def softmax_losses() -> Iterator[Case]:
    for labels in ("numbers", "one hot", "mixed"):
        for amount in (0.0, 0.1):
            law = torch.nn.CrossEntropyLoss(label_smoothing=amount)
            settings = {"label_smoothing": amount}
            yield case("SoftCrossEntropy", settings, labels, law)
    weight = torch.tensor(WEIGHTS).double()
    law = torch.nn.CrossEntropyLoss(weight, label_smoothing=0.1)
    settings = {"label_smoothing": 0.1, "class_weights": WEIGHTS}
    yield case("SoftCrossEntropy", settings, "mixed", law)


def binary_losses(timm_loss: Any) -> Iterator[Case]:
    """timm's mixup smooths before this loss, and it smooths no mixtures."""
    for ours, theirs, labels in (
        ({"smoothing": "uniform"}, {}, "numbers"),
        ({"smoothing": "uniform"}, {}, "mixed"),
        ({}, {"smooth_dense": True}, "several"),
    ):
        for more in (
            {},
            {"target_threshold": 0.2},
            {"target_threshold": 0.2, "sum_classes": True},
            {"class_weights": WEIGHTS},
        ):
            options = theirs | more
            weight = options.pop("class_weights", None)
            loss = timm_loss.BinaryCrossEntropy(
                smoothing=0.1,
                weight=None if weight is None else torch.tensor(weight),
                **options,
            )
            settings = {"label_smoothing": 0.1} | ours | more

            def law(x: Any, y: Any, loss: Any = loss) -> torch.Tensor:
                return loss(x, y)

            def smoothed(x: Any, y: Any, loss: Any = loss) -> torch.Tensor:
                return loss(x, 0.9 * y + 0.1 / CLASSES)

            yield case(
                "BinaryCrossentropy",
                settings,
                labels,
                smoothed if labels == "mixed" else law,
            )


def focal_losses(sigmoid_focal_loss: Any) -> Iterator[Case]:
    for gamma in (0.0, 0.5, 2.0, 5.0):
        for alpha in (None, 0.25):
            for labels in ("several", "mixed"):
                yield case(
                    "Focal",
                    {"gamma": gamma, "alpha": alpha, "multi_label": True},
                    labels,
                    lambda x, y, gamma=gamma, alpha=alpha: sigmoid_focal_loss(
                        x, y, -1 if alpha is None else alpha, gamma, "mean"
                    ),
                )
        for labels in ("one hot", "mixed"):
            yield case(
                "Focal",
                {"gamma": gamma, "label_smoothing": 0.1},
                labels,
                lambda x, y, gamma=gamma: softmax_focal_loss(
                    x, 0.9 * y + 0.1 / CLASSES, gamma
                ),
            )


def softmax_focal_loss(
    logits: torch.Tensor, labels: torch.Tensor, gamma: float
) -> torch.Tensor:
    chances = logits.softmax(1)
    losses = labels * (1 - chances) ** gamma * -chances.log()
    return losses.sum(1).mean()


def jsd_losses(timm_loss: Any) -> Iterator[Case]:
    """timm has view after view, ours image after image."""
    for amount in (0.0, 0.1):
        loss = timm_loss.JsdCrossEntropy(VIEWS, alpha=12, smoothing=amount)

        def law(rows: Any, labels: Any, loss: Any = loss) -> torch.Tensor:
            views = rows.reshape(IMAGES, VIEWS, CLASSES).transpose(0, 1)
            numbers = labels.reshape(IMAGES, VIEWS).T.flatten()
            return loss(views.reshape(-1, CLASSES), numbers)

        yield case(
            "JsdLoss",
            {"label_smoothing": amount},
            "numbers of views",
            law,
            "views",
        )


def distillation_losses() -> Iterator[Case]:
    for temperature in (1.0, 4.0, 20.0):

        def soft(x: Any, r: Any, t: float = temperature) -> torch.Tensor:
            return t**2 * F.cross_entropy(x / t, (r / t).softmax(1))

        def apart(x: Any, r: Any, t: float = temperature) -> torch.Tensor:
            return t**2 * F.kl_div(
                (x / t).log_softmax(1),
                (r / t).log_softmax(1),
                log_target=True,
                reduction="batchmean",
            )

        for kind, law in (("ce", soft), ("kl", apart)):
            settings = {"temperature": temperature, "kind": kind}
            yield case("DistillationLoss", settings, "teacher", law)
    yield case("feature_loss", {}, "teacher", F.mse_loss)


def main() -> None:
    import timm.loss  # after torchvision, which needs help

    cases = [
        *softmax_losses(),
        *binary_losses(timm.loss),
        *focal_losses(torchvision.ops.sigmoid_focal_loss),
        *jsd_losses(timm.loss),
        *distillation_losses(),
    ]
    golden = versions() | {
        "timm": timm.__version__,
        "inputs": {name: rounded(value) for name, value in INPUTS.items()},
        "cases": cases,
    }
    # A line for each case.
    print(json.dumps(golden).replace('{"loss"', '\n{"loss"'))


if __name__ == "__main__":
    main()

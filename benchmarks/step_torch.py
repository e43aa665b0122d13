"""The torch contestants of step.py: timm's ResNet-50-D, a CIFAR ResNet-20.

Every step: as in step_keras.py; channels last, bfloat16 by autocast, eager or
by torch.compile.
"""

import os
from collections.abc import Iterator
from typing import Any

import torch
import torch_peers  # noqa: F401 - lets timm import torchvision
from turns import NUM_CLASSES, Made, Settings, serve

ON_CPU = os.environ.get("CUDA_VISIBLE_DEVICES") == "-1"
DEVICE = "cpu" if ON_CPU else "cuda"
STEPS = 1 if ON_CPU else 20


class Block(torch.nn.Module):
    """Two 3x3 and the shortcut without parameters, arXiv 1512.03385."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride, self.new = stride, outputs - inputs
        self.branch = torch.nn.Sequential(
            torch.nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            torch.nn.BatchNorm2d(outputs),
            torch.nn.ReLU(inplace=True),
            torch.nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            torch.nn.BatchNorm2d(outputs),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = x
        if self.stride > 1:
            sides = (0, 0, 0, 0, self.new // 2, self.new - self.new // 2)
            shortcut = torch.nn.functional.pad(x[:, :, ::2, ::2], sides)
        return torch.relu_(self.branch(x) + shortcut)


def resnet20() -> torch.nn.Module:
    blocks, inputs = [], 16
    for width in (16, 32, 64):
        for number in range(3):
            stride = 2 if width > 16 and not number else 1
            blocks.append(Block(inputs, width, stride))
            inputs = width
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 16, 3, 1, 1, bias=False),
        torch.nn.BatchNorm2d(16),
        torch.nn.ReLU(inplace=True),
        *blocks,
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(64, 10),
    )


def network(name: str) -> torch.nn.Module:
    if name == "resnet20":
        return resnet20()
    import timm

    return timm.create_model("resnet50d")


def steps(model: Any, settings: Settings) -> Iterator[int]:
    """The training step, over and over."""
    shape = (settings.batch, 3, settings.size, settings.size)
    images = torch.randn(shape, device=DEVICE)
    images = images.to(memory_format=torch.channels_last)
    classes = 10 if settings.size < 64 else NUM_CLASSES
    labels = torch.arange(settings.batch, device=DEVICE) % classes
    loss_of = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = torch.optim.SGD(
        model.parameters(), 0.01, 0.9, weight_decay=1e-4, nesterov=True
    )
    half = settings.precision != "float32"
    while True:
        for _ in range(STEPS):
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(DEVICE, torch.bfloat16, enabled=half):
                loss = loss_of(model(images).float(), labels)
            loss.backward()
            optimizer.step()
        loss.item()
        yield STEPS * settings.batch


def made(name: str, compiled: bool, settings: Settings) -> Made:
    torch.set_num_threads(settings.workers)
    torch.backends.cudnn.benchmark = True
    model = network(name).to(DEVICE, memory_format=torch.channels_last)
    way = "torch.compile" if compiled else "eager"
    if compiled:
        model = torch.compile(model)
    origin = "timm resnet50d" if name == "resnet50_d" else name
    return (
        f"torch {torch.__version__} {way}, {origin}, channels last, {DEVICE}",
        steps(model.train(), settings),
    )


if __name__ == "__main__":
    makers: dict[str, Any] = {}
    for name in ("resnet50_d", "resnet20"):
        for compiled in (False, True):
            way = "torch.compile" if compiled else "torch"
            makers[f"{name}/{way}"] = lambda s, n=name, c=compiled: made(
                n, c, s
            )
    serve(makers, ["torch", "timm"])

"""timm's own tricks as a contestant.

Its flips, colour jitter, grayscale, blur and padded crops are torchvision's.
"""

import importlib
import importlib.metadata
import random
from typing import Any

import numpy as np
import torch

from conformance import torch_peers
from conformance.adaptor import Adaptor, Apply, Contestant, images_only

# After torch_peers, which makes torchvision's import work.
timm = importlib.import_module("timm.data")


def versions() -> dict[str, str]:
    return {
        "torch": torch.__version__.split("+")[0],
        "timm": importlib.metadata.version("timm"),
    }


def seed() -> None:
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)


def mixing(**settings: Any) -> Apply:
    """timm takes classes, and gives soft labels."""

    def apply(
        images: np.ndarray, labels: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        transform = timm.Mixup(
            label_smoothing=0.0, num_classes=labels.shape[1], **settings
        )
        batch = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
        classes = torch.from_numpy(labels.argmax(axis=1))
        batch, mixed = transform(batch, classes)
        return batch.permute(0, 2, 3, 1).numpy(), mixed.numpy()

    return apply


def erasing() -> Apply:
    transform = timm.random_erasing.RandomErasing(0.5, device="cpu")

    def change(images: np.ndarray) -> np.ndarray:
        batch = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
        return transform(batch).permute(0, 2, 3, 1).numpy()

    return images_only(change)


def crop() -> Apply:
    return torch_peers.places(
        timm.transforms.RandomResizedCropAndInterpolation(
            64, interpolation="bilinear"
        )
    )


def mixup_adaptor(**settings: Any) -> Adaptor:
    words = ", ".join(f"{name}={value}" for name, value in settings.items())
    return Adaptor(f"Mixup({words})", lambda: mixing(**settings))


CONTESTANT: Contestant = {
    "mixup": mixup_adaptor(mixup_alpha=0.2),
    "mixup: mode elem": mixup_adaptor(mixup_alpha=0.2, mode="elem"),
    "cutmix": mixup_adaptor(mixup_alpha=0.0, cutmix_alpha=1.0),
    "cutmix in float16": mixup_adaptor(mixup_alpha=0.0, cutmix_alpha=1.0),
    "switch": mixup_adaptor(mixup_alpha=1.0, cutmix_alpha=1.0, prob=0.8),
    "random erasing": Adaptor("RandomErasing(0.5)", erasing),
    "crop": Adaptor("RandomResizedCropAndInterpolation(64)", crop),
}

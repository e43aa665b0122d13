"""The batch stage by torchvision's v2 transforms, and by timm.

Run by augment.py, with a Python that has torch, torchvision and timm.
torchvision's act on one image after another in a loader's processes, as its
documentation has it; timm's batch tricks act on normalised batches.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch_peers import IMAGENET, LEAST_EPOCH, sizes, v2
from turns import NUM_CLASSES, Made, Settings, serve


def random_images(settings: Settings) -> torch.Tensor:
    """uint8 [B, 3, H, W]."""
    shape = (settings.batch, 3, settings.size, settings.size)
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


class Images(torch.utils.data.Dataset):
    """Images in memory, the same again and again."""

    def __init__(self, images: torch.Tensor, transform: Any) -> None:
        self.images = images
        self.transform = transform

    def __len__(self) -> int:
        return LEAST_EPOCH

    def __getitem__(self, index: int) -> tuple[Any, int]:
        image = self.images[index % len(self.images)]
        return self.transform(image), index % NUM_CLASSES


def stage_torchvision(settings: Settings) -> Made:
    mix = v2.RandomChoice(
        [
            v2.MixUp(alpha=0.2, num_classes=NUM_CLASSES),
            v2.CutMix(alpha=1.0, num_classes=NUM_CLASSES),
        ]
    )
    steps = [
        v2.RandomHorizontalFlip(),
        v2.ColorJitter(0.4, 0.4, 0.4, 0.1),
        v2.RandomGrayscale(0.1),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(**IMAGENET),
        v2.RandomErasing(0.25),
    ]
    batches = torch.utils.data.DataLoader(
        Images(random_images(settings), v2.Compose(steps)),
        batch_size=settings.batch,
        num_workers=settings.workers,
        persistent_workers=True,
        drop_last=True,
        collate_fn=lambda samples: mix(
            *torch.utils.data.default_collate(samples)
        ),
    )
    names = ", ".join(type(step).__name__ for step in steps)
    about = f"{names}, MixUp or CutMix; no PCA noise; images in a DataLoader"
    return about, sizes(batches)


def stage_timm(settings: Settings) -> Made:
    import timm.data
    from timm.data.random_erasing import RandomErasing

    images = random_images(settings)
    labels = torch.arange(settings.batch) % NUM_CLASSES
    mean, std = (
        255 * torch.tensor(IMAGENET[name]).view(1, 3, 1, 1)
        for name in ("mean", "std")
    )
    erase = RandomErasing(0.25, device="cpu")
    mix = timm.data.Mixup(
        mixup_alpha=0.2,
        cutmix_alpha=1.0,
        label_smoothing=0,
        num_classes=NUM_CLASSES,
    )

    def batches() -> Iterator[int]:
        while True:
            normalised = images.float().sub_(mean).div_(std)
            mixed, _ = mix(erase(normalised), labels)
            yield len(mixed)

    about = (
        "normalise as its PrefetchLoader, RandomErasing, Mixup with CutMix; "
        "NO flip, colours, PCA noise: timm has these on PIL images"
    )
    return about, batches()


MAKERS = {
    "stage/torchvision": stage_torchvision,
    "stage/timm": stage_timm,
}

if __name__ == "__main__":
    serve(MAKERS, ["torch", "torchvision", "timm"])

"""The torch contestants: torchvision's transforms on PIL, and timm's loader.

Run by input.py, with a Python that has torch, torchvision and timm.
"""

from collections.abc import Iterator
from typing import Any

import PIL.Image
import torch
from turns import NUM_CLASSES, Made, Settings, serve


def without_kernels(register: Any) -> Any:
    """`register_fake` that passes over torchvision's operators.

    PyPI's torchvision is built for CUDA. Beside a CPU build of torch its
    operators do not load, and describing them fails; transforms need none.
    """

    def register_fake(name: Any, *args: Any, **options: Any) -> Any:
        if str(name).startswith("torchvision::"):
            return lambda function: function
        return register(name, *args, **options)

    return register_fake


torch.library.register_fake = without_kernels(torch.library.register_fake)
from torchvision.transforms import v2  # noqa: E402

LEAST_EPOCH = 200_000  # images: between epochs a loader's workers idle
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


class Photos(torch.utils.data.Dataset):
    """Opens images as PIL does; the files again and again make an epoch."""

    def __init__(self, files: list[str], transform: Any = None) -> None:
        self.files = files * -(-LEAST_EPOCH // len(files))
        self.transform = transform

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        with PIL.Image.open(self.files[index]) as image:
            return self.transform(image.convert("RGB")), index % NUM_CLASSES


def loader(settings: Settings, steps: list[Any], **options: Any) -> Any:
    """A DataLoader with a process for each core."""
    return torch.utils.data.DataLoader(
        Photos(settings.files(), v2.Compose(steps)),
        batch_size=settings.batch,
        shuffle=True,
        num_workers=settings.workers,
        persistent_workers=True,
        drop_last=True,
        **options,
    )


def sizes(batches: Any, batch_trick: Any = None) -> Iterator[int]:
    """Batches without end."""
    while True:
        for images, labels in batches:
            if batch_trick:
                images, labels = batch_trick(images, labels)
            yield len(images)


def crop_torchvision(settings: Settings) -> Made:
    steps = [
        v2.RandomResizedCrop(settings.size),
        v2.RandomHorizontalFlip(),
        v2.PILToTensor(),
    ]
    about = "RandomResizedCrop and flip on PIL images, uint8"
    return about, sizes(loader(settings, steps))


def everything_torchvision(settings: Settings) -> Made:
    mixup = v2.MixUp(alpha=0.2, num_classes=NUM_CLASSES)

    def mixed(samples: Any) -> Any:
        return mixup(*torch.utils.data.default_collate(samples))

    steps = [
        v2.RandomResizedCrop(settings.size),
        v2.RandomHorizontalFlip(),
        v2.ColorJitter(0.4, 0.4, 0.4),
        v2.PILToTensor(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(**IMAGENET),
        v2.RandomErasing(0.25),
    ]
    about = "crop, flip, ColorJitter .4, Normalize, RandomErasing .25, MixUp"
    return about, sizes(loader(settings, steps, collate_fn=mixed))


def everything_timm(settings: Settings) -> Made:
    import timm.data

    batches = timm.data.create_loader(
        Photos(settings.files()),
        input_size=(3, settings.size, settings.size),
        batch_size=settings.batch,
        is_training=True,
        color_jitter=0.4,
        re_prob=0.25,
        num_workers=settings.workers,
        use_prefetcher=False,  # which is for GPUs
        device=torch.device("cpu"),
    )
    mixup = timm.data.Mixup(
        mixup_alpha=0.2, label_smoothing=0, num_classes=NUM_CLASSES
    )
    about = "create_loader: crop, flip, color_jitter .4, re_prob .25; Mixup"
    return about, sizes(batches, mixup)


def randaugment_torchvision(settings: Settings) -> Made:
    steps = [
        v2.RandomResizedCrop(settings.size),
        v2.RandomHorizontalFlip(),
        v2.RandAugment(num_ops=2, magnitude=9),
        v2.PILToTensor(),
    ]
    about = "RandomResizedCrop, flip, RandAugment(2, 9) on PIL images, uint8"
    return about, sizes(loader(settings, steps))


def randaugment_timm(settings: Settings) -> Made:
    import timm.data

    transform = timm.data.create_transform(
        settings.size,
        is_training=True,
        auto_augment="rand-m9-n2",
        interpolation="bilinear",
        use_prefetcher=True,  # ends in uint8, as the others do
    )
    about = "create_transform with rand-m9-n2: crop, flip, uint8"
    return about, sizes(loader(settings, [transform]))


MAKERS = {
    "crop/torchvision": crop_torchvision,
    "everything/torchvision": everything_torchvision,
    "everything/timm": everything_timm,
    "randaugment/torchvision": randaugment_torchvision,
    "randaugment/timm": randaugment_timm,
}

if __name__ == "__main__":
    serve(MAKERS, ["torch", "torchvision", "timm", "PIL"])

"""torchvision's transforms as a contestant: image by image, as in a dataset."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from conformance.adaptor import Adaptor, Apply, Contestant, one_by_one


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
    import torchvision.transforms.v2

    torch.library.register_fake = register
    return torchvision


torchvision = import_torchvision()
v2 = torchvision.transforms.v2
torch.set_num_threads(1)


def versions() -> dict[str, str]:
    return {
        "torch": torch.__version__.split("+")[0],
        "torchvision": torchvision.__version__.split("+")[0],
    }


def seed() -> None:
    torch.manual_seed(0)


def on_image(transform: Any) -> Apply:
    """Floats on 0..1, channels first, as torchvision wants them."""

    def change(image: np.ndarray) -> np.ndarray:
        tensor = torch.from_numpy(image).permute(2, 0, 1) / 255
        return transform(tensor).permute(1, 2, 0).numpy() * 255

    return one_by_one(change)


def on_batch(transform: Any) -> Apply:
    """Images [B, 3, H, W] and soft labels."""

    def apply(
        images: np.ndarray, labels: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        batch = torch.from_numpy(images).permute(0, 3, 1, 2)
        batch, mixed = transform(batch, torch.from_numpy(labels))
        return batch.permute(0, 2, 3, 1).numpy(), mixed.numpy()

    return apply


def places(transform: Any) -> Apply:
    """Where pixels are coordinates, they stay on their scale."""

    def change(image: np.ndarray) -> np.ndarray:
        tensor = torch.from_numpy(image).permute(2, 0, 1)
        return transform(tensor).permute(1, 2, 0).numpy()

    return one_by_one(change)


def adaptor(setting: str, way: Callable[[Any], Apply] = on_image) -> Adaptor:
    """What a user would write, made by Python itself."""
    return Adaptor(setting, lambda: way(eval(setting, vars(v2).copy())))


def normalize() -> Apply:
    """Its output is no colour."""
    mean, deviation = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    transform = v2.Normalize(mean, deviation)
    return on_image(lambda tensor: transform(tensor) / 255)


CONTESTANT: Contestant = {
    "mixup": adaptor("MixUp(alpha=0.2)", on_batch),
    "cutmix": adaptor("CutMix(alpha=1.0)", on_batch),
    "cutmix in float16": adaptor("CutMix(alpha=1.0)", on_batch),
    "switch": adaptor(
        "RandomApply([RandomChoice([MixUp(), CutMix()])], p=0.8)", on_batch
    ),
    "random erasing": adaptor("RandomErasing(p=0.5)"),
    "brightness": adaptor("ColorJitter(brightness=0.4)"),
    "contrast": adaptor("ColorJitter(contrast=0.4)"),
    "saturation": adaptor("ColorJitter(saturation=0.4)"),
    "hue": adaptor("ColorJitter(hue=0.1)"),
    "order": adaptor("ColorJitter(brightness=0.8, contrast=0.8)"),
    "grayscale": adaptor("RandomGrayscale(p=0.2)"),
    "normalize": Adaptor("Normalize(ImageNet's, /255)", normalize),
    "flip": adaptor("RandomHorizontalFlip(p=0.5)", places),
    "alternating flip": adaptor("RandomHorizontalFlip(p=0.5)", places),
    "translate": adaptor("RandomCrop(32, padding=4)", places),
    "translate: reflect": adaptor(
        "RandomCrop(32, padding=4, padding_mode='reflect')", places
    ),
    "blur": adaptor("RandomApply([GaussianBlur(23, sigma=(0.1, 2.0))], p=0.5)"),
    "crop": adaptor("RandomResizedCrop(64)", places),
}

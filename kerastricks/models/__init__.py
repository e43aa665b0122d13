"""Classifiers by name; each gives float32 logits.

Importing this imports no Keras: `names` and the command line need none.
"""

import importlib
from typing import TYPE_CHECKING, Any

from kerastricks.models.names import in_zoo, knobs, names, parse

if TYPE_CHECKING:
    import keras

__all__ = ["count_flops", "create", "in_zoo", "knobs", "names"]

# Where what is built lies, by family or public name.
PLACES = {
    "resnet": "resnet",
    "cifar_resnet": "cifar",
    "wide_resnet": "cifar",
    "cifar_fast": "cifar_fast",
    "count_flops": "flops",
    "freeze_batch_norms": "fuse",
    "fuse_batch_norms": "fuse",
    "fold_batch_norms": "fold",
    "init_from": "weights",
    "logits_of": "zoo",
    "renew_head": "weights",
    "published_normalization": "zoo",
}


def __getattr__(name: str) -> Any:
    if name in PLACES and name not in ("resnet", "cifar_fast"):
        module = importlib.import_module(f"kerastricks.models.{PLACES[name]}")
        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def create(
    name: str,
    *,
    num_classes: int = 1000,
    image_size: int | None = None,
    **options: Any,
) -> "keras.Model":
    """A classifier from normalised images to logits.

    Args:
        image_size: of the training images, where the network depends on it.
        options: of the network's builder: `models.resnet.resnet`,
            `models.cifar`, `models.cifar_fast`, `models.zoo`, and for all but
            the last two those of `models.parts.Parts`.

    Example:
        model = create("resnet50_d", num_classes=10, image_size=224)
    """
    if in_zoo(name):
        from kerastricks.models.zoo import create_from_zoo

        return create_from_zoo(
            name, num_classes=num_classes, image_size=image_size, **options
        )
    family, arguments = parse(name)
    module = importlib.import_module(f"kerastricks.models.{PLACES[family]}")
    if family == "resnet":
        options["image_size"] = image_size
    return getattr(module, family)(
        num_classes=num_classes,
        name=name,
        **arguments,
        **options,
    )

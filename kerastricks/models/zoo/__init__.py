"""Other people's classifiers by name, ready for this package's pipeline.

    keras:ResNet50            keras.applications (`zoo_names` lists them)
    keras_cv:MiTB0Backbone    keras-cv's backbones, with a head
    keras_hub:PRESET          keras-hub's presets, or a preset's folder

Each takes normalised images [B, H, W, 3] and gives float32 logits
[B, num_classes]. A model's own preprocessing is taken off; what replaces it for
its published weights is `published_normalization`.
"""

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import keras

from kerastricks.errors import InputError
from kerastricks.models.zoo.applications import (
    application,
    application_name,
    zoo_names,
)
from kerastricks.models.zoo.backbones import (
    cv_backbone,
    hub_classifier,
    hub_converter,
)
from kerastricks.models.zoo.logits import logits_of
from kerastricks.models.zoo.normalization import UNIT_RANGE, as_flag, mode

__all__ = [
    "create_from_zoo",
    "logits_of",
    "published_normalization",
    "zoo_names",
]

Builder = Callable[[str, int, int | None, str | None], keras.Model]
LIBRARIES: dict[str, Builder] = {
    "keras": application,
    "keras_cv": cv_backbone,
    "keras_hub": hub_classifier,
}


def create_from_zoo(
    name: str,
    *,
    num_classes: int,
    image_size: int | None = None,
    seed: int = 0,
    dtype: Any = None,
    weights: str | None = None,
) -> keras.Model:
    """A classifier of another library.

    Args:
        image_size: of the images. Most models take any size whatever this is;
            VGG and NASNet are made for this one (None: the published one).
        seed: of random weights and of dropout.
        dtype: policy of the layers; None: Keras's global one. Logits are
            float32 under every policy.
        weights: None (random), `imagenet` (downloaded), or a file with weights
            of the library's own model. With another number of classes all but
            the classifier is loaded.

    Example:
        model = create_from_zoo("keras:InceptionV3", num_classes=10)
    """
    library, _, what = name.partition(":")
    if library not in LIBRARIES or not what:
        raise InputError(
            f"a zoo model is LIBRARY:NAME with {', '.join(LIBRARIES)} as the "
            f"library. Received: model={name}"
        )
    with building(seed, dtype):
        model = LIBRARIES[library](what, num_classes, image_size, weights)
        return logits_of(model, num_classes, seed=seed)


@contextlib.contextmanager
def building(seed: int, dtype: Any) -> Iterator[None]:
    """What is made in here has this seed and policy; both are put back after.

    The zoo's builders take neither. Keras draws the seed of each unseeded
    initializer and dropout from Python's own generator.
    """
    policy, state = keras.config.dtype_policy(), random.getstate()
    random.seed(f"kerastricks zoo {seed}")
    try:
        if dtype is not None:
            keras.config.set_dtype_policy(dtype)
        yield
    finally:
        keras.config.set_dtype_policy(policy)
        random.setstate(state)


def published_normalization(name: str) -> str:
    """What --normalize must be for the published weights of a zoo model.

    Of channels it need not tell: where weights for BGR images are loaded, they
    are turned into weights for RGB.

    Example:
        published_normalization("keras:VGG16")  # 123.68,116.779,103.939/1,1,1
    """
    library, _, what = name.partition(":")
    if library == "keras":
        return mode(application_name(what))
    if library == "keras_cv":
        return UNIT_RANGE  # all of them were trained behind Rescaling(1/255)
    if library == "keras_hub":
        converter = hub_converter(what)
        return as_flag(converter.scale, converter.offset)
    raise InputError(
        "only zoo models have a published normalization. Received: "
        f"model={name}"
    )

"""The models of keras.applications, behind normalised images.

Their heads are the published ones, so parameter counts are too.
"""

import contextlib
import difflib
import inspect
import os
import warnings
from collections.abc import Iterator
from typing import Any

import keras

from kerastricks.errors import InputError
from kerastricks.models.zoo.normalization import reads_bgr
from kerastricks.models.zoo.surgery import without_preprocessing

# What these are made of depends on the size; Keras's own default sizes.
FIXED_SIZES = {"VGG16": 224, "VGG19": 224, "NASNetMobile": 224}
FIXED_SIZES |= {"NASNetLarge": 331}
# As Keras checks it; the others take 32 px.
SMALLEST = {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71}
# Their padding before convolutions of stride 2 follows the size.
SIZED_PADS = ("EfficientNetB", "MobileNetV2", "MobileNetV3")
PUBLISHED_CLASSES = 1000


def builders() -> dict[str, Any]:
    """keras.applications by name."""
    return {
        name: value
        for name, value in vars(keras.applications).items()
        if inspect.isfunction(value)
    }


def zoo_names() -> list[str]:
    """Every `keras:NAME`; other libraries list theirs in an error."""
    return [f"keras:{name}" for name in builders()]


def application_name(text: str) -> str:
    """A model's name as Keras writes it."""
    known = {name.lower(): name for name in builders()}
    if text.lower() in known:
        return known[text.lower()]
    near = difflib.get_close_matches(text.lower(), known, n=3, cutoff=0.6)
    choices = (
        f"did you mean {', '.join(known[name] for name in near)}?"
        if near
        else f"it has {', '.join(known.values())}."
    )
    raise InputError(
        f"keras.applications has no such model; {choices} Received: "
        f"model=keras:{text}"
    )


def application(
    text: str, num_classes: int, image_size: int | None, weights: str | None
) -> keras.Model:
    """A model of keras.applications that starts behind its preprocessing."""
    name = application_name(text)
    made = blank(name, num_classes, side(name, image_size))
    if weights is not None:
        with float32():
            given = published(name, num_classes, weights)
        copy_weights(name, given, made)
        if reads_bgr(name):
            reverse_channels(made)
    if name.startswith(SIZED_PADS):
        return without_preprocessing(made)
    return made


def side(name: str, image_size: int | None) -> int | None:
    """Height and width that the model is built for; None: any."""
    smallest = SMALLEST.get(name, 32)
    if image_size is not None and image_size < smallest:
        raise InputError(
            f"image_size must be at least {smallest} for keras:{name}. "
            f"Received: image_size={image_size}"
        )
    if name not in FIXED_SIZES:
        return None
    return image_size or FIXED_SIZES[name]


def blank(name: str, num_classes: int, side: int | None) -> keras.Model:
    """With random weights; without preprocessing where Keras has a switch."""
    build = builders()[name]
    options: dict[str, Any] = {}
    if "include_preprocessing" in inspect.signature(build).parameters:
        options["include_preprocessing"] = False
    # An input tensor may have any size; an input shape must be fixed as long
    # as the head is on, also for models that pool.
    return build(
        weights=None,
        input_tensor=keras.Input((side, side, 3), name="images"),
        **({"input_shape": (side, side, 3)} if side else {}),
        classes=num_classes,
        classifier_activation=None,
        **options,
    )


def published(name: str, num_classes: int, weights: str) -> keras.Model:
    """Keras's own model with the weights, as it comes."""
    build = builders()[name]
    if weights == "imagenet":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that 224 px is the default
            try:
                return build(weights="imagenet")
            except Exception as error:  # whatever a download may raise
                raise InputError(
                    f"the weights of keras:{name} could not be downloaded "
                    f"({last_line(error)}). Keras looks for them in "
                    "~/.keras/models first: copy the file there from where "
                    f"there is a network. Received: keras:{name}"
                ) from error
    if not os.path.isfile(weights):
        raise InputError(
            "weights must be imagenet or a file of Keras weights. Received: "
            f"weights={weights}"
        )
    for classes in dict.fromkeys((num_classes, PUBLISHED_CLASSES)):
        model = build(weights=None, classes=classes)
        try:
            model.load_weights(weights)
            return model
        except Exception as error:  # of HDF5 as well as of Keras
            problem = error
    raise InputError(
        f"weights must be those of Keras's own {name}, its head included, with "
        f"{num_classes} or {PUBLISHED_CLASSES} classes. Received: "
        f"weights={weights} ({last_line(problem)})"
    ) from problem


def copy_weights(name: str, given: keras.Model, made: keras.Model) -> None:
    """All but a classifier of another number of classes.

    Where a model's switch has taken its preprocessing off, nothing with weights
    went with it, so both have theirs in the same order.
    """
    unlike = [
        (new, old)
        for new, old in zip(made.weights, given.weights, strict=True)
        if new.shape != old.shape
    ]
    head = (given.output_shape[-1], made.output_shape[-1])
    if any((old.shape[-1], new.shape[-1]) != head for new, old in unlike):
        raise InputError(
            f"the weights of keras:{name} are for images of "
            f"{given.input_shape[1]} px. Received: "
            f"image_size={made.input_shape[1]}"
        )
    skipped = {id(new) for new, _ in unlike}
    for new, old in zip(made.weights, given.weights, strict=True):
        if id(new) not in skipped:
            new.assign(old)


def reverse_channels(model: keras.Model) -> None:
    """Makes a model for BGR one for RGB, by its first kernel."""
    first = next(
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D)
    )
    kernel = keras.ops.convert_to_numpy(first.kernel)
    first.kernel.assign(kernel[:, :, ::-1])


@contextlib.contextmanager
def float32() -> Iterator[None]:
    """Policy of models that only bring weights."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)


def last_line(error: Exception) -> str:
    """The part of an error that says why."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[-1] if lines else ''}"

"""keras-cv's backbones and keras-hub's presets, as feature extractors.

Both keep most of their configurations on a server, and some folders of yours
may hold others (`save_to_preset`).
"""

import contextlib
import difflib
import importlib
import inspect
import os
import textwrap
from collections.abc import Iterator
from typing import Any

import keras

from kerastricks.call_text import parse_call
from kerastricks.errors import InputError

PACKAGES = {"keras_cv": "keras-cv", "keras_hub": "keras-hub"}
# Built for one size of images, which they must be told.
SIZED = ("MiT", "ViTDet", "VGG16")


def library(name: str) -> Any:
    """keras_cv or keras_hub, if it is installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(
            f"{name} models need {PACKAGES[name]}: pip install "
            f"{PACKAGES[name]}. Received: {error}"
        ) from error


@contextlib.contextmanager
def clear_errors(name: str) -> Iterator[None]:
    """Instead of a library's traceback, one line of it and what to do."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # whatever a download or a builder may raise
        offline = isinstance(error, OSError) or "URL fetch" in str(error)
        rule = (
            "this model's configuration is on a server that could not be "
            "reached; make it on a machine that can, or take a keras: model, "
            "which needs none"
            if offline
            else "the library cannot make this model"
        )
        raise InputError(
            f"{rule}. Received: model={name} ({short(error)})"
        ) from error


def short(error: Exception) -> str:
    """An error in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {textwrap.shorten(text, 300)}"


# keras-cv


def cv_backbone(
    text: str, num_classes: int, image_size: int | None, weights: str | None
) -> keras.Model:
    """`Name` or `Name(option=value)` of keras_cv.models, without rescaling."""
    name, options = parse_call(text, "model", "models")
    kind = backbone_class(name)
    given: dict[str, Any] = {"include_rescaling": False}
    if name.startswith(SIZED) and image_size:
        given["input_shape"] = (image_size, image_size, 3)
    if "include_top" in inspect.signature(kind.__init__).parameters:
        given["include_top"] = False
    with clear_errors(f"keras_cv:{text}"):
        if weights == "imagenet":
            return kind.from_preset(
                imagenet_preset(kind), load_weights=True, **given, **options
            )
        made = kind(**given, **options)
        load(made, weights)
        return made


def backbone_class(name: str) -> Any:
    """keras-cv's backbone of this name, in whatever case."""
    models = library("keras_cv").models
    known = {
        key.lower(): value
        for key, value in vars(models).items()
        if isinstance(value, type)
        and issubclass(value, models.Backbone)
        and value is not models.Backbone
    }
    if name.lower() in known:
        return known[name.lower()]
    near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
    kinds = [known[key].__name__ for key in near or known]
    choices = (
        f"did you mean {', '.join(kinds)}?"
        if near
        else f"it has {', '.join(kinds)}."
    )
    raise InputError(
        f"keras_cv has no backbone of this name; {choices} Received: "
        f"model=keras_cv:{name}"
    )


def imagenet_preset(kind: Any) -> str:
    """The preset of a backbone that has ImageNet weights."""
    presets = [
        preset for preset in kind.presets_with_weights if "imagenet" in preset
    ]
    if len(presets) == 1:
        return presets[0]
    raise InputError(
        "weights=imagenet needs a keras_cv backbone of which there is one such "
        f"preset. Received: model=keras_cv:{kind.__name__}, presets {presets}"
    )


def load(model: keras.Model, weights: str | None) -> None:
    """Weights from a file, if one is given."""
    if weights is None:
        return
    if not os.path.isfile(weights):
        raise InputError(
            "weights must be imagenet or a file of Keras weights. Received: "
            f"weights={weights}"
        )
    model.load_weights(weights)


# keras-hub


def hub_classifier(
    preset: str, num_classes: int, image_size: int | None, weights: str | None
) -> keras.Model:
    """A preset; with its own classifier where that has these classes.

    Its weights, whatever they were trained on, come with weights=imagenet.
    """
    hub = library("keras_hub")
    options = {"dtype": keras.config.dtype_policy()}
    with clear_errors(f"keras_hub:{preset}"):
        made = hub_model(hub, preset, num_classes, weights, options)
        if image_size and made.input_shape[1] not in (None, image_size):
            options["image_shape"] = (image_size, image_size, 3)
            made = hub_model(hub, preset, num_classes, weights, options)
        return made


def hub_model(
    hub: Any,
    preset: str,
    num_classes: int,
    weights: str | None,
    options: dict[str, Any],
) -> keras.Model:
    """The backbone, or the classifier of num_classes."""
    # The same structure with and without: a run is rebuilt without.
    options = options | {"load_weights": weights == "imagenet"}
    try:
        made = hub.models.ImageClassifier.from_preset(
            preset, preprocessor=None, **options
        )
    except TypeError:  # the preset has a backbone only: no number of classes
        made = hub.models.Backbone.from_preset(preset, **options)
    else:
        if made.num_classes != num_classes:
            made = made.backbone
    if weights != "imagenet":
        load(made, weights)
    return made


def hub_converter(preset: str) -> Any:
    """What scales and shifts the images of a preset."""
    hub = library("keras_hub")
    with clear_errors(f"keras_hub:{preset}"):
        return hub.layers.ImageConverter.from_preset(preset)

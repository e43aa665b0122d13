"""Any augmentation layer of keras-cv, as a policy: --policy=keras_cv:GridMask.

A sample's layer is a function of its key like all other policies. keras-cv's
layers draw from TensorFlow's stateful generators; while a layer is traced,
these are replaced by ones that draw from the key, so that a run repeats and
resumes to the bit. Inside a loop in the graph, which only AugMix has, such a
draw is the same each time round.

Options are written as in Python: keras_cv:RandomHue(factor=0.2). Images are
float 0..255 to the layer, and `value_range` need not be named. Layers that want
a whole batch (MixUp, CutMix, Mosaic) are no policies.

Slower than the package's own policies, and there for what it has not. Acts on:
the cropped uint8 square on the host. Hurts: whoever takes a layer for the paper
whose name it bears (docs/conformance.md has the differences).
"""

import contextlib
import dataclasses
import difflib
import inspect
from collections.abc import Iterator
from typing import Any
from unittest import mock

import tensorflow as tf

from kerastricks.call_text import parse_call
from kerastricks.errors import InputError

Tensor = Any


@dataclasses.dataclass(frozen=True)
class KerasCv:
    """A keras-cv layer on one image.

    Args:
        text: its class's name, with options in brackets if any.

    Example:
        KerasCv("GridMask(ratio_factor=0.5)")(image, key=tf.constant([0, 1]))
    """

    text: str

    def __post_init__(self) -> None:
        # What is wrong shows now, not in the pipeline.
        make_layer(self.text)
        image = tf.TensorSpec([32, 32, 3], tf.uint8)
        traced = tf.function(self.augmented)
        try:
            new = traced.get_concrete_function(
                image, tf.TensorSpec([2], tf.int32)
            ).structured_outputs
        except Exception as error:  # whatever a layer may raise
            raise InputError(
                "a policy must be able to act on one image alone. Received: "
                f"policy=keras_cv:{self.text} ({str(error).splitlines()[-1]})"
            ) from error
        if not new.shape.is_compatible_with(image.shape):
            raise InputError(
                "a policy must leave the image's size as it is. Received: "
                f"policy=keras_cv:{self.text}, {image.shape} -> {new.shape}"
            )

    def augmented(self, image: Tensor, key: Tensor) -> Tensor:
        """What the layer makes of an image."""
        with drawing_from(key):
            layer = make_layer(self.text)
            return layer(tf.cast(image, tf.float32), training=True)

    def __call__(self, image: Tensor, key: Tensor) -> Tensor:
        # Some layers branch on tensors in Python, which the pipeline does not.
        new = tf.autograph.to_graph(KerasCv.augmented)(self, image, key)
        new = tf.clip_by_value(tf.round(tf.cast(new, tf.float32)), 0, 255)
        return tf.ensure_shape(tf.cast(new, tf.uint8), image.shape)


def make_layer(text: str) -> Any:
    """The layer that `Name` or `Name(option=value)` stands for."""
    name, options = parse_call(text, "policy", "policies")
    kind = layer_class(name)
    if "value_range" in inspect.signature(kind).parameters:
        options = {"value_range": (0, 255)} | options
    try:
        return kind(**options)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"keras_cv's {name} takes {inspect.signature(kind)}; name options "
            f"as in keras_cv:{name}(option=value). Received: "
            f"policy=keras_cv:{text} ({error})"
        ) from error


def layer_class(name: str) -> Any:
    """keras-cv's augmentation layer of this name."""
    try:
        import keras_cv
    except ImportError as error:
        raise InputError(
            "keras_cv policies need keras-cv: pip install keras-cv. "
            f"Received: policy=keras_cv:{name} ({error})"
        ) from error
    bases = (
        keras_cv.layers.BaseImageAugmentationLayer,
        keras_cv.layers.VectorizedBaseImageAugmentationLayer,
    )
    layers = {
        key: value
        for key, value in vars(keras_cv.layers).items()
        if isinstance(value, type)
        and issubclass(value, bases)
        and value not in bases
    }
    if name not in layers:
        near = difflib.get_close_matches(name, layers, n=3, cutoff=0.5)
        choices = (
            f"close to it: {', '.join(near)}" if near else ", ".join(layers)
        )
        raise InputError(
            f"keras_cv has no augmentation layer of this name; {choices}. "
            f"Received: policy=keras_cv:{name}"
        )
    return layers[name]


class Draws:
    """A stand-in for tf.random.Generator whose draws come from a key."""

    def __init__(self, key: Tensor) -> None:
        self.key = key
        self.count = 0

    def next_key(self) -> Tensor:
        """Another for each draw."""
        self.count += 1
        return tf.random.experimental.stateless_fold_in(self.key, self.count)

    def uniform(
        self,
        shape: Any,
        minval: Any = 0,
        maxval: Any = None,
        dtype: Any = tf.float32,
        seed: Any = None,
        name: Any = None,
    ) -> Tensor:
        dtype = tf.as_dtype(dtype)
        if maxval is None and dtype.is_floating:
            maxval = 1
        return tf.random.stateless_uniform(
            shape, self.next_key(), minval, maxval, dtype
        )

    def normal(
        self,
        shape: Any,
        mean: Any = 0.0,
        stddev: Any = 1.0,
        dtype: Any = tf.float32,
        seed: Any = None,
        name: Any = None,
    ) -> Tensor:
        return tf.random.stateless_normal(
            shape, self.next_key(), mean, stddev, dtype
        )

    random_normal = normal  # what GridMask calls it

    def gamma(
        self,
        shape: Any,
        alpha: Any,
        beta: Any = None,
        dtype: Any = tf.float32,
        seed: Any = None,
        name: Any = None,
    ) -> Tensor:
        shape = tf.concat([shape, tf.shape(alpha)], axis=0)
        return tf.random.stateless_gamma(
            shape, self.next_key(), alpha, beta, dtype
        )

    def shuffle(self, value: Tensor, seed: Any = None, name: Any = None) -> Any:
        return tf.random.experimental.stateless_shuffle(value, self.next_key())


@contextlib.contextmanager
def drawing_from(key: Tensor) -> Iterator[None]:
    """What keras-cv makes and traces in here draws from the key."""
    draws = Draws(key)
    with mock.patch.multiple(
        tf.random,
        get_global_generator=lambda: draws,
        uniform=draws.uniform,
        normal=draws.normal,
        gamma=draws.gamma,
        shuffle=draws.shuffle,
    ):
        yield

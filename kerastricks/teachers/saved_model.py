"""SavedModels as teachers: ours, and those of other programs."""

import pathlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerastricks.augment import Normalize
from kerastricks.errors import InputError
from kerastricks.teachers.adapt import adapt
from kerastricks.teachers.student import Student

SMALLEST = 1e-37  # float32 has no smaller probability that XLA leaves alone
PIXELS = Normalize((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
OURS = {"logits", "class_names", "serve_bytes"}


class Served(keras.layers.Layer):
    """Images -> logits by a function that Keras does not look into.

    Its variables are TensorFlow's own: nothing trains or saves them.
    """

    def __init__(self, function: Callable[[Any], Any], classes: int) -> None:
        super().__init__(dtype="float32", name="served", trainable=False)
        self.function = function
        self.classes = classes

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        return (input_shape[0], self.classes)

    def call(self, images: Any) -> Any:
        return tf.ensure_shape(self.function(images), [None, self.classes])


def from_saved_model(path: pathlib.Path, student: Student) -> keras.Model:
    """From the student's images to the logits of a SavedModel.

    Ours takes pixels and normalises them. Of another it is not known what it
    wants: it gets the images as the student does. If what it gives are
    probabilities, their logarithms are its logits.
    """
    if keras.backend.backend() != "tensorflow":
        raise InputError(
            "a SavedModel teaches on the tensorflow backend only; on others "
            f"give the run that it came from. Received: teacher={path}"
        )
    loaded = tf.saved_model.load(str(path))
    signatures = loaded.signatures
    if OURS <= set(signatures):
        names = signatures["class_names"]()["class_names"].numpy()
        student.check_names([name.decode() for name in names], str(path))
        name, wanted = "logits", PIXELS
    elif "serve_bytes" in signatures:
        raise InputError(
            "this SavedModel takes whole pictures alone; export its run again, "
            f"or give the run. Received: teacher={path}"
        )
    else:
        name, wanted = "serving_default", student.normalize
    function, shape = single(signatures, name, path)

    def serve(images: Any, kept: Any = loaded) -> Any:
        """Keeps what was loaded: a signature alone loses its variables."""
        return function(images)

    images = keras.Input((None, None, 3), name="images")
    adapted = adapt(images, student.normalize, wanted, shape)
    logits = Served(opened(serve, shape, student, path), student.num_classes)
    return keras.Model(images, logits(adapted), name="teacher")


def single(
    signatures: Any, name: str, path: pathlib.Path
) -> tuple[Callable[[Any], Any], tuple[Any, ...]]:
    """A signature as a function of images, and the images' shape."""
    if name not in signatures:
        raise InputError(
            "a teacher's SavedModel must have the signature serving_default. "
            f"Received: teacher={path} with {sorted(signatures) or 'none'}"
        )
    signature = signatures[name]
    inputs = signature.structured_input_signature[1]
    outputs = signature.structured_outputs
    if not (takes_images(*inputs.values()) and len(outputs) == 1):
        raise InputError(
            "a teacher's signature must take images, float [N, H, W, 3] with "
            "any N (no bytes: augmented images are none), and give one "
            f"output. Received: teacher={path}, {name}: "
            f"{list(inputs.values())} -> {list(outputs)}"
        )
    ((key, spec),), (output,) = inputs.items(), outputs

    def function(images: Any) -> Any:
        found = signature(**{key: tf.cast(images, spec.dtype)})
        return tf.cast(found[output], tf.float32)

    return function, tuple(spec.shape)


def takes_images(*specs: Any) -> bool:
    """Whether a function of these takes a batch of float images alone."""
    if len(specs) != 1 or specs[0].shape.rank != 4:
        return False
    batch, *_, channels = specs[0].shape
    return specs[0].dtype.is_floating and batch is None and channels == 3


def opened(
    function: Callable[[Any], Any],
    shape: tuple[Any, ...],
    student: Student,
    path: pathlib.Path,
) -> Callable[[Any], Any]:
    """The function, made to give logits if it gives probabilities."""
    sides = [side or student.image_size for side in shape[1:3]]
    noise = np.random.RandomState(0).normal(size=(4, *sides, 3))
    try:
        found = function(tf.constant(noise, tf.float32)).numpy()
    except tf.errors.OpError as error:
        raise InputError(
            "a teacher must take images of the student's size. Received: "
            f"teacher={path}, image_size={student.image_size} "
            f"({str(error).splitlines()[0]})"
        ) from error
    student.check_count(found.shape[-1], str(path))
    sums = found.sum(axis=-1)
    if found.min() < 0 or not np.allclose(sums, 1, atol=1e-3):
        return function
    return lambda images: tf.math.log(tf.maximum(function(images), SMALLEST))

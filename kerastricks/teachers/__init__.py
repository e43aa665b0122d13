"""Whom a student learns from: `--teacher`, several of them with commas.

    RUN_DIR            a run with the same classes
    keras:NAME         another library's model with its published weights
    NAME=FILE          a network of any name with the weights of a file
    SAVED_MODEL        a folder that `export` or another program wrote

All of them become frozen models from the student's own images to logits. If a
teacher was trained on images normalised otherwise, they are normalised anew in
front of it. They have the student's size, whatever the teacher was trained on;
only for a network that takes no other they are resized.
"""

import os
import pathlib
from collections.abc import Sequence
from typing import Any

import keras

from kerastricks import build, config, models
from kerastricks.augment import Normalize
from kerastricks.call_text import split_outside
from kerastricks.errors import InputError
from kerastricks.models.fold import fold_batch_norms
from kerastricks.models.fuse import copy_with, is_graph
from kerastricks.models.weights.start import OURS, copy_from
from kerastricks.run_dir import RunDir
from kerastricks.teachers.adapt import adapt
from kerastricks.teachers.saved_model import from_saved_model
from kerastricks.teachers.student import Student

__all__ = ["load_teachers"]

PUBLISHED_CLASSES = 1000  # of keras.applications' weights
IMAGENET = Normalize()
Network = tuple[keras.Model, Normalize]


def load_teachers(
    text: str,
    *,
    class_names: Sequence[str],
    image_size: int,
    normalize: Normalize,
    precision: str = "float32",
) -> list[keras.Model]:
    """Frozen models from the student's normalised images to float32 logits.

    Args:
        class_names: the student's, in the order of its labels.
        image_size: of the student's images.
        normalize: what has normalised them.
        precision: the policy to compute in; a SavedModel has its own.

    Example:
        load_teachers(
            "runs/big,keras:ResNet50",
            class_names=source.class_names,
            image_size=224,
            normalize=Normalize(),
        )
    """
    student = Student(tuple(class_names), image_size, normalize, precision)
    entries = split_outside(text)
    if not all(entries):
        raise InputError(
            "teacher must be one teacher, or several with commas between "
            f"them. Received: teacher={text}"
        )
    return [load_teacher(entry, student) for entry in entries]


def load_teacher(entry: str, student: Student) -> keras.Model:
    """One of them; says what it found."""
    path = pathlib.Path(os.path.expanduser(entry))
    if (path / "saved_model.pb").is_file():
        teacher = from_saved_model(path, student)
    else:
        teacher = in_front_of(*find(entry, path, student), student)
    teacher.trainable = False
    check(teacher, student, entry)
    print(
        f"teacher: {entry}, on images of {student.image_size} px as the "
        "student has them"
    )
    return teacher


def find(entry: str, path: pathlib.Path, student: Student) -> Network:
    """What a teacher's name stands for."""
    if (path / "recipe.flags").is_file():
        return from_run(RunDir(path), student)
    if path.exists():
        raise InputError(
            "a teacher's folder must be a run's or a SavedModel; a file of "
            f"weights needs its network: NAME=FILE. Received: teacher={entry}"
        )
    name, equals, file = entry.partition("=")
    if equals and "(" not in name:  # Name(option=value) has one too
        return from_file(name, file, student)
    if models.in_zoo(entry):
        return from_zoo(entry, "imagenet", student)
    try:
        models.knobs(entry)
    except InputError:
        raise InputError(
            "teacher must be a run's folder, NAME=FILE, keras:NAME, "
            "keras_hub:PRESET or a SavedModel's folder, and none of these is "
            f"there. Received: teacher={entry}"
        ) from None
    raise InputError(
        "a network teaches with its weights only: NAME=FILE. "
        f"Received: teacher={entry}"
    )


def from_run(folder: RunDir, student: Student) -> Network:
    """The best weights of a run."""
    recipe = folder.recipe()
    about = folder.read(folder.effective_file)["data"]
    student.check_names(about["class_names"], str(folder.path))
    if about.get("multi_label"):
        raise InputError(
            "a teacher must have learnt from images of one class each. "
            f"Received: teacher={folder.path}"
        )
    if not folder.best_weights.is_file():
        raise InputError(
            "this run has no weights yet: its first epoch is not over. "
            f"Received: teacher={folder.path}"
        )
    network = build.classifier(
        recipe, student.num_classes, about["image_size"], student.precision
    )
    network.load_weights(folder.best_weights)
    return network, build.normalizer(recipe)


def from_zoo(name: str, weights: str, student: Student) -> Network:
    """With published weights, their classifier included."""
    text = models.published_normalization(name)
    if name.startswith("keras:"):
        student.check_count(PUBLISHED_CLASSES, name)
    network = models.create(
        name,
        num_classes=student.num_classes,
        dtype=student.precision,
        weights=weights,
    )
    if network.layers[-1].name == "head":  # which features get, at random
        raise headless(name, student)
    return network, Normalize(*config.normalization(text))


def headless(teacher: str, student: Student) -> InputError:
    return InputError(
        "a teacher's weights must have a classifier for the student's "
        f"{student.num_classes} classes. Received: teacher={teacher}"
    )


def from_file(name: str, file: str, student: Student) -> Network:
    """A network with weights that were trained on images normalised as the
    student's; by torch, as torchvision and timm have ImageNet's."""
    in_zoo, ours = models.in_zoo(name), file.endswith(OURS)
    if in_zoo and not ours:
        return from_zoo(name, file, student)
    # A name alone does not tell: small images have a stem of their own.
    sizes = [None] if in_zoo else [student.image_size, None]
    wrong: InputError | None = None
    for size in sizes:
        network = models.create(
            name,
            num_classes=student.num_classes,
            image_size=size,
            dtype=student.precision,
        )
        try:
            copied = copy_from(network, file)
            break
        except InputError as error:
            wrong = wrong or error
    else:
        # They speak of the student's flag.
        text = str(wrong).replace("init_weights", "teacher")
        hint = "; a run teaches by its folder" if ours else ""
        raise InputError(f"{text}{hint}") from None
    if copied.left_new:
        raise headless(f"{name}={file}", student)
    return network, student.normalize if ours else IMAGENET


class Teacher(keras.Model):
    """A graph that is in inference whatever is asked of it."""

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        return super().call(inputs, training=False, mask=mask)


def in_front_of(
    network: keras.Model, normalize: Normalize, student: Student
) -> keras.Model:
    """The network on the student's images.

    One flat graph, so that features can be taken out of it, of layers that
    belong to no other graph.
    """
    images = keras.Input((None, None, 3), name="images")
    inputs = getattr(network, "inputs", None)
    shape = inputs[0].shape if inputs else ()
    adapted = adapt(images, student.normalize, normalize, shape)
    if is_graph(network):
        # `call` itself: the network as a whole would become one layer.
        logits = fold_batch_norms(network).call(adapted)
        whole = copy_with(keras.Model(images, logits), lambda layer: None)
    else:
        whole = keras.Model(images, network(adapted, training=False))
    return Teacher(whole.input, whole.output, name="teacher")


def check(teacher: Any, student: Student, entry: str) -> None:
    """Refuses what gives no logits of the student's images."""
    side = student.image_size
    try:
        teacher.compute_output_spec(keras.KerasTensor((1, side, side, 3)))
    except Exception as error:  # whatever a layer may raise
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            "a teacher must take images of the student's size. Received: "
            f"teacher={entry}, image_size={side} ({reason})"
        ) from error
    student.check_count(teacher.output_shape[-1], entry)

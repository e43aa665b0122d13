"""The TensorFlow contestants: ours, plain tf.image, keras.layers, keras-cv.

Run by input.py. Each peer is written as its users write it, and spared what
the task does not ask for.
"""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from turns import NUM_CLASSES, Made, Settings, serve

from kerastricks import augment, data
from kerastricks.data.crop import random_resized_crop_box
from kerastricks.data.sources.folder import file_source

# As where an accelerator trains and the host only makes batches. It helps all
# TensorFlow contestants; without it each resize waits for all cores.
tf.config.threading.set_intra_op_parallelism_threads(1)

Tensor = Any
AUTOTUNE = tf.data.AUTOTUNE
AREA, ASPECT = (0.08, 1.0), (3 / 4, 4 / 3)
BOXES = 16  # drawn beforehand for each image of the floor
LARGER = 256 / 224  # what Keras users resize to before RandomCrop
ENDLESS = 10**6  # epochs
IMAGENET = {
    "mean": [123.675, 116.28, 103.53],
    "variance": [58.395**2, 57.12**2, 57.375**2],
}


def sizes(
    batches: tf.data.Dataset, device_stage: Callable[..., Any] | None = None
) -> Iterator[int]:
    """Takes batches without end."""
    for batch in batches:
        if device_stage:
            batch = device_stage(*batch)
        yield int(tf.nest.flatten(batch)[0].shape[0])


# Ours


def pipeline(settings: Settings, **options: Any) -> tf.data.Dataset:
    """Our batches."""
    files = settings.files()
    source = file_source(
        class_names=tuple(map(str, range(NUM_CLASSES))),
        labels=[i % NUM_CLASSES for i in range(len(files))],
        paths=files,
        natural_size=settings.size,
    )
    return data.train_pipeline(
        source,
        image_size=settings.size,
        batch_size=settings.batch,
        epochs=ENDLESS,
        **options,
    )


def stage(*tricks: augment.BatchTrick) -> Callable[..., Any]:
    """What runs on the device, compiled as on a CPU."""
    tricks_in_turn = augment.Augment(tricks)

    @tf.function
    def run(inputs: dict[str, Tensor], labels: Tensor) -> Any:
        one_hot = tf.one_hot(labels, NUM_CLASSES)
        return tricks_in_turn(inputs["image"], one_hot, inputs["key"])

    return run


def crop_ours(settings: Settings) -> Made:
    about = "train_pipeline; RandomFlip on the device, uint8"
    return about, sizes(pipeline(settings), stage(augment.RandomFlip()))


def host_ours(settings: Settings) -> Made:
    return "train_pipeline alone: no flip", sizes(pipeline(settings))


def everything_ours(settings: Settings) -> Made:
    tricks = (
        augment.RandomFlip(),
        augment.ColorJitter(0.4, 0.4, 0.4),
        augment.PcaNoise(0.1),
        augment.Normalize(),
        augment.RandomErasing(0.25),
        augment.MixUp(0.2),
    )
    names = ", ".join(type(trick).__name__ for trick in tricks)
    about = f"train_pipeline; on the device {names}"
    return about, sizes(pipeline(settings), stage(*tricks))


def randaugment_ours(settings: Settings) -> Made:
    from kerastricks.data import policies

    policy = policies.create("randaugment-n2-m9")
    batches = pipeline(settings, policy=policy)
    about = "train_pipeline with randaugment-n2-m9; RandomFlip on the device"
    return about, sizes(batches, stage(augment.RandomFlip()))


# Plain tf.image


def crop_tf_image(settings: Settings) -> Made:
    def square(path: Tensor) -> Tensor:
        encoded = tf.io.read_file(path)
        begin, shape, _ = tf.image.sample_distorted_bounding_box(
            tf.io.extract_jpeg_shape(encoded),
            bounding_boxes=tf.zeros([1, 0, 4]),
            min_object_covered=0.1,
            aspect_ratio_range=ASPECT,
            area_range=AREA,
            max_attempts=10,
            use_image_if_no_bounding_boxes=True,
        )
        window = tf.concat([begin[:2], shape[:2]], axis=0)
        image = tf.io.decode_and_crop_jpeg(encoded, window, channels=3)
        image = tf.image.resize(image, [settings.size, settings.size])
        image = tf.image.random_flip_left_right(image)
        return tf.cast(tf.round(image), tf.uint8)

    about = (
        "decode_and_crop_jpeg of sample_distorted_bounding_box (smaller crops "
        "than the others'), resize without antialias, flip, uint8"
    )
    return about, sizes(batches_of(settings, square))


def batches_of(
    settings: Settings, square: Callable[[Tensor], Tensor]
) -> tf.data.Dataset:
    """Shuffled files through a function, in batches."""
    files = settings.files()
    paths = tf.data.Dataset.from_tensor_slices(files).shuffle(len(files))
    squares = paths.repeat().map(square, num_parallel_calls=AUTOTUNE)
    batches = squares.batch(settings.batch, drop_remainder=True)
    return batches.prefetch(AUTOTUNE)


# The floor: what decoding and resizing cost, and nothing else


def floor(antialias: bool, dct: str) -> Callable[[Settings], Made]:
    """Decode and resize at crops drawn beforehand by our law."""

    def make(settings: Settings) -> Made:
        def square(path: Tensor, box: Tensor) -> Tensor:
            encoded = tf.io.read_file(path)
            image = tf.io.decode_and_crop_jpeg(
                encoded, box, channels=3, dct_method=dct
            )
            size = [settings.size, settings.size]
            return tf.image.resize(image, size, antialias=antialias)

        files = settings.files() * BOXES
        crops = tf.data.Dataset.from_tensor_slices((files, boxes(files)))
        squares = crops.repeat().map(square, num_parallel_calls=AUTOTUNE)
        batches = squares.batch(settings.batch, drop_remainder=True)
        about = "decode_and_crop_jpeg and resize, float32"
        return about, sizes(batches.prefetch(AUTOTUNE))

    return make


def boxes(files: list[str]) -> np.ndarray:
    """int32 [N, 4]: a random resized crop of each."""
    shapes = {
        path: tf.io.extract_jpeg_shape(tf.io.read_file(path))
        for path in set(files)
    }
    draw = tf.function(random_resized_crop_box)
    keys = tf.stack([tf.zeros_like(files, tf.int32), tf.range(len(files))], 1)
    return np.stack(
        [
            draw(*tf.unstack(shapes[path])[:2], key, AREA, ASPECT)
            for path, key in zip(files, keys, strict=True)
        ]
    )


# keras.layers


def keras_batches(settings: Settings, *layers: Any) -> tf.data.Dataset:
    """Decoded and resized as image_dataset_from_directory does; then layers
    on batches."""
    side = round(settings.size * LARGER)

    def resized(path: Tensor) -> Tensor:
        image = tf.io.decode_image(
            tf.io.read_file(path), channels=3, expand_animations=False
        )
        image.set_shape([None, None, 3])
        return tf.image.resize(image, [side, side])

    layers = (
        keras.layers.RandomCrop(settings.size, settings.size),
        keras.layers.RandomFlip("horizontal"),
        *layers,
    )
    return batches_of(settings, resized).map(
        lambda images: in_turn(layers, images), num_parallel_calls=AUTOTUNE
    )


def in_turn(layers: Any, images: Tensor) -> Tensor:
    """Images through layers."""
    for layer in layers:
        images = layer(images, training=True)
    return images


def crop_keras(settings: Settings) -> Made:
    about = "decode, resize to 256, RandomCrop, RandomFlip, float32"
    return about, sizes(keras_batches(settings).prefetch(AUTOTUNE))


def everything_keras(settings: Settings) -> Made:
    mixup = keras.layers.MixUp(0.2)
    batches = keras_batches(
        settings,
        keras.layers.RandomColorJitter(
            brightness_factor=0.4, contrast_factor=0.4, saturation_factor=0.4
        ),
        keras.layers.Normalization(**IMAGENET),
        keras.layers.RandomErasing(0.25),
    )
    labelled = with_labels(settings, batches)
    mixed = labelled.map(
        lambda batch: mixup(batch, training=True), num_parallel_calls=AUTOTUNE
    )
    about = (
        "decode, resize to 256, RandomCrop, RandomFlip, RandomColorJitter, "
        "Normalization, RandomErasing, MixUp"
    )
    return about, sizes(mixed.prefetch(AUTOTUNE))


def with_labels(
    settings: Settings, batches: tf.data.Dataset
) -> tf.data.Dataset:
    """Batches for Keras's MixUp; whose labels they are costs the same."""
    labels = tf.one_hot(tf.range(settings.batch), NUM_CLASSES)
    return batches.map(lambda images: {"images": images, "labels": labels})


def randaugment_keras(settings: Settings) -> Made:
    layer = keras.layers.RandAugment(num_ops=2, factor=9 / 30)
    batches = keras_batches(settings, layer).prefetch(AUTOTUNE)
    about = "decode, resize to 256, RandomCrop, RandomFlip, RandAugment"
    return about, sizes(batches)


# keras-cv


def cv_batches(settings: Settings, *layers: Any) -> tf.data.Dataset:
    """RandomCropAndResize image by image; then layers on batches."""
    import keras_cv

    crop = keras_cv.layers.RandomCropAndResize(
        (settings.size, settings.size), AREA, ASPECT
    )

    def square(path: Tensor) -> Tensor:
        image = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        return crop(tf.cast(image, tf.float32), training=True)

    layers = (keras_cv.layers.RandomFlip("horizontal"), *layers)
    return batches_of(settings, square).map(
        lambda images: in_turn(layers, images), num_parallel_calls=AUTOTUNE
    )


def crop_keras_cv(settings: Settings) -> Made:
    about = "decode, RandomCropAndResize, RandomFlip, float32"
    return about, sizes(cv_batches(settings).prefetch(AUTOTUNE))


def everything_keras_cv(settings: Settings) -> Made:
    import keras_cv

    mixup = keras_cv.layers.MixUp(0.2)
    mean = np.array(IMAGENET["mean"])
    deviation = np.sqrt(IMAGENET["variance"])
    batches = cv_batches(
        settings,
        keras_cv.layers.RandomColorJitter((0, 255), 0.4, 0.4, 0.4, 0.0),
        keras_cv.layers.Rescaling(1 / deviation, -mean / deviation),
        keras_cv.layers.RandomCutout(0.25, 0.25),
    )
    mixed = with_labels(settings, batches).map(
        lambda batch: mixup(batch, training=True), num_parallel_calls=AUTOTUNE
    )
    about = (
        "decode, RandomCropAndResize, RandomFlip, RandomColorJitter, "
        "Rescaling, RandomCutout, MixUp"
    )
    return about, sizes(mixed.prefetch(AUTOTUNE))


MAKERS = {
    "crop/ours": crop_ours,
    "crop/tf.image": crop_tf_image,
    "crop/keras": crop_keras,
    "crop/keras_cv": crop_keras_cv,
    "floor/ours": crop_ours,
    "floor/ours-host": host_ours,
    "floor/plain": floor(antialias=False, dct=""),
    "floor/antialias": floor(antialias=True, dct=""),
    "floor/antialias-accurate": floor(True, "INTEGER_ACCURATE"),
    "everything/ours": everything_ours,
    "everything/keras": everything_keras,
    "everything/keras_cv": everything_keras_cv,
    "randaugment/ours": randaugment_ours,
    "randaugment/keras": randaugment_keras,
    "memory/ours": everything_ours,
}

if __name__ == "__main__":
    serve(MAKERS, ["tensorflow", "keras", "keras_cv", "kerastricks"])

"""TensorFlow's contestants of inference.py: SavedModels of ResNet-50-D."""

import tempfile
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf
from batch_norm import with_keras_batch_norm
from turns import Made, Settings, serve

from kerastricks import models


def answers(model: keras.Model, settings: Settings) -> Iterator[int]:
    """The exported network's logits, over and over."""
    shape = [None, None, None, 3]
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(
        "serve",
        lambda images: model(images, training=False),
        [tf.TensorSpec(shape, tf.float32)],
    )
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        served = tf.saved_model.load(folder)
    shape = (settings.batch, settings.size, settings.size, 3)
    images = tf.constant(np.random.RandomState(0).normal(size=shape), "float32")
    while True:
        served.serve(images).numpy()
        yield settings.batch


def network(way: str) -> keras.Model:
    model = models.create("resnet50_d")
    if way == "ours":
        return models.fold_batch_norms(model)
    return with_keras_batch_norm(model) if way == "stock" else model


if __name__ == "__main__":
    about = {
        "ours": "SavedModel, batch norms folded, as exported",
        "unfolded": "SavedModel with FusedBatchNorm",
        "stock": "SavedModel of stock Keras layers",
    }

    def made(way: str, settings: Settings) -> Made:
        return about[way], answers(network(way), settings)

    serve(
        {way: lambda s, way=way: made(way, s) for way in about},
        ["tensorflow", "keras", "kerastricks"],
    )

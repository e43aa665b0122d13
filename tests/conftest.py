"""Fixtures that several test files share."""

import io
import os
import pathlib

import numpy as np
import pytest

# Before anything imports Keras; `make test` sets the backend.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(scope="session")
def cache(tmp_path_factory) -> pathlib.Path:
    """A user cache of the tests' own, shared by all of them.

    One for all workers, so that the built-in dataset is drawn once.
    """
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder = base / "cache"
    folder.mkdir(exist_ok=True)
    os.environ["KERASTRICKS_CACHE"] = str(folder)
    return folder


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory) -> pathlib.Path:
    """folder:PATH data: 3 plain colours with noise, 16 train and 6 val each."""
    import tensorflow as tf

    root = tmp_path_factory.mktemp("colours")
    random = np.random.RandomState(0)
    for split, count in (("train", 16), ("val", 6)):
        for label, name in enumerate(("blue", "green", "red")):
            folder = root / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                image = random.randint(0, 120, (20 + i % 5, 24, 3))
                image[..., 2 - label] += 120
                data = tf.io.encode_jpeg(image.astype(np.uint8), quality=95)
                (folder / f"{i:02d}.jpg").write_bytes(data.numpy())
    return root


@pytest.fixture(scope="session")
def small_recipe(image_folder):
    """A run of seconds, on TensorFlow."""
    import kerastricks

    return kerastricks.Recipe(
        data=f"folder:{image_folder}",
        backend="tensorflow",
        precision="float32",
        model="resnet10_d",
        width=0.125,
        image_size=32,
        batch_size=8,
        epochs=6,
        learning_rate=1.0,
        mixup=0.2,
        mix_off_epochs=2,
        normalize="120,110,100/60,61,62",
    )


@pytest.fixture(scope="session")
def finished(small_recipe, tmp_path_factory):
    """What came of it; its folder is for reading only."""
    import keras

    import kerastricks

    if keras.backend.backend() != "tensorflow":
        pytest.skip("these tests need TensorFlow as Keras's backend")
    path = tmp_path_factory.mktemp("runs") / "run"
    return kerastricks.run(small_recipe.replace(run_dir=str(path)))


class Stream(io.StringIO):
    """Takes what is printed, as a terminal or as a file."""

    def __init__(self, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


@pytest.fixture(scope="session")
def stream_class():
    return Stream

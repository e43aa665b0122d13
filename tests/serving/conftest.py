"""A network of a few hundred weights, which every format can hold."""

import numpy as np
import pytest


@pytest.fixture(scope="package")
def tiny():
    """A folded classifier of 8 x 8 squares; its max pool has a border."""
    import keras

    from kerastricks.augment import Normalize
    from kerastricks.data.squares import Squares
    from kerastricks.layers import FusedBatchNorm, PaddedMaxPool2D
    from kerastricks.serving.saved_model import folded
    from kerastricks.trained import Trained

    if keras.backend.backend() != "tensorflow":
        pytest.skip("TensorFlow writes them")
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(8, 3, use_bias=False),
            FusedBatchNorm(),
            keras.layers.Activation("silu"),
            PaddedMaxPool2D(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3),
        ]
    )
    random = np.random.RandomState(0)
    for weight in model.weights:
        low = 0.5 if "variance" in weight.path else -1.0
        weight.assign(random.uniform(low, 1, weight.shape))
    names = ("cat", "dög", "eel")
    squares = Squares(8, eval_crop=1.0)  # which leaves squares as they are
    return folded(Trained(model, names, squares, Normalize(), temperature=0.5))


@pytest.fixture(scope="package")
def squares():
    """uint8 [24, 8, 8, 3]."""
    random = np.random.RandomState(1)
    colours = random.randint(0, 256, (24, 1, 1, 3))
    noise = random.randint(-60, 61, (24, 8, 8, 3))
    return (colours + noise).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="package")
def probabilities(tiny, squares):
    """float64 [24, 3] of them, by NumPy from the network's logits."""
    images, _ = tiny.normalize(squares)
    scores = np.asarray(tiny.model(images), np.float64) / 0.5
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)

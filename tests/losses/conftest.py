"""What tests of losses share."""

import keras
import numpy as np
import pytest


@pytest.fixture(scope="session")
def value_and_gradient():
    """(value, gradient by x) of a function of one array."""

    def on_tensorflow(function, x):
        import tensorflow as tf

        tensor = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(tensor)
            value = function(tensor)
        return np.asarray(value), np.asarray(tape.gradient(value, tensor))

    def on_jax(function, x):
        import jax

        value, gradient = jax.value_and_grad(function)(x)
        return np.asarray(value), np.asarray(gradient)

    on_backend = {"tensorflow": on_tensorflow, "jax": on_jax}
    return on_backend[keras.backend.backend()]

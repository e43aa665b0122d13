"""Batch tricks as a Keras layer: in a model of one's own, or in `dataset.map`.

    model = keras.Sequential([AugmentLayer([RandomFlip(), Normalize()]), ...])
    dataset = dataset.batch(32).map(AugmentLayer([RandomFlip(), MixUp(0.2)]))

A layer inside a model sees no labels, so that it takes the tricks which leave
these alone; those that mix go into `dataset.map` or into a `Learner`.
"""

import zlib
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kerastricks.augment import draws
from kerastricks.augment.augment import Augment
from kerastricks.augment.trick import BatchTrick, refuse_parity


def mixable(labels: Any) -> bool:
    """Whether they are shares of classes: [B, C], not [B] or [B, 1]."""
    return labels is not None and len(labels.shape) == 2 and labels.shape[1] > 1


@keras.saving.register_keras_serializable("kerastricks")
class AugmentLayer(keras.layers.Layer):
    """Runs tricks on batches that bring no keys: these count the calls.

    Takes images [B, H, W, 3], or images and labels [B, C], and gives the same,
    images in float32. With `training=False` only what evaluation needs
    (Normalize) acts. In `dataset.map` without `num_parallel_calls`, or draws
    follow whichever call comes first.

    Args:
        tricks: in the order in which they act.
        seed: of all draws.

    Example:
        layer = AugmentLayer([RandomFlip(), CutMix(1.0)])
        dataset = dataset.batch(32).map(layer)
    """

    def __init__(
        self, tricks: Sequence[BatchTrick], seed: int = 0, **kwargs: Any
    ) -> None:
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        refuse_parity(tricks)
        self.augment = Augment(tuple(tricks))
        self.seed = seed
        self.calls = self.add_weight(
            name="calls",
            shape=(),
            dtype="int",  # as Learner.counter
            # Far from where other seeds begin.
            initializer=keras.initializers.Constant(
                zlib.crc32(str(seed).encode()) >> 1
            ),
            trainable=False,
        )
        self.autocast = False  # bytes stay bytes
        self.built = True

    def call(
        self, inputs: Any, labels: Any = None, training: bool | None = True
    ) -> Any:
        """The images, or images and labels, after the tricks."""
        # `dataset.map` gives two arguments, a Keras user a pair.
        images = inputs
        if isinstance(inputs, tuple | list):
            images, labels = inputs
        mixes = self.augment.mixes
        if training and mixes and not mixable(labels):
            raise ValueError(
                "tricks that mix need (images, labels) with labels [B, C], "
                "one-hot or soft. Received: labels "
                f"{None if labels is None else tuple(labels.shape)}"
            )
        if labels is not None and mixes:
            labels = ops.cast(labels, "float32")
        keys = self.next_keys(images) if training else None
        images, labels = self.augment(
            images, labels, keys, training=bool(training)
        )
        images = ops.cast(images, "float32")
        return images if labels is None else (images, labels)

    def next_keys(self, images: Any) -> Any:
        """int32 [B, 2]: (call, counted from the seed's own number; place)."""
        keys = draws.counted_keys(self.calls, images)
        self.calls.assign_add(1)
        return keys

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        tricks = keras.saving.serialize_keras_object(list(self.augment.tricks))
        return {**super().get_config(), "tricks": tricks, "seed": self.seed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "AugmentLayer":
        tricks = keras.saving.deserialize_keras_object(config["tricks"])
        return cls(**{**config, "tricks": tricks})

"""The training step, for Keras's own `fit`, `evaluate` and `predict`.

    augment -> forward -> loss -> gradients -> update

The augmentation runs inside the compiled step, on the device, from uint8
batches; labels become soft ones there.
"""

from typing import Any

import keras
from keras import ops

from kerastricks.augment import Augment, BatchTrick, Normalize, draws
from kerastricks.augment.trick import refuse_parity
from kerastricks.backend import StepShim
from kerastricks.losses import BinaryCrossentropy, SoftCrossEntropy
from kerastricks.training.soft_accuracy import SoftAccuracy


class Learner(StepShim, keras.Model):
    """Wraps a classifier that takes normalised images and gives logits.

    Batches are ({"image": uint8 [B, H, W, 3], "key": int32 [B, 2]}, labels)
    with labels int [B] or float [B, C]; without keys, a plain (images, labels)
    does too, and draws then follow the step's number. `fit` and `evaluate` also
    take floats on 0..255; `predict` takes floats for normalised already.

    Args:
        augment: tricks in the order in which they act; Normalize among them.
        multi_label: whether an image may have several classes, or none: labels
            are then 0 or 1 for each class, float [B, C].

    Example:
        learner = Learner(model, [RandomFlip(), Normalize(), MixUp(0.2)])
        learner.compile(SGD(0.1), SoftCrossEntropy(label_smoothing=0.1))
        learner.fit(train_batches, validation_data=val_batches)
        learner.model.save("classifier.keras")
    """

    def __init__(
        self,
        model: keras.Model,
        augment: Augment | list[BatchTrick] | None = None,
        multi_label: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        if not isinstance(augment, Augment):
            augment = Augment([Normalize()] if augment is None else augment)
        self.augment = augment
        self.num_classes = model.output_shape[-1]
        self.multi_label = multi_label
        self.eval_loss = (
            BinaryCrossentropy() if multi_label else SoftCrossEntropy()
        )
        # Counted here and not by the optimizer, which skips steps when float16
        # overflows, and whose state JAX keeps out of the loss.
        self.steps_done = self.counter("steps_done", 0)
        self.first_bad_step = self.counter("first_bad_step", -1)
        self.built = True

    def counter(self, name: str, start: int) -> Any:
        """A whole number that the compiled step keeps.

        Keras's "int" is int64 on TensorFlow, whose int32 variables never lie on
        a GPU, so that no compiled step could reach them there.
        """
        return self.add_weight(
            name=name,
            shape=(),
            dtype="int",
            initializer=keras.initializers.Constant(start),
            trainable=False,
        )

    def compile(
        self,
        optimizer: Any = "sgd",
        loss: Any = None,
        metrics: Any = None,
        **kwargs: Any,
    ) -> None:
        """As Keras's; cross entropy, top-1 and top-5 unless told otherwise."""
        super().compile(
            optimizer=optimizer,
            loss=self.eval_loss if loss is None else loss,
            metrics=self.accuracies() if metrics is None else metrics,
            **kwargs,
        )
        self.build_on_zeros()

    def accuracies(self) -> list[Any]:
        """Top-1 and top-5; with several labels any of them is right."""
        k = min(5, self.num_classes)
        return [SoftAccuracy("top1"), SoftAccuracy("top5", k=k)]

    def build_on_zeros(self) -> None:
        """Builds loss and metrics now: `fit` would do so on raw labels."""
        zeros = ops.zeros((1, self.num_classes))
        super().compute_loss(y=zeros, y_pred=zeros)
        self.compute_metrics(None, zeros, zeros)
        self.reset_metrics()

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Logits of normalised images, or of a uint8 batch as it comes."""
        images = inputs["image"] if isinstance(inputs, dict) else inputs
        if keras.backend.standardize_dtype(images.dtype) == "uint8":
            images, _ = self.augment(images, None, None, training=False)
        return self.model(images, training=training)

    def prepare(self, data: Any, training: bool) -> tuple[Any, ...]:
        """(float images, soft labels[, weights]) of a batch as it comes."""
        inputs, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        if not isinstance(inputs, dict):
            keys = self.default_keys(inputs) if training else None
            inputs = {"image": inputs, "key": keys}
        if training and weights is not None and self.augment.mixes:
            raise ValueError(
                "sample weights say nothing of mixed samples: leave out one "
                f"of the two. Received: augment={self.augment}"
            )
        images, labels = self.augment(
            inputs["image"],
            self.soft_labels(labels),
            inputs["key"],
            training=training,
        )
        return keras.utils.pack_x_y_sample_weight(images, labels, weights)

    def soft_labels(self, labels: Any) -> Any:
        """float32 [B, C] of labels [B], [B, 1] or [B, C]."""
        if not self.multi_label and (
            len(labels.shape) == 1 or labels.shape[-1] == 1
        ):
            labels = ops.cast(ops.reshape(labels, (-1,)), "int32")
            return ops.one_hot(labels, self.num_classes, dtype="float32")
        return ops.cast(labels, "float32")

    def default_keys(self, images: Any) -> Any:
        """Keys [B, 2] = (step, place) for batches that bring none."""
        refuse_parity(self.augment.tricks)
        return draws.counted_keys(self.steps_done, images)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The loss; in evaluation plain cross entropy, without smoothing."""
        if not training:
            return self.eval_loss(y, y_pred, sample_weight)
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        self.note_bad_loss(loss)
        return loss

    def note_bad_loss(self, loss: Any) -> None:
        """Counts the step; notes the first whose loss is no number."""
        step = ops.convert_to_tensor(self.steps_done)
        known = ops.convert_to_tensor(self.first_bad_step)
        fresh = ops.logical_and(ops.logical_not(ops.isfinite(loss)), known < 0)
        self.first_bad_step.assign(ops.where(fresh, step, known))
        self.steps_done.assign(step + 1)

    def set_augment(self, augment: Augment) -> None:
        """Other tricks from the next `fit` on; the step is traced anew."""
        self.augment = augment
        self.train_function = None

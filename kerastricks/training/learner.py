"""The training step, for Keras's own `fit`, `evaluate` and `predict`.

    augment -> forward -> loss -> gradients -> clip -> update -> average

The augmentation runs inside the compiled step, on the device, from uint8
batches; labels become soft ones there.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from kerastricks.augment import Augment, BatchTrick, Normalize, draws
from kerastricks.augment.trick import refuse_parity
from kerastricks.backend import (
    StepShim,
    apply_gradients,
    replica_count,
    replica_index,
    sum_over_replicas,
)
from kerastricks.losses import BinaryCrossentropy, SoftCrossEntropy
from kerastricks.losses.labels import label_rows
from kerastricks.training.ema import Ema, EpochMeans, KeepsAverage
from kerastricks.training.freezing import FreezesGroups, Frozen
from kerastricks.training.passes import Found, micro_passes, one_pass
from kerastricks.training.sam import Sam
from kerastricks.training.soft_accuracy import SoftAccuracy


class Learner(StepShim, KeepsAverage, FreezesGroups, keras.Model):
    """Wraps a classifier that takes normalised images and gives logits.

    Batches are ({"image": uint8 [B, H, W, 3], "key": int32 [B, 2]}, labels)
    with labels int [B] or float [B, C]; without keys, a plain (images, labels)
    does too, and draws then follow the step's number. `fit` and `evaluate` also
    take floats on 0..255; `predict` takes floats for normalised already.

    Args:
        augment: tricks in the order in which they act; Normalize among them.
        multi_label: whether an image may have several classes, or none: labels
            are then 0 or 1 for each class, float [B, C].
        accumulate: into how many micro-batches, one after the other, a step
            divides its batch, whose size must be a multiple of it.
        clip: (gradients, variables) -> gradients; of the whole batch, after all
            replicas' are summed and the loss scale is taken off.
        sam: which steps take their gradient uphill.
        average: of the weights, kept beside them.
        views: rows of a batch that are one image's.
        nan_steps: steps in a row whose loss or gradients are no numbers, until
            that is noted.

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
        *,
        accumulate: int = 1,
        clip: Callable[[list[Any], list[Any]], list[Any]] | None = None,
        sam: Sam | None = None,
        average: Ema | EpochMeans | None = None,
        views: int = 1,
        nan_steps: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if accumulate < 1:
            raise ValueError(
                f"accumulate must be at least 1. Received: "
                f"accumulate={accumulate}"
            )
        self.model = model
        self.accumulate = accumulate
        self.clip = clip
        self.sam = sam
        self.average = average
        self.views = views
        self.nan_steps = nan_steps
        self.frozen = Frozen()
        if not isinstance(augment, Augment):
            augment = Augment([Normalize()] if augment is None else augment)
        self.augment = augment
        self.num_classes = model.output_shape[-1]
        self.multi_label = multi_label
        self.plain_loss = (
            BinaryCrossentropy if multi_label else SoftCrossEntropy
        )
        self.eval_loss = self.plain_loss(reduction="sum")
        # Counted here and not by the optimizer, which skips steps when float16
        # overflows, and whose state JAX keeps out of the loss.
        self.steps_done = self.counter("steps_done", 0)
        self.bad_steps = self.counter("bad_steps", 0)  # in a row, up to now
        self.first_bad_step = self.counter("first_bad_step", -1)
        self.averages = self.copies() if average else []
        self.built = True

    def save(self, *arguments: Any, **options: Any) -> None:
        """A learner is for training; what it has trained is its model."""
        raise TypeError(
            "a Learner is not saved, the classifier in it is: "
            f"learner.model.save(FILE). Received: save{arguments}"
        )

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
            aggregation="only_first_replica",
        )

    def compile(
        self,
        optimizer: Any = "sgd",
        loss: Any = None,
        metrics: Any = None,
        **kwargs: Any,
    ) -> None:
        """As Keras's; cross entropy, top-1 and top-5 unless told otherwise."""
        name = loss if isinstance(loss, str) else type(loss).__name__
        if "sparse" in name.lower():
            raise ValueError(
                "labels are rows of numbers here, which may be mixed: take "
                f"SoftCrossEntropy, say. Received: loss={name}"
            )
        if self.replicas > 1:  # XLA cannot sum over TensorFlow's replicas
            kwargs.setdefault("jit_compile", False)
        super().compile(
            optimizer=optimizer,
            loss=self.plain_loss() if loss is None else loss,
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
        zeros = ops.zeros((self.views, self.num_classes))
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
            return label_rows(ops.reshape(labels, (-1,)), self.num_classes)
        return ops.cast(labels, "float32")

    def default_keys(self, images: Any) -> Any:
        """Keys [B, 2] = (step, place) for batches that bring none."""
        refuse_parity(self.augment.tricks)
        keys = draws.counted_keys(self.steps_done, images)
        first = replica_index() * ops.shape(images)[0]  # of this replica's
        return keys + ops.stack([0, ops.cast(first, keys.dtype)])

    def step(self, data: Any) -> dict[str, Any]:
        """One optimizer step; the epoch's numbers so far."""
        images, labels, *weights = self.prepare(data, training=True)
        inputs = data[0] if isinstance(data[0], dict) else {}
        targets = self.targets(images, labels, inputs)
        found = self.gradients((images, targets, *weights))
        self.note_numbers(found)
        apply_gradients(
            self.optimizer,
            self.with_zeros(found.gradients),
            self.trainable_variables,
        )
        kept = self.model.non_trainable_variables
        for variable, value in zip(kept, self.agreed(found.state), strict=True):
            variable.assign(value)
        if isinstance(self.average, Ema):
            self.average_in(self.average.share(self.steps_done))
        self.steps_done.assign(self.steps_done + 1)
        self._loss_tracker.update_state(
            found.loss * self.replicas, sample_weight=ops.shape(images)[0]
        )
        return self.compute_metrics(images, labels, found.logits, *weights)

    def gradients(self, batch: Any) -> Found:
        """What the optimizer is given, still times the loss scale."""
        weights = [v.value for v in self.learning_variables]
        state = [v.value for v in self.model.non_trainable_variables]
        scale = self.optimizer.scale_loss(1.0)
        found = self.passes(weights, state, batch, scale)
        # Keras looks for overflows on one replica only: all must see all.
        shared = self.has_loss_scale and self.replicas > 1
        if not (self.sam or self.clip or shared):
            return found  # the optimizer sums over replicas by itself
        gradients = self.whole(found.gradients, scale)
        if self.sam:
            uphill = self.sam.gradients(
                self.steps_done,
                weights,
                gradients,
                lambda higher: (
                    self.passes(higher, state, batch, scale).gradients
                ),
                found.gradients,
            )
            gradients = self.whole(uphill, scale)
        if self.clip:
            gradients = self.clip(gradients, self.learning_variables)
        # Replicas' optimizers will add up what is the same on each of them.
        share = scale / self.replicas
        return found._replace(gradients=[g * share for g in gradients])

    def passes(
        self, weights: list[Any], state: list[Any], batch: Any, scale: Any
    ) -> Found:
        """Forward and backward at some weights, in one part or in several."""
        if self.accumulate == 1:
            return one_pass(self, weights, state, batch, scale)
        parts, views = self.accumulate, self.views
        return micro_passes(self, weights, state, batch, scale, parts, views)

    def whole(self, gradients: list[Any], scale: Any) -> list[Any]:
        """The global batch's gradients, without the loss scale.

        A power of two, so that to take it off and put it on loses nothing.
        """
        return [g / scale for g in sum_over_replicas(gradients)]

    def agreed(self, state: list[Any]) -> list[Any]:
        """What the model keeps, the same on every replica.

        Each has measured its own part of the batch: batch norm's statistics
        become their means. Weights that stand still are left alone.
        """
        if self.replicas == 1:
            return state
        measured = {
            id(variable)
            for layer in self.model._flatten_layers()
            if layer.trainable
            for variable in layer._non_trainable_variables
            if keras.backend.is_float_dtype(variable.dtype)
        }
        kept = self.model.non_trainable_variables
        places = [i for i, each in enumerate(kept) if id(each) in measured]
        if not places:
            return state
        sums = sum_over_replicas([state[place] for place in places])
        means = {
            p: s / self.replicas for p, s in zip(places, sums, strict=True)
        }
        return [means.get(place, value) for place, value in enumerate(state)]

    @property
    def replicas(self) -> int:
        """Parts of the global batch, of which a step sees one."""
        return 1 if replica_count is None else replica_count()

    @property
    def has_loss_scale(self) -> bool:
        """Whether steps whose gradients overflow are left out."""
        return isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer)

    def targets(self, images: Any, labels: Any, inputs: Any) -> Any:
        """What `compute_loss` is given for labels.

        Args:
            inputs: the batch's, as they came.
        """
        return labels

    def forward(self, images: Any) -> Any:
        """What `compute_loss` is given for predictions."""
        return self(images, training=True)

    def logits_of(self, outputs: Any) -> Any:
        """The logits in what `forward` gives."""
        return outputs

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
            # Keras will multiply it by the replicas. One of them may see
            # nothing of a last batch, of which the mean would be no number.
            rows = ops.maximum(ops.shape(y)[0], 1) * self.replicas
            total = self.eval_loss(y, y_pred, sample_weight)
            return total / ops.cast(rows, total.dtype)
        return super().compute_loss(x, y, y_pred, sample_weight, training)

    def note_numbers(self, found: Found) -> None:
        """Notes the first of `nan_steps` steps in a row without good numbers.

        Gradients are looked at because ReLU and pooling may swallow a NaN on
        its way to the loss, but not for scaled losses: there they overflow now
        and then, and are not taken.
        """
        step = ops.convert_to_tensor(self.steps_done)
        first = ops.convert_to_tensor(self.first_bad_step)
        bad = ops.cast(self.bad_steps + 1, step.dtype)
        total = found.loss
        if not self.has_loss_scale:
            total = total + sum(ops.sum(g) for g in found.gradients)
        (total,) = sum_over_replicas([total])
        bad = ops.where(ops.isfinite(total), ops.zeros_like(bad), bad)
        too_many = ops.logical_and(bad >= self.nan_steps, first < 0)
        self.first_bad_step.assign(
            ops.where(too_many, step - (self.nan_steps - 1), first)
        )
        self.bad_steps.assign(bad)

    def set_augment(self, augment: Augment) -> None:
        """Other tricks from the next `fit` on; the step is traced anew."""
        self.augment = augment
        self.train_function = None

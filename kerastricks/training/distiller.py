"""Training by teachers as well as by labels.

    loss = hard_weight * loss(labels) + soft_weight * T^2 soft(teacher, student)
           + feature_weight * mean (P f_student - f_teacher)^2

Paper: Hinton et al., arXiv 1503.02531; in the bag of tricks: arXiv 1812.01187,
section 5.3; features: Romero et al., arXiv 1412.6550. Acts on: the targets; a
teacher sees, in inference mode, the very images that the student sees, mixed
and erased. Cost: the teacher's forward pass. Hurts: the paper's Inception-V3
and MobileNet, whose teacher was a ResNet; strong teachers of small students.
Several teachers: the mean of their softened probabilities, so the loss is the
mean of the losses. Features are what the last Dense layer is given; P is a
linear map that is learnt and thrown away. With `teachers="ema"` a student
learns from its own average (arXiv 1703.01780).
Keras's Distiller saves its teacher with the student and leaves sample weights
out; see also `kerastricks.losses.distillation`.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kerastricks.losses import DistillationLoss, FeatureLoss
from kerastricks.training.ema import Ema
from kerastricks.training.learner import Learner


class Held:
    """Holds what Keras shall not find, track and save."""

    def __init__(self, content: Any) -> None:
        self.content = content


class Distiller(Learner):
    """A learner whose student, `model`, has teachers.

    Args:
        teachers: models that take the same normalised images and give logits
            of the same classes; or `ema`, with `average=Ema(...)`.
        temperature, kind: of `DistillationLoss`.
        hard_weight: of the labels' loss; GluonCV: 0.5, the paper: 1.
        soft_weight: of the teachers'; None: 1 - hard_weight, the paper: 1.
        feature_weight: of the features' loss, of a single teacher.
        seed: of the map between the features.

    Example:
        learner = Distiller(student, augment, teachers=[teacher])
        learner.compile(SGD(0.1), SoftCrossEntropy())
        learner.fit(train_batches, validation_data=val_batches)
    """

    def __init__(
        self,
        model: keras.Model,
        augment: Any = None,
        *,
        teachers: Sequence[keras.Model] | str,
        temperature: float = 20.0,
        kind: str = "kl",
        hard_weight: float = 0.5,
        soft_weight: float | None = None,
        feature_weight: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        self.teachers = Held([] if teachers == "ema" else list(teachers))
        super().__init__(model, augment, **kwargs)
        check_teachers(self, teachers, feature_weight)
        self.by_itself = teachers == "ema"
        self.temperature = temperature
        self.soft_loss = DistillationLoss(temperature, kind)
        self.hard_weight = hard_weight
        self.soft_weight = (
            1 - hard_weight if soft_weight is None else soft_weight
        )
        self.feature_weight = feature_weight
        self.feature_loss = FeatureLoss()
        self.taps: Held | None = None
        if feature_weight:
            self.tap(self.teachers.content[0], seed)

    @property
    def teacher_variables(self) -> list[Any]:
        """Of all teachers; never saved, and no constants of the step on JAX."""
        return [
            variable
            for teacher in self.teachers.content
            for variable in teacher.variables
        ]

    @property
    def non_trainable_variables(self) -> list[Any]:
        return [*self.own_state, *self.teacher_variables]

    def tap(self, teacher: keras.Model, seed: int) -> None:
        """Makes the features of student and teacher reachable."""
        self.taps = Held((with_features(self.model), with_features(teacher)))
        ours, theirs = (tapped.output[1] for tapped in self.taps.content)
        self.projection = keras.layers.Dense(
            theirs.shape[-1],
            use_bias=False,
            kernel_initializer=keras.initializers.GlorotUniform(seed=seed),
            dtype="float32",
            name="projection",
        )
        self.projection.build(ours.shape)

    def targets(self, images: Any, labels: Any, inputs: Any) -> Any:
        """Labels and all that the teachers say, outside of the gradient."""
        told = {"labels": labels}
        if self.taps is not None:
            logits, features = self.taps.content[1](images, training=False)
            return told | {"teacher": logits, "features": features}
        if "teacher" in inputs:  # said earlier, and kept
            return told | {"teacher": inputs["teacher"]}
        return told | {"teacher": self.teacher_logits(images)}

    def teacher_logits(self, images: Any) -> Any:
        """Logits whose softened probabilities are the mean of all teachers'."""
        if self.by_itself:
            return self.average_logits(images)
        said = [
            ops.cast(teacher(images, training=False), "float32")
            for teacher in self.teachers.content
        ]
        if len(said) == 1:
            return said[0]
        logs = [ops.log_softmax(logits / self.temperature) for logits in said]
        total = ops.logsumexp(ops.stack(logs), axis=0)
        return self.temperature * total

    def average_logits(self, images: Any) -> Any:
        """What the student would say with its average for weights."""
        pairs = zip(self.averaged_variables, self.averages, strict=True)
        mapping = [(variable, average.value) for variable, average in pairs]
        with keras.StatelessScope(mapping):
            return ops.cast(self.model(images, training=False), "float32")

    def forward(self, images: Any) -> Any:
        """(logits, features), or the logits alone."""
        if self.taps is None:
            return super().forward(images)
        return tuple(self.taps.content[0](images, training=True))

    def logits_of(self, outputs: Any) -> Any:
        """The logits in what `forward` gives."""
        return outputs if self.taps is None else outputs[0]

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The weighted sum; in evaluation plain cross entropy."""
        if not isinstance(y, dict):
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        logits = self.logits_of(y_pred)
        hard = super().compute_loss(
            x, y["labels"], logits, sample_weight, training
        )
        soft = self.soft_loss(y["teacher"], logits, sample_weight)
        loss = self.hard_weight * hard + self.soft_weight * soft
        if self.losses:  # of the weights, whoever teaches; `hard` has a share
            rest = (1 - self.hard_weight) / self.replicas
            loss = loss + rest * sum(self.losses)
        if self.taps is None:
            return loss
        mapped = self.projection(ops.cast(y_pred[1], "float32"))
        distance = self.feature_loss(y["features"], mapped, sample_weight)
        return loss + self.feature_weight * distance


def check_teachers(
    learner: Learner, teachers: Any, feature_weight: float
) -> None:
    """Refuses teachers that cannot teach this student."""
    if learner.multi_label:
        raise ValueError(
            "distillation needs images of one class each. "
            "Received: multi_label=True"
        )
    alone = teachers == "ema"
    if alone and not isinstance(learner.average, Ema):
        raise ValueError(
            "teachers='ema' needs an exponential average of the weights, "
            f"average=Ema(...). Received: average={learner.average}"
        )
    if not alone and (isinstance(teachers, str) or not teachers):
        raise ValueError(
            "teachers must be a list of models, or 'ema'. "
            f"Received: teachers={teachers!r}"
        )
    for teacher in [] if alone else teachers:
        classes = teacher.output_shape[-1]
        if classes != learner.num_classes:
            raise ValueError(
                "a teacher must have the student's classes. Received: "
                f"{classes} classes, the student: {learner.num_classes}"
            )
    if feature_weight and (alone or len(teachers) > 1):
        raise ValueError(
            "features are learnt from one teacher that is another network. "
            f"Received: feature_weight={feature_weight}, "
            f"teachers={'ema' if alone else len(teachers)}"
        )


def with_features(model: keras.Model) -> keras.Model:
    """A model of the same layers that gives (logits, features)."""
    heads = [
        layer
        for layer in getattr(model, "layers", [])
        if isinstance(layer, keras.layers.Dense)
    ]
    if not heads:
        raise ValueError(
            "features are what the last Dense layer of a functional model is "
            f"given. Received: {model.name}, without one"
        )
    # A model of layers in a row has no input of its own before it is called.
    alone = isinstance(model, keras.Sequential)
    inputs = model.inputs if alone else model.input
    return keras.Model(inputs, [model.outputs[0], heads[-1].input])

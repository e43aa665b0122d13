"""What a teacher knows about classes that an image does not show.

    ce:  T^2 CE(softmax(r / T), softmax(z / T))     r: teacher's logits, z: ours
    kl:  T^2 KL(softmax(r / T) || softmax(z / T))

Paper: Hinton et al., arXiv 1503.02531; in the bag of tricks: arXiv 1812.01187,
section 5.3. Acts on: the logits. Cost: the teacher's forward pass. Hurts:
students of another family than the teacher (the paper's Inception and MobileNet
lose), and a teacher trained with label smoothing teaches less.
T^2 keeps the gradient's size as T grows. `ce` and `kl` differ by T^2 times the
teacher's entropy, which no weight of the student changes: equal gradients but
other values. The paper adds T^2 soft to the hard loss; GluonCV has (1 - h) T^2
CE + h hard with T 20, h .5. `ce` is torch's cross_entropy of soft targets, `kl`
torch's kl_div of log softmaxes, each summed over classes and times T^2.
Keras's LogitsDistillation, as it comes, takes KL of raw logits: no softmax, no
temperature.
"""

from typing import Any

import keras
from keras import ops

KINDS = ("ce", "kl")


def distillation_loss(
    student_logits: Any,
    teacher_logits: Any,
    temperature: float,
    kind: str = "ce",
) -> Any:
    """float32 [B] of logits [B, C]; the teacher gets no gradient.

    Example:
        hard + distillation_loss(model(x), teacher(x), temperature=20.0)
    """
    ours = ops.cast(student_logits, "float32") / temperature
    theirs = ops.cast(ops.stop_gradient(teacher_logits), "float32")
    theirs = theirs / temperature
    log_q, log_p = ops.log_softmax(ours), ops.log_softmax(theirs)
    p = ops.exp(log_p)
    if kind == "ce":
        terms = -p * log_q
    else:
        # q - p adds up to 0, but for the rounding errors of the sums in the
        # softmaxes: at T 20 and 1,000 classes these are most of KL's error.
        terms = p * (log_p - log_q) + (ops.exp(log_q) - p)
    return temperature**2 * ops.sum(terms, axis=-1)


def feature_loss(student: Any, teacher: Any) -> Any:
    """float32 [B]: mean squared difference of features of equal shapes.

    FitNets' law (Romero et al., arXiv 1412.6550), but for its factor 1/2 and
    its sum where torch's and Keras's MSE have a mean. Features [B, ...] are
    compared as they are: what makes them equally wide is the caller's.
    """
    if tuple(student.shape[1:]) != tuple(teacher.shape[1:]):
        raise ValueError(
            "features must have equal shapes. Received: "
            f"{tuple(student.shape)} and {tuple(teacher.shape)}"
        )
    ours = ops.cast(student, "float32")
    theirs = ops.cast(ops.stop_gradient(teacher), "float32")
    axes = tuple(range(1, len(student.shape)))
    return ops.mean(ops.square(ours - theirs), axis=axes)


@keras.saving.register_keras_serializable("kerastricks")
class FeatureLoss(keras.losses.Loss):
    """`feature_loss`, where the teacher's features stand for labels."""

    def __init__(self, name: str = "features", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return feature_loss(y_pred, y_true)


@keras.saving.register_keras_serializable("kerastricks")
class DistillationLoss(keras.losses.Loss):
    """The same, where the teacher's logits stand for labels.

    Args:
        temperature: above 0.
        kind: `ce` or `kl`.

    Example:
        model.compile("sgd", DistillationLoss(temperature=4.0))
        model.fit(images, teacher.predict(images))
    """

    def __init__(
        self,
        temperature: float = 20.0,
        kind: str = "ce",
        name: str = "distillation",
        **kwargs: Any,
    ) -> None:
        if not 0 < temperature < float("inf"):
            raise ValueError(
                "temperature must be above 0. "
                f"Received: temperature={temperature}"
            )
        if kind not in KINDS:
            raise ValueError(
                f"kind must be one of {', '.join(KINDS)}. Received: kind={kind}"
            )
        super().__init__(name=name, **kwargs)
        self.temperature = temperature
        self.kind = kind

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return distillation_loss(y_pred, y_true, self.temperature, self.kind)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "temperature": self.temperature,
            "kind": self.kind,
        }

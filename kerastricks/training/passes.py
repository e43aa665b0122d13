"""Forward and backward, as a pure function of the weights.

Variables are replaced by tensors for the time of a pass, on TensorFlow as on
JAX: so the same pass serves at other weights (SAM), several times in a step
(micro-batches), or in a branch, and assigns nothing by itself.
"""

from typing import Any, NamedTuple

import keras
from keras import ops

from kerastricks.backend import divisible, value_and_gradients


class Found(NamedTuple):
    """What a pass comes to; `state` is what a model keeps beside weights."""

    loss: Any
    logits: Any
    gradients: list[Any]
    state: list[Any]


def one_pass(
    learner: Any, weights: list[Any], state: list[Any], batch: Any, scale: Any
) -> Found:
    """Loss, logits, gradients of scale * loss, and the state afterwards.

    Args:
        batch: (images, targets[, sample weights]), augmented.
    """
    images, targets, sample_weights = (*batch, None)[:3]
    kept = learner.model.non_trainable_variables
    variables = [*learner.learning_variables, *kept]

    def scaled_loss(weights: list[Any]) -> Any:
        mapping = list(zip(variables, [*weights, *state], strict=True))
        with keras.StatelessScope(mapping, collect_losses=True) as scope:
            outputs = learner.forward(images)
            loss = learner.compute_loss(
                images, targets, outputs, sample_weights, training=True
            )
        after = [scope.get_current_value(variable) for variable in kept]
        return loss * scale, (loss, learner.logits_of(outputs), after)

    (_, (loss, logits, after)), gradients = value_and_gradients(
        scaled_loss, weights
    )
    return Found(loss, logits, gradients, after)


def micro_passes(
    learner: Any,
    weights: list[Any],
    state: list[Any],
    batch: Any,
    scale: Any,
    parts: int,
    together: int = 1,
) -> Found:
    """The same from micro-batches, one after the other.

    Loss and gradients are the means over the parts, which are those of the
    whole batch; batch norm sees the parts. A loop, not a row of copies: only
    so is one part's memory free before the next begins.

    Args:
        together: how many rows in a row stay in one part.
    """
    pieces = keras.tree.map_structure(
        lambda rows: split(rows, parts, together), batch
    )
    rows = ops.shape(pieces[0])[1]
    shape = (parts, rows, learner.num_classes)
    places = ops.reshape(ops.arange(parts), (parts, 1, 1))

    def add(
        place: Any, loss: Any, logits: Any, gradients: Any, state: Any
    ) -> tuple[Any, ...]:
        part = keras.tree.map_structure(lambda rows: rows[place], pieces)
        found = one_pass(learner, weights, state, part, scale / parts)
        logits = ops.where(
            places == place, ops.cast(found.logits, "float32")[None], logits
        )
        total = [
            so_far + new
            for so_far, new in zip(gradients, found.gradients, strict=True)
        ]
        return place + 1, loss + found.loss / parts, logits, total, found.state

    _, loss, logits, gradients, state = ops.while_loop(
        lambda place, *_: place < parts,
        add,
        (
            ops.convert_to_tensor(0, "int32"),
            ops.convert_to_tensor(0.0, "float32"),
            ops.zeros(shape, "float32"),
            [ops.zeros_like(value) for value in weights],
            list(state),
        ),
    )
    return Found(loss, joined(logits, together), list(gradients), list(state))


def split(rows: Any, parts: int, together: int = 1) -> Any:
    """[B, ...] -> [parts, B / parts, ...], each part of rows from all over.

    On several devices every part then has rows on each of them.
    """
    shape, multiple = tuple(rows.shape[1:]), parts * together
    rule = (
        f"accumulate={parts} needs batches of a multiple of {multiple} images: "
        "leave out the last, smaller one (drop_remainder=True). Received: "
        "images="
    )
    rows = divisible(rows, multiple, rule)
    rows = ops.reshape(rows, (-1, parts, together, *shape))
    rows = ops.moveaxis(rows, 1, 0)
    return ops.reshape(rows, (parts, -1, *shape))


def joined(pieces: Any, together: int = 1) -> Any:
    """`split` undone."""
    parts, shape = pieces.shape[0], tuple(pieces.shape[2:])
    pieces = ops.reshape(pieces, (parts, -1, together, *shape))
    return ops.reshape(ops.moveaxis(pieces, 0, 1), (-1, *shape))

"""A run's weights and their average, both as the last epoch left them."""

from kerastricks import models
from kerastricks.assess.beside import Rows
from kerastricks.assess.findings import find
from kerastricks.assess.runs import Asked
from kerastricks.checkpoint_weights import (
    assign,
    average_weights,
    raw_weights,
    read,
)
from kerastricks.errors import InputError
from kerastricks.evaluation import paired_difference
from kerastricks.outcome import Outcome, logits_of
from kerastricks.progress import Progress
from kerastricks.training.checkpoint import Checkpoints


def raw_and_average(asked: Asked) -> tuple[Rows, str]:
    """(name, numbers) of both, and how far they are apart.

    Nothing of a run that keeps no average, or no checkpoints.
    """
    if not averages(asked):
        return [], ""
    checkpoint = Checkpoints(asked.folder.checkpoints).latest()
    if checkpoint is None:
        return [], ""
    model = asked.classifier.model
    if asked.recipe.model.freeze_bn:
        models.freeze_batch_norms(model)
    try:
        average = average_weights(model, checkpoint)
        if average is None:
            return [], ""
        both = {"raw": raw_weights(model, checkpoint), "average": average}
    except InputError as error:  # nothing of the evaluation hangs on it
        return [], f"The raw weights are not compared: {error}"
    source, best, outcomes = asked.splits.val, read(model), {}
    try:
        for name, weights in both.items():
            assign(model, weights)
            show = Progress(f"{name} weights: images")
            logits = logits_of(asked.recipe, asked.classifier, source, show)
            outcomes[name] = Outcome(logits, asked.plain.labels)
    finally:
        assign(model, best)
    gap = paired_difference(outcomes["raw"].right, outcomes["average"].right)
    value, low, high = (100 * end for end in (gap.value, gap.low, gap.high))
    words = (
        f"After step {checkpoint.step:,} the average of the weights is "
        f"{value:+.2f} points of top-1 ({low:+.2f} to {high:+.2f}) from the "
        "weights themselves."
    )
    if asked.recipe.optimizer.recalibrate_bn:
        words += (
            " Its batch norms have averaged statistics here; the run gives "
            "them new ones at each epoch's end."
        )
    rows: Rows = [
        (name, find(one, source.class_names, stored=asked.stored).numbers)
        for name, one in outcomes.items()
    ]
    return rows, words


def averages(asked: Asked) -> bool:
    """Whether the run averages its weights."""
    optimizer = asked.recipe.optimizer
    return bool(optimizer.ema or optimizer.swa_epochs)

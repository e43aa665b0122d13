"""From files to uint8 batches, on the host."""

from kerastricks.data.crop import random_resized_crop_box
from kerastricks.data.pipeline import eval_pipeline, train_pipeline
from kerastricks.data.sources import Source, open_source, open_splits

__all__ = [
    "Source",
    "eval_pipeline",
    "open_source",
    "open_splits",
    "random_resized_crop_box",
    "train_pipeline",
]

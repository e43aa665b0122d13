"""From a trained classifier to a SavedModel that needs no Python."""

from kerastricks.serving.saved_model import write_saved_model

__all__ = ["write_saved_model"]

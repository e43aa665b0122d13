"""Weights from files: our own, and those of torch's libraries."""

from kerastricks.models.weights.start import init_from, renew_head

__all__ = ["init_from", "renew_head"]

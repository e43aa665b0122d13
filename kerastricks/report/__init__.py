"""The self-contained HTML report of a run."""

from kerastricks.report.run_report import (
    Picture,
    mislabelled,
    mistake,
    run_report,
)

__all__ = ["Picture", "mislabelled", "mistake", "run_report"]

"""Self-contained HTML reports: of a run, and of an evaluation."""

from kerastricks.report.run_report import (
    Picture,
    mislabelled,
    mistake,
    run_report,
)

__all__ = ["Picture", "mislabelled", "mistake", "run_report"]

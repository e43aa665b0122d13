"""What is in a dataset, and what is suspicious."""

from kerastricks.data.inspection.advice import advice
from kerastricks.data.inspection.duplicates import Duplicates, duplicates
from kerastricks.data.inspection.facts import Facts, looker
from kerastricks.data.inspection.findings import findings
from kerastricks.data.inspection.near import Twins, near_duplicates
from kerastricks.data.inspection.survey import Survey, survey
from kerastricks.data.inspection.thumbnails import thumbnail

__all__ = [
    "Duplicates",
    "Facts",
    "Survey",
    "Twins",
    "advice",
    "duplicates",
    "findings",
    "looker",
    "near_duplicates",
    "survey",
    "thumbnail",
]

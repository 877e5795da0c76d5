"""Severities: what a failed rule or check costs.

Contracts give each rule a severity, verification and the checks act on it, and ``quality.issue``
records it. ``docs/how-to/add-a-severity.md`` lists what else a new one needs.
"""

from __future__ import annotations

from dataclasses import dataclass

ERROR = "error"
WARNING = "warning"


@dataclass(frozen=True)
class Severity:
    """What a failure of one severity does.

    Attributes:
        quarantines_row: the row is kept out of the source table.
        clears_value: a value that breaks a rule is loaded as NULL; a rule between columns, which
            has no single value to clear, leaves the row as it came.
        holds_batch: a failed check keeps its batch out of the star, or fails the load.
        value_effect: what becomes of a value, in the words of the data dictionary.
        row_effect: what becomes of a row that breaks a rule between columns, likewise.
    """

    quarantines_row: bool
    clears_value: bool
    holds_batch: bool
    value_effect: str
    row_effect: str


SEVERITIES = {
    ERROR: Severity(
        quarantines_row=True,
        clears_value=False,
        holds_batch=True,
        value_effect="the row is quarantined",
        row_effect="the row is quarantined",
    ),
    WARNING: Severity(
        quarantines_row=False,
        clears_value=True,
        holds_batch=False,
        value_effect="the value is loaded as NULL, with a warning",
        row_effect="loaded as received, with a warning",
    ),
}

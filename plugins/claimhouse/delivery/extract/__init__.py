"""The file of an extract: its content, its formats, its encryption.

Comes in: the rows of a report and their explanations. Goes out: one encrypted file. May not know a
database or Airflow, except for :mod:`rows`, which streams a query.
"""

from __future__ import annotations

from claimhouse.delivery.extract.formats import (
    FORMATS,
    Format,
    Layout,
    checksum_of,
    form,
    layout,
    seal,
    write,
)
from claimhouse.delivery.extract.model import (
    Extract,
    Rows,
    TooManyRows,
    UnfitCount,
    UnfitValue,
    UnreadableRow,
    Written,
    heading,
    neutral,
)

__all__ = [
    "FORMATS",
    "Extract",
    "Format",
    "Layout",
    "Rows",
    "TooManyRows",
    "UnfitCount",
    "UnfitValue",
    "UnreadableRow",
    "Written",
    "checksum_of",
    "form",
    "heading",
    "layout",
    "neutral",
    "seal",
    "write",
]

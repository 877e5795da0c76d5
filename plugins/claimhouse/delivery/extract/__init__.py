"""The file of an extract: its content, its formats, its encryption.

Comes in: rows of a report and what explains them. Goes out: one encrypted file. May not know a
database or Airflow, but for :mod:`rows`, which streams a query.
"""

from __future__ import annotations

from claimhouse.delivery.extract.model import (
    MEDIA_TYPES,
    SUFFIXES,
    Extract,
    TooManyRows,
    UnfitValue,
    Written,
    checksum_of,
    heading,
    neutral,
    write,
)

__all__ = [
    "MEDIA_TYPES",
    "SUFFIXES",
    "Extract",
    "TooManyRows",
    "UnfitValue",
    "Written",
    "checksum_of",
    "heading",
    "neutral",
    "write",
]

"""Every field of every row checked against its contract.

Comes in: the blocks of a landed file and its contract. Goes out: accepted rows in the source
tables, quarantined rows, and an issue for each failing field. :mod:`source_tables` alone knows the
database; the other modules know neither a database nor Airflow.
"""

from __future__ import annotations

from claimhouse.verification.source_tables import (
    OutOfBalance,
    close_issues,
    ensure_tables,
    index,
    take_in,
)

__all__ = [
    "OutOfBalance",
    "close_issues",
    "ensure_tables",
    "index",
    "take_in",
]

"""Verification: every field of every row checked against its contract.

Comes in: the blocks of a landed file and its contract. Goes out: accepted rows in the source
tables, quarantined rows, and an issue for each failing field.

A block passes through these modules, none of which knows a database or Airflow:

* :mod:`header` matches the file's header with the contract's columns, :mod:`sheets` chooses the
  sheets of a workbook,
* :mod:`judge` turns a column from text to typed values, by :mod:`repairs` (what can be corrected
  with certainty; :mod:`mojibake` for misread text) and :mod:`rules` (what must hold),
* :mod:`verify` splits the rows into accepted and quarantined, and adds up their money,
* :mod:`issues` says what was wrong.

:mod:`recognize` finds the contract of a file by its content, :mod:`repeats` the keys that a file
repeats, :mod:`preview` the first rows for a person who decides whether to load it. :mod:`source_tables`
and :mod:`rereading`, which reads batches again whose contract has changed, alone know the database.
"""

from __future__ import annotations

from claimhouse.reading import fold
from claimhouse.verification.header import Plan, is_needed, make_plan, match_header
from claimhouse.verification.preview import Preview, preview
from claimhouse.verification.recognize import Fit, Recognition, dialect_of, explain, fit_contracts
from claimhouse.verification.rereading import (
    READ,
    Change,
    keep_unread,
    reverify,
    to_read_again,
    verify_batch,
)
from claimhouse.verification.sheets import Opened, listed, open_tables
from claimhouse.verification.source_tables import (
    OutOfBalance,
    close_issues,
    contract_of,
    create_tables,
    ensure_tables,
    index,
    names,
    reject_batch,
    reopen_issues,
    set_reversals_aside,
)
from claimhouse.verification.verify import share_fitting

__all__ = [
    "READ",
    "Change",
    "Fit",
    "Opened",
    "OutOfBalance",
    "Plan",
    "Preview",
    "Recognition",
    "close_issues",
    "contract_of",
    "create_tables",
    "dialect_of",
    "ensure_tables",
    "explain",
    "fit_contracts",
    "fold",
    "index",
    "is_needed",
    "keep_unread",
    "listed",
    "make_plan",
    "match_header",
    "names",
    "open_tables",
    "preview",
    "reject_batch",
    "reopen_issues",
    "reverify",
    "set_reversals_aside",
    "share_fitting",
    "to_read_again",
    "verify_batch",
]

"""Soda checks of batches and of the star, which decide whether a load goes on.

Comes in: batches in the source tables, or the loaded star. Goes out: rows of
``quality.check_result``, issues, and held batches. May not change a row of a feed or of the star.

:mod:`gate` scans, holds and releases; :mod:`references` makes the checks that contracts imply,
:mod:`plausibility` measures what the kinds of columns imply; :mod:`outcomes` records what was found;
:mod:`tried` runs the checks of a batch in the transaction that has its rows; :mod:`soda` alone knows Soda, and
:mod:`lent` is the connection that it is lent.
"""

from __future__ import annotations

from claimhouse.checks.gate import (
    HOLDING,
    ChecksFailed,
    release,
    scan_batches,
    scan_star,
)
from claimhouse.checks.outcomes import Outcome
from claimhouse.checks.soda import ScanBroken
from claimhouse.checks.tried import measure as try_batch

__all__ = [
    "HOLDING",
    "ChecksFailed",
    "Outcome",
    "ScanBroken",
    "release",
    "scan_batches",
    "scan_star",
    "try_batch",
]

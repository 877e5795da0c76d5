"""Soda checks of batches and of the star, which decide whether a load goes on.

Comes in: batches in the source tables, or the loaded star. Goes out: rows of
``quality.check_result``, and held batches.
"""

from __future__ import annotations

from claimhouse.checks.gate import ChecksFailed, release, scan_batches, scan_star

__all__ = [
    "ChecksFailed",
    "release",
    "scan_batches",
    "scan_star",
]

"""A draft of a contract from a file nobody has described.

Comes in: a file. Goes out: YAML for a person to finish, without a value of the file.

:mod:`sample` reads the beginning of the file, :mod:`words` names columns after their header,
:mod:`guess` finds types and the key, :mod:`yaml` writes the contract.
"""

from __future__ import annotations

from claimhouse.drafting.draft import draft, feed_name, main, write
from claimhouse.drafting.sample import first_rows

__all__ = [
    "draft",
    "feed_name",
    "first_rows",
    "main",
    "write",
]

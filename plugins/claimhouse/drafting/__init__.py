"""A draft of a contract from a file nobody has described.

Comes in: a file. Goes out: YAML for a person to finish, without a value of the file.
"""

from __future__ import annotations

from claimhouse.drafting.draft import main, write

__all__ = [
    "main",
    "write",
]

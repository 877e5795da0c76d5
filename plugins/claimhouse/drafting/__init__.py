"""A draft of a contract from a file nobody has described.

Comes in: a file. Goes out: YAML for a person to finish, without a value of the file.

:mod:`sample` reads the beginning of the file, :mod:`words` names columns after their header,
:mod:`guess` finds types and the key, :mod:`yaml` writes the contract. :mod:`kinds` and :mod:`fixed` find
the rows of files that are no plain table, :mod:`frames` what their trailers and other lines have to do with them.
"""

from __future__ import annotations

from claimhouse.drafting.draft import drafts, feed_name, files, main, write
from claimhouse.drafting.sample import first_rows

__all__ = [
    "drafts",
    "feed_name",
    "files",
    "first_rows",
    "main",
    "write",
]

"""Landing: each new file is recognized, archived unchanged and entered in the manifest.

Comes in: files below the landing root, or rows fetched from a database. Goes out: an archived
file and a batch to verify. May not know what later rooms do with a batch.

:mod:`arrivals` lists the files that lie there, :mod:`archive` keeps them, :mod:`land` takes them in;
:mod:`fetch` writes the rows of a database as files for it, :mod:`corrections` what a reviewer decided.
"""

from __future__ import annotations

from claimhouse.landing.archive import restore
from claimhouse.landing.land import land, report_unclaimed

__all__ = [
    "land",
    "report_unclaimed",
    "restore",
]

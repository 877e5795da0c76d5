"""What each reader may see: roles, entitlements, reports and small cells.

Comes in: the star, ``include/clients``, ``include/roles.yaml`` and ``include/sql/reporting``.
Goes out: the schema ``published``, the schema ``reporting`` of views over it, which each reader reads
with a role of its own, and the entitlement tables of the schema ``security``. May not know how extracts
are made and delivered.

- ``readers``, ``reader_checks``: the files about readers, parsed and checked;
- ``entitlements``, ``roles``, ``pseudonyms``: what the database knows about readers;
- ``audiences``: which logins may see the same rows;
- ``reports``, ``selects``: what the files say of each report, and its SELECT for an audience;
- ``small_cells``, ``suppression``: counts about people who are not the reader's own;
- ``tables``, ``views``: where reports are published, and what readers read of them;
- ``editions``: what is published of a source system, brought up to date;
- ``totals``: that what is published adds up to the star;
- ``indexes``: by which columns readers look rows up;
- ``guard``, ``harden``: that no reader harms another;
- ``publish``: all of this, and the audit of what readers reach.
"""

from __future__ import annotations

from claimhouse.reporting.pseudonyms import KeyChanged
from claimhouse.reporting.publish import Publication, ReportingError, publish
from claimhouse.reporting.readers import ReaderError
from claimhouse.reporting.totals import TotalsDiffer

__all__ = [
    "KeyChanged",
    "Publication",
    "ReaderError",
    "ReportingError",
    "TotalsDiffer",
    "publish",
]

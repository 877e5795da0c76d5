"""What each reader may see: roles, entitlements, reports and small cells.

Comes in: the star, ``include/clients``, ``include/roles.yaml`` and ``include/sql/reporting``.
Goes out: the schema ``reporting``, which each reader reads with a role of its own, and the
entitlement tables of the schema ``security``. May not know how extracts are made and delivered.

- ``readers``, ``reader_checks``: the files about readers, parsed and checked;
- ``entitlements``, ``roles``, ``pseudonyms``: what the database knows about readers;
- ``small_cells``, ``suppression``: counts about people who are not the reader's own;
- ``reports``: the views, their owners and their comments;
- ``publish``: all of this in one transaction, and the audit that ends it.
"""

from __future__ import annotations

from claimhouse.reporting.pseudonyms import KeyChanged
from claimhouse.reporting.publish import Publication, ReportingError, publish
from claimhouse.reporting.readers import ReaderError

__all__ = [
    "KeyChanged",
    "Publication",
    "ReaderError",
    "ReportingError",
    "publish",
]

"""What each reader may see: roles, entitlements, views and small cells.

Comes in: the star, ``include/clients``, ``include/roles.yaml`` and ``include/sql/reporting``. Goes
out: the schema ``reporting``, readable by each reader's own role. May not know delivery.
"""

from __future__ import annotations

from claimhouse.reporting.publish import ReportingError, publish

__all__ = [
    "ReportingError",
    "publish",
]

"""The files of a dashboard: what its page shows, with the same filters and the same numbers.

Comes in: a dashboard and its answers. Goes out: the bytes of a file. May not know a database or who asks.

- ``model``: what a file shows, whatever its format;
- ``csv``, ``xlsx``, ``pdf``: the formats;
- ``xlsx_cells``, ``xlsx_charts``: the cells and charts of a workbook;
- ``whole``: all of a dashboard, in one of them.
"""

from __future__ import annotations

from claimhouse.dashboards.exports.model import Document, Table, document, table

__all__ = ["Document", "Table", "document", "table"]

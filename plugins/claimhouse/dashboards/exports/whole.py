"""The file of a whole dashboard."""

from __future__ import annotations

from claimhouse.dashboards.answer import Page
from claimhouse.dashboards.exports import csv
from claimhouse.dashboards.exports.model import Document
from claimhouse.dashboards.model import Dashboard
from claimhouse.dashboards.selection import Selection


def content(
    dashboard: Dashboard, document: Document, page: Page, chosen: Selection, ending: str
) -> bytes:
    """The file.

    Args:
        dashboard: what it shows.
        document: the same, with its answers.
        page: its answers.
        chosen: the filters, defaults included.
        ending: ``zip``, ``xlsx`` or ``pdf``.
    """
    # What draws a pdf or makes a workbook takes a second to import, and processes start without it.
    if ending == "zip":
        return csv.archive(document)
    if ending == "xlsx":
        from claimhouse.dashboards.exports import xlsx

        return xlsx.write(document)
    from claimhouse.dashboards.exports import pdf

    rows = [[tile.name for tile in row] for row in dashboard.rows]
    return pdf.write(document, rows, pdf.pictures(page, chosen))

"""Workbooks made for tests, sheet by sheet."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import xlsxwriter
from tests.worlds.feeds import CLAIMS_HEADER

HEADER = CLAIMS_HEADER.split(",")


@dataclass
class Page:
    """One sheet to be written.

    Attributes:
        rows: what its rows hold, from row *top* (from 1) on.
        state: ``visible``, ``hidden`` or ``very_hidden``.
    """

    name: str
    rows: Sequence[Sequence[Any]] = ()
    state: str = "visible"
    top: int = 1
    merged: dict[str, str] = field(default_factory=dict)


def workbook(
    *pages: Page, chart: str | None = None, options: dict[str, Any] | None = None
) -> bytes:
    """The bytes of a workbook of these sheets, and of a sheet that is a chart before them."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, options or {}) as book:
        if chart is not None:
            drawing = book.add_chart({"type": "line"})
            drawing.add_series({"values": f"='{pages[0].name}'!$A$1:$A$2"})
            book.add_chartsheet(chart).set_chart(drawing)
        for page in pages:
            sheet = book.add_worksheet(page.name)
            for number, row in enumerate(page.rows, page.top - 1):
                sheet.write_row(number, 0, row)
            for area, text in page.merged.items():
                sheet.merge_range(area, text)
            if page.state == "hidden":
                sheet.hide()
            elif page.state == "very_hidden":
                sheet.very_hidden()
    return file.getvalue()


def table(rows: Iterable[dict[str, str]], header: Sequence[str] = HEADER) -> list[list[str]]:
    """A header and rows below it, in the header's order."""
    return [list(header), *([row[name] for name in header] for row in rows)]

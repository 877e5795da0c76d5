"""The workbook of an extract: a cover, a summary with a chart, and the rows. Made in memory.

Nothing of it is written to disk before it is encrypted, and so no crash leaves it lying there.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import xlsxwriter
from msoffcrypto.format.ooxml import OOXMLFile

# What a sheet holds: 1,048,576 lines, one of them the header.
MOST_ROWS = 1_048_575
WIDEST = 60
WIDTH_SAMPLE = 1_000
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

NOTICE = (
    "This file holds protected health information as a limited data set (45 CFR 164.514(e)). "
    "Use it only as the data use agreement allows. Do not try to identify or contact anyone in it. "
    "Its delivery has been logged."
)


class TooManyRows(ValueError):
    """More rows than a sheet holds; the message says how many."""


@dataclass(frozen=True)
class Table:
    """Named columns and the rows below them."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]


@dataclass(frozen=True)
class Extract:
    """All that a workbook shows.

    ``summary`` has a series, a category and then measures; the chart draws the first measure.
    """

    title: str
    client: str
    period: str
    filters: str
    as_of: datetime | None
    definitions: dict[str, str]
    rows: Table
    summary: Table


def workbook(extract: Extract) -> bytes:
    """The finished, still unencrypted, xlsx.

    Raises:
        TooManyRows: the rows do not fit on a sheet.
    """
    if len(extract.rows.rows) > MOST_ROWS:
        raise TooManyRows(f"{len(extract.rows.rows):,} rows; a sheet holds {MOST_ROWS:,}")
    file = io.BytesIO()
    book = xlsxwriter.Workbook(
        file,
        {
            "in_memory": True,  # otherwise its parts go through temporary files, in plain text
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    styles = _styles(book)
    _cover(book, extract, styles)
    _summary(book, extract.summary, styles)
    _table(book.add_worksheet("Rows"), extract.rows, styles)
    book.close()
    return file.getvalue()


def encrypt(content: bytes, password: str) -> bytes:
    """*content*, an xlsx, under AES-256 (the agile encryption of Office)."""
    result = io.BytesIO()
    OOXMLFile(io.BytesIO(content)).encrypt(password, result)
    return result.getvalue()


def neutral(text: str) -> str:
    """*text* with an apostrophe before it where a spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def heading(column: str) -> str:
    """What a column is called on a sheet."""
    return column.replace("_", " ").capitalize()


def _styles(book: Any) -> dict[str, Any]:
    return {
        "title": book.add_format({"bold": True, "font_size": 16}),
        "label": book.add_format({"bold": True, "valign": "top"}),
        "head": book.add_format(
            {"bold": True, "bg_color": "#1F4E79", "font_color": "white", "text_wrap": True}
        ),
        "text": book.add_format({"text_wrap": True, "valign": "top"}),
        "date": book.add_format({"num_format": "yyyy-mm-dd"}),
        "time": book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        "money": book.add_format({"num_format": "#,##0.00"}),
        "count": book.add_format({"num_format": "#,##0"}),
    }


def _cover(book: Any, extract: Extract, styles: dict[str, Any]) -> None:
    sheet = book.add_worksheet("Cover")
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 1, 90)
    sheet.write_string(0, 0, extract.title, styles["title"])
    facts = {
        "Prepared for": extract.client,
        "Period": extract.period,
        "Filters": extract.filters,
        "Data as of": f"{_utc(extract.as_of):%Y-%m-%d %H:%M:%S} UTC"
        if extract.as_of
        else "not loaded",
        "Rows": f"{len(extract.rows.rows):,}",
        "Notice": NOTICE,
    }
    line = 2
    for label, value in facts.items():
        sheet.write_string(line, 0, label, styles["label"])
        sheet.write_string(line, 1, neutral(value), styles["text"])
        line += 1
    sheet.write_row(line + 1, 0, ["Column", "What it means"], styles["head"])
    for number, column in enumerate(extract.rows.columns, start=line + 2):
        sheet.write_string(number, 0, heading(column), styles["label"])
        sheet.write_string(number, 1, extract.definitions.get(column, ""), styles["text"])


def _summary(book: Any, summary: Table, styles: dict[str, Any]) -> None:
    sheet = book.add_worksheet("Summary")
    _table(sheet, summary, styles)
    if not summary.rows:
        return
    chart = book.add_chart({"type": "line"})
    for name, first, last in _series(summary):
        chart.add_series(
            {
                "name": heading(name),
                "categories": ["Summary", first, 1, last, 1],
                "values": ["Summary", first, 2, last, 2],
            }
        )
    measure, category = heading(summary.columns[2]), heading(summary.columns[1])
    chart.set_title({"name": f"{measure} by {category.lower()}"})
    chart.set_x_axis({"num_format": "yyyy-mm", "date_axis": True})
    chart.set_y_axis({"name": measure, "num_format": "#,##0"})
    chart.set_size({"width": 900, "height": 420})
    sheet.insert_chart(1, len(summary.columns) + 1, chart)


def _series(summary: Table) -> list[tuple[str, int, int]]:
    """Each series with its first and last line on the sheet; the rows come sorted by series."""
    found: list[tuple[str, int, int]] = []
    for line, row in enumerate(summary.rows, start=1):
        if found and found[-1][0] == row[0]:
            found[-1] = (row[0], found[-1][1], line)
        else:
            found.append((row[0], line, line))
    return found


def _table(sheet: Any, table: Table, styles: dict[str, Any]) -> None:
    for number, column in enumerate(table.columns):
        sheet.write_string(0, number, heading(column), styles["head"])
        sheet.set_column(number, number, _width(table, number))
    sheet.freeze_panes(1, 0)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)  # as wide as a page, when it is printed
    if table.rows:
        sheet.autofilter(0, 0, len(table.rows), len(table.columns) - 1)
    write = _writers(sheet, styles)
    for line, row in enumerate(table.rows, start=1):
        for number, value in enumerate(row):
            if value is not None:
                write[type(value)](line, number, value)


def _writers(sheet: Any, styles: dict[str, Any]) -> dict[type, Callable[[int, int, Any], Any]]:
    """How a value of each type becomes a cell of that type."""
    return {
        str: lambda line, column, value: sheet.write_string(line, column, neutral(value)),
        bool: sheet.write_boolean,
        int: lambda line, column, value: sheet.write_number(line, column, value, styles["count"]),
        Decimal: lambda line, column, value: sheet.write_number(
            line, column, float(value), styles["money"]
        ),
        date: lambda line, column, value: sheet.write_datetime(line, column, value, styles["date"]),
        datetime: lambda line, column, value: sheet.write_datetime(
            line, column, _utc(value), styles["time"]
        ),
    }


def _width(table: Table, number: int) -> int:
    """A width, in characters, that fits the heading and the first rows of a column."""
    longest = max((len(_shown(row[number])) for row in table.rows[:WIDTH_SAMPLE]), default=0)
    return min(max(longest, len(heading(table.columns[number]))) + 3, WIDEST)


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return f"{value:,.2f}" if isinstance(value, Decimal) else str(value)


def _utc(moment: datetime) -> datetime:
    """*moment* in UTC without its zone, for a spreadsheet knows none."""
    return moment.astimezone(UTC).replace(tzinfo=None)

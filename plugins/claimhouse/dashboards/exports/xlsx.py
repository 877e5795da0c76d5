"""A dashboard as a workbook: a sheet about it, and one for each tile, with a chart that follows its cells."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import xlsxwriter

from claimhouse.dashboards import numbers
from claimhouse.dashboards.exports import xlsx_charts
from claimhouse.dashboards.exports.model import Column, Document, Table
from claimhouse.dashboards.exports.xlsx_cells import Styles, put, write_value
from claimhouse.delivery.extract.xlsx import OPTIONS

ABOUT = "About"
LONGEST_NAME = 31  # of a sheet
WIDEST = 60
_IN_NAMES = re.compile(r"[\[\]:*?/\\\x00-\x1f]")


def write(document: Document) -> bytes:
    """The workbook."""
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, OPTIONS)
    book.set_properties({"title": document.title, "company": "Claimhouse"})
    styles = Styles(book)
    names = list(_names(table.title for table in document.tables))
    _about(book, document, names, styles)
    for table, name in zip(document.tables, names, strict=True):
        _sheet(book, table, name, styles)
    book.close()
    return content.getvalue()


def _names(titles: Iterable[str]) -> Iterator[str]:
    """A name for each sheet: its title, shortened, and told apart."""
    taken = {ABOUT.lower()}
    for number, title in enumerate(titles, start=1):
        name = _IN_NAMES.sub(" ", title)[:LONGEST_NAME].strip(" '") or f"Tile {number}"
        if name.lower() in taken or name.lower() == "history":
            end = f" ({number})"
            name = name[: LONGEST_NAME - len(end)].rstrip() + end
        taken.add(name.lower())
        yield name


def _about(book: Any, document: Document, names: Sequence[str], styles: Styles) -> None:
    sheet = book.add_worksheet(ABOUT)
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 1, 90)
    sheet.set_column(2, 2, 30)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.set_row(0, 30)
    put(sheet, 0, 0, document.title, styles.look("title"))
    line = 2
    for label, value in document.facts.items():
        put(sheet, line, 0, label, styles.look("label"))
        put(sheet, line, 1, value, styles.look("text"))
        line += 1
    line += 1
    sheet.write_row(line, 0, ["Sheet", "Shows"], styles.look("head"))
    for name, table in zip(names, document.tables, strict=True):
        line += 1
        sheet.write_url(line, 0, f"internal:'{name.replace(chr(39), chr(39) * 2)}'!A1", string=name)
        put(sheet, line, 1, " ".join([table.title + ".", *table.notes]), styles.look("text"))
    line += 2
    sheet.write_row(line, 0, ["Number", "Meaning", "Owner"], styles.look("head"))
    for entry in document.definitions:
        line += 1
        put(sheet, line, 0, entry.title, styles.look("label"))
        put(sheet, line, 1, entry.sentence, styles.look("text"))
        put(sheet, line, 2, entry.owner, styles.look("text"))


def _sheet(book: Any, table: Table, name: str, styles: Styles) -> None:
    sheet = book.add_worksheet(name)
    for place, column in enumerate(table.columns):
        put(sheet, 0, place, column.title, styles.look("head"))
        sheet.set_column(place, place, _width(table, place, column))
    for line, row in enumerate(table.rows, start=1):
        for place, (column, value) in enumerate(zip(table.columns, row, strict=True)):
            write_value(sheet, line, place, column, value, styles, is_last=line > table.body)
    for line, note in enumerate(table.notes, start=len(table.rows) + 2):
        put(sheet, line, 0, note, styles.look("note"))
    sheet.set_row(0, 30)
    sheet.freeze_panes(1, 0)
    if table.body:
        sheet.autofilter(0, 0, table.body, len(table.columns) - 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.set_footer("&L&A&RPage &P of &N")
    xlsx_charts.draw(book, sheet, name, table, styles)


def _width(table: Table, place: int, column: Column) -> int:
    shown = [len(numbers.text(row[place], column.unit)) for row in table.rows]
    longest_word = max(map(len, column.title.split()), default=0)
    return min(max([*shown, longest_word + 3, 9]) + 2, WIDEST)

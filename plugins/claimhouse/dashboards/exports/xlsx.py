"""A dashboard as a workbook: a sheet about it, and one for each tile, with a chart that follows its cells."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import xlsxwriter

from claimhouse.dashboards import numbers, theme
from claimhouse.dashboards.answer import Mark, Value
from claimhouse.dashboards.exports.model import Column, Document, Table
from claimhouse.delivery.extract.model import neutral
from claimhouse.delivery.extract.xlsx import FIRST_DAY, LONGEST_TEXT, MOST_EXACT, OPTIONS

ABOUT = "About"
LONGEST_NAME = 31  # of a sheet
WIDEST = 60
MOST_BARS = 30
BLUE = "#1F4E79"
_LOOKS: dict[str, dict[str, Any]] = {
    "title": {"bold": True, "font_size": 18, "font_color": BLUE},
    "label": {"bold": True, "valign": "top", "font_color": BLUE},
    "head": {"bold": True, "bg_color": BLUE, "font_color": "white", "text_wrap": True, "valign": "vcenter"},
    "text": {"text_wrap": True, "valign": "top"},
    "note": {"italic": True, "font_color": "#555555"},
    "word": {"align": "right", "italic": True, "font_color": "#555555"},
    "plain": {},
}  # fmt: skip
# Of the lines, so that they are told apart without colors.
_DASHES = ("solid", "dash", "round_dot", "long_dash_dot")
_IN_NAMES = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_IN_TEXTS = re.compile("[\ufffe\uffff]")


def write(document: Document) -> bytes:
    """The workbook."""
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, OPTIONS)
    book.set_properties({"title": document.title, "company": "Claimhouse"})
    styles = _Styles(book)
    names = list(_names(table.title for table in document.tables))
    _about(book, document, names, styles)
    for table, name in zip(document.tables, names, strict=True):
        _sheet(book, table, name, styles)
    book.close()
    return content.getvalue()


class _Styles:
    """The styles of a workbook, made when first asked for."""

    def __init__(self, book: Any) -> None:
        self._book, self._made = book, dict[tuple[str, bool], Any]()

    def look(self, name: str, *, is_last: bool = False) -> Any:
        """A style by its name; any other name is a number format. *is_last*: of the rows below the others."""
        if (name, is_last) not in self._made:
            look = _LOOKS.get(name, {"num_format": name})
            last = {"bold": True, "top": 1} if is_last else {}
            font = {"font_name": "Calibri", "font_size": 11}
            self._made[name, is_last] = self._book.add_format(font | look | last)
        return self._made[name, is_last]


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


def _about(book: Any, document: Document, names: Sequence[str], styles: _Styles) -> None:
    sheet = book.add_worksheet(ABOUT)
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 1, 90)
    sheet.set_column(2, 2, 30)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.set_row(0, 30)
    _put(sheet, 0, 0, document.title, styles.look("title"))
    line = 2
    for label, value in document.facts.items():
        _put(sheet, line, 0, label, styles.look("label"))
        _put(sheet, line, 1, value, styles.look("text"))
        line += 1
    line += 1
    sheet.write_row(line, 0, ["Sheet", "Shows"], styles.look("head"))
    for name, table in zip(names, document.tables, strict=True):
        line += 1
        sheet.write_url(line, 0, f"internal:'{name.replace(chr(39), chr(39) * 2)}'!A1", string=name)
        _put(sheet, line, 1, " ".join([table.title + ".", *table.notes]), styles.look("text"))
    line += 2
    sheet.write_row(line, 0, ["Number", "Meaning", "Owner"], styles.look("head"))
    for entry in document.definitions:
        line += 1
        _put(sheet, line, 0, entry.title, styles.look("label"))
        _put(sheet, line, 1, entry.sentence, styles.look("text"))
        _put(sheet, line, 2, entry.owner, styles.look("text"))


def _sheet(book: Any, table: Table, name: str, styles: _Styles) -> None:
    sheet = book.add_worksheet(name)
    for place, column in enumerate(table.columns):
        _put(sheet, 0, place, column.title, styles.look("head"))
        sheet.set_column(place, place, _width(table, place, column))
    for line, row in enumerate(table.rows, start=1):
        for place, (column, value) in enumerate(zip(table.columns, row, strict=True)):
            _write(sheet, line, place, column, value, styles, is_last=line > table.body)
    for line, note in enumerate(table.notes, start=len(table.rows) + 2):
        _put(sheet, line, 0, note, styles.look("note"))
    sheet.set_row(0, 30)
    sheet.freeze_panes(1, 0)
    if table.body:
        sheet.autofilter(0, 0, table.body, len(table.columns) - 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.set_footer("&L&A&RPage &P of &N")
    _draw(book, sheet, name, table, styles)


def _write(
    sheet: Any, line: int, place: int, column: Column, value: Value, styles: _Styles, *, is_last: bool
) -> None:  # fmt: skip
    if isinstance(value, bool) or column.is_field or isinstance(value, str):
        _put(sheet, line, place, numbers.text(value), styles.look("plain", is_last=is_last))
    elif value is None or isinstance(value, Mark):
        _put(sheet, line, place, numbers.text(value), styles.look("word", is_last=is_last))
    elif isinstance(value, datetime | date):
        day = value.date() if isinstance(value, datetime) else value
        if day < FIRST_DAY:
            _put(sheet, line, place, numbers.text(value), styles.look("plain", is_last=is_last))
            return
        moment = value.replace(tzinfo=None) if isinstance(value, datetime) else value
        form = "yyyy-mm-dd hh:mm" if isinstance(value, datetime) else "yyyy-mm-dd"
        sheet.write_datetime(line, place, moment, styles.look(form, is_last=is_last))
    elif not _fits(value):
        _put(sheet, line, place, numbers.text(value, column.unit), styles.look("word"))
    else:
        form = numbers.excel(value, column.unit)
        sheet.write_number(line, place, float(value), styles.look(form, is_last=is_last))


def _fits(value: int | float | Decimal) -> bool:
    """Whether a sheet, whose numbers are doubles, can hold the number."""
    number = Decimal(str(value))
    return number.is_finite() and abs(number) <= MOST_EXACT


def _put(sheet: Any, line: int, place: int, text: str, style: Any) -> None:
    clean = _IN_TEXTS.sub("\ufffd", neutral(text))
    if len(clean) >= LONGEST_TEXT:
        clean = clean[: LONGEST_TEXT - 20] + " (cut off)"
    sheet.write_string(line, place, clean, style)


def _width(table: Table, place: int, column: Column) -> int:
    shown = [len(numbers.text(row[place], column.unit)) for row in table.rows]
    longest_word = max(map(len, column.title.split()), default=0)
    return min(max([*shown, longest_word + 3, 9]) + 2, WIDEST)


def _draw(book: Any, sheet: Any, name: str, table: Table, styles: _Styles) -> None:
    """Insert the chart of a bar or line tile."""
    places = [place for place, column in enumerate(table.columns) if not column.is_field]
    fields = len(table.columns) - len(places)
    if table.tile.kind not in ("bar", "line") or not table.body or not places:
        return
    if fields == 1:
        last = min(table.body, MOST_BARS) if table.tile.kind == "bar" else table.body
        series = [(table.columns[place].title, 0, place, last) for place in places[:1]]
        right = len(table.columns)
    elif fields == 2:
        series, right = _wide(sheet, table, places[0], styles)
    else:
        return
    is_line = table.tile.kind == "line"
    chart = book.add_chart({"type": "line" if is_line else "bar"})
    for number, (title, category, place, last) in enumerate(series):
        color = theme.series(number)
        chart.add_series(
            {
                "name": title,
                "categories": [name, 1, category, last, category],
                "values": [name, 1, place, last, place],
                "line": {"color": color, "width": 2.0, "dash_type": _DASHES[number % len(_DASHES)]},
                "fill": {"color": color},
                "gap": 60,
            }
        )
    form = numbers.excel(1, table.columns[places[0]].unit)
    grid = {"major_gridlines": {"visible": True, "line": {"color": "#D9D9D9"}}, "num_format": form}
    if is_line:
        chart.set_y_axis(grid)
    else:
        chart.set_y_axis({"reverse": True})
        chart.set_x_axis(grid)
    chart.set_title({"name": table.title, "name_font": {"size": 13, "color": BLUE}})
    chart.set_legend({"position": "bottom"} if len(series) > 1 else {"none": True})
    chart.set_size({"width": 760, "height": 400})
    sheet.insert_chart(1, right + 1, chart)


def _wide(
    sheet: Any, table: Table, place: int, styles: _Styles
) -> tuple[list[tuple[str, int, int, int]], int]:
    """Write the rows once more beside them, a column for each of the largest series, for the chart."""
    column = table.columns[place]
    cells = {row[:2]: row[place] for row in table.rows[: table.body]}
    along = list(dict.fromkeys(key[0] for key in cells))
    sizes: dict[Value, Decimal] = {}
    for (_, series), value in cells.items():
        sizes[series] = sizes.get(series, Decimal(0)) + _size(value)
    largest = sorted(sizes, key=lambda series: -sizes[series])[: theme.MOST_SERIES]
    left = len(table.columns) + 1
    _put(sheet, 0, left, table.columns[0].title, styles.look("head"))
    for line, value in enumerate(along, start=1):
        _put(sheet, line, left, numbers.text(value), styles.look("plain"))
    drawn = []
    for number, series in enumerate(largest, start=left + 1):
        _put(sheet, 0, number, str(series), styles.look("head"))
        for line, key in enumerate(along, start=1):
            value = cells.get((key, series))
            if value is not None:
                _write(sheet, line, number, column, value, styles, is_last=False)
        drawn.append((str(series), left, number, len(along)))
    return drawn, left + len(largest) + 1


def _size(value: Value) -> Decimal:
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    number = Decimal(str(value)) if is_number else Decimal(0)
    return abs(number) if number.is_finite() else Decimal(0)

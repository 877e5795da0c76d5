"""The cells of a workbook: texts that are never read as formulas, numbers as numbers, and their look."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from claimhouse.dashboards import numbers, theme
from claimhouse.dashboards.answer import Mark, Value
from claimhouse.dashboards.exports.model import Column
from claimhouse.delivery.extract.model import neutral
from claimhouse.delivery.extract.xlsx import FIRST_DAY, LONGEST_TEXT, MOST_EXACT

BLUE = "#1F4E79"
_LOOKS: dict[str, dict[str, Any]] = {
    "title": {"bold": True, "font_size": 18, "font_color": BLUE},
    "label": {"bold": True, "valign": "top", "font_color": BLUE},
    "head": {"bold": True, "bg_color": BLUE, "font_color": "white", "text_wrap": True, "valign": "vcenter"},
    "text": {"text_wrap": True, "valign": "top"},
    "note": {"italic": True, "font_color": "#555555"},
    "word": {"align": "right", "italic": True, "font_color": "#555555"},
    "plain": {},
    "on dark": {"font_color": theme.color("on-high")},
}  # fmt: skip
_IN_TEXTS = re.compile("[\ufffe\uffff]")


class Styles:
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


def write_value(
    sheet: Any, line: int, place: int, column: Column, value: Value, styles: Styles, *, is_last: bool
) -> None:  # fmt: skip
    """Write a value: a number with the format of its unit, and a word where there is none.

    Args:
        sheet: the sheet.
        line: the row of the cell, from zero.
        place: its column, from zero.
        column: what the value is of.
        value: what is written.
        styles: of the workbook.
        is_last: whether it is in one of the rows below the others.
    """
    if isinstance(value, bool) or column.is_field or isinstance(value, str):
        put(sheet, line, place, numbers.text(value), styles.look("plain", is_last=is_last))
    elif value is None or isinstance(value, Mark):
        put(sheet, line, place, numbers.text(value), styles.look("word", is_last=is_last))
    elif isinstance(value, datetime | date):
        day = value.date() if isinstance(value, datetime) else value
        if day < FIRST_DAY:
            put(sheet, line, place, numbers.text(value), styles.look("plain", is_last=is_last))
            return
        moment = value.replace(tzinfo=None) if isinstance(value, datetime) else value
        form = "yyyy-mm-dd hh:mm" if isinstance(value, datetime) else "yyyy-mm-dd"
        sheet.write_datetime(line, place, moment, styles.look(form, is_last=is_last))
    elif not _fits(value):
        put(sheet, line, place, numbers.text(value, column.unit), styles.look("word"))
    else:
        form = numbers.excel(value, column.unit)
        sheet.write_number(line, place, float(value), styles.look(form, is_last=is_last))


def _fits(value: int | float | Decimal) -> bool:
    """Whether a sheet, whose numbers are doubles, can hold the number."""
    number = Decimal(str(value))
    return number.is_finite() and abs(number) <= MOST_EXACT


def put(sheet: Any, line: int, place: int, text: str, style: Any) -> None:
    """Write a text, which is never read as a formula or address."""
    clean = _IN_TEXTS.sub("\ufffd", neutral(text))
    if len(clean) >= LONGEST_TEXT:
        clean = clean[: LONGEST_TEXT - 20] + " (cut off)"
    sheet.write_string(line, place, clean, style)

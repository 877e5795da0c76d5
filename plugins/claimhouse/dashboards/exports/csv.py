"""A tile as csv, and a dashboard as a zip of them with a text about them.

UTF-8, comma, RFC 4180, a header of names. Numbers have all their digits and no separators; a cell that a
spreadsheet would take for a formula is made harmless.
"""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import UTC, datetime
from decimal import Decimal

from claimhouse.dashboards.answer import Mark, Value
from claimhouse.dashboards.exports.model import Document, Table
from claimhouse.delivery.extract.model import neutral

ABOUT = "about.txt"
# Digits after the point of a quotient, which may have no end.
MOST_DIGITS = 10


def of_table(table: Table) -> bytes:
    """A tile."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([column.name for column in table.columns])
    writer.writerows([cell(value) for value in row] for row in table.rows)
    return text.getvalue().encode()


def archive(document: Document) -> bytes:
    """All tiles, and :data:`ABOUT`."""
    content = io.BytesIO()
    moment = document.made_at.astimezone(UTC).timetuple()[:6]
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        entries = {ABOUT: about(document).encode()}
        entries |= {f"{table.name}.csv": of_table(table) for table in document.tables}
        for name, data in entries.items():
            info = zipfile.ZipInfo(name, moment)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o600 << 16
            file.writestr(info, data)
    return content.getvalue()


def about(document: Document) -> str:
    """What one must know of the files, as text."""
    facts = document.facts
    width = max(map(len, facts))
    lines = [document.title, "", *(f"{label:{width}}  {value}" for label, value in facts.items())]
    lines += ["", "Files", ""]
    for table in document.tables:
        lines += [f"{table.name}.csv  {table.title}", *(f"    {note}" for note in table.notes)]
    lines += ["", "Definitions", ""]
    for entry in document.definitions:
        owner = f" Owner: {entry.owner}." if entry.owner else ""
        lines += [f"{entry.title} ({entry.name})", f"    {entry.sentence}{owner}"]
    return "\n".join([*lines, ""])


def cell(value: Value) -> str:
    """A value as text: a number with all its digits and nothing else; empty where there is none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mark):
        return value.value
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC) if value.tzinfo else value:%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(value, int | float | Decimal):
        return _number(value)
    return neutral(str(value))


def _number(value: int | float | Decimal) -> str:
    number = Decimal(str(value))
    if not number.is_finite():
        return str(value)
    if number.as_tuple().exponent < -MOST_DIGITS:  # type: ignore[operator]
        number = round(number, MOST_DIGITS).normalize()
    return format(number, "f")

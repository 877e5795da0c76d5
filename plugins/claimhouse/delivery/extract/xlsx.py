"""The workbook of an extract: a cover, a summary with a chart, and the rows.

xlsxwriter makes the workbook with an empty sheet of rows; the rows are streamed into that sheet's
XML as the zip is written. The workbook looks the same whatever its size.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, BinaryIO

import polars as pl
import xlsxwriter
from msoffcrypto.method.container.ecma376_encrypted import ECMA376Encrypted
from msoffcrypto.method.ecma376_agile import ECMA376Agile

from claimhouse.delivery.extract import chart
from claimhouse.delivery.extract.model import (
    Extract,
    Rows,
    TooManyRows,
    UnfitValue,
    heading,
    neutral,
    neutral_column,
    split,
)
from claimhouse.delivery.extract.numbers import NumberFormat

# A sheet holds 1,048,576 lines, one of them the header.
MOST_ROWS, MOST_COLUMNS = 1_048_575, 16_384
LONGEST_TEXT = 32_767
WIDEST = 60
WIDTH_SAMPLE = 1_000
# Beyond these a sheet is wrong: its numbers are doubles, and its 1900 has a February 29.
MOST_EXACT = 2**53
FIRST_DAY, EPOCH = date(1900, 3, 1), date(1899, 12, 30)
END = b"</sheetData>"
# No text becomes a formula, a link or a number.
OPTIONS = {
    "in_memory": True,  # otherwise its parts are temporary files in plain text
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
COMPRESSION_LEVEL = 1  # the default level takes three times as long for a fifth less


def write(extract: Extract, password: str, target: BinaryIO, name: str) -> None:
    """Write the workbook to *target* under AES-256 (the agile encryption of Office).

    Raises:
        TooManyRows: the rows do not fit on a sheet.
        UnfitValue: a text does not fit in a cell.
    """
    encrypt(workbook(extract), password, target)


def write_parts(extract: Extract, password: str, target: BinaryIO, name: str) -> None:
    """Write the rows as several workbooks into one archive; the first has the summary.

    Each is encrypted, and the archive is not: any system opens it. Memory is that of one workbook.

    Raises:
        UnfitCount: there are not as many rows as *extract* says.
        UnfitValue: a text does not fit in a cell.
    """
    assert extract.rows is not None
    count, stem = len(extract.part_sizes), name.removesuffix(".xlsx")
    with zipfile.ZipFile(target, "w") as archive:
        for number, rows in enumerate(split(extract.rows, extract.part_sizes), 1):
            part = replace(
                extract,
                rows=rows,
                part=f"{number} of {count}",
                summary=extract.summary if number == 1 else None,
            )
            sealed = io.BytesIO()  # an encrypted workbook is not written front to back
            encrypt(workbook(part), password, sealed)
            archive.writestr(f"{stem}_part{number}of{count}.xlsx", sealed.getbuffer())


def workbook(extract: Extract) -> io.BytesIO:
    """The finished, still unencrypted, xlsx; held in memory.

    Raises:
        TooManyRows: the rows do not fit on a sheet.
        UnfitValue: a text does not fit in a cell.
    """
    result = io.BytesIO()
    _write(extract, result, _book, 2 if extract.summary is None else 3)
    result.seek(0)
    return result


def write_table(rows: Rows, target: BinaryIO) -> None:
    """Write a workbook of one sheet, the rows below their own names, to *target*; not encrypted.

    Raises:
        TooManyRows: the rows or columns do not fit on a sheet.
        UnfitValue: a text does not fit in a cell.
    """
    if len(rows.schema) > MOST_COLUMNS:
        raise TooManyRows(f"more than {MOST_COLUMNS:,} columns: a sheet holds no more")
    bare = Extract("Rows", "", "", "", None, "identified", {}, rows, None)
    _write(bare, target, _bare_book, 1)


def _write(
    extract: Extract, target: BinaryIO, book: Callable[[Extract, _Shape], io.BytesIO], number: int
) -> None:
    """Write the *book* of the extract to *target*, with its rows as the sheet *number*, from 1."""
    with zipfile.ZipFile(
        target, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION_LEVEL
    ) as archive:
        sheet = f"xl/worksheets/sheet{number}.xml"
        shape = _write_rows(extract, archive, book, sheet)
        full = zipfile.ZipFile(book(extract, shape))
        for part in full.namelist():
            if part != sheet or extract.rows is None:
                archive.writestr(part, full.read(part))


def encrypt(content: io.BytesIO, password: str, target: BinaryIO) -> None:
    """Write *content*, an xlsx, to *target* under AES-256; closes *content*.

    The library's own entry point keeps five copies of the file in memory; this uses its parts.
    """
    info, key = ECMA376Agile.generate_encryption_parameters(password)
    sealed = ECMA376Agile.encrypt_payload(content, info.encryptedKey, key, info.keyData.saltValue)
    content.close()
    description = ECMA376Agile.get_encryption_information(info, sealed, key)
    ECMA376Encrypted(sealed, description)._write_to(target)


@dataclass(frozen=True)
class _Shape:
    """How many rows the sheet of rows has, and how wide its columns are."""

    count: int
    widths: list[int]


def _write_rows(
    extract: Extract,
    archive: zipfile.ZipFile,
    book: Callable[[Extract, _Shape], io.BytesIO],
    sheet: str,
) -> _Shape:
    """Stream the rows into *sheet* of the archive; returns its shape."""
    if extract.rows is None:
        return _Shape(0, [])
    schema = extract.rows.schema
    frames = iter(extract.rows)
    first = next(frames, pl.DataFrame(schema=schema))
    widths = _widths(extract, first)
    empty = zipfile.ZipFile(book(extract, _Shape(0, widths))).read(sheet)
    head = re.sub(rb"<dimension [^>]*/>", b"", empty[: empty.index(END)])
    cells = [
        _cell(name, kind, style)
        for (name, kind), style in zip(schema.items(), _column_styles(head), strict=True)
    ]
    with archive.open(sheet, "w", force_zip64=True) as file:
        file.write(head)
        for frame in _chain(first, frames):
            if extract.rows.count > MOST_ROWS:
                raise TooManyRows(
                    f"more than {MOST_ROWS:,} rows: a sheet holds no more; send this report as csv "
                    "or parquet"
                )
            _check(frame)
            file.write(_lines(frame, cells))
        shape = _Shape(extract.rows.count, widths)
        full = zipfile.ZipFile(book(extract, shape)).read(sheet)
        file.write(full[full.index(END) :])
    return shape


def _column_styles(head: bytes) -> list[int]:
    """The style number of each column; equal neighbors share an element."""
    elements = re.findall(rb'<col min="(\d+)" max="(\d+)" width="[^"]*"(?: style="(\d+)")?', head)
    return [
        int(style or 0) for first, last, style in elements for _ in range(int(first), int(last) + 1)
    ]


def _chain(first: pl.DataFrame, rest: Any) -> Any:
    yield first
    yield from rest


def _lines(frame: pl.DataFrame, cells: list[pl.Expr]) -> bytes:
    row = pl.concat_str([pl.lit("<row>"), *cells, pl.lit("</row>")])
    text: str = frame.select(row.str.join("")).item()
    return text.encode()


def _cell(name: str, kind: pl.DataType, style: int) -> pl.Expr:
    """The cells of a column as XML, each of its value's type."""
    value, attribute = pl.col(name), f' s="{style}"' if style else ""
    number = _number(value, kind)
    if number is None:
        return _text(neutral_column(name)).fill_null("<c/>")
    cell_type = ' t="b"' if isinstance(kind, pl.Boolean) else ""
    plain = pl.concat_str(pl.lit(f"<c{attribute}{cell_type}><v>"), number, pl.lit("</v></c>"))
    # A number that no sheet can hold is shown as text: better than a wrong number.
    shown = pl.when(_fits(value, kind)).then(plain).otherwise(_text(value.cast(pl.String)))
    return shown.fill_null("<c/>")


def _number(value: pl.Expr, kind: pl.DataType) -> pl.Expr | None:
    """The number a sheet stores for *value*, as text; None for what it stores as text."""
    if isinstance(kind, pl.Boolean):
        return value.cast(pl.Int8).cast(pl.String)
    if isinstance(kind, pl.Date):
        return (value - EPOCH).dt.total_days().cast(pl.String)
    if isinstance(kind, pl.Datetime):
        moment = value.dt.replace_time_zone(None)
        days = (moment - pl.lit(EPOCH).cast(pl.Datetime("us"))).dt.total_microseconds() / 86_400e6
        return days.cast(pl.String)
    if isinstance(kind, pl.Int64 | pl.Float64 | pl.Decimal):
        return value.cast(pl.String)
    return None


def _fits(value: pl.Expr, kind: pl.DataType) -> pl.Expr:
    if isinstance(kind, pl.Int64):
        return value.is_between(-MOST_EXACT, MOST_EXACT)
    if isinstance(kind, pl.Float64):
        return value.is_finite()
    if isinstance(kind, pl.Date | pl.Datetime):
        return value.cast(pl.Date) >= FIRST_DAY
    return value.is_not_null()


def _text(value: pl.Expr) -> pl.Expr:
    """Text in a cell: escaped for XML, and for Office's ``_xHHHH_`` characters."""
    safe = (
        value.str.replace_all("&", "&amp;", literal=True)
        .str.replace_all("<", "&lt;", literal=True)
        .str.replace_all(">", "&gt;", literal=True)
        .str.replace_all("_(x[0-9A-Fa-f]{4}_)", "_x005F_${1}")
        .str.replace_all("\r", "_x000D_", literal=True)
        .str.replace_all("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "\ufffd")
    )
    return pl.concat_str(
        pl.lit('<c t="inlineStr"><is><t xml:space="preserve">'), safe, pl.lit("</t></is></c>")
    )


def _check(frame: pl.DataFrame) -> None:
    for name in frame.select(pl.col(pl.String)).columns:
        longest = frame[name].str.len_chars().max()
        if isinstance(longest, int) and longest >= LONGEST_TEXT:
            raise UnfitValue(
                f"{name}: a text of {longest:,} characters; a cell holds {LONGEST_TEXT - 1:,}"
            )


def _book(extract: Extract, shape: _Shape) -> io.BytesIO:
    """The workbook, with an empty sheet of rows of *shape*."""
    file, book = _opened(extract)
    styles = _styles(book, extract)
    _cover(book, extract, shape.count if extract.rows else None, styles)
    if extract.summary is not None:
        _summary(book, extract, extract.summary, styles)
    if extract.rows is not None:
        sheet = book.add_worksheet("Rows")
        _frame_sheet(sheet, extract, extract.rows.schema, shape, styles)
    book.close()
    return file


def _bare_book(extract: Extract, shape: _Shape) -> io.BytesIO:
    """A workbook of nothing but an empty sheet of rows of *shape*."""
    file, book = _opened(extract)
    schema = extract.rows.schema if extract.rows else {}
    sheet = book.add_worksheet("Rows")
    _frame_sheet(sheet, extract, schema, shape, _styles(book, extract), neutral)
    book.close()
    return file


def _opened(extract: Extract) -> tuple[io.BytesIO, Any]:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, OPTIONS)
    book.set_properties({"title": extract.title, "company": "Claimhouse"})
    return file, book


def _styles(book: Any, extract: Extract) -> dict[str, Any]:
    """The styles of the workbook; those of numbers are named by their number format."""
    font = {"font_name": "Calibri", "font_size": 11}
    looks: dict[str, dict[str, Any]] = {
        "title": {"bold": True, "font_size": 18, "font_color": "#1F4E79"},
        "label": {"bold": True, "valign": "top", "font_color": "#1F4E79"},
        "head": {
            "bold": True,
            "bg_color": "#1F4E79",
            "font_color": "white",
            "text_wrap": True,
            "valign": "vcenter",
        },
        "text": {"text_wrap": True, "valign": "top"},
        "plain": {},
        "date": {"num_format": "yyyy-mm-dd"},
        "time": {"num_format": "yyyy-mm-dd hh:mm:ss"},
    }
    looks |= {number: {"num_format": number} for number in _number_formats(extract)}
    return {name: book.add_format(font | look) for name, look in looks.items()}


def _number_formats(extract: Extract) -> list[str]:
    """The number formats of all columns, each once, in the order of the sheets."""
    schemas: list[Any] = [extract.summary.schema] if extract.summary is not None else []
    schemas += [extract.rows.schema] if extract.rows is not None else []
    columns = [column for schema in schemas for column in schema.items()]
    styles = [_style(extract, name, kind) for name, kind in columns if kind.is_numeric()]
    return list(dict.fromkeys(styles))


def _style(extract: Extract, name: str, kind: pl.DataType) -> str:
    if isinstance(kind, pl.Date):
        return "date"
    if isinstance(kind, pl.Datetime):
        return "time"
    return extract.number_format(name, kind).excel if kind.is_numeric() else "plain"


def _cover(book: Any, extract: Extract, count: int | None, styles: dict[str, Any]) -> None:
    sheet = book.add_worksheet("Cover")
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 1, 90)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.set_row(0, 30)
    sheet.write_string(0, 0, extract.title, styles["title"])
    line = 2
    for label, value in extract.facts(count).items():
        sheet.write_string(line, 0, label, styles["label"])
        sheet.write_string(line, 1, neutral(value), styles["text"])
        line += 1
    sheet.write_row(line + 1, 0, ["Column", "Meaning"], styles["head"])
    for number, (column, meaning) in enumerate(extract.meanings().items(), start=line + 2):
        sheet.write_string(number, 0, column, styles["label"])
        sheet.write_string(number, 1, meaning, styles["text"])


def _summary(book: Any, extract: Extract, summary: pl.DataFrame, styles: dict[str, Any]) -> None:
    sheet = book.add_worksheet("Summary")
    shape = _Shape(summary.height, _widths(extract, summary))
    _frame_sheet(sheet, extract, summary.schema, shape, styles)
    for number, (name, kind) in enumerate(summary.schema.items()):
        for line, value in enumerate(summary[name], start=1):
            _write_value(sheet, line, number, value, styles[_style(extract, name, kind)])
    if drawn := chart.shape(summary):
        _draw(book, sheet, drawn, extract, summary)


def _write_value(sheet: Any, line: int, column: int, value: Any, style: Any) -> None:
    if value is None:
        return
    if isinstance(value, str):
        sheet.write_string(line, column, neutral(value), style)
    elif isinstance(value, bool):
        sheet.write_boolean(line, column, value, style)
    elif isinstance(value, int | float | Decimal):
        sheet.write_number(line, column, float(value), style)
    else:
        moment = value.replace(tzinfo=None) if isinstance(value, datetime) else value
        sheet.write_datetime(line, column, moment, style)


def _draw(
    book: Any, sheet: Any, drawn: chart.Chart, extract: Extract, summary: pl.DataFrame
) -> None:
    """Insert a native chart of the summary; it follows edits of the cells."""
    native = book.add_chart({"type": "line" if drawn.over_time else "bar"})
    category = summary.get_column_index(drawn.category)
    value = summary.get_column_index(drawn.measure)
    for number, (name, first, last) in enumerate(drawn.series):
        color = chart.COLORS[number % len(chart.COLORS)]
        native.add_series(
            {
                "name": name,
                "categories": ["Summary", first + 1, category, last + 1, category],
                "values": ["Summary", first + 1, value, last + 1, value],
                "line": {"color": color, "width": 2.0},
                "fill": {"color": color},
                "gap": 60,
            }
        )
    native.set_title({"name": drawn.title, "name_font": {"size": 13, "color": "#1F4E79"}})
    axis = extract.number_format(drawn.measure, summary.schema[drawn.measure]).excel_axis
    grid = {"major_gridlines": {"visible": True, "line": {"color": "#D9D9D9"}}}
    if drawn.over_time:
        native.set_x_axis({"num_format": "yyyy-mm", "date_axis": True})
        native.set_y_axis({"name": heading(drawn.measure), "num_format": axis, **grid})
    else:
        native.set_y_axis({"reverse": True})
        native.set_x_axis({"name": heading(drawn.measure), "num_format": axis, **grid})
    native.set_legend({"position": "bottom"} if len(drawn.series) > 1 else {"none": True})
    native.set_size({"width": 900, "height": 440})
    sheet.insert_chart(1, len(summary.columns) + 1, native)


def _frame_sheet(
    sheet: Any,
    extract: Extract,
    schema: Any,
    shape: _Shape,
    styles: dict[str, Any],
    name_of: Callable[[str], str] = heading,
) -> None:
    """The frozen header, and all else around the cells of a sheet of *shape*."""
    for number, (name, kind) in enumerate(schema.items()):
        sheet.set_column(number, number, shape.widths[number], styles[_style(extract, name, kind)])
        sheet.write_string(0, number, name_of(name), styles["head"])
    sheet.set_row(0, 30)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, shape.count, len(schema) - 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)  # printed as wide as a page
    sheet.repeat_rows(0)
    sheet.set_footer("&L&A&RPage &P of &N")


def _widths(extract: Extract, frame: pl.DataFrame) -> list[int]:
    """A width for each column, in characters: fits its heading and the first rows."""
    return [
        _width(frame[name].head(WIDTH_SAMPLE), extract.number_format(name, kind))
        for name, kind in frame.schema.items()
    ]


def _width(column: pl.Series, number_format: NumberFormat) -> int:
    shown = [_shown(value, number_format) for value in column.to_list()]
    longest_word = max(
        map(len, heading(column.name).split()), default=0
    )  # headings wrap between words
    return min(max([*map(len, shown), longest_word + 3, 9]) + 2, WIDEST)


def _shown(value: Any, number_format: NumberFormat) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return number_format.text(value)
    return "" if value is None else str(value)

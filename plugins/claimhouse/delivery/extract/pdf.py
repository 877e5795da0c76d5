"""The PDF of an extract: title, chart, summary, rows and definitions.

Typst sets it and vl-convert draws the chart. Both are self-contained wheels: no browser and no
system library is needed.
"""

from __future__ import annotations

import io
import json
import secrets
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, BinaryIO

import pikepdf
import polars as pl
import typst
import vl_convert

from claimhouse import settings
from claimhouse.delivery.extract import chart
from claimhouse.delivery.extract.model import Extract, TooManyRows, heading
from claimhouse.delivery.extract.numbers import GENERAL, NumberFormat

# Nobody reads more on paper: a page holds about 40 rows.
MOST_ROWS = 2_000
MOST_COLUMNS = 16
LANDSCAPE_COLUMNS = 7  # from this many columns on
LONGEST_WORD = 12
FONTS = ["Liberation Sans", "Arimo", "DejaVu Sans", "Libertinus Serif"]
BREAK = "\N{ZERO WIDTH SPACE}"


def write(extract: Extract, password: str, target: BinaryIO, name: str) -> None:
    """Write the PDF to *target* under AES-256 (PDF 2.0, revision 6).

    Raises:
        TooManyRows: more rows than people read, or more columns than fit on a page.
    """
    encrypt(io.BytesIO(page(extract)), password, target)


def encrypt(content: io.BytesIO, password: str, target: BinaryIO) -> None:
    """Write *content*, a PDF, to *target* under AES-256 (PDF 2.0, revision 6)."""
    with pikepdf.open(content) as document:
        # The password allows everything; nobody has the owner's password.
        encryption = pikepdf.Encryption(user=password, owner=secrets.token_urlsafe(32), R=6)
        document.save(target, encryption=encryption)


def page(extract: Extract) -> bytes:
    """The finished, still unencrypted, PDF.

    Raises:
        TooManyRows: more rows than people read, or more columns than fit on a page.
    """
    rows = _collected(extract)
    tables = [("Summary", extract.summary), ("Rows", rows)]
    listings = [listing(extract, name, table) for name, table in tables if table is not None]
    facts = extract.facts(rows.height if rows is not None else None)
    drawn = chart.shape(extract.summary) if extract.summary is not None else None
    content = {
        "title": extract.title,
        "client": extract.client,
        "as_of": facts["Data as of"],
        "facts": list(facts.items()),
        "definitions": list(extract.meanings().items()),
        "tables": listings,
        "chart_title": drawn.title if drawn else "",
    }
    if extract.summary is not None and drawn:
        return _set(content, chart=picture(drawn, extract.summary))
    return _set(content)


def tables(
    title: str, facts: dict[str, str], as_of: str, content: dict[str, pl.DataFrame]
) -> bytes:
    """A PDF of tables below a title; not encrypted.

    Args:
        title: of the document.
        facts: labels and values that stand below it.
        as_of: the time that each page says.
        content: the tables by their headings.
    """
    bare = Extract(title, "", "", "", None, "identified", {}, None, None)
    return _set(
        {
            "title": title,
            "client": "",
            "as_of": as_of,
            "facts": [(label, _shown(value, GENERAL)) for label, value in facts.items()],
            "definitions": [],
            "tables": [listing(bare, name, table) for name, table in content.items()],
            "chart_title": "",
        }
    )


def _set(content: dict[str, Any], **pictures: str) -> bytes:
    """The document of the template with *content*."""
    wide = any(len(table["columns"]) >= LANDSCAPE_COLUMNS for table in content["tables"])
    data = {"author": "Claimhouse", "fonts": FONTS, "wide": wide, **content}
    inputs = {"data": json.dumps(data), **pictures}
    template = (settings.INCLUDE / "templates" / "extract.typ").read_bytes()
    document: bytes = typst.compile(template, format="pdf", sys_inputs=inputs)
    return document


def picture(drawn: chart.Chart, summary: pl.DataFrame) -> str:
    """The chart as SVG."""
    series = [
        summary.slice(first, last - first + 1).with_columns(pl.lit(name).alias("_series"))
        for name, first, last in drawn.series
    ]
    return str(vl_convert.vegalite_to_svg(_vega(drawn, pl.concat(series)), vl_version="5.21"))


def _vega(drawn: chart.Chart, rows: pl.DataFrame) -> dict[str, Any]:
    time = {"field": drawn.category, "type": "temporal", "title": None, "axis": {"format": "%Y-%m"}}
    name = {"field": drawn.category, "type": "nominal", "title": None, "sort": None}
    value = {"field": drawn.measure, "type": "quantitative", "title": heading(drawn.measure)}
    colors = {"domain": [name for name, *_ in drawn.series], "range": list(chart.COLORS)}
    split = {"field": "_series", "type": "nominal", "title": None, "scale": colors}
    legend = {"orient": "bottom", "columns": 4} if len(drawn.series) > 1 else None
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": 660,
        "height": 230 if drawn.over_time else {"step": 18},
        "title": {"text": drawn.title, "anchor": "start", "color": "#1F4E79", "fontSize": 14},
        "data": {"values": _plain(rows).to_dicts()},
        "mark": {"type": "line", "strokeWidth": 2} if drawn.over_time else "bar",
        "encoding": {
            "x": time if drawn.over_time else value,
            "y": value if drawn.over_time else name,
            "color": split | {"legend": legend},
        },
        "config": {"font": FONTS[0], "view": {"stroke": None}, "axis": {"gridColor": "#E3E3E3"}},
    }


def _plain(rows: pl.DataFrame) -> pl.DataFrame:
    """*rows* in types that JSON has."""
    return rows.with_columns(
        pl.col(pl.Decimal).cast(pl.Float64), pl.col(pl.Date, pl.Datetime).cast(pl.String)
    )


def _collected(extract: Extract) -> pl.DataFrame | None:
    """All rows in memory; fails as soon as there are too many."""
    if extract.rows is None:
        return None
    if len(extract.rows.schema) > MOST_COLUMNS:
        raise TooManyRows(
            f"{len(extract.rows.schema)} columns: a page has room for {MOST_COLUMNS}; send this "
            "report as xlsx, csv or parquet, or its summary alone (detail: false)"
        )
    frames = [pl.DataFrame(schema=extract.rows.schema)]
    for frame in extract.rows:
        if extract.rows.count > MOST_ROWS:
            raise TooManyRows(
                f"more than {MOST_ROWS:,} rows: nobody reads that in a pdf; send this report as "
                "xlsx, csv or parquet, or its summary alone (detail: false)"
            )
        frames.append(frame)
    return pl.concat(frames)


def listing(extract: Extract, name: str, table: pl.DataFrame) -> dict[str, Any]:
    """A table of the page, as the template takes it: headings, widths and cells as text."""
    formats = [extract.number_format(column, kind) for column, kind in table.schema.items()]
    shown = [
        [_shown(value, number_format) for value in table[column]]
        for column, number_format in zip(table.columns, formats, strict=True)
    ]
    widths = [
        max([len(heading(column)) * 0.7, 4, *(min(len(value), 28) for value in values[:200])])
        for column, values in zip(table.columns, shown, strict=True)
    ]
    return {
        "heading": name,
        "columns": [heading(column) for column in table.columns],
        "right": [kind.is_numeric() for kind in table.dtypes],
        "widths": widths,
        "rows": list(zip(*shown, strict=True)) if shown else [],
    }


def _shown(value: Any, number_format: NumberFormat) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M}"
    if isinstance(value, int | float | Decimal):
        return number_format.text(value)
    if isinstance(value, str):
        return " ".join(_breakable(word) for word in value.split(" "))
    return f"{value:%Y-%m-%d}"


def _breakable(word: str) -> str:
    """*word* with places at which a line may break, where it is long."""
    if len(word) <= LONGEST_WORD:
        return word
    return BREAK.join(word[at : at + 8] for at in range(0, len(word), 8))

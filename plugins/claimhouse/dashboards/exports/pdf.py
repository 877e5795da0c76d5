"""A dashboard as a PDF, to forward: its question, numbers, charts and tables, and what they mean."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typst

from claimhouse import settings
from claimhouse.dashboards import charts, numbers, theme
from claimhouse.dashboards.answer import Page, Value
from claimhouse.dashboards.exports.model import Document, Table
from claimhouse.dashboards.selection import Selection
from claimhouse.delivery.extract.pdf import LONGEST_WORD
from claimhouse.web import FONTS

# Nobody reads more on paper: a page holds about 40 rows.
MOST_ROWS = 200
FAMILIES = [theme.FONT, "Liberation Sans", "DejaVu Sans", "Libertinus Serif"]
# The width of a chart in pixels, which is that of the text on a page: its letters are as large as the text's.
WIDTH = 680
# Of the width of a column, in characters.
LEAST, MOST = 4, 28
# What stands at the end, and not before the numbers.
LAST = ("Cells", "Notice")
BREAK = "\N{ZERO WIDTH SPACE}"


@dataclass(frozen=True)
class Picture:
    """The chart of a tile.

    Attributes:
        title: what it shows; empty where the tile has only one.
        svg: the chart, :data:`WIDTH` wide.
        sentence: what it shows, in words.
    """

    title: str
    svg: str
    sentence: str


def pictures(page: Page, chosen: Selection) -> dict[str, list[Picture]]:
    """The charts of a dashboard, by the name of their tile.

    Args:
        page: its answers.
        chosen: the filters; what is chosen is told apart in a chart.
    """
    return {
        name: [
            Picture(chart.title, chart.svg, charts.sentence(answer))
            for chart in charts.of(answer, WIDTH, 0, chosen.choices)
        ]
        for name, answer in page.answers.items()
    }


def write(
    document: Document, rows: list[list[str]], pictures: Mapping[str, Sequence[Picture]]
) -> bytes:
    """The PDF.

    Args:
        document: what it shows.
        rows: the names of the tiles, row by row, as they are on the page.
        pictures: the charts by the name of their tile.
    """
    tables = {table.name: table for table in document.tables}
    facts = document.facts
    # The question stands below the title.
    first = [pair for pair in facts.items() if pair[0] not in ("Question", *LAST)]
    data = {
        "title": document.title,
        "question": document.question,
        "reader": document.reader,
        "person": document.person,
        "as_of": facts["Data as of"],
        "fonts": FAMILIES,
        "facts": first,
        "end": [(label, facts[label]) for label in LAST],
        "rows": [_row([tables[name] for name in names], pictures) for names in rows],
        "definitions": [
            (entry.title, entry.sentence + (f" Owner: {entry.owner}." if entry.owner else ""))
            for entry in document.definitions
        ],
    }
    drawn = {
        f"{name}.{number}": picture.svg
        for name, of_tile in pictures.items()
        for number, picture in enumerate(of_tile)
    }
    content: bytes = typst.compile(
        settings.INCLUDE / "templates" / "dashboard.typ",
        format="pdf",
        sys_inputs={"data": json.dumps(data), **drawn},
        font_paths=[FONTS],
    )
    return content


def _row(tables: list[Table], pictures: Mapping[str, Sequence[Picture]]) -> dict[str, Any]:
    figures = [table for table in tables if table.tile.kind == "number" and table.rows]
    return {
        "figures": [_figure(table) for table in figures],
        "tables": [
            _listing(table, pictures.get(table.name, ()))
            for table in tables
            if table not in figures
        ],
    }


def _figure(table: Table) -> dict[str, Any]:
    """A tile of numbers: each in full, and what became of it."""
    shown: list[dict[str, str]] = []
    row = table.rows[0]
    for place, column in enumerate(table.columns):
        if column.name.endswith("_before") and place:
            change = numbers.change(row[place - 1], row[place], column.unit)
            before = numbers.text(row[place], column.unit)
            shown[-1]["change"] = f"{change}, from {before}" if change else f"before: {before}"
        elif not column.is_field:
            shown.append({"text": numbers.text(row[place], column.unit), "change": ""})
    return {"title": table.title, "numbers": shown, "notes": table.notes}


def _listing(table: Table, pictures: Sequence[Picture]) -> dict[str, Any]:
    """A table, as the template takes it: headings, widths and cells as text."""
    body, last = table.rows[: table.body], table.rows[table.body :]
    notes = table.notes
    if len(body) > MOST_ROWS:
        notes = (
            *notes,
            f"The first {MOST_ROWS} of {len(body):,} rows; the workbook and the csv have them all.",
        )
        body = body[:MOST_ROWS]
    shown = [
        [_shown(value, column.unit) for value, column in zip(row, table.columns, strict=True)]
        for row in (*body, *last)
    ]
    return {
        "title": table.title,
        "charts": [
            {"key": f"{table.name}.{number}", "title": picture.title, "sentence": picture.sentence}
            for number, picture in enumerate(pictures)
        ],
        "columns": [column.title for column in table.columns],
        "right": [not _is_text(table, place) for place, _ in enumerate(table.columns)],
        "widths": [
            _width(column.title, [row[place] for row in shown])
            for place, column in enumerate(table.columns)
        ],
        "rows": shown,
        "body": len(body),
        "notes": notes,
    }  # fmt: skip


def _is_text(table: Table, place: int) -> bool:
    return table.columns[place].is_field or any(isinstance(row[place], str) for row in table.rows)


def _width(title: str, cells: list[str]) -> float:
    longest = [min(len(text.replace(BREAK, "")), MOST) for text in cells]
    return max([len(title) * 0.7, LEAST, *longest])


def _shown(value: Value, unit: str | None) -> str:
    """A value as on the page, with places at which a line may break in long words."""
    text = numbers.text(value, unit)
    if not isinstance(value, str):
        return text
    return " ".join(
        word if len(word) <= LONGEST_WORD
        else BREAK.join(word[at : at + 8] for at in range(0, len(word), 8))
        for word in text.split(" ")
    )  # fmt: skip

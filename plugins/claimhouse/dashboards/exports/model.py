"""What the file of a dashboard shows, whatever its format: the tables of its page, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from claimhouse import glossary
from claimhouse.dashboards.answer import Answer, Mark, Page, Row, Value
from claimhouse.dashboards.model import Dashboard, Tile
from claimhouse.dashboards.selection import UNKNOWN
from claimhouse.delivery.extract.model import NOTICES
from claimhouse.reporting.readers import Reader

TOTAL = "Total"
HIDDEN = "Small numbers are hidden."
EMPTY = "No data for what is chosen."
EXPLAINED = (
    f"'{Mark.HIDDEN.value}': a small number that is not shown. '{UNKNOWN}': the value is not known. "
    "An empty cell, or a dash: there is no value. None of these is zero."
)


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: of the field or measure; ``<measure>_before`` of the period before.
        unit: what its numbers are counted in; None where that has no name.
        is_field: whether it makes the rows; otherwise it holds numbers, or what a report says of a row.
    """

    name: str
    title: str
    unit: str | None
    is_field: bool


@dataclass(frozen=True)
class Table:
    """What a tile shows.

    Attributes:
        answer: the same before it was a table: charts are made of it.
        rows: with what all others add up to, and the total, as on the page.
        body: how many rows come before those two.
        notes: what a reader must know to read it right, in sentences.
    """

    answer: Answer
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    body: int
    notes: tuple[str, ...]

    @property
    def tile(self) -> Tile:
        """What it shows."""
        return self.answer.tile

    @property
    def name(self) -> str:
        """The name of the tile."""
        return self.tile.name

    @property
    def title(self) -> str:
        """The title of the tile."""
        return self.tile.title


@dataclass(frozen=True)
class Definition:
    """What a number means."""

    name: str
    title: str
    sentence: str
    owner: str


@dataclass(frozen=True)
class Document:
    """All that a file shows.

    Attributes:
        reader: as its people call it.
        person: the name of who takes it.
        filters: what is chosen, by the title of the filter.
        made_at: when the file was made.
        privacy_level: of the reader.
        tables: one for each tile, in the order of the page.
    """

    name: str
    title: str
    question: str
    reader: str
    person: str
    filters: Mapping[str, str]
    as_of: datetime | None
    made_at: datetime
    privacy_level: str
    tables: tuple[Table, ...]
    definitions: tuple[Definition, ...]

    @property
    def facts(self) -> dict[str, str]:
        """The labels and values of a cover."""
        filters = "; ".join(f"{title}: {words}" for title, words in self.filters.items())
        return {
            "Question": self.question,
            "Filters": filters or "none",
            "Data as of": _moment(self.as_of) if self.as_of else "not published",
            "Reader": self.reader,
            "Taken by": self.person,
            "Taken at": _moment(self.made_at),
            "Cells": EXPLAINED,
            "Notice": NOTICES[self.privacy_level],
        }


def document(
    dashboard: Dashboard, page: Page, reader: Reader, person: str, made_at: datetime | None = None
) -> Document:
    """What a file of a dashboard shows.

    Args:
        dashboard: the dashboard.
        page: its answers.
        reader: whose they are.
        person: the name of who takes the file.
        made_at: the present when left out.
    """
    answers = [page.answers[tile.name] for tile in dashboard.tiles]
    return Document(
        name=dashboard.name,
        title=dashboard.title,
        question=dashboard.question,
        reader=reader.title,
        person=person,
        filters=dict(page.chosen),
        as_of=page.as_of,
        made_at=made_at or datetime.now(UTC),
        privacy_level=reader.privacy_level,
        tables=tuple(map(table, answers)),
        definitions=_definitions(answers),
    )


def table(answer: Answer) -> Table:
    """What the file shows of a tile."""
    rows = list(answer.rows)
    if answer.total and (answer.fields or not rows):
        rows.append(answer.total)
    compares = any(row.before for row in rows)
    columns = [Column(name, glossary.title(name), None, is_field=True) for name in answer.fields]
    for measure in answer.measures:
        columns.append(Column(measure.name, measure.title, measure.unit, is_field=False))
        if compares:
            then = answer.compared or "before"
            before = f"{measure.name}_before", f"{measure.title}, {then}"
            columns.append(Column(*before, measure.unit, is_field=False))
    return Table(
        answer=answer,
        columns=tuple(columns),
        rows=tuple(_cells(answer, row, compares=compares) for row in rows),
        body=sum(not row.is_rest for row in answer.rows) if answer.fields else len(rows),
        notes=_notes(answer),
    )


def _cells(answer: Answer, row: Row, *, compares: bool) -> tuple[Value, ...]:
    cells: list[Value] = list(_fields(answer, row))
    before = row.before or (None,) * len(row.values)
    for now, then in zip(row.values, before, strict=True):
        cells += [now, then] if compares else [now]
    return tuple(cells)


def _fields(answer: Answer, row: Row) -> list[str]:
    """What makes the row; the words of the page for what is no value."""
    if row is answer.total or row.is_rest:
        left = "" if answer.left_out is None else f" ({answer.left_out:,})"
        words = TOTAL if row is answer.total else f"all others{left}"
        return [words, *[""] * (len(answer.fields) - 1)] if answer.fields else []
    return [UNKNOWN if value is None else value for value in row.fields]


def _notes(answer: Answer) -> tuple[str, ...]:
    if answer.problem:
        return (answer.problem,)
    notes = [answer.tile.note] if answer.tile.note else []
    notes += [EMPTY] if answer.is_empty else []
    notes += [HIDDEN] if answer.has_hidden else []
    if answer.left_out is None:
        notes.append(f"There are more rows: these are the first {len(answer.rows):,}.")
    elif answer.left_out and not any(row.is_rest for row in answer.rows):
        notes.append(
            f"{answer.left_out:,} more are not shown: these are the first {len(answer.rows):,}."
        )
    return (*notes, *answer.notes)


def _definitions(answers: list[Answer]) -> tuple[Definition, ...]:
    """What the numbers mean, each once, in the order of the page."""
    found: dict[tuple[str, str], Definition] = {}
    for answer in answers:
        for measure in answer.measures:
            entry = Definition(measure.name, measure.title, measure.sentence, measure.owner)
            found.setdefault((entry.title, entry.sentence), entry)
    return tuple(found.values())


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

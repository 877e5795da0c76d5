"""What a tile shows: the same for the page, its charts, its files and its mails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from claimhouse.dashboards.model import Measure, Tile


class Mark(Enum):
    """Why there is no number; none of these is zero."""

    HIDDEN = "hidden"
    UNKNOWN = "unknown"
    NOT_ADDED = "does not add up"


Value = Decimal | int | float | str | bool | date | datetime | Mark | None


@dataclass(frozen=True)
class Row:
    """A row of a tile.

    Attributes:
        fields: what makes the row; None where it is not known.
        values: its numbers, in the order of the answer's measures.
        before: the same of the period before; None where it is not compared, or has no such row.
        is_rest: whether it is all that is not shown in rows of its own.
    """

    fields: tuple[str | None, ...]
    values: tuple[Value, ...]
    before: tuple[Value, ...] | None = None
    is_rest: bool = False


@dataclass(frozen=True)
class Answer:
    """What a tile shows.

    Attributes:
        fields: the names of what makes its rows.
        measures: its numbers; of a table of rows, its columns.
        total: of all rows together; None where they have none.
        left_out: how many rows are not shown; None where that is not known.
        as_of: when what it shows was published.
        notes: what a reader must know to read it right, in sentences.
        compared: the period before, with which it is compared; None where it is not.
        filters: the fields by whose values a click filters, of those that make its rows.
        problem: why there is nothing to show; None where there is.
        without: the filters without which there would be: any of these; several are to be taken away together.
        statements: what was asked of the warehouse, each with its parameters.
        patients: the pseudonyms of the patients whose rows these are, shown or not.
        is_late: whether the problem may be gone in a while.
    """

    tile: Tile
    fields: tuple[str, ...] = ()
    measures: tuple[Measure, ...] = ()
    rows: tuple[Row, ...] = ()
    total: Row | None = None
    left_out: int | None = 0
    as_of: datetime | None = None
    notes: tuple[str, ...] = ()
    compared: str | None = None
    filters: frozenset[str] = frozenset()
    problem: str | None = None
    without: tuple[tuple[str, ...], ...] = ()
    statements: tuple[tuple[str, list[Any]], ...] = ()
    patients: frozenset[str] = frozenset()
    is_late: bool = False

    @property
    def has_hidden(self) -> bool:
        """Whether small numbers are hidden."""
        return any(value is Mark.HIDDEN for row in self.rows for value in row.values)

    @property
    def is_empty(self) -> bool:
        """Whether there is no row at all."""
        return not self.rows and (self.total is None or all(v is None for v in self.total.values))

    def number(self, row: Row, name: str) -> Value:
        """The value of a measure in a row."""
        return row.values[[measure.name for measure in self.measures].index(name)]


@dataclass(frozen=True)
class Choice:
    """A value of a filter, and how much there is of it."""

    value: str
    count: Decimal | int | None
    is_chosen: bool


@dataclass(frozen=True)
class Page:
    """All that a dashboard shows.

    Attributes:
        answers: of each tile, by its name.
        choices: of each filter that is a choice, its values, the most frequent first.
        ends: of each period or range, its least and its largest value.
        chosen: what is chosen, defaults included, by the title of the filter.
    """

    answers: Mapping[str, Answer]
    choices: Mapping[str, Sequence[Choice]] = field(default_factory=dict)
    ends: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    chosen: Mapping[str, str] = field(default_factory=dict)

    @property
    def as_of(self) -> datetime | None:
        """When the oldest of what it shows was published."""
        return min((a.as_of for a in self.answers.values() if a.as_of), default=None)

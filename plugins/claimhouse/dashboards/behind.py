"""The rows behind a number: those of the report that its tile names, with the filters of the page.

They are paged by what is in them: a page begins at a row and costs the same wherever it is.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl
import psycopg
from psycopg import RawServerCursor

from claimhouse import glossary, warehouse
from claimhouse.dashboards.answer import Mark, Value
from claimhouse.dashboards.fields import Asked, NotShown, listed
from claimhouse.dashboards.model import Measure, Source, Tile, known_reports
from claimhouse.dashboards.read import Reading
from claimhouse.delivery.extract.model import Rows, TooManyRows
from claimhouse.delivery.extract.rows import type_of
from claimhouse.reporting import metric_reports

# Rows of a page; of a file; and of one piece of a file.
ROWS, FILE_ROWS, PIECE = 50, 500_000, 5_000
# A key of a page that is longer does not fit into a form.
LONGEST_PLACE = 8_000
# Columns that say something of a row, and are no part of it.
_ABOUT = ("as_of", "is_hidden")


class NoPlace(ValueError):
    """What should say where a page begins does not."""


@dataclass(frozen=True)
class Looked:
    """What a row is looked up by.

    Attributes:
        column: one of :attr:`Behind.look_up`.
        value: what it must be.
    """

    column: str
    value: str


@dataclass(frozen=True)
class Behind:
    """A page of rows.

    Attributes:
        columns: what they show, and what it means.
        rows: the rows.
        after: what says where the next page begins; None where there is none.
        is_cut: whether there are more rows that no page can begin at.
        look_up: the columns by which a row can be looked up.
        notes: what a reader must know to read them right, in sentences.
    """

    columns: tuple[Measure, ...]
    rows: tuple[tuple[Value, ...], ...]
    after: str | None
    is_cut: bool
    look_up: tuple[str, ...]
    notes: tuple[str, ...]
    as_of: datetime | None


class Drill:
    """The rows behind a tile.

    Args:
        reading: the answers of its dashboard.
        tile: a tile that names a report with rows.

    Raises:
        NotShown: there are none.
    """

    def __init__(self, reading: Reading, tile: Tile) -> None:
        if tile.drill is None:
            raise NotShown("There are no rows behind this number.")
        self.reading, self.fields, self.report = reading, reading.fields, tile.drill
        self.source = Source((), tile.drill)
        # What a view lacks is left out, and told: nobody reads wrong rows without knowing.
        has = {name: self.fields.has(self.source, name) for name in (*tile.where, *tile.but)}
        self._lacking = [name for name in has if not has[name]]
        self.tile = Tile(
            tile.name, "table", tile.title, self.source, unfiltered=tile.unfiltered,
            where={name: values for name, values in tile.where.items() if has[name]},
            but={name: values for name, values in tile.but.items() if has[name]},
        )  # fmt: skip
        self._newest = self._of_newest(tile)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a person is shown."""
        return tuple(name for name in self.fields.columns(self.report) if name not in _ABOUT)

    @property
    def look_up(self) -> tuple[str, ...]:
        """The columns by which a row can be looked up: those with an index, or a number of it."""
        report = known_reports()[self.report]
        wanted = (*(report.look_up or ()), *report.key)
        shown = self.columns
        numbers = tuple(name for name in shown if name in ("claim_id", "encounter_pseudonym"))
        return tuple(
            name for name in dict.fromkeys((*numbers, *wanted)) if name in shown and name != "source_system"
        )  # fmt: skip

    def page(self, after: str = "", looked: Looked | None = None) -> Behind:
        """A page.

        Args:
            after: where it begins, as the page before it says; the first when left out.
            looked: what one row is looked up by.

        Raises:
            NoPlace: *after* is no such place, or *looked* is no column of the rows.
            NotShown: the rows cannot be filtered like this.
        """
        columns, order = self.columns, self._order()
        about = [name for name in _ABOUT if name in self.fields.columns(self.report)]
        asked, kinds = self._asked(looked), self._kinds()
        place, skip = self._place(after, order, asked, kinds)
        try:
            found = warehouse.query(
                self.reading.session.connection, "dashboards/behind", *asked.values, *place.values,
                relation=self.report, fields=[f"t.{name}" for name in (*columns, *about)],
                keys=[f"t.{name}" for name in order], conditions=asked.conditions,
                place=place.keys, most=ROWS + 1, skip=skip,
            )  # fmt: skip
        except psycopg.DataError:  # no value of the column's type
            raise NoPlace("No row has this value.") from None
        shown, is_more = found[:ROWS], len(found) > ROWS
        names = [*columns, *about]
        rows = [
            {name: row[f"column_{number}"] for number, name in enumerate(names)} for row in shown
        ]
        next_place = _next_place(shown, len(order), after, skip) if is_more else None
        is_too_long = next_place is not None and len(next_place) > LONGEST_PLACE
        return Behind(
            columns=tuple(self._described(name) for name in columns),
            rows=tuple(tuple(_shown(row, name) for name in columns) for row in rows),
            after=None if is_too_long else next_place,
            is_cut=is_too_long,
            look_up=self.look_up,
            notes=self._notes(),
            as_of=min((row["as_of"] for row in rows if row.get("as_of")), default=None),
        )

    def all(self) -> Rows:
        """All rows, to be read once, piece by piece, while the transaction lasts.

        Raises:
            NotShown: the rows cannot be filtered like this.
            TooManyRows: while reading, where a file would have more than :data:`FILE_ROWS`.
        """
        names, asked = tuple(self.fields.columns(self.report)), self._asked(None)
        text = warehouse.sql(
            "dashboards/behind_all", relation=self.report, fields=[f"t.{name}" for name in names],
            keys=[f"t.{name}" for name in self._order()], conditions=asked.conditions,
            most=FILE_ROWS + 1,
        )  # fmt: skip
        shape = warehouse.sql("dashboards/shape", relation=self.report)
        described = self.reading.session.connection.execute(shape.encode()).description or ()
        schema = {
            column.name: type_of(self.reading.session.connection, column) for column in described
        }
        return Rows(schema, self._pieces(text, asked, schema))

    def _pieces(
        self, text: str, asked: Asked, schema: dict[str, pl.DataType]
    ) -> Generator[pl.DataFrame]:
        count = 0
        with RawServerCursor(self.reading.session.connection, "behind") as cursor:
            cursor.execute(text.encode(), asked.values)
            while rows := cursor.fetchmany(PIECE):
                count += len(rows)
                if count > FILE_ROWS:
                    raise TooManyRows(f"More than {FILE_ROWS:,} rows. Choose fewer by a filter.")
                columns = zip(*rows, strict=True)
                yield pl.DataFrame(
                    [
                        pl.Series(name, [_plain(value, kind) for value in values], dtype=kind)
                        for (name, kind), values in zip(schema.items(), columns, strict=True)
                    ]
                )

    def _asked(self, looked: Looked | None) -> Asked:
        asked = self.fields.ask(self.tile, [], self.reading.chosen)
        if self._newest:
            asked.add_values("t.is_newest", "in", ["true"])
        if looked:
            if looked.column not in self.look_up:
                raise NoPlace("The rows cannot be looked up by this.")
            asked.add(f"t.{looked.column}", "=", looked.value, self._kinds()[looked.column])
        return asked

    def _kinds(self) -> dict[str, str]:
        """The type of each column, as the server names it."""
        shape = warehouse.sql("dashboards/shape", relation=self.report)
        connection = self.reading.session.connection
        kinds = {}
        for column in connection.execute(shape.encode()).description or ():
            known = connection.adapters.types.get(column.type_code)
            is_list = known is not None and known.oid != column.type_code
            kinds[column.name] = (known.name if known else "text") + ("[]" if is_list else "")
        return kinds

    def _order(self) -> tuple[str, ...]:
        """All columns, so that the order is always the same; those with an index first."""
        report, names = known_reports()[self.report], tuple(self.fields.columns(self.report))
        first = [name for name in (*(report.look_up or ())[:1], *report.key) if name in names]
        return tuple(dict.fromkeys([*first, *names]))

    def _place(
        self, after: str, order: Sequence[str], asked: Asked, kinds: dict[str, str]
    ) -> tuple[_Place, int]:
        if not after:
            return _Place(), 0
        values, skip = _read_place(after, len(order))
        place = _Place()
        for name, value in zip(order, values, strict=True):
            number = None
            if value is not None:
                place.values.append(value)
                number = len(asked.conditions) + len(place.values)
            place.keys.append({"field": f"t.{name}", "number": number, "cast": kinds[name]})
        return place, skip

    def _of_newest(self, tile: Tile) -> bool:
        """Whether the number is one of the newest day, and the rows tell which are."""
        known = metric_reports.known()
        levels = {known[name].not_across for name in tile.source.metrics} - {None}
        chosen = self.reading.chosen.fields
        is_open = bool(levels) and not levels & set(chosen) and "report_month" not in chosen
        return is_open and "is_newest" in self.fields.columns(self.report)

    def _described(self, name: str) -> Measure:
        title = glossary.title(name)
        sentence = glossary.meaning_of("reporting", self.report, name)
        return Measure(name, title, sentence, "", glossary.unit_of(name))

    def _notes(self) -> tuple[str, ...]:
        dashboard, chosen = self.reading.dashboard, self.reading.chosen
        filtered = self.fields.filtered(self.tile, chosen)
        titles = [
            entry.title.lower()
            for entry in dashboard.filters
            if entry.field in chosen.fields and entry.field not in filtered
        ]
        lacking = [*titles, *self._lacking]
        notes = []
        if lacking:
            notes.append(
                f"Not filtered by {listed(lacking)}, which these rows do not have: they are more than the number."
            )
        if self._newest:
            notes.append("Those of the newest day.")
        return tuple(notes)


class _Place:
    """Where a page begins: the keys of the order, and their values."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.values: list[str] = []


def _read_place(after: str, width: int) -> tuple[list[str | None], int]:
    try:
        values, skip = json.loads(after)
    except (ValueError, TypeError, RecursionError):
        raise NoPlace("This is no place of a page.") from None
    is_list = isinstance(values, list) and len(values) == width
    if not is_list or not isinstance(skip, int) or not 0 < skip <= 2**31:
        raise NoPlace("This is no place of a page.")
    if any(not isinstance(value, str | None) or (value and "\0" in value) for value in values):
        raise NoPlace("This is no place of a page.")
    return values, skip


def _next_place(shown: list[dict[str, Any]], width: int, after: str, skip: int) -> str:
    """The last row that is shown, and how many that are the same as it come before the next page."""
    places = [[row[f"place_{number}"] for number in range(width)] for row in shown]
    same = 0
    for place in reversed(places):
        if place != places[-1]:
            break
        same += 1
    if same == len(places) and after and json.loads(after)[0] == places[-1]:
        same += skip
    return json.dumps([places[-1], same])


def _shown(row: dict[str, Any], name: str) -> Value:
    value = row[name]
    if value is None and row.get("is_hidden"):
        return Mark.HIDDEN
    if isinstance(value, list):
        return ", ".join(map(str, value))
    is_value = value is None or isinstance(value, bool | int | float | str | datetime)
    return (
        value
        if is_value or hasattr(value, "quantize") or hasattr(value, "isoformat")
        else str(value)
    )


def _plain(value: Any, kind: pl.DataType) -> Any:
    """A value as a column of *kind* has it."""
    if value is None:
        return None
    if kind == pl.String:
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return float(value) if kind == pl.Float64 else value

"""Reads what the tiles of a dashboard show, as its reader and as of one moment.

A tile of metrics reads the rows of one grain, the one with the fewest cuts that has all its fields and all
fields that are filtered. A tile of a report reads its rows. Nothing is computed here but sums, quotients of
sums, and counts: everything else is computed by publication.
"""

from __future__ import annotations

import functools
import itertools
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import Connection, errors

from claimhouse import glossary
from claimhouse.dashboards import groups, selection
from claimhouse.dashboards.answer import Answer, Choice, Mark, Page, Row, Value
from claimhouse.dashboards.fields import Asked, Fields, NotShown, listed, ordered_by
from claimhouse.dashboards.model import NEWEST, OWN, Dashboard, Measure, Source, Tile
from claimhouse.dashboards.selection import UNKNOWN, Selection
from claimhouse.dashboards.session import Rows, Session
from claimhouse.reporting import metric_reports
from claimhouse.reporting.readers import Login, Reader

log = logging.getLogger(__name__)

# Rows of a table that says nothing else, groups of a chart, and values of a filter.
MOST_ROWS, MOST_GROUPS, MOST_CHOICES = 100, 200, 200
# Rows of a report tell metrics as long as a page has taken no longer: each tile may go through all of them.
FROM_ROWS_SECONDS = 5.0
SLOWLY = "With these filters together it takes long. Load the page again for more of it, or choose fewer."
PATIENT = "patient_pseudonym"


class Reading:
    """The answers of one dashboard.

    Args:
        connection: a transaction that reads as the login, see :func:`claimhouse.dashboards.database.as_reader`.
        reader: whose login it is.
        login: the person; None for the reader's own.
        dashboard: what is read.
        chosen: the filters, without defaults.
        seconds: how long rows of reports tell metrics, where that is longer than for a page.
    """

    def __init__(
        self,
        connection: Connection[Any],
        reader: Reader,
        login: Login | None,
        dashboard: Dashboard,
        chosen: Selection,
        seconds: float | None = None,
    ) -> None:
        self.session, self.dashboard = Session(connection), dashboard
        self._began, self._seconds = time.monotonic(), seconds
        self.fields = Fields(
            self.session, reader, {entry.field: entry.title.lower() for entry in dashboard.filters}
        )
        self.chosen = self._with_defaults(chosen, login)

    def page(self) -> Page:
        """All of the dashboard."""
        answers = {tile.name: self.answer(tile) for tile in self.dashboard.tiles}
        choices: dict[str, Sequence[Choice]] = {}
        ends: dict[str, tuple[str | None, str | None]] = {}
        for entry in self.dashboard.filters:
            if entry.kind == "choice":
                choices[entry.field] = self.choices(entry.field)
            else:
                ends[entry.field] = self.ends(entry.field)
        return Page(answers, choices, ends, self.chosen.words(self.dashboard))

    def answer(self, tile: Tile) -> Answer:
        """What *tile* shows; what cannot be read has a problem in the place of rows."""
        try:
            with self.session.attempt():
                answer = self._rows(tile) if tile.is_rows else self._groups(tile)
        except NotShown as error:
            is_late = not self._has_time() and self.fields.shows(tile, self.chosen)
            return Answer(
                tile, problem=SLOWLY if is_late else str(error), without=self._without(tile),
                is_late=is_late,
            )  # fmt: skip
        except errors.QueryCanceled:
            problem = "This takes too long. Choose fewer rows by a filter."
            return Answer(tile, problem=problem, is_late=True)
        except psycopg.Error as error:
            log.warning("%s of %s: %s", tile.name, self.dashboard.name, type(error).__name__)
            return Answer(tile, problem="This is not published yet.", is_late=True)
        notes = (*answer.notes, *self._not_filtered(tile))
        filters = frozenset(name for name in answer.fields if self.dashboard.filter_of(name))
        return replace(answer, notes=notes, filters=filters)

    def choices(self, field: str, text: str = "") -> list[Choice]:
        """The values of a filter, the most frequent first.

        Args:
            field: of the filter.
            text: what they must contain; everything when left out.
        """
        chosen = self.chosen.choices.get(field, ())
        counts: dict[str, Any] = dict.fromkeys(chosen, 0)
        if tile := self._counting(field):
            try:
                with self.session.attempt():
                    found = self._counted(tile, self.chosen.without(field), text)
            except (NotShown, psycopg.Error):  # not by all that is chosen, or not soon enough
                found = self._counted_whatever_is_chosen(tile, text)
            counts |= found
        return [Choice(value, count, value in chosen) for value, count in counts.items()]

    def _counted_whatever_is_chosen(
        self, tile: Tile, text: str
    ) -> Mapping[str, Decimal | int | None]:
        """The same of all rows; nothing where they are not published."""
        try:
            with self.session.attempt():
                return self._counted(tile, Selection(), text)
        except (NotShown, psycopg.Error) as error:
            log.warning("choices of %s: %s", self.dashboard.name, type(error).__name__)
            return {}

    def ends(self, field: str) -> tuple[str | None, str | None]:
        """The least and the largest value of a period or range; None where there is none."""
        tile = self._counting(field)
        if tile is None:
            return None, None
        try:
            with self.session.attempt():
                asked = self.fields.ask(tile, [field], Selection())
                row = self.session.query(
                    "dashboards/ends", *asked.values, relation=asked.relation,
                    field=asked.fields[0], order=ordered_by(asked.fields[0]),
                    conditions=asked.conditions,
                )[0]  # fmt: skip
        except (NotShown, psycopg.Error):
            return None, None
        return row["least"], row["most"]

    def _with_defaults(self, chosen: Selection, login: Login | None) -> Selection:
        """What is chosen, and the default of each filter of which nothing is said."""
        choices, ranges = dict(chosen.choices), dict(chosen.ranges)
        self.chosen = chosen
        for entry in self.dashboard.filters:
            if entry.field in (*chosen.fields, *chosen.cleared) or entry.default is None:
                continue
            default: str | None = entry.default
            if default == OWN:
                default = login.specialty if login else None
            elif default == NEWEST:
                default = self.ends(entry.field)[1]
            if default and entry.kind == "choice":
                choices[entry.field] = (default,)
            elif default:
                ranges[entry.field] = (default, default)
        return Selection(choices, ranges, chosen.cleared)

    def _counting(self, field: str) -> Tile | None:
        """A tile that counts the values of a field; None where nothing has the field."""
        tiles = [*filter(None, [self.dashboard.count]), *self.dashboard.tiles]
        for tile in sorted(tiles, key=lambda tile: tile.is_rows):
            if self.fields.has(tile.source, field):
                first = tile.numbers[:1]
                return Tile(
                    "choices", "table", "", Source(first, None) if tile.source.metrics else tile.source,
                    measures=first if tile.measures else (), columns=tile.columns, by=(field,),
                    where=tile.where, but=tile.but,
                )  # fmt: skip
        return None

    def _counted(
        self, tile: Tile, chosen: Selection, text: str
    ) -> Mapping[str, Decimal | int | None]:
        if tile.is_rows:
            asked = self.fields.ask(tile, tile.by, chosen)
            return groups.count(self.session, asked, text, MOST_CHOICES)
        most = MOST_CHOICES if self._is_largest_enough(tile) else groups.MOST_READ
        read = groups.read(self.session, self.fields, tile, chosen, text, most=most)
        # Of a ratio, how many there are to divide by.
        counts = {
            key[0] or UNKNOWN: numerator if denominator is None else denominator
            for key, ((numerator, denominator), *_) in read.rows.items()
        }
        ordered = sorted(counts.items(), key=lambda item: (-(item[1] or 0), item[0]))
        return dict(ordered[:MOST_CHOICES])

    def _is_largest_enough(self, counting: Tile) -> bool:
        """Whether the largest groups are those that are counted most, and no tile asks for more of them."""
        if not counting.source.metrics:
            return False
        (metric,) = counting.source.metrics
        return metric_reports.known()[metric].denominator is None and not any(
            metric in tile.source.metrics and tile.fields == counting.fields
            for tile in self.dashboard.tiles
        )

    def _groups(self, tile: Tile) -> Answer:
        has_time = self._has_time()
        read = groups.read(self.session, self.fields, tile, self.chosen, from_rows=has_time)
        width, ordered = len(tile.fields), read.ordered(tile)
        most = tile.most or (groups.MOST_READ if tile.kind in ("line", "heat") else MOST_GROUPS)
        shown = ordered[:most]
        rows, total, notes = [read.row(key) for key in shown], read.total_row(width), read.notes
        if len(ordered) > most:
            rows += filter(None, [read.rest(shown, width)])
        compared = None
        if tile.compares and (period := self._before(tile)):
            compared, chosen = period
            then = groups.read(self.session, self.fields, tile, chosen, from_rows=has_time)
            rows = [
                row if row.is_rest or row.fields not in then.rows
                else replace(row, before=then.row(row.fields).values)
                for row in rows
            ]  # fmt: skip
            earlier = then.total_row(width)
            total = total and replace(total, before=earlier.values if earlier else None)
            notes = [*notes, f"Compared with {compared}."]
        return Answer(
            tile, tile.fields, read.measures, tuple(rows), total, len(ordered) - len(shown),
            read.as_of, tuple(notes), compared, statements=tuple(read.statements),
        )  # fmt: skip

    def _before(self, tile: Tile) -> tuple[str, Selection] | None:
        """The period before the one that is chosen, and what is chosen then."""
        for entry in self.dashboard.filters:
            ends = self.chosen.ranges.get(entry.field)
            earlier = selection.before(ends) if ends and entry.kind == "period" else None
            if earlier and entry.field in self.fields.filtered(tile, self.chosen):
                ranges = {**self.chosen.ranges, entry.field: earlier}
                return selection.range_in_words(earlier), replace(self.chosen, ranges=ranges)
        return None

    def _rows(self, tile: Tile) -> Answer:
        """The rows of a report as they are."""
        report, most = tile.source.report or "", tile.most or MOST_ROWS
        fields = (*self._periods_of_rows(tile), *tile.fields)
        names = [*fields, *tile.columns]
        extra = [
            name for name in ("as_of", "is_hidden", PATIENT) if name in self.fields.columns(report)
        ]
        asked = self.fields.ask(tile, [*names, *extra], self.chosen)
        rows = self._first(asked, tile.order, names, most + 1)
        found = [dict(zip([*names, *extra], row.values(), strict=True)) for row in rows]
        shown = tuple(
            Row(
                tuple(None if row[name] is None else str(row[name]) for name in fields),
                tuple(_shown(row[name], row.get("is_hidden")) for name in tile.columns),
            )
            for row in found[:most]
        )
        return Answer(
            tile=tile,
            fields=fields,
            measures=tuple(_described(report, name) for name in tile.columns),
            rows=shown,
            left_out=None if len(found) > most else 0,
            as_of=min((row["as_of"] for row in found if row.get("as_of")), default=None),
            patients=frozenset(str(row[PATIENT]) for row in found[:most] if row.get(PATIENT)),
        )

    def _periods_of_rows(self, tile: Tile) -> tuple[str, ...]:
        """The period that each row is of, where several are chosen and the tile does not say which.

        Rows are of a period where a dashboard shows those of the newest at first.
        """
        shown = {*tile.fields, *tile.columns, *tile.unfiltered}
        return tuple(
            entry.field
            for entry in self.dashboard.filters
            for first, last in [self.chosen.ranges.get(entry.field, ("", ""))]
            if entry.kind == "period" and entry.default == NEWEST and entry.field not in shown
            if not first or first != last
            if self.fields.has(tile.source, entry.field)
        )

    def _first(
        self, asked: Asked, order: tuple[str, bool] | None, names: Sequence[str], most: int
    ) -> Rows:
        """The first *most* rows in an order, then by their columns, so that it is the same each time.

        The largest come from an index, which has rows without a value at its large end: those are asked
        for by themselves.
        """
        by_place = [str(number) for number in range(1, len(names) + 1)]
        if order is None:
            return self._ordered(asked, by_place, most)
        name, largest_first = order
        place = by_place.pop(names.index(name))
        if not largest_first:
            return self._ordered(asked, [f"{place} asc nulls last", *by_place], most)
        field = asked.fields[names.index(name)]
        rows = self._ordered(asked, [f"{place} desc", *by_place], most, f"{field} is not null")
        if len(rows) < most:
            rows = rows + self._ordered(asked, by_place, most - len(rows), f"{field} is null")
        return rows

    def _ordered(self, asked: Asked, order: Sequence[str], most: int, only: str = "true") -> Rows:
        return self.session.query(
            "dashboards/rows", *asked.values, relation=asked.relation, fields=asked.fields,
            conditions=asked.conditions, only=only, most=most, order=", ".join(order),
        )  # fmt: skip

    def _has_time(self) -> bool:
        return time.monotonic() - self._began < (self._seconds or FROM_ROWS_SECONDS)

    def _without(self, tile: Tile) -> tuple[tuple[str, ...], ...]:
        """The filters without which a tile could be shown, the fewest at once."""
        names = list(self.fields.filtered(tile, self.chosen)) if tile.source.metrics else []
        for number in (1, 2):
            found = []
            for some in itertools.combinations(names, number):
                rest = functools.reduce(Selection.without, some, self.chosen)
                if self.fields.shows(tile, rest):
                    found.append(some)
            if found:
                return tuple(found)
        return ()

    def _not_filtered(self, tile: Tile) -> list[str]:
        filtered = self.fields.filtered(tile, self.chosen)
        titles = [
            entry.title.lower()
            for entry in self.dashboard.filters
            if entry.field in self.chosen.fields and entry.field not in filtered
        ]
        return [f"Not filtered by {listed(titles)}."] if titles else []


def _shown(value: Any, is_hidden: bool | None) -> Value:
    return Mark.HIDDEN if value is None and is_hidden else value


def _described(report: str, column: str) -> Measure:
    title = glossary.title(column)
    sentence = glossary.meaning_of("reporting", report, column)
    return Measure(column, title, sentence, "", glossary.unit_of(column))

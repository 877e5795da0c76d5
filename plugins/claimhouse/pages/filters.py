"""The filters of the list of issues: what an address says, how many issues each value has, and which they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Query
from psycopg import Connection
from psycopg.types.json import Jsonb

from claimhouse import warehouse

# A list, in rows; and how many issues are counted where the counts kept do not tell.
PAGE = 50
MOST_COUNTED = 10_000
# A text is searched for in so many issues at a time.
SEARCHED = 100_000
MOST_BATCHES = 1_000
ALL, NONE = "all", "-"
STATES = ("open", "waived", "corrected", "resolved")
# Of an age: its name, and from and before how many days ago the issues are.
AGES: dict[str, tuple[str, float | None, float | None]] = {
    "day": ("in the last day", 1, None),
    "week": ("in the last 7 days", 7, None),
    "month": ("in the last 30 days", 30, None),
    "older-week": ("more than 7 days ago", None, 7),
    "older-month": ("more than 30 days ago", None, 30),
    "older-quarter": ("more than 90 days ago", None, 90),
}
# The filters with counts: the name of each, and the column that it is about.
COUNTED = {
    "state": "status",
    "severity": "severity",
    "source": "source_system",
    "feed": "feed",
    "rule": "rule",
}


@dataclass(frozen=True)
class Filters:
    """What to list; empty is everything, and a feed ``-`` is none.

    Attributes:
        state: open, waived, corrected, resolved or all.
        file: a part of the file's name.
        batch: the number of a batch.
        age: one of :data:`AGES`.
        text: a part of the message.
    """

    source: str = ""
    feed: str = ""
    rule: str = ""
    severity: str = ""
    state: str = "open"
    file: str = ""
    batch: int | None = None
    age: str = ""
    text: str = ""

    @property
    def query(self) -> dict[str, Any]:
        """What an address says of them."""
        return {
            field.name: value
            for field in fields(self)
            if (value := getattr(self, field.name)) != field.default
        }

    @property
    def address(self) -> str:
        """The same, as the end of an address."""
        return f"?{urlencode(self.query)}" if self.query else ""

    @property
    def words(self) -> str:
        """The same, for the record of what was done."""
        return ", ".join(f"{name} {value}" for name, value in self.query.items()) or "open"

    @property
    def is_counted(self) -> bool:
        """Whether the counts that are kept tell how many issues match."""
        return not (self.file or self.batch is not None or self.age or self.text)

    def with_(self, name: str, value: str) -> Filters:
        """The same with another value of one filter; that of a source has other feeds."""
        values = {**self.query, name: value}
        if name == "source":
            values.pop("feed", None)
        return replace(Filters(), **values)

    def chooses(self, row: dict[str, Any], but: str = "") -> bool:
        """Whether issues like *row* are among them, the filter *but* left out."""
        return all(name == but or self._is(name, row[column]) for name, column in COUNTED.items())

    def _is(self, name: str, value: str | None) -> bool:
        wanted = getattr(self, name)
        if name == "state":
            return wanted in (ALL, value)
        return wanted in ("", value or NONE)


def _filters(
    source: str = "",
    feed: str = "",
    rule: str = "",
    severity: str = "",
    state: str = "",
    file: Annotated[str, Query(max_length=200)] = "",
    batch: str = "",
    age: str = "",
    text: Annotated[str, Query(max_length=200)] = "",
) -> Filters:
    return of(locals())


def of(values: dict[str, Any]) -> Filters:
    """The filters of an address or of a form; a value that is none of a filter is left out."""
    texts = {name: str(value).strip().replace("\0", "") for name, value in values.items()}
    batch = texts.get("batch", "")
    is_number = batch.isdecimal() and len(batch) < 19
    state = texts.get("state", "")
    return Filters(
        source=texts.get("source", ""),
        feed=texts.get("feed", ""),
        rule=texts.get("rule", ""),
        severity=texts.get("severity", ""),
        state=state if state in (*STATES, ALL) else "open",
        file=texts.get("file", ""),
        batch=int(batch) if is_number else None,
        age=texts.get("age", "") if texts.get("age") in AGES else "",
        text=texts.get("text", ""),
    )


Chosen = Annotated[Filters, Depends(_filters)]


@dataclass(frozen=True)
class Choice:
    """A value of a filter: how many issues it has beside the other filters, and the filters with it."""

    name: str
    issues: int
    filters: Filters
    is_chosen: bool


@dataclass(frozen=True)
class Counts:
    """How many issues match.

    Attributes:
        total: their number.
        is_least: whether there may be more.
        choices: of each filter, its values.
    """

    total: int
    is_least: bool
    choices: dict[str, list[Choice]]


class Search:
    """The issues that match some filters.

    Args:
        connection: a transaction that may read.
        sources: those the person may see.
        filters: what to list.
    """

    def __init__(
        self, connection: Connection[Any], sources: Sequence[str], filters: Filters
    ) -> None:
        self.connection, self.filters, self.sources = connection, filters, list(sources)
        self.kinds = warehouse.query(connection, "pages/issue_kinds", self.sources)
        _, since, until = AGES.get(filters.age, ("", None, None))
        now = datetime.now(UTC)
        self.since = now - timedelta(days=since) if since else None
        self.until = now - timedelta(days=until) if until else None
        self.least, self.below = 0, 2**62
        if filters.age:
            bounds = warehouse.query(connection, "pages/issue_bounds", self.since, self.until)[0]
            self.least, self.below = bounds["least"], bounds["below"]
        self.batches = self._batches()

    def counts(self) -> Counts:
        """How many match, and how many of each value of each filter."""
        kinds, is_least = self.kinds, False
        if not self.filters.is_counted:
            least, below = self._searched(self.below)
            kinds = warehouse.query(
                self.connection, "pages/count_issues", *self._conditions(least, below),
                MOST_COUNTED, by_batch=self.batches is not None,
            )  # fmt: skip
            counted = sum(row["issues"] for row in kinds)
            is_least = counted >= MOST_COUNTED or least > max(self.least, 1)
        total = sum(row["issues"] for row in kinds if self.filters.chooses(row))
        choices = {name: list(self._choices(kinds, name)) for name in COUNTED}
        return Counts(total, is_least, choices)

    def page(self, before: int | None) -> tuple[list[int], int | None]:
        """The newest matching issues below *before*, and from where to look on; None at the end."""
        least, below = self._searched(self.below if before is None else min(before, self.below))
        found = self._found(least, below, PAGE + 1)
        if len(found) > PAGE:
            return found[:PAGE], found[PAGE - 1]
        return found, least if least > max(self.least, 1) else None

    def all_up_to(self, highest: int) -> list[int]:
        """Every matching issue that is not newer than *highest*."""
        return self._found(self.least, min(self.below, highest + 1), None)

    def _searched(self, below: int) -> tuple[int, int]:
        """Among which issues below *below* to look at a time: for a text all of them would take too long."""
        if not self.filters.text or self.batches is not None:
            return self.least, below
        newest = warehouse.query(self.connection, "pages/newest_issue")[0]["issue_id"] or 0
        below = min(below, newest + 1)
        return max(self.least, below - SEARCHED), below

    def _found(self, least: int, below: int, limit: int | None) -> list[int]:
        kinds = {
            (row["source_system"], row["feed"] or "", row["rule"], row["status"])
            for row in self.kinds
            if self.filters.chooses(row)
        }
        if not kinds:
            return []
        names = ("source_system", "feed", "rule", "status")
        rows = warehouse.query(
            self.connection, "pages/find_issues", *self._conditions(least, below), limit,
            Jsonb([dict(zip(names, kind, strict=True)) for kind in sorted(kinds)]),
            self.filters.severity or None, by_batch=self.batches is not None,
        )  # fmt: skip
        return [row["issue_id"] for row in rows]

    def _conditions(self, least: int, below: int) -> tuple[Any, ...]:
        text = self.filters.text.lower() or None
        file = self.filters.file.lower() or None
        return self.sources, self.batches or [], file, least, below, self.since, self.until, text

    def _batches(self) -> list[int] | None:
        """The batches of the files that are asked for; None where none are."""
        batch, file = self.filters.batch, self.filters.file
        if batch is not None:
            return [batch]
        if not file:
            return None
        found = warehouse.query(
            self.connection, "pages/batches_of_files", self.sources, file.lower(), MOST_BATCHES
        )
        return [row["batch_id"] for row in found]

    def _choices(self, kinds: list[dict[str, Any]], name: str) -> Iterator[Choice]:
        counts: dict[str, int] = {}
        for row in kinds:
            if self.filters.chooses(row, but=name):
                value = row[COUNTED[name]] or NONE
                counts[value] = counts.get(value, 0) + row["issues"]
        chosen = getattr(self.filters, name)
        if chosen and chosen != ALL:
            counts.setdefault(chosen, 0)
        order = STATES if name == "state" else ()
        values = [value for value in order if value in counts]
        values += sorted(set(counts) - set(order), key=lambda value: (-counts[value], value))
        for value in values:
            yield Choice(value, counts[value], self.filters.with_(name, value), value == chosen)

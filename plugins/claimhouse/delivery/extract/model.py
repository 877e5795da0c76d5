"""What the file of an extract shows, whatever its format.

Nothing here knows a database, Airflow or a format.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl

from claimhouse.delivery.extract.numbers import NumberFormat, number_format

# Also the wide forms that East Asian keyboards type, and what a spreadsheet strips before it looks.
FORMULA_STARTS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"

LOGGED = "Its delivery has been logged."
# The notice on the cover, by privacy level.
NOTICES = {
    "aggregate": "This file holds counts and sums only; small groups are left out on purpose. "
    "Do not try to work out who is in them. " + LOGGED,
    "safe_harbor": "This file holds de-identified data (45 CFR 164.514(b)(2)). Do not try to identify "
    "anyone in it. " + LOGGED,
    "limited": "This file holds protected health information as a limited data set (45 CFR 164.514(e)). "
    "Use it only as the data use agreement allows. Do not try to identify or contact anyone in it. "
    + LOGGED,
    "identified": "This file holds protected health information that names people. Use it only for the "
    "purpose for which you received it, keep it encrypted, and delete it when that is done. "
    + LOGGED,
}


class TooManyRows(ValueError):
    """More rows or columns than the format holds; the message names the limit and what to use."""


class UnfitCount(RuntimeError):
    """The rows are not as many as were counted: the file would not be whole."""


class UnfitValue(ValueError):
    """A value that the format cannot hold; the message names its column, and not the value."""


class UnreadableRow(ValueError):
    """A value that no format can hold; the message does not quote it."""


@dataclass
class Rows:
    """The columns of a report with their types, and its rows in frames; to be read once.

    Attributes:
        schema: column names and types.
        frames: the rows, some thousands at a time.
        count: how many rows have been read so far.
    """

    schema: dict[str, pl.DataType]
    frames: Generator[pl.DataFrame]
    count: int = field(default=0)

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """The frames; counts their rows."""
        for frame in self.frames:
            self.count += frame.height
            yield frame

    def close(self) -> None:
        """Stop the server where rows are left: its connection can do nothing else before that."""
        self.frames.close()


def split(rows: Rows, sizes: Sequence[int]) -> Iterator[Rows]:
    """The rows in parts of *sizes*, in their order; each is to be read before the next.

    Raises:
        UnfitCount: there are more rows than *sizes* add up to, or fewer.
    """
    frames, rest = iter(rows), pl.DataFrame(schema=rows.schema)

    def part(size: int) -> Generator[pl.DataFrame]:
        nonlocal rest
        while size:
            frame = rest if rest.height else next(frames, None)
            if frame is None:
                raise UnfitCount("fewer rows came than were counted")
            head, rest = frame.head(size), frame.slice(size)
            size -= head.height
            if head.height:
                yield head

    for size in sizes:
        yield Rows(rows.schema, part(size))
    if rest.height or any(frame.height for frame in frames):
        raise UnfitCount("more rows came than were counted")


@dataclass(frozen=True)
class Extract:
    """All that a file shows.

    Attributes:
        title: of the report.
        client: as its people call it.
        period: as text, with its time zone.
        filters: what the client may see, as text.
        as_of: when the data was last loaded; None where it never was.
        privacy_level: of the client.
        definitions: what each column means.
        rows: the report's rows; None in a file of the summary alone.
        summary: one or two columns of names or dates, then numbers, of which the chart draws
            the first; None where the report has no summary.
        units: of the columns that are numbers (``include/columns.yaml``): how they are shown.
        covers: which rows there are, as text; empty for all as they are.
        part_sizes: how many rows each part of the file has; empty where it is one.
        part: which part it is, as text: ``2 of 3``; empty where the file is one.
    """

    title: str
    client: str
    period: str
    filters: str
    as_of: datetime | None
    privacy_level: str
    definitions: dict[str, str]
    rows: Rows | None
    summary: pl.DataFrame | None
    units: dict[str, str] = field(default_factory=dict)
    covers: str = ""
    part_sizes: tuple[int, ...] = ()
    part: str = ""

    @property
    def columns(self) -> list[str]:
        """The columns of the rows; of the summary where that is alone."""
        if self.rows:
            return list(self.rows.schema)
        return self.summary.columns if self.summary is not None else []

    def facts(self, count: int | None) -> dict[str, str]:
        """The labels and values of a cover; *count* is of the rows, None where there are none."""
        return {
            "Prepared for": self.client,
            "Period": self.period,
            "Filters": self.filters or "none",
            "Data as of": f"{self.as_of.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
            if self.as_of
            else "not loaded",
            **({"Covers": self.covers} if self.covers else {}),
            **({"Part": self.part} if self.part else {}),
            **({} if count is None else {"Rows": f"{count:,}"}),
            "Notice": NOTICES[self.privacy_level],
        }

    def number_format(self, column: str, kind: pl.DataType) -> NumberFormat:
        """How the numbers of *column*, of type *kind*, are shown."""
        return number_format(self.units.get(column), kind)

    def meanings(self) -> dict[str, str]:
        """What each column of the file means, by its heading."""
        rows = list(self.rows.schema) if self.rows else []
        columns = dict.fromkeys(
            [*rows, *(self.summary.columns if self.summary is not None else ())]
        )
        return {
            heading(column): self.definitions[column]
            for column in columns
            if column in self.definitions
        }


@dataclass(frozen=True)
class Written:
    """A finished file.

    Attributes:
        checksum: its SHA-256, in hexadecimal.
        size: in bytes.
        row_count: how many rows it shows, of the report or of the summary alone.
    """

    checksum: str
    size: int
    row_count: int


def neutral(text: str) -> str:
    """*text* with an apostrophe in front where a spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(tuple(FORMULA_STARTS)) else text


def neutral_column(name: str) -> pl.Expr:
    """The text column *name*, each value :func:`neutral`."""
    return pl.col(name).str.replace(f"^([{FORMULA_STARTS}])".replace("-", r"\-"), "'${1}")


def heading(column: str) -> str:
    """The heading of a column: ``total_cost`` is ``Total cost``."""
    return column.replace("_", " ").capitalize()

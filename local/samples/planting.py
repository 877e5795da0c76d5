"""What the sample modules share: lines of a file, defects planted in them, and a manifest.

Every planted defect is listed in the manifest, so that a run can be checked against it.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random


def listed(text: str) -> list[str]:
    """Split a comma-separated list."""
    return text.split(",")


@dataclass
class Line:
    """A row of a file, and what was planted in it: pairs of a kind of defect or change and a column."""

    fields: list[str]
    planted: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Planted:
    """One planted defect or change, and where it is: the header is row 1."""

    kind: str
    file: str
    row_number: int
    record_key: str
    column: str


@dataclass(frozen=True)
class Samples:
    """The files of one source system, by name, and what was planted in them."""

    source: str
    files: dict[str, bytes]
    planted: tuple[Planted, ...]


def collect(
    source: str,
    tables: dict[str, tuple[list[str], list[Line]]],
    keys: dict[str, tuple[str, ...]] | None = None,
) -> Samples:
    """Build the CSV files of *source*.

    Args:
        source: the source system.
        tables: the columns and lines of each file, by its name.
        keys: the columns of a record's key, by file name; the first column by default.
    """
    planted = []
    for name, (columns, lines) in tables.items():
        key = [columns.index(column) for column in (keys or {}).get(name, columns[:1])]
        for row, line in enumerate(lines, start=2):
            record_key = "|".join(line.fields[at] for at in key)
            planted += [
                Planted(kind, name, row, record_key, column) for kind, column in line.planted
            ]
    return Samples(
        source, {name: text(*content) for name, content in tables.items()}, tuple(planted)
    )


def write(samples: Samples, landing: Path) -> int:
    """Write *samples* under ``<landing>/<source>`` and their manifest beside *landing*.

    The manifest is ``planted_<source>.csv``. A file that already has this content is skipped. A
    sample arrived on the day in its name, early in the morning; the others on the last of these days.

    Returns:
        The number of files written.
    """
    manifest = io.StringIO()
    table = csv.writer(manifest, lineterminator="\n")
    table.writerow(("kind", "file", "row_number", "record_key", "column"))
    table.writerows((p.kind, p.file, p.row_number, p.record_key, p.column) for p in samples.planted)
    contents = {landing / samples.source / name: content for name, content in samples.files.items()}
    contents[landing.parent / f"planted_{samples.source}.csv"] = manifest.getvalue().encode()
    arrivals = {
        landing.relative_to(landing.parent) / samples.source / name: arrival
        for name, arrival in arrival_times(samples).items()
    }
    written = 0
    for path, content in contents.items():
        if path.exists() and path.read_bytes() == content:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.new")
        draft.write_bytes(content)
        if arrival := arrivals.get(path.relative_to(landing.parent)):
            os.utime(draft, (arrival, arrival))
        draft.replace(path)
        written += 1
    return written


def arrival_times(samples: Samples) -> dict[str, float]:
    """When each file of *samples* arrived, as seconds since 1970, by its name."""
    days = {name: re.search(r"(20\d\d)-?(\d\d)-?(\d\d)", name) for name in samples.files}
    times = {
        name: datetime(*map(int, day.groups()), 5, tzinfo=UTC).timestamp()  # type: ignore[arg-type, misc]
        for name, day in days.items()
        if day
    }
    last = max(times.values())
    # one after the other, so that their order is certain
    return {name: times.get(name, last + place) for place, name in enumerate(samples.files)}


def text(columns: list[str], lines: list[Line]) -> bytes:
    """A CSV file: the header *columns*, then *lines*."""
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    table.writerow(columns)
    table.writerows(line.fields for line in lines)
    return file.getvalue().encode()


def spoil(line: Line, columns: list[str], column: str, value: str, kind: str) -> None:
    """Replace the value of *column*, and whatever was planted in it before."""
    line.fields[columns.index(column)] = value
    line.planted = [defect for defect in line.planted if defect[1] != column] + [(kind, column)]


def shorten(line: Line, left: list[str]) -> None:
    """Cut the row after its key, and append *left*."""
    line.fields[1:] = left
    line.planted = [("short_row", "")]


def copy(rng: Random, lines: list[Line], line: Line, kind: str, **changes: str) -> None:
    """Insert a copy of *line* somewhere after it; *changes* are by position, such as ``at_3``."""
    copy = Line(list(line.fields), [*line.planted, (kind, "")])
    for at, value in changes.items():
        copy.fields[int(at.removeprefix("at_"))] = value
    lines.insert(rng.randint(lines.index(line) + 1, len(lines)), copy)


def mark(lines: Iterable[Line], kind: str) -> list[Line]:
    """List *lines* in the manifest as *kind*, and return them."""
    marked = list(lines)
    for line in marked:
        line.planted.append((kind, ""))
    return marked


def picker(rng: Random, lines: list[Line], number: int) -> Callable[[], Line]:
    """Draw *number* lines at random, each at most once."""
    drawn = iter(rng.sample(lines, number))
    return lambda: next(drawn)

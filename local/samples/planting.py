"""What the sample makers share: lines of a file, dirt put into them, and a record of each.

Every defect is planted on purpose and listed in a manifest, so that a run can be held against it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random


def listed(text: str) -> list[str]:
    """The words of a list written with commas."""
    return text.split(",")


@dataclass
class Line:
    """A row of a file, and what was done to it: pairs of a kind of dirt or change and a column."""

    fields: list[str]
    planted: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Planted:
    """One thing planted, and where: the header is row 1."""

    kind: str
    file: str
    row_number: int
    record_key: str
    column: str


@dataclass(frozen=True)
class Samples:
    """The files of one source by name, each with its bytes, and what was planted in them."""

    source: str
    files: dict[str, bytes]
    planted: tuple[Planted, ...]


def collect(
    source: str,
    tables: dict[str, tuple[list[str], list[Line]]],
    keys: dict[str, tuple[str, ...]] | None = None,
) -> Samples:
    """The csv files of *source*.

    Args:
        source: the source system.
        tables: the columns and lines of each file, by its name.
        keys: the columns that make up a record's key, by file name; its first column where left out.
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
    """Put *samples* under ``<landing>/<source>`` and their manifest beside *landing*.

    The manifest is ``planted_<source>.csv``. A file that already holds the same bytes is left
    alone.

    Returns:
        How many files were written.
    """
    manifest = io.StringIO()
    table = csv.writer(manifest, lineterminator="\n")
    table.writerow(("kind", "file", "row_number", "record_key", "column"))
    table.writerows((p.kind, p.file, p.row_number, p.record_key, p.column) for p in samples.planted)
    contents = {landing / samples.source / name: held for name, held in samples.files.items()}
    contents[landing.parent / f"planted_{samples.source}.csv"] = manifest.getvalue().encode()
    written = 0
    for path, content in contents.items():
        if path.exists() and path.read_bytes() == content:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.new")
        draft.write_bytes(content)
        draft.replace(path)
        written += 1
    return written


def text(columns: list[str], lines: list[Line]) -> bytes:
    """A csv file of *lines* below a header."""
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    table.writerow(columns)
    table.writerows(line.fields for line in lines)
    return file.getvalue().encode()


def spoil(line: Line, columns: list[str], column: str, value: str, kind: str) -> None:
    """Put *value* where *column* was, in the place of any dirt there before."""
    line.fields[columns.index(column)] = value
    line.planted = [one for one in line.planted if one[1] != column] + [(kind, column)]


def shorten(line: Line, left: list[str]) -> None:
    """Leave only the key and what a slip of the hand put behind it."""
    line.fields[1:] = left
    line.planted = [("short_row", "")]


def copy(rng: Random, lines: list[Line], line: Line, kind: str, **changes: str) -> None:
    """Insert a copy of *line* somewhere behind it; *changes* are made by position, as ``at_3``."""
    copy = Line(list(line.fields), [*line.planted, (kind, "")])
    for at, value in changes.items():
        copy.fields[int(at.removeprefix("at_"))] = value
    lines.insert(rng.randint(lines.index(line) + 1, len(lines)), copy)


def mark(lines: Iterable[Line], kind: str) -> list[Line]:
    """*lines*, noted in the manifest as *kind*."""
    marked = list(lines)
    for line in marked:
        line.planted.append((kind, ""))
    return marked


def picker(rng: Random, lines: list[Line], number: int) -> Callable[[], Line]:
    """Draws from *lines*, never the same one twice."""
    drawn = iter(rng.sample(lines, number))
    return lambda: next(drawn)

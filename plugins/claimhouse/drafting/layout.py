"""The layout sheet of a carrier: which fields a line of fixed width has, and where."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from claimhouse.drafting.words import suggestions

COLUMNS = ("name", "start", "length", "record")


class WrongLayout(ValueError):
    """A layout sheet that cannot be used."""


@dataclass(frozen=True)
class Field:
    """A field of a line.

    Attributes:
        name: as the sender calls it.
        start: its first character, from 1.
        length: in characters.
        record: the kind of line that has it; empty for every kind.
    """

    name: str
    start: int
    length: int
    record: str = ""


def read_layout(path: Path) -> list[Field]:
    """The fields of a csv with the columns ``name,start,length`` and, for several kinds of lines, ``record``.

    Fillers are left out.

    Raises:
        WrongLayout: it has other columns, a place that is no number, or two fields of one name in a line.
        OSError: it cannot be opened.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        found = list(_fields(csv.DictReader(file, skipinitialspace=True)))
    if not found:
        raise WrongLayout("it has no field")
    places = [(field.record, field.name) for field in found]
    if twice := {name for record, name in places if places.count((record, name)) > 1}:
        raise WrongLayout(f"the field {min(twice)} occurs twice")
    return found


def _fields(rows: csv.DictReader[str]) -> Iterator[Field]:
    given = [name.strip().lower() for name in rows.fieldnames or ()]
    rows.fieldnames = given
    if not set(COLUMNS[:3]) <= set(given) or not set(given) <= set(COLUMNS):
        raise WrongLayout("its columns have to be name,start,length and, if need be, record")
    for line, row in enumerate(rows, 2):
        cells = {name: (row.get(name) or "").strip() for name in COLUMNS}
        start, length = cells["start"], cells["length"]
        if not (start.isdecimal() and length.isdecimal() and int(start) and int(length)):
            raise WrongLayout(f"line {line} has no start, from 1, and length")
        if not cells["name"]:
            raise WrongLayout(f"line {line} has no name")
        if re.sub("[^A-Z]", "", cells["name"].upper()) not in suggestions().fillers:
            yield Field(cells["name"], int(start), int(length), cells["record"])

"""What a mapping can give, and must give, of each target: the columns, their types and closed lists.

The catalog has the columns of the star's tables, their types and which of them cannot be empty.
``include/star_targets.yaml`` has the rest. :mod:`mapping_check` holds mapping files against it, and
``docs/star-targets.md`` is written from it.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from claimhouse import glossary, settings, strict_yaml, warehouse
from claimhouse.star import claims, tables

KINDS = ("dim_", "fact_", "bridge_")
_NO_VALUE = "No value"
_NO_DATE = "There is no such day: key -2"
_NO_MEMBER = "There is no such member: key -2; a NULL is unknown: key -1"
_OF_PROVIDER = "The facility where the provider works on the day of service"


@dataclass(frozen=True)
class Column:
    """A column as mappings give it.

    Attributes:
        name: its name.
        types: the types it can have; a mapping's column has one that becomes it without loss.
        is_required: whether every mapping of the target gives it.
        meaning: one sentence, without a period.
        left_out: what follows where it is not given; empty for a required one.
        words: its closed list; empty where any value can be.
        listed_in: the file of ``include/reference`` that has the list.
        is_identity: whether it names the record, its version or its place: what a layout cannot lack.
    """

    name: str
    types: tuple[str, ...]
    is_required: bool
    meaning: str
    left_out: str = ""
    words: tuple[str, ...] = ()
    listed_in: str = ""
    is_identity: bool = False


@dataclass(frozen=True)
class Target:
    """What mapping files fill.

    Attributes:
        name: the table of the star.
        columns: what mappings give, by name.
        key: the columns that identify a record within a source system.
    """

    name: str
    columns: Mapping[str, Column]
    key: tuple[str, ...]

    @property
    def required(self) -> list[str]:
        """The columns that every mapping gives."""
        return [column.name for column in self.columns.values() if column.is_required]


def names(connection: Connection[Any]) -> list[str]:
    """The targets: dimensions whose members have ids of a source system, facts and bridges."""
    dimensions = tables.dimensions(connection)
    relations = [
        row["name"]
        for kind in ("fact_", "bridge_")
        for row in warehouse.query(connection, "catalog/tables", "star", kind)
    ]
    return [*dimensions, *(name for name in relations if name != claims.CHANGE)]


def read(connection: Connection[Any], name: str) -> Target:
    """The target *name*, from the catalog and ``include/star_targets.yaml``.

    Raises:
        claimhouse.strict_yaml.YamlError: the file cannot be used.
        claimhouse.glossary.GlossaryError: a column has no meaning.
    """
    of_table = _of_dimension if name.startswith("dim_") else _of_fact
    found, key = of_table(connection, name)
    for column, entry in said().items():
        if column not in found and name.startswith(tuple(entry.get("targets", ["-"]))):
            found[column] = _Found(column, "", bool(entry.get("required")), is_identity=True)
    ordered = sorted(found.values(), key=lambda column: _place(column, key))
    return Target(name, {column.name: _column(name, column) for column in ordered}, key)


@functools.cache
def said() -> Mapping[str, dict[str, Any]]:
    """The entries of ``include/star_targets.yaml``, by column.

    Raises:
        claimhouse.strict_yaml.YamlError: the file cannot be used.
    """
    document = strict_yaml.read(
        settings.PROJECT / "include" / "star_targets.yaml",
        settings.PROJECT / "include" / "star_target_schema.yaml",
    )
    return dict(document.data)


@dataclass(frozen=True)
class _Found:
    """A column that the catalog implies."""

    name: str
    type: str
    is_required: bool
    left_out: str = _NO_VALUE
    is_identity: bool = False
    # the column of the star that has the meaning
    means: str = ""
    # the table whose column it is, where that is not the target
    means_in: str = ""


def _of_dimension(
    connection: Connection[Any], name: str
) -> tuple[dict[str, _Found], tuple[str, ...]]:
    dimension = tables.dimensions(connection)[name]
    types = warehouse.columns(connection, "star", name)
    key = f"{dimension.member}_id"
    found = [
        _Found("source_system", "text", True, is_identity=True),
        _Found(key, "text", True, is_identity=True),
        *(_Found(attribute, types[attribute], False) for attribute in dimension.attributes),
        *(
            _Found(f"{member}_id", "text", False, left_out="It is unknown", means=f"{member}_key")
            for member in dimension.references
        ),
    ]
    return {column.name: column for column in found}, (key,)


def _of_fact(connection: Connection[Any], name: str) -> tuple[dict[str, _Found], tuple[str, ...]]:
    rows = {
        row["name"]: row for row in warehouse.query(connection, "catalog/columns", "star", name)
    }
    primary = [
        row["name"] for row in warehouse.query(connection, "catalog/key_columns", "star", name)
    ]
    key = tuple(
        column for column in primary if column != "source_system" and not column.endswith("_key")
    )
    members = {dimension.member for dimension in tables.dimensions(connection).values()}
    found: dict[str, _Found] = {}
    for column, row in rows.items():
        if name == claims.CLAIM and column in claims.COUNTED:
            continue
        if column.endswith("_key"):
            implied = _of_key(connection, column, members, is_required=column in primary)
            if "provider_key" in rows and column == "facility_key":
                implied = [_Found("facility_id", "text", False, _OF_PROVIDER, means=column)]
        else:
            is_identity = column in {*primary, "source_system", "batch_id", "row_number"}
            default = f"`{row['default_value']}`" if row["default_value"] else _NO_VALUE
            implied = [
                _Found(column, row["type"], bool(row["must_be_given"]), default, is_identity)
            ]
        for implication in implied:
            known = found.get(implication.name)
            if known is None or not known.is_required:
                found[implication.name] = implication
    return found, key


def _of_key(
    connection: Connection[Any], column: str, members: set[str], is_required: bool
) -> list[_Found]:
    """What mappings give for a surrogate key."""
    name = column.removesuffix("_key")
    if name in members:
        return [_Found(f"{name}_id", "text", is_required, _NO_MEMBER, means=column)]
    if name.endswith("_date"):
        return [_Found(name, "date", False, _NO_DATE, means=column)]
    flags = tables.flags(connection, name)
    return [_Found(flag, kind, False, means_in=f"dim_{name}") for flag, kind in flags.items()]


def _column(target: str, found: _Found) -> Column:
    entry = said().get(found.name, {})
    here = entry | entry.get("in", {}).get(target, {})
    listed_in, _, listed = here.get("list", "").partition(".")
    return Column(
        name=found.name,
        types=tuple(here.get("type", [found.type])),
        is_required=found.is_required,
        meaning=here.get("meaning") or _meaning(target, found),
        left_out="" if found.is_required else here.get("left_out", found.left_out),
        words=_listed(listed_in, listed) if listed_in else tuple(here.get("words", ())),
        listed_in=listed_in,
        is_identity=found.is_identity,
    )


def _meaning(target: str, found: _Found) -> str:
    known = glossary.entries()
    name = found.name if found.name in known or not found.means else found.means
    return glossary.meaning_of("star", found.means_in or target, name)


def _listed(name: str, column: str) -> tuple[str, ...]:
    """The words in *column* of the reference list *name*, in their order."""
    file = settings.PROJECT / "include" / "reference" / f"{name}.csv"
    with file.open(encoding="utf-8", newline="") as lines:
        return tuple(dict.fromkeys(row[column] for row in csv.DictReader(lines) if row[column]))


def _place(column: _Found, key: tuple[str, ...]) -> int:
    """Required columns first, the place of a row in its file last."""
    if column.name == "source_system":
        return 0
    if column.name in key:
        return 1
    if column.name in ("batch_id", "row_number"):
        return 5
    if not column.type:
        return 4
    return 2 if column.is_required else 3

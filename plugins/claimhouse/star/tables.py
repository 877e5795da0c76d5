"""The star's tables as the catalog describes them, and what of each a source brings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from psycopg import Connection

from claimhouse import warehouse
from claimhouse.star import mapping

# Kept by the loader, never brought by a source.
_BOOKKEEPING = {"valid_from", "valid_to", "is_current", "is_inferred", "row_hash", "batch_id"}
# NULL made into a value of its own, so that two of them are equal in a hash join.
_NULL_SAFE = {
    "text": "coalesce({}, chr(1))",
    "smallint": "coalesce({}, -32768)",
    "boolean": "coalesce({}::integer, -1)",
}


@dataclass(frozen=True)
class Dimension:
    """A dimension whose members have ids of their source.

    Attributes:
        member: what a row describes: ``patient`` for ``dim_patient``.
        attributes: the descriptive columns.
        references: the members of other dimensions it points to.
        keeps_history: whether a member has one row for each of its states (SCD2).
    """

    member: str
    attributes: tuple[str, ...]
    references: tuple[str, ...]
    keeps_history: bool

    @property
    def table(self) -> str:
        """The table's name in the schema ``star``."""
        return f"dim_{self.member}"

    @property
    def key(self) -> str:
        """Its surrogate key."""
        return f"{self.member}_key"

    def names(self) -> dict[str, Any]:
        """What the SQL files call its parts."""
        return {
            "dimension": self.table,
            "member": self.member,
            "id": f"{self.member}_id",
            "key": self.key,
            "attributes": list(self.attributes),
            "references": list(self.references),
            "keeps_history": self.keeps_history,
        }

    def brought(self, columns: dict[str, str]) -> Dimension:
        """The dimension as far as a mapping of these *columns* fills it."""
        return replace(
            self,
            attributes=tuple(one for one in self.attributes if one in columns),
            references=tuple(one for one in self.references if f"{one}_id" in columns),
        )


@dataclass(frozen=True)
class Fact:
    """A fact or bridge, and what the mapping of one source brings of it.

    Attributes:
        table: its name in the schema ``star``.
        key: the columns that tell its records apart within a source, without surrogate keys.
        members: the dimensions whose members the mapping names.
        unnamed: the members it has keys of, but no mapping of this source names.
        dates: the roles of dates, and whether the mapping gives each.
        junk: the junk dimension, if it has one, and the types of that one's columns.
        brought: every column of the mapping.
        values: the other columns that the mapping fills.
    """

    table: str
    key: tuple[str, ...]
    members: tuple[Dimension, ...]
    unnamed: tuple[str, ...]
    dates: dict[str, bool]
    junk: str | None
    junk_columns: dict[str, str]
    brought: frozenset[str]
    values: tuple[str, ...]

    def borrowed(self, member: str) -> list[str]:
        """The members of which this fact takes the key from the state of *member*.

        Where nobody says where it was, it was where the provider works.
        """
        named = {one.member for one in self.members}
        takes = member == "provider" and "provider" in named and "facility" in self.unnamed
        return ["facility"] if takes else []

    @property
    def pointed(self) -> list[str]:
        """The surrogate keys, in the order in which ``star/keys.jinja`` lists them."""
        return [
            *(one.key for one in self.members),
            *(f"{one}_key" for one in self.unnamed),
            *([f"{self.junk.removeprefix('dim_')}_key"] if self.junk else []),
            *(f"{role}_date_key" for role in self.dates),
        ]

    def names(self) -> dict[str, Any]:
        """What the SQL files call its parts."""
        return {
            "fact": self.table,
            "fact_key": list(self.key),
            "members": [one.names() for one in self.members],
            "unnamed": list(self.unnamed),
            "dates": self.dates,
            "pointed": self.pointed,
            "junk": self.junk and self.junk.removeprefix("dim_"),
            "junk_columns": self.junk_columns,
            "junk_pairs": [
                (
                    _NULL_SAFE[kind].format(f"v.{name}") if name in self.brought else None,
                    _NULL_SAFE[kind].format(f"junk.{name}"),
                    name,
                )
                for name, kind in self.junk_columns.items()
            ],
            "brought": sorted(self.brought),
            "values": list(self.values),
            "is_dated": "service_date" in self.brought,
            "facility_of_provider": bool(self.borrowed("provider")),
        }


def dimensions(connection: Connection[Any]) -> dict[str, Dimension]:
    """The dimensions with members of a source's own, by table."""
    tables = warehouse.query(connection, "catalog/tables", "star", "dim_")
    described = [
        _describe(row["name"], list(warehouse.columns(connection, "star", row["name"])))
        for row in tables
    ]
    return {one.table: one for one in described if one is not None}


def fact(connection: Connection[Any], source: str, table: str) -> Fact:
    """The fact or bridge *table*, as far as *source* fills it."""
    columns = list(warehouse.columns(connection, "star", table))
    brought = mapping.columns(connection, source, table)
    keys = [
        row["name"] for row in warehouse.query(connection, "catalog/key_columns", "star", table)
    ]
    natural = tuple(key for key in keys if key != "source_system" and not key.endswith("_key"))
    pointed = [one.removesuffix("_key") for one in columns if one.endswith("_key")]
    known = {one.member: one for one in dimensions(connection).values()}
    roles = [one.removesuffix("_date") for one in pointed if one.endswith("_date")]
    profile = next((one for one in pointed if one.endswith("_profile")), None)
    junk_columns = warehouse.columns(connection, "star", f"dim_{profile}") if profile else {}
    own = {"source_system", "batch_id", "row_number", *natural}
    return Fact(
        table=table,
        key=natural,
        members=tuple(known[one] for one in pointed if one in known and f"{one}_id" in brought),
        unnamed=tuple(one for one in pointed if one in known and f"{one}_id" not in brought),
        dates={role: f"{role}_date" in brought for role in roles},
        junk=f"dim_{profile}" if profile else None,
        junk_columns={
            name: kind for name, kind in junk_columns.items() if name != f"{profile}_key"
        },
        brought=frozenset(brought),
        values=tuple(one for one in columns if one in brought and one not in own),
    )


def _describe(table: str, columns: list[str]) -> Dimension | None:
    member = table.removeprefix("dim_")
    if f"{member}_id" not in columns:
        return None
    own = {f"{member}_key", f"{member}_id", "source_system"} | _BOOKKEEPING
    rest = [column for column in columns if column not in own]
    return Dimension(
        member=member,
        attributes=tuple(column for column in rest if not column.endswith("_key")),
        references=tuple(column.removesuffix("_key") for column in rest if column.endswith("_key")),
        keeps_history="valid_from" in columns,
    )

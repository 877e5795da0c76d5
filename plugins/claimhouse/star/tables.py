"""The star's tables as the catalog describes them, and what a source system brings of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from psycopg import Connection

from claimhouse import warehouse
from claimhouse.star import mapping

# Written by the loader, never brought by a source system.
_BOOKKEEPING = {"valid_from", "valid_to", "is_current", "is_inferred", "row_hash", "batch_id"}
# What a column says in the words of a reference list: written with the row it describes, never brought.
_COUNTS_AS = "_counts_as"
# What tells versions of a record apart is that of each version.
_ORDER = ("version_at", "is_repeat")
# NULL as a value of its own: two of them are equal in a hash join.
_NULL_SAFE = {
    "text": "coalesce({}, chr(1))",
    "smallint": "coalesce({}, -32768)",
    "boolean": "coalesce({}::integer, -1)",
}


@dataclass(frozen=True)
class Dimension:
    """A dimension whose members have ids of their source system.

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
            attributes=tuple(name for name in self.attributes if name in columns),
            references=tuple(member for member in self.references if f"{member}_id" in columns),
        )


@dataclass(frozen=True)
class Fact:
    """A fact or bridge, and what the mapping of one source system brings of it.

    Attributes:
        table: its name in the schema ``star``.
        key: the columns that identify a record within a source system, without surrogate keys.
        members: the dimensions whose members the mapping names.
        unnamed: the members that the table has keys of and the mapping does not name.
        dates: the roles of dates, and whether the mapping gives each.
        junk: the junk dimension, if there is one.
        junk_columns: its columns and their types.
        listed: those of its columns whose words a list of the schema ``reference`` knows.
        brought: every column of the mapping.
        values: the columns that are neither keys nor bookkeeping and that the mapping fills.
        carried: the columns that a layout can lack, so that a record keeps their older values; together those
            that the same layouts lack.
    """

    table: str
    key: tuple[str, ...]
    members: tuple[Dimension, ...]
    unnamed: tuple[str, ...]
    dates: dict[str, bool]
    junk: str | None
    junk_columns: dict[str, str]
    listed: tuple[str, ...]
    brought: frozenset[str]
    values: tuple[str, ...]
    carried: tuple[tuple[str, ...], ...] = ()

    def borrowed(self, member: str) -> list[str]:
        """The members whose key this fact takes from the state of *member*.

        A fact without a facility of its own took place where its provider works.
        """
        named = {dimension.member for dimension in self.members}
        takes = member == "provider" and "provider" in named and "facility" in self.unnamed
        return ["facility"] if takes else []

    @property
    def pointed(self) -> list[str]:
        """The surrogate keys, in the order in which ``star/keys.jinja`` lists them."""
        return [
            *(dimension.key for dimension in self.members),
            *(f"{member}_key" for member in self.unnamed),
            *([f"{self.junk.removeprefix('dim_')}_key"] if self.junk else []),
            *(f"{role}_date_key" for role in self.dates),
        ]

    def names(self) -> dict[str, Any]:
        """What the SQL files call its parts."""
        return {
            "fact": self.table,
            "fact_key": list(self.key),
            "members": [dimension.names() for dimension in self.members],
            "unnamed": list(self.unnamed),
            "dates": self.dates,
            "pointed": self.pointed,
            "junk": self.junk and self.junk.removeprefix("dim_"),
            "junk_columns": self.junk_columns,
            "listed": list(self.listed),
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
            "carried": [list(columns) for columns in self.carried],
            "is_dated": "service_date" in self.brought,
            "facility_of_provider": bool(self.borrowed("provider")),
        }


def dimensions(connection: Connection[Any]) -> dict[str, Dimension]:
    """The dimensions whose members have ids of a source system, by table."""
    tables = warehouse.query(connection, "catalog/columns_of_tables", "star", "dim_")
    described = [_describe(row["name"], row["columns"]) for row in tables]
    return {dimension.table: dimension for dimension in described if dimension is not None}


def fact(connection: Connection[Any], source: str, table: str) -> Fact:
    """The fact or bridge *table*, and what *source* brings of it."""
    columns = list(warehouse.columns(connection, "star", table))
    brought = mapping.columns(connection, source, table)
    keys = [
        row["name"] for row in warehouse.query(connection, "catalog/key_columns", "star", table)
    ]
    natural = tuple(key for key in keys if key != "source_system" and not key.endswith("_key"))
    pointed = [name.removesuffix("_key") for name in columns if name.endswith("_key")]
    known = {dimension.member: dimension for dimension in dimensions(connection).values()}
    roles = [name.removesuffix("_date") for name in pointed if name.endswith("_date")]
    profile = next((name for name in pointed if name.endswith("_profile")), None)
    junk_columns = warehouse.columns(connection, "star", f"dim_{profile}") if profile else {}
    own = {"source_system", "batch_id", "row_number", *natural}
    return Fact(
        table=table,
        key=natural,
        members=tuple(known[name] for name in pointed if name in known and f"{name}_id" in brought),
        unnamed=tuple(name for name in pointed if name in known and f"{name}_id" not in brought),
        dates={role: f"{role}_date" in brought for role in roles},
        junk=f"dim_{profile}" if profile else None,
        junk_columns=flags(connection, profile) if profile else {},
        listed=tuple(
            word
            for word in (
                name.removesuffix(_COUNTS_AS) for name in junk_columns if name.endswith(_COUNTS_AS)
            )
            if warehouse.columns(connection, "reference", word)
        ),
        brought=frozenset(brought),
        values=tuple(name for name in columns if name in brought and name not in own),
        carried=_carried(connection, source, table, [name for name in brought if name not in own]),
    )


def _carried(
    connection: Connection[Any], source: str, table: str, brought: Sequence[str]
) -> tuple[tuple[str, ...], ...]:
    """See :attr:`Fact.carried`; *brought* are the columns of the mapping that do not identify a row."""
    if mapping.LEFT_OUT not in brought or table.startswith("bridge_"):
        return ()
    own = (mapping.LEFT_OUT, *_ORDER)
    columns = [name for name in brought if name not in own]
    return tuple(mapping.carried(connection, source, table, columns))


def flags(connection: Connection[Any], profile: str) -> dict[str, str]:
    """The flags of the junk dimension ``dim_<profile>``, and their types."""
    columns = warehouse.columns(connection, "star", f"dim_{profile}")
    return {
        name: kind
        for name, kind in columns.items()
        if name != f"{profile}_key" and not name.endswith(_COUNTS_AS)
    }


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

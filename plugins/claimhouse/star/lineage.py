"""Which columns of the relations that a view reads each of its columns comes from.

The server keeps a view as the tree of its parsed query (``pg_rewrite.ev_action``), in which every name is
resolved and every ``*`` spelled out. Its form is that of PostgreSQL's ``nodes/readfuncs.c``. A column of a
relation that is joined also comes from what its join compares: a name looked up in a list comes from the code.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from psycopg import Connection

from claimhouse import warehouse

_TOKEN = re.compile(r"[(){}]|(?:\\.|[^\s(){}\\])+", re.DOTALL)


class _Kind(StrEnum):
    """The kinds of entries of a range table (nodes/parsenodes.h)."""

    RELATION = "0"
    SUBQUERY = "1"
    JOIN = "2"
    CTE = "6"
    GROUP = "9"


# The kind of a join whose left side is looked up (nodes/nodes.h).
_RIGHT = "3"


@dataclass(frozen=True, order=True)
class Origin:
    """A column of a table or view."""

    schema: str
    relation: str
    column: str


@dataclass
class _Node:
    """A node of the tree: its kind and, by name, the values of its fields.

    Attributes:
        columns: of a query, where its columns come from, once that is known.
    """

    kind: str
    fields: dict[str, list[Any]] = field(default_factory=dict)
    columns: dict[str, set[_Place]] | None = None

    def one(self, name: str) -> Any:
        """The value of a field of one value; an empty text where there is none."""
        return (self.fields.get(name) or [""])[0]

    def many(self, name: str) -> list[Any]:
        """The values of a field that is a list."""
        value = self.one(name)
        return value if isinstance(value, list) else []


# A place in the tree: the relation's id and the number of the column.
_Place = tuple[int, int]
# Entries that are being followed: how deep their query lies, and their number in it.
_Followed = frozenset[tuple[int, int]]


def of_view(connection: Connection[Any], schema: str, view: str) -> dict[str, frozenset[Origin]]:
    """Where each column of a view comes from.

    Args:
        connection: to the warehouse.
        schema: the view's schema.
        view: its name.

    Returns:
        For each column, the columns of the relations that the view itself reads; views among them are not
        followed. A column that has one value in all rows comes from none.
    """
    rows = warehouse.query(connection, "star/query_tree", schema, view)
    if not rows:
        return {}
    columns = _of_tree(rows[0]["tree"])
    places = {place for found in columns.values() for place in found}
    names = _names(connection, places)
    return {
        column: frozenset(name for place in found for name in names[place])
        for column, found in columns.items()
    }


@functools.lru_cache(64)
def _of_tree(tree: str) -> dict[str, set[_Place]]:
    """Where the columns of a query come from that is kept as *tree*; a load asks several times."""
    query = next(_read(iter(_TOKEN.findall(tree))))[0]
    return _columns(query, [])


def _names(connection: Connection[Any], places: set[_Place]) -> dict[_Place, list[Origin]]:
    ids = sorted({relation for relation, _ in places})
    names: dict[_Place, list[Origin]] = {}
    for row in warehouse.query(connection, "star/relation_columns", ids):
        origins = [Origin(row["schema"], row["name"], column) for column in row["columns"]]
        names |= {
            (row["id"], number): [origin]
            for number, origin in zip(row["numbers"], origins, strict=True)
        }
        # the row as a whole
        names[row["id"], 0] = origins
    return {place: names.get(place, []) for place in places}


def _read(tokens: Iterator[str]) -> Iterator[Any]:
    """The values that *tokens* spell, until a bracket closes."""
    for token in tokens:
        if token == "(":  # noqa: S105 (a bracket)
            yield list(_read(tokens))
        elif token == "{":  # noqa: S105
            yield _node(tokens)
        elif token in (")", "}"):
            return
        else:
            yield token


def _node(tokens: Iterator[str]) -> _Node:
    node = _Node(next(tokens))
    values: list[Any] = []
    for value in _read(tokens):
        if isinstance(value, str) and value.startswith(":"):
            values = node.fields.setdefault(value[1:], [])
        else:
            values.append(value)
    return node


def _columns(query: _Node, outer: Sequence[_Node]) -> dict[str, set[_Place]]:
    """Where each column of a query comes from; *outer* are the queries around it."""
    if query.columns is not None:
        return query.columns
    scopes = [*outer, query]
    targets = [entry for entry in query.many("targetList") if entry.one("resjunk") == "false"]
    names = [re.sub(r"\\(.)", r"\1", entry.one("resname")) for entry in targets]
    if isinstance(query.one("setOperations"), _Node):
        parts = [
            list(_columns(entry.one("subquery"), scopes).values())
            for entry in query.many("rtable")
            if entry.one("rtekind") == _Kind.SUBQUERY
        ]
        found = [set[_Place]().union(*each) for each in zip(*parts, strict=True)]
    else:
        found = [_origins(entry.one("expr"), scopes) for entry in targets]
    query.columns = dict(zip(names, found, strict=True))
    return query.columns


def _origins(value: Any, scopes: Sequence[_Node], followed: _Followed = frozenset()) -> set[_Place]:
    """Where the columns in an expression come from."""
    if isinstance(value, list):
        return set[_Place]().union(*(_origins(each, scopes, followed) for each in value))
    if not isinstance(value, _Node):
        return set()
    if value.kind == "VAR":
        return _of_variable(value, scopes, followed)
    inner = [*scopes, value] if value.kind == "QUERY" else scopes
    return _origins(list(value.fields.values()), inner, followed)


def _of_variable(variable: _Node, scopes: Sequence[_Node], followed: _Followed) -> set[_Place]:
    own = scopes[: len(scopes) - int(variable.one("varlevelsup"))]
    number, column = int(variable.one("varno")), int(variable.one("varattno"))
    entry = own[-1].many("rtable")[number - 1]
    kind = entry.one("rtekind")
    if kind == _Kind.JOIN:
        return _origins(entry.many("joinaliasvars")[column - 1], own, followed)
    if kind == _Kind.GROUP:
        return _origins(entry.many("groupexprs")[column - 1], own, followed)
    if (len(own), number) in followed:
        return set()
    followed |= {(len(own), number)}
    return _compared(own, number, followed) | _of_entry(entry, own, column, followed)


def _of_entry(
    entry: _Node, scopes: Sequence[_Node], column: int, followed: _Followed
) -> set[_Place]:
    """Where a column of an entry of the range table comes from."""
    match entry.one("rtekind"):
        case _Kind.RELATION:
            return {(int(entry.one("relid")), column)}
        case _Kind.SUBQUERY:
            return _of_query(entry.one("subquery"), scopes, column)
        case _Kind.CTE:
            return _of_cte(entry, scopes, column)
    # a function, or values
    return _origins(list(entry.fields.values()), scopes, followed)


def _of_query(query: _Node, outer: Sequence[_Node], column: int) -> set[_Place]:
    columns = list(_columns(query, outer).values())
    return columns[column - 1] if column else set[_Place]().union(*columns)


def _of_cte(entry: _Node, scopes: Sequence[_Node], column: int) -> set[_Place]:
    if entry.one("self_reference") == "true":
        return set()
    own = scopes[: len(scopes) - int(entry.one("ctelevelsup"))]
    for each in own[-1].many("cteList"):
        if each.one("ctename") == entry.one("ctename"):
            return _of_query(each.one("ctequery"), own, column)
    return set()


def _compared(scopes: Sequence[_Node], number: int, followed: _Followed) -> set[_Place]:
    """Where what an entry is looked up by comes from: the conditions of the joins that it is joined by."""
    return set[_Place]().union(
        *(
            _origins(join.one("quals"), scopes, followed)
            for join in _joins(scopes[-1].one("jointree"))
            if number in _entries(join.one("larg" if join.one("jointype") == _RIGHT else "rarg"))
        )
    )


def _joins(value: Any) -> Iterator[_Node]:
    """The joins of a query."""
    if isinstance(value, list):
        for each in value:
            yield from _joins(each)
    elif isinstance(value, _Node):
        if value.kind == "JOINEXPR":
            yield value
        for name in ("fromlist", "larg", "rarg"):
            yield from _joins(value.fields.get(name, []))


def _entries(arm: Any) -> set[int]:
    """The entries of the range table in an arm of a join."""
    if isinstance(arm, list):
        return set[int]().union(*map(_entries, arm))
    if not isinstance(arm, _Node):
        return set()
    if arm.kind == "RANGETBLREF":
        return {int(arm.one("rtindex"))}
    return _entries([arm.fields.get(name, []) for name in ("fromlist", "larg", "rarg")])

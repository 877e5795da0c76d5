"""What the layout of a row's file does not have, where feeds of several layouts are united in a shape first.

A mapping that reads the shape computes the columns of its target from those of the shape. Which of them a
layout leaves out follows from where they come from (:mod:`lineage`), and which layout a row has from the feed
of its batch: no mapping file has to say either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql

from claimhouse import warehouse
from claimhouse.star import lineage

LEFT_OUT = "left_out"
SHAPE = "shape_"
_FEED = lineage.Origin("landing", "batch", "feed")


class UnknownLayoutError(ValueError):
    """Nothing says which layout a row has; the message is one sentence, without a period."""


@dataclass(frozen=True)
class Lacking:
    """What the layout of one feed lacks of a mapping's columns.

    Attributes:
        feed: the feed.
        wholly: columns of which it has nothing that they come from.
        partly: columns of which it has something: where they are empty, it may be for the rest.
    """

    feed: str
    wholly: tuple[str, ...]
    partly: tuple[str, ...]


def of_view(
    connection: Connection[Any],
    view: str,
    schema: str,
    shapes: Mapping[str, Sequence[str]],
    view_in: str | None = None,
) -> list[Lacking]:
    """What each layout lacks of the columns of a view that reads a shape.

    Args:
        connection: to the warehouse.
        view: the view, without its prefix ``star_``.
        schema: where the shapes are.
        shapes: the shapes of its source system, and the names of the mapping files of each.
        view_in: where the view is; beside the shapes when left out.

    Returns:
        One for each feed of the shape that the view's rows are of; none where all its layouts have the same
        columns.

    Raises:
        UnknownLayoutError: the rows of two layouts are of one feed, or of none.
    """
    columns = _followed(connection, view, view_in or schema, schema, shapes)
    read = {origin.relation for origin in columns.get("batch_id", ())}
    united = {f"star_{shape}": stems for shape, stems in shapes.items() if stems != [shape]}
    for relation in sorted(read & united.keys()):
        lacks = _lacks(connection, relation, schema, united[relation])
        return [
            _lacking(feed, lacked, relation, columns)
            for feed, lacked in (lacks.items() if any(lacks.values()) else ())
        ]
    return []


def with_left_out(
    select: sql.Composable, columns: Sequence[str], lacking: Sequence[Lacking]
) -> sql.Composed:
    """The *select* of a mapping with the column :data:`LEFT_OUT`; *columns* are those that it has."""
    feeds = [
        sql.SQL("when {} then {}").format(sql.Literal(each.feed), _names(each)) for each in lacking
    ]
    return sql.SQL(
        "select {columns}, case own_batch.feed {feeds} else '{{}}'::text[] end as {left_out}"
        " from (\n{select}\n) as mapped"
        " left join landing.batch as own_batch on mapped.batch_id = own_batch.batch_id"
    ).format(
        columns=sql.SQL(", ").join(sql.Identifier("mapped", name) for name in columns),
        feeds=sql.SQL(" ").join(feeds),
        left_out=sql.Identifier(LEFT_OUT),
        select=select,
    )


def together(
    connection: Connection[Any], view: str, schema: str, shapes: Mapping[str, Sequence[str]]
) -> dict[str, object] | None:
    """The columns of a view that a layout can lack, and for each what is equal where the same layouts lack them.

    Returns:
        None where :data:`LEFT_OUT` is not that of :func:`with_left_out`.
    """
    made = _FEED in lineage.of_view(connection, schema, f"star_{view}").get(LEFT_OUT, ())
    if not made:
        return None
    lacking = of_view(connection, view, schema, shapes)
    partly = {name for each in lacking for name in each.partly}
    wholly = {name for each in lacking for name in each.wholly}
    return {
        # a row that lacks a part of it keeps it or not, as its value is
        name: name if name in partly else tuple(name in each.wholly for each in lacking)
        for name in sorted(partly | wholly)
    }


def _names(lacking: Lacking) -> sql.Composed:
    names = sql.SQL("{}::text[]").format(sql.Literal(list(lacking.wholly)))
    for column in lacking.partly:
        names += sql.SQL(" || case when {} is null then array[{}]::text[] else '{{}}' end").format(
            sql.Identifier("mapped", column), sql.Literal(column)
        )
    return names


def _lacking(
    feed: str, lacked: set[str], relation: str, columns: Mapping[str, frozenset[lineage.Origin]]
) -> Lacking:
    wholly: list[str] = []
    partly: list[str] = []
    for name, origins in columns.items():
        own = {origin.column for origin in origins if origin.relation == relation}
        if name == LEFT_OUT or not own & lacked:
            continue
        (wholly if own <= lacked else partly).append(name)
    return Lacking(feed, tuple(wholly), tuple(partly))


def _lacks(
    connection: Connection[Any], relation: str, schema: str, stems: Sequence[str]
) -> dict[str, set[str]]:
    """The columns of a shape that each feed's layout does not have."""
    united = set(warehouse.columns(connection, schema, relation)) - {LEFT_OUT}
    lacks: dict[str, set[str]] = {}
    for stem in stems:
        part = set(warehouse.columns(connection, schema, f"star_{stem}"))
        if LEFT_OUT in part:
            raise UnknownLayoutError(
                f"{stem}.sql says itself what its rows leave out: give {LEFT_OUT}, by the names of this target"
            )
        origins = lineage.of_view(connection, schema, f"star_{stem}").get("batch_id", frozenset())
        feeds = {
            origin.relation.removesuffix("_current")
            for origin in origins
            if origin.column == "batch_id" and origin.schema != "landing"
        }
        if len(feeds) != 1 or feeds & lacks.keys():
            raise UnknownLayoutError(
                f"its rows do not tell of which file of {relation.removeprefix('star_')} they are, for {stem}.sql "
                f"is not of one feed alone: give {LEFT_OUT}, the columns that the row's layout lacks"
            )
        lacks[feeds.pop()] = united - part
    return lacks


def _followed(
    connection: Connection[Any],
    view: str,
    view_in: str,
    schema: str,
    shapes: Mapping[str, Sequence[str]],
) -> dict[str, frozenset[lineage.Origin]]:
    """Where the columns of a view come from, through shapes of one file."""
    alone = {f"star_{shape}" for shape, stems in shapes.items() if stems == [shape]}
    columns = lineage.of_view(connection, view_in, f"star_{view}")
    for relation in alone & {origin.relation for found in columns.values() for origin in found}:
        within = _followed(connection, relation.removeprefix("star_"), schema, schema, shapes)
        columns = {
            name: frozenset().union(
                *(
                    within.get(origin.column, frozenset())
                    if origin.relation == relation
                    else {origin}
                    for origin in found
                )
            )
            for name, found in columns.items()
        }
    return columns

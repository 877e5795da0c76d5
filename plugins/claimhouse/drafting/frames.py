"""What rows have to do with the other lines of their file: a trailer counts them, a line above has their key."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import polars as pl

from claimhouse.drafting.guess import Guess
from claimhouse.drafting.sample import Table, with_taken
from claimhouse.drafting.words import meanings, snake
from claimhouse.drafting.yaml import Draft
from claimhouse.reading import Records, Spot
from claimhouse.verification.judge import judge


@dataclass(frozen=True)
class Trailer:
    """What a trailer has.

    Attributes:
        records: the kinds of lines, with the places of its count and sums.
        doubt: a sentence on what of it nobody understands; empty for none.
    """

    records: Records | None
    doubt: str = ""


def with_parents(
    path: Path, table: Table, before: Mapping[str, Draft]
) -> tuple[Table, dict[str, Guess]]:
    """*table* with the keys of the lines above its rows, and what these columns are, by name.

    A key that the rows repeat themselves is not taken.
    """
    if table.kinds is None:
        return table, {}
    wanted: list[tuple[str, str, Spot]] = []
    guesses: dict[str, Guess] = {}
    for kind in table.kinds.above[table.kind]:
        parent = before[kind]
        for guess in parent.guesses:
            name = guess.column.name
            if name not in parent.key or name in parent.taken:
                continue
            own = snake(f"{kind.lower()}_{name}") if name in table.header else name
            wanted.append((kind, own, _spot(parent, name)))
            column = replace(guess.column, name=own)
            guesses[own] = replace(guess, header=own, column=column, doubts=())
    if not wanted:
        return table, {}
    whole = with_taken(path, table, wanted)
    needed = [item for item in wanted if not _is_repeated(whole.rows, table.header, item[1])]
    if len(needed) < len(wanted):
        whole = with_taken(path, table, needed)
    return whole, {name: guesses[name] for _, name, _ in needed}


def _spot(parent: Draft, name: str) -> Spot:
    if parent.dialect.format == "fixed":
        return next((start, length) for own, start, length in parent.dialect.widths if own == name)
    return (parent.dialect.columns.index(name) + 1,)


def _is_repeated(rows: pl.DataFrame, header: Sequence[str], name: str) -> bool:
    taken = rows[name].str.strip_chars()
    return any((rows[own].str.strip_chars() == taken).all() for own in header)


def key_below(
    table: Table, guesses: Sequence[Guess], taken: Collection[str]
) -> tuple[list[str], str] | None:
    """The key of lines below others: that of the lines above, with a column that tells them apart."""
    own = [guess for guess in guesses if guess.header not in taken]
    own.sort(
        key=lambda guess: ("line" not in meanings(guess.header), guess.column.type != "integer")
    )
    above = [guess for guess in guesses if guess.header in taken]
    for guess in own if above else ():
        parts = [item.header for item in (*above, guess)]
        if guess.column.type != "decimal" and not table.rows.select(parts).is_duplicated().any():
            return [item.column.name for item in (*above, guess)], ""
    return None


def trailer_of(table: Table, guesses: Sequence[Guess]) -> Trailer:
    """Which fields of the trailer agree with the rows: their number, and sums of their columns."""
    records = table.dialect.records
    if records is None or table.kinds is None or not records.trailer:
        return Trailer(records)
    if not table.is_whole:
        return Trailer(
            records, "The trailer is not compared: the file is long. Does it have a count or sums?"
        )
    count: Spot = ()
    sums: list[tuple[str, Spot]] = []
    unknown = 0
    known = list(_sums(table, guesses))
    for spot, text in table.kinds.trailer_fields:
        found = _meaning(spot, text, len(table.rows), known)
        unknown += not found and any(map(str.isdigit, text))
        for name, place in found:
            if not name and not count:
                count = place
            elif name and name not in dict(sums):
                sums.append((name, place))
                break
    counted = replace(records, count=count, sums=tuple(sums))
    if unknown and len(table.kinds.rows) <= 1:
        return Trailer(
            counted, "The trailer has numbers that are neither the count of rows nor a sum of them."
        )
    return Trailer(counted)


def _sums(table: Table, guesses: Sequence[Guess]) -> Iterator[tuple[Guess, Decimal]]:
    """The sum of each column of numbers, money first."""
    numbers = [guess for guess in guesses if guess.column.type in ("decimal", "integer")]
    for guess in sorted(numbers, key=lambda guess: not guess.column.is_amount):
        loaded = judge(guess.column, table.rows[guess.header].alias("raw")).loaded()
        total = sum(map(Decimal, loaded.drop_nulls().to_list()), Decimal())
        if total:
            yield guess, total


def _meaning(
    spot: Spot, text: str, rows: int, sums: Sequence[tuple[Guess, Decimal]]
) -> list[tuple[str, Spot]]:
    """What a text of the trailer is: a column of which it is the sum, or "" for the count; and its place."""
    if text.isdigit() and int(text) == rows:
        return [("", spot)]
    if found := [(guess.column.name, spot) for guess, total in sums if _is(text, guess, total)]:
        return found
    if len(spot) == 1:
        return []
    start, _ = spot
    for length in range(1, len(text)):
        if text[:length].isdigit() and int(text[:length]) == rows:
            rest = (start + length, len(text) - length)
            for guess, total in sums:
                if _is(text[length:], guess, total):
                    return [("", (start, length)), (guess.column.name, rest)]
    return []


def _is(text: str, guess: Guess, total: Decimal) -> bool:
    """Whether a text is an amount, as its column writes amounts."""
    (value,) = judge(guess.column, pl.Series("raw", [text])).loaded().to_list()
    return value is not None and Decimal(value) == total

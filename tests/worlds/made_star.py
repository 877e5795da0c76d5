"""A star full of made-up rows, drawn at random, and the same rows as Python sees them.

Nothing here knows what a metric is: every table gets values of the types its columns have, among
them NULL, the keys -1 and -2, a patient with two states and a payer of two spellings.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import sql

Row = dict[str, Any]
SOURCES = ("north", "south")
FIRST_DAY = date(2023, 11, 20)
DAYS = 400
CHANGE = FIRST_DAY + timedelta(200)  # the day on which SCD2 members change
# What a column of flags holds in the real star; any other text is one of WORDS.
VALUES: dict[str, tuple[str | None, ...]] = {
    "claim_status": ("paid", "denied", "under review", None),
    "payer_name": ("Aetna", "Humana", None),
    "specialty": ("cardiology", "dental", None),
    "outcome": ("pended", "cleared", "left"),
}
WORDS = ("ash", "birch", "cedar", None)


def fill(connection: psycopg.Connection[Any], seed: int, facts: int = 150) -> None:
    """Fill every dimension with a few members and every fact with *facts* rows."""
    dice = random.Random(seed)
    tables = _tables(connection)
    with connection.transaction():
        for name in sorted(
            name for name in tables if name.startswith("dim_") and name != "dim_date"
        ):
            for number in range(1, 7):
                _insert(connection, name, _member(dice, name, number, tables[name]))
        for name in sorted(name for name in tables if name.startswith(("fact_", "bridge_"))):
            for number in range(facts):
                _insert(connection, name, _fact(dice, name, number, tables[name]))


def rows(connection: psycopg.Connection[Any], name: str) -> list[Row]:
    """The raw rows of a fact or bridge; ``of`` holds what each key leads to: ``of["patient"]``."""
    dimensions: dict[str, dict[int, Row]] = defaultdict(dict)
    records = table(connection, name)
    for row in records:
        row["of"] = {}
        for column in [column for column in row if column.endswith("_key")]:
            home = "dim_date" if column.endswith("date_key") else f"dim_{column[:-4]}"
            key = f"{home.removeprefix('dim_')}_key"
            if home not in dimensions:
                dimensions[home] = {member[key]: member for member in table(connection, home)}
            row["of"][column.removesuffix("_key")] = dimensions[home][row[column]]
    return records


def table(connection: psycopg.Connection[Any], name: str) -> list[Row]:
    """The raw rows of a table."""
    # of the calendar, the years around what is made up
    only = " where date is null or year between 2000 and 2030" if name == "dim_date" else ""
    query = sql.SQL("select * from {}" + only).format(sql.Identifier("star", name))
    with connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        return cursor.execute(query).fetchall()


def _tables(connection: psycopg.Connection[Any]) -> dict[str, dict[str, str]]:
    """The columns of the star's tables, and their types, with a ! where NULL is not allowed."""
    tables: dict[str, dict[str, str]] = defaultdict(dict)
    for name, column, kind in connection.execute(
        "select c.table_name, c.column_name, c.data_type || case c.is_nullable when 'NO' then '!' else '' end"
        " from information_schema.columns as c"
        " inner join information_schema.tables as t using (table_schema, table_name)"
        " where c.table_schema = 'star' and t.table_type = 'BASE TABLE' order by c.ordinal_position"
    ):
        tables[name][column] = kind
    return tables


def _member(dice: random.Random, name: str, number: int, columns: dict[str, str]) -> Row:
    """A member; of those with a history each second row is the later state of the one before."""
    member = name.removeprefix("dim_")
    row = {column: _value(dice, column, kind) for column, kind in columns.items()}
    row[f"{member}_key"] = number
    if "source_system" in row:
        row["source_system"] = SOURCES[number // 2 % 2]
        row[f"{member}_id"] = f"{member} {number}"
    else:  # a junk dimension has each combination once
        text = next(column for column, kind in columns.items() if kind == "text")
        row[text] = dice.choice(VALUES.get(text, WORDS)) if text in VALUES else f"{text} {number}"
        row.update(
            {column: number % 2 == 0 for column, kind in columns.items() if kind == "boolean"}
        )
    if "valid_from" in row:
        row[f"{member}_id"] = f"{member} {number // 2}"
        later = number % 2 == 1
        row["valid_from"] = CHANGE if later else date(1900, 1, 1)
        row["valid_to"] = date(9999, 12, 31) if later or number == 6 else CHANGE
        row["is_current"] = row["valid_to"].year == 9999
    return row


def _fact(dice: random.Random, name: str, number: int, columns: dict[str, str]) -> Row:
    row = {column: _value(dice, column, kind) for column, kind in columns.items()}
    for column in [column for column in columns if column.endswith("_date_key")]:
        day = FIRST_DAY + timedelta(dice.randrange(DAYS))
        role = column.removesuffix("_key")
        unknown = [] if columns.get(role, "").endswith("!") else [-1, -2]
        row[column] = dice.choice([int(day.strftime("%Y%m%d"))] * 9 + unknown)
        if role in row:
            row[role] = day if row[column] > 0 else None
    for column in [column for column in columns if re.search("(?<!date)_key$", column)]:
        row[column] = dice.choice([-1, -2, 1, 2, 3, 4, 5, 6])
    row["source_system"] = dice.choice(SOURCES)
    for column in [column for column in columns if column.endswith("_id") and column != "batch_id"]:
        row[column] = f"{column} {number}"
    if name != "fact_appointment" and "appointment_id" in row:
        row["appointment_id"] = dice.choice([None, row["appointment_id"]])
    if name.startswith("bridge_"):
        row |= {
            column: f"{column} {number // 2}"
            for column in columns
            if column in ("encounter_id", "claim_id")
        }
        row["source_system"] = SOURCES[number // 2 % 2]
        row[next(column for column in columns if column.endswith("_key"))] = number % 2 * 3 + 1
    return row


def _value(dice: random.Random, column: str, kind: str) -> Any:
    if not kind.endswith("!") and dice.random() < 0.15:
        return None
    must, kind = kind.endswith("!"), kind.removesuffix("!")
    if kind == "text":
        words = VALUES.get(column, WORDS)
        return dice.choice([word for word in words if word or not must])
    if kind == "boolean":
        return dice.random() < 0.5
    if kind == "date":
        return FIRST_DAY + timedelta(dice.randrange(DAYS))
    if kind == "timestamp with time zone":
        return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=dice.randrange(500_000))
    if column == "weight":
        return Decimal(1)
    if kind == "numeric":
        return Decimal(dice.randrange(1, 90_000)) / 100
    if kind in ("ARRAY", "uuid", "jsonb"):
        return None
    return dice.randrange(0, 2) if column.endswith("_count") else dice.randrange(1, 90)


def _insert(connection: psycopg.Connection[Any], name: str, row: Row) -> None:
    query = sql.SQL("insert into {} ({}) values ({}) on conflict do nothing").format(
        sql.Identifier("star", name),
        sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join([sql.Placeholder()] * len(row)),
    )
    connection.execute(query, list(row.values()))

"""The warehouse's errors: told in full, without a value of any row."""

from __future__ import annotations

import logging
import traceback
from dataclasses import dataclass

import pytest

from claimhouse import warehouse as door

SECRET = "Jane Roe"
STATEMENTS = {
    "a duplicate key": "insert into quality.note values (%(secret)s), (%(secret)s)",
    "a value of the wrong type": "select %(secret)s::text::date",
    "a broken check": "insert into quality.note values ('x' || %(secret)s)",
}


@pytest.mark.parametrize("kind", STATEMENTS)
def test_an_error_of_the_server_quotes_no_row(kind, warehouse, caplog):
    warehouse.execute(
        "create table quality.note (note text primary key check (note not like 'x%'))"
    )
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(door.WarehouseError) as error,
        door.connect() as connection,
    ):
        connection.execute(STATEMENTS[kind], {"secret": SECRET})
    shown = "".join(traceback.format_exception(error.value)) + caplog.text
    assert SECRET not in shown
    assert "(2" in str(error.value)  # the SQLSTATE is there to look up
    assert kind == "a value of the wrong type" or "note" in str(error.value)


def test_what_a_block_did_is_undone_when_it_raises(warehouse):
    with pytest.raises(door.WarehouseError), door.connect() as connection:
        connection.execute(
            "insert into quality.issue (source_system, rule, severity, message) values ('a', 'b', 'error', 'c')"
        )
        connection.execute("select 1 / 0")
    assert warehouse.execute("select count(*) from quality.issue").fetchone() == (0,)


@dataclass(frozen=True)
class _Place:
    source_system: str
    object_key: str


@pytest.mark.parametrize("rows", [0, 1])
def test_a_statement_whose_columns_are_not_the_fields_of_the_dataclass_fails(
    warehouse, monkeypatch, rows
):
    statement = f"select 'billing' as source_system, 'x' as prefix from generate_series(1, {rows})"
    monkeypatch.setattr(door, "sql", lambda path: statement)
    with pytest.raises(TypeError, match=r"lacks the columns \['object_key'\].*lacks \['prefix'\]"):
        door.query_as(warehouse, _Place, "somewhere")
    monkeypatch.setattr(door, "sql", lambda path: statement.replace("prefix", "object_key"))
    assert door.query_as(warehouse, _Place, "somewhere") == [_Place("billing", "x")] * rows

"""The warehouse's errors: told in full, without a value of any row."""

from __future__ import annotations

import logging
import traceback

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

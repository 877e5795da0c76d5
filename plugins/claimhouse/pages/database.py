"""The database roles of the pages: one that looks, one that reviews."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection

from claimhouse import warehouse


@contextmanager
def as_viewer() -> Iterator[Connection[Any]]:
    """A transaction that reads what pages show, and writes nothing."""
    with warehouse.connect() as connection:
        connection.execute("set transaction read only")
        connection.execute("set local role claimhouse_viewer")
        yield connection

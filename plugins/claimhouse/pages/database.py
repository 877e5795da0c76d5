"""The database roles of the pages: one that looks, one that writes what a person decides."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection

from claimhouse import warehouse


@contextmanager
def as_viewer() -> Iterator[Connection[Any]]:
    """A transaction that reads what pages show, and can write nothing."""
    with warehouse.connect() as connection:
        connection.execute("set transaction read only")
        connection.execute("set local role claimhouse_viewer")
        yield connection


@contextmanager
def as_reviewer() -> Iterator[Connection[Any]]:
    """A transaction that writes what a person decides: uploads, waivers, corrections."""
    with warehouse.connect() as connection:
        connection.execute("set local role claimhouse_reviewer")
        yield connection

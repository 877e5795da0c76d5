"""A connection that Soda is lent: its queries see what a transaction under way has written.

Soda takes any connection of the Python database API. This one is the transaction's own: each query runs in
a savepoint, so that one that fails ends no more than itself, and nothing that Soda does ends the transaction.
"""

from __future__ import annotations

from typing import Any, ClassVar

import psycopg
from psycopg import Connection


class LentConnection:
    """What Soda takes for a connection of its own."""

    Error: ClassVar[type[psycopg.Error]] = psycopg.Error

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def cursor(self) -> LentCursor:
        """A cursor."""
        return LentCursor(self._connection)

    def commit(self) -> None:
        """Leave the transaction as it is; so do :meth:`rollback` and :meth:`close`."""

    rollback = close = commit


class LentCursor:
    """A cursor whose queries run in savepoints."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self.fetchone = self._cursor.fetchone
        self.fetchall = self._cursor.fetchall
        self.fetchmany = self._cursor.fetchmany
        self.close = self._cursor.close

    def __enter__(self) -> LentCursor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def description(self) -> Any:
        """The columns of the last query."""
        return self._cursor.description

    def execute(self, query: str) -> None:
        """Run a query.

        Raises:
            psycopg.Error: the server refused it; ``pgcode`` is its SQLSTATE, where Soda's own driver has it.
        """
        try:
            with self._connection.transaction():
                self._cursor.execute(query.encode())
        except psycopg.Error as error:
            error.pgcode = error.sqlstate  # type: ignore[attr-defined]
            raise

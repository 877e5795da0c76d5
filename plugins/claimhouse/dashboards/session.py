"""What a page asks of the warehouse: each question once, and none that fails spoils the others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection

from claimhouse import warehouse


class Session:
    """The questions of one page.

    Args:
        connection: a transaction that reads as the reader, and writes nothing.
    """

    def __init__(self, connection: Connection[Any]) -> None:
        self.connection = connection
        self._answers: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._has_savepoint = False

    def query(self, path: str, *values: Any, **names: Any) -> list[dict[str, Any]]:
        """The rows of a statement, see :func:`claimhouse.warehouse.query`."""
        question = warehouse.sql(path, **names), repr(values)
        if question not in self._answers:
            self._answers[question] = warehouse.query(self.connection, path, *values, **names)
        return self._answers[question]

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Leave the transaction usable where a statement fails.

        One savepoint serves all attempts: what was read before it is not lost by going back.

        Raises:
            psycopg.Error: as the server raised it.
        """
        if not self._has_savepoint:
            self.connection.execute("savepoint page")
            self._has_savepoint = True
        try:
            yield
        except psycopg.Error:
            self.connection.execute("rollback to savepoint page")
            raise

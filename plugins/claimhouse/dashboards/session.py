"""What a page asks of the warehouse: each question once, and none that fails spoils the others.

What is published for a login changes with its editions, its audience and its reports, and with nothing else.
The warehouse says in which state they are when a transaction becomes the login. What was answered in a state is
kept for some minutes, for that login and in the memory of this process: most readers open the same pages.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import Connection

from claimhouse import warehouse
from claimhouse.dashboards import model

Rows = list[dict[str, Any]]
# The state of the login, the statement, its parameters.
Question = tuple[str, str, str]

KEPT_SECONDS = 600.0
# Of all answers together: some 200 MB.
MOST_CELLS = 1_000_000


@dataclass
class Kept:
    """Answers that can be given again.

    Attributes:
        cells: how many values they have.
    """

    cells: int = 0
    _answers: OrderedDict[Question, tuple[float, Rows]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, question: Question) -> Rows | None:
        """The answer to *question*; None where it is not kept any more."""
        with self._lock:
            kept_at, rows = self._answers.get(question, (0.0, None))
            if rows is None:
                return None
            if time.monotonic() - kept_at > KEPT_SECONDS:
                self._forget(question)
                return None
            self._answers.move_to_end(question)
            return rows

    def keep(self, question: Question, rows: Rows) -> None:
        """Keep an answer, in the place of those that nobody has asked for the longest."""
        with self._lock:
            self._forget(question)
            self._answers[question] = time.monotonic(), rows
            self.cells += _cells(rows)
            while self.cells > MOST_CELLS:
                self._forget(next(iter(self._answers)))

    def clear(self) -> None:
        """Keep none."""
        with self._lock:
            self._answers.clear()
            self.cells = 0

    def _forget(self, question: Question) -> None:
        _, rows = self._answers.pop(question, (0.0, None))
        self.cells -= _cells(rows) if rows is not None else 0


KEPT = Kept()

# The texts of statements, by file and names: writing one takes longer than finding a kept answer.
_statements: dict[tuple[str, str], str] = {}
MOST_STATEMENTS = 10_000


def statement(path: str, **names: Any) -> str:
    """The text of a statement, see :func:`claimhouse.warehouse.sql`."""
    key = path, repr(names)
    text = _statements.get(key)
    if text is None:
        text = warehouse.sql(path, **names)
        if len(_statements) >= MOST_STATEMENTS:
            _statements.clear()
        _statements[key] = text
    return text


class Session:
    """The questions of one page.

    Args:
        connection: a transaction that reads as the reader, and writes nothing.
    """

    def __init__(self, connection: Connection[Any]) -> None:
        self.connection = connection
        self._answers: dict[Question, Rows] = {}
        self._has_savepoint = False
        setting = connection.execute("select current_setting('claimhouse.state', true)").fetchone()
        # Empty where the transaction did not become a login by as_reader: nothing is kept then.
        self._state = str(setting[0] or "") if setting else ""

    def query(self, path: str, *values: Any, **names: Any) -> Rows:
        """The rows of a statement, see :func:`claimhouse.warehouse.query`; they are not to be changed."""
        question = self._state, statement(path, **names), repr(values)
        is_kept = self._state != "" and not _is_live(names["relation"])
        rows = self._answers.get(question)
        if rows is None and is_kept:
            rows = KEPT.find(question)
        if rows is None:
            rows = warehouse.query(self.connection, path, *values, **names)
            if is_kept:
                KEPT.keep(question, rows)
        self._answers[question] = rows
        return rows

    def columns(self, relation: str) -> dict[str, int]:
        """The columns of a report, and the number of each one's type in the catalog.

        Raises:
            psycopg.Error: there is no such report, or it is not the reader's.
        """
        shape = statement("dashboards/shape", relation=relation)
        question = self._state, shape, "columns"
        rows = KEPT.find(question) if self._state else None
        if rows is None:
            with self.attempt():
                found = self.connection.execute(shape.encode()).description or ()
            rows = [{"name": column.name, "type": column.type_code} for column in found]
            if self._state:
                KEPT.keep(question, rows)
        return {row["name"]: row["type"] for row in rows}

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


def _is_live(relation: str) -> bool:
    """Whether a report shows more than what was published."""
    report = model.known_reports().get(relation)
    return report is not None and (report.is_live or report.reads_star)


def _cells(rows: Rows) -> int:
    return 1 + len(rows) * len(rows[0]) if rows else 1

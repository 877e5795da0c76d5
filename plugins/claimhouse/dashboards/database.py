"""The way to what a reader may read: a transaction as the database role of one login.

The sessions are shared by all readers. Each transaction takes its reader's role for itself alone, and
nothing of it is left in the session that the next reader gets: see :func:`_reset`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection, IsolationLevel, errors
from psycopg.rows import tuple_row
from psycopg_pool import ConnectionPool, PoolTimeout

from claimhouse import settings, warehouse

# How long a request waits for a session, and how long one is kept that nobody uses.
WAIT_SECONDS = 10.0
IDLE_SECONDS = 300.0

_lock = threading.Lock()
# None before somebody asks, one after that.
_pools: list[ConnectionPool[Connection[Any]]] = []


class NoReader(RuntimeError):
    """Nobody reads as this login: it is unknown, has been removed, or is not published yet."""


class Busy(RuntimeError):
    """All sessions are in use by others, or the warehouse does not answer."""


class TooSlow(RuntimeError):
    """A statement was stopped: it took longer than it may, or somebody canceled it."""


@contextmanager
def as_reader(login: str, seconds: float | None = None) -> Iterator[Connection[Any]]:
    """A transaction that reads what *login* may read, as of one moment, and can write nothing.

    No text that comes from people may be run in it: ``select set_config('role', ...)`` would take another role.
    Commit and rollback are refused in it.

    Args:
        login: as ``security.login`` names it: ``client_<client>__<person>`` or ``staff_<role>__<person>``.
        seconds: how long a statement may take; ``CLAIMHOUSE_DASHBOARD_SECONDS`` when left out.

    Raises:
        NoReader: nobody reads as *login*. The message names no login.
        Busy: no session became free within some seconds.
        TooSlow: a statement took longer than it may, or was canceled.
        claimhouse.warehouse.WarehouseError: any other error of the server, without values of rows.
    """
    try:
        with (
            warehouse.without_values(),
            _session() as connection,
            connection.transaction(force_rollback=True),
        ):
            _become(connection, login, seconds or settings.dashboard_seconds())
            yield connection
    except warehouse.Canceled as error:
        raise TooSlow(str(error)) from None


def close() -> None:
    """Close all sessions; the next request opens new ones."""
    with _lock:
        while _pools:
            _pools.pop().close()


@contextmanager
def _session() -> Iterator[Connection[Any]]:
    """A session that nobody else has, until the block ends."""
    sessions = _sessions()
    try:
        connection = sessions.getconn()
    except PoolTimeout:
        raise Busy("no session in the warehouse became free: try again in a moment") from None
    try:
        yield connection
    finally:
        sessions.putconn(connection)


def _sessions() -> ConnectionPool[Connection[Any]]:
    """The sessions of this process, opened when somebody asks for the first time."""
    with _lock:
        if not _pools:
            _pools.append(_opened(warehouse.url(settings.PORTAL_CONNECTION)))
        return _pools[0]


def _opened(address: str) -> ConnectionPool[Connection[Any]]:
    return ConnectionPool(
        address,
        kwargs={"application_name": "claimhouse portal", "autocommit": True},
        min_size=0,
        max_size=settings.dashboard_connections(),
        timeout=WAIT_SECONDS,
        max_idle=IDLE_SECONDS,
        reconnect_timeout=WAIT_SECONDS,
        configure=_configure,
        check=ConnectionPool.check_connection,
        reset=_reset,
        name="claimhouse portal",
        open=True,
    )


def _configure(connection: Connection[Any]) -> None:
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    # A plan that is kept has the audience and the specialty of whoever it was made for.
    connection.prepare_threshold = None
    connection.row_factory = tuple_row


def _reset(connection: Connection[Any]) -> None:
    """Leave nothing of a reader in a session; where that fails, the pool closes it.

    ``discard all`` ends cursors, plans, prepared statements, settings, the role, locks, temporary tables
    and what sequences gave.
    """
    connection.execute("discard all")
    _configure(connection)


def _become(connection: Connection[Any], login: str, seconds: float) -> None:
    """Take the role of *login* until the transaction ends.

    Raises:
        NoReader: nobody reads as it.
        warehouse.WrongRevision: the warehouse is older or newer than this code.
    """
    limits = settings.session_limits().stored()
    limits |= {"statement_timeout": f"{seconds * 1000:.0f}ms", "search_path": "reporting, pg_temp"}
    del limits["temp_file_limit"]  # a superuser's to set
    try:
        taken = warehouse.query(connection, "dashboards/become", login, json.dumps(limits))
    except errors.InsufficientPrivilege:
        raise NoReader("nobody reads as this login until the next publication") from None
    except errors.UndefinedTable:
        raise warehouse.WrongRevision("run `claimhouse upgrade` in the warehouse") from None
    except psycopg.DataError:  # no text of the database's, such as one with a zero byte
        taken = []
    if not taken:
        raise NoReader("nobody reads as this login: it is unknown or has been removed")
    warehouse.check_revision(str(taken[0]["revision"]))

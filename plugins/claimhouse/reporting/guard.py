"""The guard: ends the sessions of readers that are in the way of others.

A role can undo the limits that are stored for it, so they are not left to it. ``claimhouse guard`` looks
every few seconds; a publication and an upgrade look themselves while they wait for a lock
(:func:`clear_the_way`). Only sessions of readers are ended, whatever others do. What was ended is in
``security.session_ended`` and in the log: the role, the reason and when, never what it ran.
"""

from __future__ import annotations

import argparse
import logging
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection, conninfo

from claimhouse import settings, warehouse
from claimhouse.reporting import roles

log = logging.getLogger(__name__)

NAME = "claimhouse guard"
LOOK_SECONDS = 2.0
# Stored settings and passwords are looked at less often.
ROLES_SECONDS = 15.0
# The time-outs of a session itself come first.
GRACE_SECONDS = 5.0
# Sooner than deadlock_timeout, after which the server may end the publication instead of the reader.
WAIT_SECONDS = 0.25


@dataclass(frozen=True)
class Ended:
    """A session that was ended, and why."""

    pid: int
    backend_start: datetime
    role_name: str
    reason: str


def look(connection: Connection[Any]) -> list[Ended]:
    """End the sessions of readers that run, wait or lock longer than they may.

    Args:
        connection: an autocommit connection of the warehouse's owner.

    Returns:
        The sessions that were ended.
    """
    most = settings.session_limits()
    ended = warehouse.query_as(
        connection,
        Ended,
        "reporting/guard/end_sessions",
        most.statement_seconds + GRACE_SECONDS,
        most.transaction_seconds + GRACE_SECONDS,
        most.idle_transaction_seconds + GRACE_SECONDS,
        most.idle_seconds + GRACE_SECONDS,
        most.lock_seconds + GRACE_SECONDS,
        most.blocking_seconds,
    )
    return _recorded(connection, ended)


def look_at_roles(connection: Connection[Any]) -> list[Ended]:
    """Undo what readers changed of their own roles: stored settings, and passwords.

    Returns:
        The sessions that were ended: those of roles whose password was another one.
    """
    for role in roles.limit(connection):
        log.warning("the settings of %s were not its limits: they are again", role)
    return end_sessions_of(connection, roles.restore_passwords(connection))


def end_sessions_of(connection: Connection[Any], changed: Sequence[str]) -> list[Ended]:
    """End the sessions of the roles *changed*, whose password was not that of their connection."""
    ended: list[Ended] = []
    for role in changed:
        log.warning("the password of %s was not that of its connection: it is again", role)
        reason = "the password of its role was changed"
        ended += warehouse.query_as(connection, Ended, "reporting/guard/end_role", role, reason)
    return _recorded(connection, ended)


@contextmanager
def clear_the_way(connection: Connection[Any]) -> Iterator[None]:
    """While the block runs, end sessions of readers for which *connection* waits too long.

    It looks through a connection of its own, as the same role, and never raises.
    """
    info = connection.info
    address = conninfo.make_conninfo(
        info.dsn, password=info.password or None, application_name=NAME
    )
    done = threading.Event()
    watcher = threading.Thread(
        target=_clear, args=(address, info.backend_pid, done), name=NAME, daemon=True
    )
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _clear(address: str, pid: int, done: threading.Event) -> None:
    """End sessions of readers for which the session *pid* waits, until *done*."""
    if done.wait(2 * WAIT_SECONDS):  # most are done before they wait for anybody
        return
    seconds = settings.session_limits().blocking_seconds
    try:
        with _connected(address) as connection:
            while not done.wait(WAIT_SECONDS):
                ended = warehouse.query_as(
                    connection, Ended, "reporting/guard/end_blockers", pid, seconds
                )
                _recorded(connection, ended)
    except psycopg.Error as error:
        log.warning("cannot look who is in the way: %s", type(error).__name__)


@contextmanager
def _connected(address: str) -> Iterator[Connection[Any]]:
    """A connection that does not count as a stage (an upgrade waits for those), and waits for nobody."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("set lock_timeout = '1s'; set statement_timeout = '30s'")
        yield connection


def _recorded(connection: Connection[Any], ended: list[Ended]) -> list[Ended]:
    for session in ended:
        log.warning("ended process %s of %s: %s", session.pid, session.role_name, session.reason)
        try:
            warehouse.query(
                connection,
                "reporting/guard/record",
                session.role_name,
                session.pid,
                session.backend_start,
                session.reason,
            )
        except psycopg.Error as error:  # a standby, a warehouse of an earlier revision, a lock
            log.warning("not recorded: %s", type(error).__name__)
    return ended


def watch(ended: threading.Event, sign: Path | None = None) -> None:
    """Look until *ended* is set, and connect again whenever the connection is lost.

    Args:
        ended: what ends it.
        sign: a file that is touched after each look.
    """
    while not ended.is_set():
        try:
            address = conninfo.make_conninfo(warehouse.url(), application_name=NAME)
            with _connected(address) as connection:
                _watch(connection, ended, sign)
        except (psycopg.Error, warehouse.WarehouseError) as error:
            log.warning("cannot look: %s", type(error).__name__)
            ended.wait(LOOK_SECONDS)


def _watch(connection: Connection[Any], ended: threading.Event, sign: Path | None) -> None:
    due = time.monotonic()
    while not ended.is_set():
        look(connection)
        if time.monotonic() >= due:
            due = time.monotonic() + ROLES_SECONDS
            _try_look_at_roles(connection)
        if sign:
            sign.touch()
        ended.wait(LOOK_SECONDS)


def _try_look_at_roles(connection: Connection[Any]) -> None:
    """Look at the roles, unless a standby, a publication or an earlier revision keeps it from that."""
    try:
        look_at_roles(connection)
    except psycopg.Error as error:
        if connection.broken:
            raise
        log.info("cannot look at the roles: %s", type(error).__name__)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: ``claimhouse guard [--once] [--sign FILE]``."""
    parser = argparse.ArgumentParser(
        prog="claimhouse guard",
        description="End sessions of readers that are in the way of others, until stopped.",
    )
    parser.add_argument("--once", action="store_true", help="look once, and print what was ended")
    parser.add_argument("--sign", type=Path, metavar="FILE", help="touch it after each look")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if given.once:
        with _connected(warehouse.url()) as connection:
            for session in look(connection) + look_at_roles(connection):
                print(f"{session.role_name}: {session.reason}")
        return
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    watch(ended, given.sign)

"""The warehouse's schema: which revision it is at, and the upgrade to another one.

Alembic runs the revisions of ``include/migrations``; each is one transaction, so an upgrade that
is killed goes on where it was when it is run again. Views that are files of their own are created
after the last one. A stage holds a lock while it is connected (:func:`claimhouse.warehouse.connect`);
an upgrade waits until no stage does.
"""

from __future__ import annotations

import argparse
import csv
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from alembic import command, op
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import errors
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from claimhouse import glossary, revisions, settings, warehouse
from claimhouse.reporting import guard, harden
from claimhouse.star import calendar

log = logging.getLogger(__name__)

# Schemas whose views are files of their own, in the order in which they build on each other.
VIEW_SCHEMAS = ("quality",)
# How long an upgrade waits for stages, readers and other upgrades.
TIMEOUT_SECONDS = 600.0
# Everybody who wants a table queues behind a revision that waits for it: it gives up soon, and retries.
LOCK_TIMEOUT_MS = 3000
POLL_SECONDS = 0.5
# An upgrade that runs holds it; release 0.1.0 took the same one.
UPGRADE_LOCK = "hashtext('claimhouse.schema')"


class UpgradeError(RuntimeError):
    """The upgrade is refused or gave up; the message says why and what to do."""


class WouldLose(UpgradeError):
    """A downgrade would lose data. The ``downgrade`` of a revision raises it."""


@dataclass(frozen=True)
class _Upgrade:
    """An upgrade under way.

    Attributes:
        connection: SQLAlchemy's connection, for Alembic.
        server: the same connection without SQLAlchemy, which would take ``%`` for a placeholder.
        ends_at: when it gives up, on the clock of ``time.monotonic``.
        say: where progress is reported.
    """

    connection: Connection
    server: psycopg.Connection[Any]
    ends_at: float
    say: Callable[[str], None]


def upgrade(
    address: str | None = None,
    to: str | None = None,
    timeout: float = TIMEOUT_SECONDS,
    say: Callable[[str], None] = log.info,
) -> None:
    """Bring the warehouse to a revision; safe to repeat, to kill, and to run twice at once.

    Args:
        address: a ``postgresql://`` URL; the configured warehouse when left out.
        to: the revision; the newest when left out. An older one than the warehouse's is reached
            only where every revision in between can be taken back.
        timeout: how many seconds to wait for stages, readers and other upgrades.
        say: what reports progress.

    Raises:
        UpgradeError: the warehouse is newer than this code, is in a state that no release made, is
            in use for longer than *timeout*, or would lose data.
    """
    target = to or revisions.head()
    if target not in revisions.known():
        raise UpgradeError(
            f"there is no revision {target}; this version knows {', '.join(revisions.known())}"
        )
    with _connected(address or warehouse.url()) as (connection, server):
        work = _Upgrade(connection, server, time.monotonic() + timeout, say)
        _wait_for_upgrades(work)
        current = _revision(server)
        steps = _steps(current, target)
        if steps:
            _check_complete(server, current)
            say(f"the warehouse is {_place(current)}; going to {revisions.described(target)}")
            _wait_for_stages(work)
        go = command.upgrade if current is None or current < target else command.downgrade
        for step in steps:
            _retry(work, partial(_step, work, step, go))
            say(f"the warehouse is {_place(_revision(server))}")
        if not steps:
            say(f"the warehouse is {_place(current)}: nothing to upgrade")
        if target == revisions.head():
            _retry(work, partial(_complete, work))


def pending(address: str | None = None) -> bool:
    """Whether the warehouse has a schema that is older than this code's."""
    with _connected(address or warehouse.url()) as (_, server):
        current = _revision(server)
        return current is not None and current != revisions.head()


def run_sql(revision_file: str, name: str = "upgrade") -> None:
    """Run a revision's statements: ``sql/<name of the revision file>/<name>.sql``.

    Args:
        revision_file: the revision's ``__file__``.
        name: ``upgrade`` or ``downgrade``.
    """
    path = Path(revision_file)
    text = path.parents[1] / "sql" / path.stem / f"{name}.sql"
    # Past SQLAlchemy, which would take a '%' of the file for a placeholder.
    op.get_bind().connection.driver_connection.execute(text.read_bytes())  # type: ignore[union-attr]


def objects(connection: psycopg.Connection[Any], schemas: Sequence[str]) -> dict[str, str]:
    """What the revisions made in *schemas*, as ``<kind> <name>``, and how each is defined."""
    connection.execute("set local search_path = pg_catalog")
    rows = warehouse.query(connection, "catalog/objects", list(schemas))
    return {f"{row['kind']} {row['object']}": str(row["definition"]) for row in rows}


def sqlalchemy_url(address: str) -> str:
    """*address* for SQLAlchemy, with the driver the rest of Claimhouse uses."""
    return address.replace("postgresql://", "postgresql+psycopg://", 1)


@contextmanager
def _connected(address: str) -> Iterator[tuple[Connection, psycopg.Connection[Any]]]:
    """One connection, whose locks end with it; the server's errors as :class:`UpgradeError`."""
    engine = create_engine(
        sqlalchemy_url(address),
        poolclass=NullPool,
        connect_args={"application_name": "claimhouse upgrade"},
    )
    try:
        with engine.connect() as connection:
            server: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
            server.execute("set statement_timeout = 0")
            server.execute("set idle_in_transaction_session_timeout = 0")
            server.commit()
            yield connection, server
    except (DBAPIError, psycopg.Error) as error:
        raise _refusal(error) from error
    finally:
        engine.dispose()


def _refusal(error: DBAPIError | psycopg.Error) -> UpgradeError:
    cause = error.orig if isinstance(error, DBAPIError) else error
    text = f"{type(cause).__name__}: {cause}".strip()
    if isinstance(cause, errors.InsufficientPrivilege):
        text += "\nConnect as the role that owns the warehouse's schemas."
    return UpgradeError(text)


def _revision(server: psycopg.Connection[Any]) -> str | None:
    """The revision the warehouse is at; None where it is empty.

    Raises:
        UpgradeError: it is at none that this code knows.
    """
    try:
        with server.transaction():
            found = server.execute("select version_num from public.schema_version").fetchall()
    except errors.UndefinedTable:
        found = []
    except errors.UndefinedColumn:
        raise UpgradeError(
            "the table public.schema_version of this database is not Claimhouse's: "
            "is this the warehouse?"
        ) from None
    finally:
        server.commit()
    if len(found) > 1:
        rows = ", ".join(sorted(str(row[0]) for row in found))
        raise UpgradeError(
            f"public.schema_version has {len(found)} rows ({rows}) and must have one: the revision "
            "the warehouse is at. Restore it from a backup."
        )
    if not found:
        _check_empty(server)
        return None
    revision = str(found[0][0])
    if revision not in revisions.known():
        raise UpgradeError(warehouse.difference(revision))
    return revision


def _check_empty(server: psycopg.Connection[Any]) -> None:
    rows = server.execute(
        "select nspname from pg_namespace where nspname in ('landing', 'star', 'delivery') order by 1"
    ).fetchall()
    server.commit()
    if rows:
        names = ", ".join(row[0] for row in rows)
        raise UpgradeError(
            f"the database has schemas of Claimhouse ({names}), but public.schema_version does not "
            "say which revision made them. Restore it from a backup, or start with an empty database."
        )


def _steps(current: str | None, target: str) -> list[str]:
    """The revisions to go through, one at a time, from *current* to *target*.

    Raises:
        UpgradeError: the way is down, and a revision cannot be taken back.
    """
    known = revisions.known()
    if current is None or current <= target:
        return [revision for revision in known if (current or "") < revision <= target]
    scripts = ScriptDirectory.from_config(_config())
    for revision in known:
        if target < revision <= current and not hasattr(
            scripts.get_revision(revision).module, "downgrade"
        ):
            raise UpgradeError(
                f"the warehouse is {_place(current)}, and revision {revision} cannot be taken back "
                f"without losing data. To go back to {target}, restore a backup made before the upgrade."
            )
    return [revision for revision in reversed(known) if target <= revision < current]


def _check_complete(server: psycopg.Connection[Any], current: str | None) -> None:
    """Refuse a warehouse that claims to be at a release and lacks some of what that made."""
    file = revisions.releases().get(current or "")
    if file is None:
        return
    with file.open(newline="") as lines:
        wanted = {f"{kind} {name}": definition for kind, name, definition in csv.reader(lines)}
    schemas = {name.split(" ", 1)[1].split(".", 1)[0] for name in wanted}
    with server.transaction():
        present = objects(server, sorted(schemas))
    server.commit()
    lacks = _outermost(name for name in wanted if name not in present)
    differs = [name for name in wanted if name in present and present[name] != wanted[name]]
    if lacks or differs:
        problems = [f"    {name} is missing" for name in lacks]
        problems += [f"    {name} is not as released" for name in differs]
        more = f"\n    and {len(problems) - 10} more" if len(problems) > 10 else ""
        raise UpgradeError(
            f"the warehouse says it is {_place(current)}, but a version that was never released "
            "made it, or somebody changed it:\n"
            + "\n".join(problems[:10])
            + more
            + "\nThere is no upgrade from this state. Load the feeds into an empty database: "
            "see docs/how-to/upgrade.md."
        )


def _outermost(names: Iterable[str]) -> list[str]:
    """*names* of objects without those of a table that is among them too."""
    lacks = sorted(names)
    tables = {name.split(" ", 1)[1] for name in lacks if name.startswith(("table ", "view "))}
    return [
        name
        for name in lacks
        if not name.startswith(("column ", "constraint "))
        or name.split(" ", 1)[1].rsplit(".", 1)[0] not in tables
    ]


def _place(revision: str | None) -> str:
    return f"at {revisions.described(revision)}" if revision else "empty"


def _step(work: _Upgrade, revision: str, go: Callable[[Config, str], None]) -> None:
    """Go to the neighboring *revision*, in one transaction."""
    config = _config()
    with guard.clear_the_way(work.server), work.connection.begin():
        work.server.execute(f"set local lock_timeout = {LOCK_TIMEOUT_MS}")
        config.attributes["connection"] = work.connection
        go(config, revision)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(revisions.FOLDER).replace("%", "%%"))
    return config


def _complete(work: _Upgrade) -> None:
    """What each upgrade ends with.

    The calendar, views that are files of their own, triggers of the star's tables, rights of the tasks' roles, of
    the pages' and the portal's, and of everybody.
    """
    with guard.clear_the_way(work.server), work.connection.begin():
        work.server.execute(f"set local lock_timeout = {LOCK_TIMEOUT_MS}")
        calendar.fill(work.server)
        glossary.comment_star(work.server)
        for schema in VIEW_SCHEMAS:
            for file in sorted((settings.INCLUDE / "sql" / schema).glob("*.sql")):
                warehouse.run(work.server, f"{schema}/{file.stem}")
        warehouse.run(work.server, "schema/capture")
        warehouse.run(work.server, "schema/task_roles")
        warehouse.run(work.server, "schema/page_roles")
        warehouse.run(work.server, "schema/portal_role")
        harden.harden(work.server)


def _retry(work: _Upgrade, attempt: Callable[[], None]) -> None:
    """Repeat *attempt* while sessions that read or write stand in its way.

    Raises:
        UpgradeError: they still do when the time is up.
    """
    text = ""
    while True:
        try:
            attempt()
        except (DBAPIError, psycopg.Error) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            if not isinstance(cause, errors.LockNotAvailable | errors.DeadlockDetected):
                raise
            sessions = _sessions(work.server, READERS)
            text = _wait(work, "a table is in use", sessions, text)
        else:
            return


def _wait_for_upgrades(work: _Upgrade) -> None:
    text = ""
    while not _try_lock(work.server, UPGRADE_LOCK):
        text = _wait(work, "another upgrade is running", _sessions(work.server, UPGRADES), text)


def _wait_for_stages(work: _Upgrade) -> None:
    """Take the lock that every stage holds while it is connected, once none does.

    It is tried and not queued for: a stage holds it on several connections, and the last of them
    would wait behind an upgrade that waits for the first. Stages of release 0.1.0 do not hold it,
    but are known by their name.
    """
    text, is_ours = "", False
    while True:
        is_ours = is_ours or _try_lock(work.server, warehouse.IN_USE)
        stages = _sessions(work.server, STAGES)
        if is_ours and not stages:
            return
        text = _wait(work, "loads are running", stages, text)


def _try_lock(server: psycopg.Connection[Any], key: str) -> bool:
    row = server.execute(f"select pg_try_advisory_lock({key})").fetchone()
    server.commit()
    return bool(row and row[0])


UPGRADES = "a.application_name = 'claimhouse upgrade'"
# Not those that have connected since and wait for this upgrade.
STAGES = "a.application_name = 'claimhouse' and pg_backend_pid() <> all(pg_blocking_pids(a.pid))"
READERS = (
    "exists (select from pg_locks as l where l.pid = a.pid and l.locktype = 'relation'"
    " and l.relation >= 16384)"
)


def _sessions(server: psycopg.Connection[Any], which: str) -> list[str]:
    """Other sessions in this database for which *which* holds, each as text for a person."""
    rows = warehouse.query(server, "catalog/sessions", which=which)
    server.commit()
    return [_described(row) for row in rows]


def _described(session: dict[str, Any]) -> str:
    program = f" ({session['program']})" if session["program"] else ""
    state = f", {session['state']}" if session["state"] else ""
    since = f", since {session['since']}" if session["since"] else ""
    return f"process {session['pid']} of {session['role']}{program}{state}{since}"


def _wait(work: _Upgrade, what: str, sessions: list[str], last: str) -> str:
    """Report what the upgrade waits for, unless that was the *last* text, and wait a little."""
    text = f"waiting: {what}" + "".join(f"\n    {session}" for session in sessions)
    if time.monotonic() > work.ends_at:
        raise UpgradeError(
            f"{text.replace('waiting', 'gave up waiting', 1)}\n"
            "Nothing of this step was changed. End these sessions, or wait for them, and run "
            "`claimhouse upgrade` again (--timeout SECONDS waits longer)."
        )
    if text != last:
        work.say(text)
    time.sleep(POLL_SECONDS)
    return text


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: ``claimhouse upgrade [--to REVISION] [--timeout SECONDS]``."""
    parser = argparse.ArgumentParser(
        prog="claimhouse upgrade",
        description="Bring the warehouse to the newest schema. Waits for loads that run; safe to repeat.",
    )
    parser.add_argument("--to", metavar="REVISION", help="stop at this revision, such as 0002")
    parser.add_argument(
        "--timeout",
        type=float,
        default=TIMEOUT_SECONDS,
        metavar="SECONDS",
        help="how long to wait for loads and readers (%(default)s)",
    )
    given = parser.parse_args(arguments)

    def say(text: str) -> None:
        print(text, flush=True)

    try:
        upgrade(to=given.to, timeout=given.timeout, say=say)
    except UpgradeError as error:
        parser.exit(1, f"claimhouse upgrade: {error}\n")


if __name__ == "__main__":
    main()

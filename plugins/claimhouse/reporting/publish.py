"""Publication: the database is made to agree with the files about readers, and each source is published.

Access is denied by default. A reader's login may use the schema ``reporting`` only, and there the
views that its file lists; roles inside the house may read source tables, star or metrics if the
roles file says so. The views show what was published for the reader's audience, see
:mod:`claimhouse.reporting.editions`.
"""

from __future__ import annotations

import json
import logging
import queue
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from psycopg import Connection, conninfo
from psycopg.errors import ProgramLimitExceeded

from claimhouse import addresses, connections, contracts, passwords, reference, settings, warehouse
from claimhouse.reporting import (
    audiences,
    editions,
    entitlements,
    guard,
    harden,
    indexes,
    metric_reports,
    readers,
    reports,
    roles,
    small_cells,
    tables,
    totals,
    views,
)
from claimhouse.reporting.audiences import Audience
from claimhouse.reporting.editions import Edition
from claimhouse.reporting.readers import Reader
from claimhouse.reporting.tables import Table

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

# How many source systems are published at a time: change.hold allows no more.
_CONNECTIONS = 2


class ReportingError(RuntimeError):
    """A publication that would not be safe; the message says why."""


@dataclass(frozen=True)
class Publication:
    """The outcome of a publication: what is in force, and what changed.

    Attributes:
        editions: what was published of each source; none of a source that is being loaded.
    """

    clients: int
    roles: int
    views: int
    subscriptions: int
    entitlements_opened: int
    entitlements_closed: int
    editions: tuple[Edition, ...] = ()

    @property
    def is_new(self) -> bool:
        """Whether a reader may see another row than before, or one more or less."""
        rows = sum(sum(edition.changed.values()) for edition in self.editions)
        return bool(rows or self.entitlements_opened or self.entitlements_closed)


@dataclass(frozen=True)
class _Access:
    """What the files give: who reads which tables."""

    audiences: list[Audience]
    tables: list[Table]
    publication: Publication


def publish(
    connection: Connection[Any],
    folder: Path | None = None,
    roles_file: Path | None = None,
    *,
    everything: bool = False,
) -> Publication:
    """Make the database agree with the files about readers, then publish each source system.

    The files are applied in one transaction: logins and entitlements that they no longer list lose
    their access. Each source system is published in a transaction of its own, two of them at a time;
    one that is being loaded keeps its edition. Safe to repeat.

    Args:
        connection: a connection of the warehouse's owner, outside a transaction. Another one to the
            same address is opened.
        folder: the client files; ``include/clients`` by default.
        roles_file: the roles inside the house; ``include/roles.yaml`` by default.
        everything: whether all rows are compared, not only those that follow from a change.

    Raises:
        readers.ReaderError: a file cannot be used.
        connections.MissingConnection: there is no master key of pseudonyms.
        pseudonyms.KeyChanged: the master key is not the one in use.
        ReportingError: somebody could see more than they may, the password of an extract is too
            weak, or the owner's address is none.
        ExceptionGroup: sources could not be published; their editions stay, all others are new.
    """
    access = _apply(connection, readers.load_all(folder, roles_file))
    with _workers(connection) as workers:
        published, errors = _publish_sources(connection, workers, access, everything=everything)
        # After the rows, which come faster without them.
        workers.map(indexes.mend, indexes.differences(connection, access.tables))
        workers.map(_analyze, {name for edition in published for name in edition.begun})
    if errors:
        raise ExceptionGroup(f"{len(errors)} source systems could not be published", errors)
    publication = replace(access.publication, editions=tuple(published))
    log.info("published: %s", replace(publication, editions=()))
    return publication


@dataclass(frozen=True)
class _Workers:
    """Connections that share work, each with a thread of its own.

    Attributes:
        free: the connections that nobody uses, outside a transaction.
        pool: as many threads.
    """

    free: queue.Queue[Connection[Any]]
    pool: ThreadPoolExecutor

    def map(
        self, work: Callable[[Connection[Any], Item], Result], items: Iterable[Item]
    ) -> list[Result]:
        """What *work* returns for each of *items*; it gets a connection, which it leaves outside a transaction."""

        def with_own(item: Item) -> Result:
            own = self.free.get()
            try:
                with guard.clear_the_way(own):
                    return work(own, item)
            finally:
                self.free.put(own)

        return list(self.pool.map(with_own, items))


@contextmanager
def _workers(connection: Connection[Any]) -> Iterator[_Workers]:
    """*connection*, and another one of the same role to the same database."""
    info = connection.info
    address = conninfo.make_conninfo(info.dsn, password=info.password or None)
    free: queue.Queue[Connection[Any]] = queue.Queue()
    with warehouse.connect(address) as another, ThreadPoolExecutor(_CONNECTIONS) as pool:
        free.put(connection)
        free.put(another)
        yield _Workers(free, pool)


def _publish_sources(
    connection: Connection[Any], workers: _Workers, access: _Access, *, everything: bool
) -> tuple[list[Edition], list[Exception]]:
    """Publish the sources that somebody reads, largest first.

    Returns:
        The new editions, and the errors of the sources that could not be published.
    """
    read = {source for audience in access.audiences for source in audience.sources}
    with connection.transaction():
        by_size = warehouse.query(connection, "reporting/publish/by_size", sorted(read))

    def publish_one(own: Connection[Any], source: str) -> Edition | Exception | None:
        try:
            return _publish(own, source, access, everything=everything)
        except Exception as error:
            log.error("%s could not be published: %s", source, type(error).__name__)
            return error

    outcomes = workers.map(publish_one, [row["source_system"] for row in by_size])
    return (
        [outcome for outcome in outcomes if isinstance(outcome, Edition)],
        [outcome for outcome in outcomes if isinstance(outcome, Exception)],
    )


def _publish(
    connection: Connection[Any], source: str, access: _Access, *, everything: bool
) -> Edition | None:
    while True:
        try:
            return editions.publish(
                connection, source, access.tables, access.audiences, everything=everything
            )
        except ProgramLimitExceeded as error:
            if not indexes.drop_too_narrow(connection, error):
                raise


def _analyze(connection: Connection[Any], partition: str) -> None:
    with connection.transaction():
        warehouse.run(connection, "reporting/tables/analyze", partition=partition)


def _apply(connection: Connection[Any], everyone: list[Reader]) -> _Access:
    """Make roles, entitlements, tables and views agree with the files, in one transaction."""
    _check_secrets(everyone)
    known = reports.load_all(_feeds(everyone))
    known |= metric_reports.load_all(reader.metrics for reader in everyone)
    with guard.clear_the_way(connection), connection.transaction():
        # One at a time: a lock that no reader can take, and that keeps nobody from reading or writing it.
        connection.execute("lock table security.client in share update exclusive mode")
        harden.harden(connection)
        reference.fill(connection)
        _write_expected_feeds(connection)
        changes = entitlements.write(connection, everyone)
        roles.create(connection, _roles(everyone))
        small_cells.create(connection)
        shared, successions = audiences.write(connection, audiences.of(everyone, known))
        published = tables.create(connection, known.values(), shared, successions)
        totals.keep(connection, published, shared)
        created = views.create(connection, known, published)
        warehouse.run(connection, "reporting/publish/access")
        roles.limit(connection)
        others = roles.restore_passwords(connection, always=True)
        _audit(connection)
    guard.end_sessions_of(connection, others)
    publication = Publication(
        clients=len(everyone),
        roles=len(_roles(everyone)),
        views=len(created),
        subscriptions=sum(len(reader.subscriptions) for reader in everyone),
        entitlements_opened=changes["opened"],
        entitlements_closed=changes["closed"],
    )
    return _Access(shared, published, publication)


def _check_secrets(everyone: list[Reader]) -> None:
    """Refuse passwords that do not protect extracts, and an owner whom no notice reaches.

    A connection that is missing stops its own client's deliveries only.

    Raises:
        ReportingError: the message names the connections and the clients, and no password.
    """
    problems = []
    try:
        addresses.parse(settings.owner_address())
    except addresses.AddressError as error:
        problems.append(f"CLAIMHOUSE_OWNER_EMAIL: {error}")
    sent_to = {reader.name: reader for reader in everyone if reader.subscriptions}
    known = connections.passwords({name: settings.extract_connection(name) for name in sent_to})
    for name, password in known.items():
        reader = sent_to[name]
        people = [login.role.rpartition("__")[2] for login in reader.logins]
        names = [name, reader.title, *people]
        connection = settings.extract_connection(name)
        if problem := passwords.problem(connection, name, password, names, known):
            problems.append(problem)
    if problems:
        raise ReportingError("not published: " + "; ".join(problems))


def _roles(everyone: list[Reader]) -> dict[str, bool]:
    """Every role, and whether it is a reader's own (not a person's)."""
    return {role: is_own for reader in everyone for role, is_own in reader.roles.items()}


def _feeds(everyone: list[Reader]) -> set[tuple[str, str]]:
    """The feeds, as (source system, feed), whose accepted rows somebody may see."""
    return {feed for reader in everyone for feed in reader.feeds}


def _write_expected_feeds(connection: Connection[Any]) -> None:
    """Write which feeds have a contract: the views of the pipeline read it, for their own text is everybody's."""
    expected = [
        {
            "source_system": contract.source_system,
            "feed": contract.feed,
            "expected_every_days": contract.freshness_days,
        }
        for contract in contracts.sound()
    ]
    kept = list(contracts.broken())
    warehouse.query(connection, "reporting/publish/expected_feeds", json.dumps(expected), kept)


def _audit(connection: Connection[Any]) -> None:
    """Fail if a reader could see more than it may.

    Raises:
        ReportingError: the message lists every problem.
    """
    problems = [row["problem"] for row in warehouse.query(connection, "reporting/publish/audit")]
    if problems:
        raise ReportingError("not published, because it would not be safe: " + "; ".join(problems))

"""Readers poll while loads, rebuilds and publications run and are killed: they see whole editions alone.

What each edition holds is computed here from the claims that were delivered, in plain Python.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from decimal import Decimal
from multiprocessing import forkserver
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql
from tests.attack import publisher
from tests.worlds.billing_source import Billing, claim, patient, provider
from tests.worlds.client_world import client_file, role_of, roles_file
from tests.worlds.hospital_world import database

from claimhouse import reporting
from claimhouse import warehouse as ours

TRIALS = int(os.environ.get("TRIALS") or 5)
SEED = int(os.environ.get("SEED") or 20261129)
# A reader that is kept waiting is blocked. Others use this machine, so it is long.
MOMENT = 5.0
SPECIALTIES = {"R1": "orthopedist", "R2": "heart_surgeon", "R3": "family_physician"}
OF_CLIENTS = "select count(*), sum(total_cost), min(as_of), max(as_of) from reporting.claims_by_specialty_month"
OF_STAFF = (
    "select sum(claims)::int, sum(billed_amount), min(as_of), max(as_of)"
    " from reporting.claims_by_key_fields"
)
Seen = tuple[int, Decimal]


class Editions:
    """A billing source that grows, its readers, and what each may see at each moment.

    Attributes:
        expected: what each reader sees of an edition, by its as_of.
    """

    def __init__(self, connection: psycopg.Connection[Any], address: str, folder: Path) -> None:
        self.connection, self.address, self.folder = connection, address, folder
        self.billing = Billing(connection)
        self.claims: dict[str, tuple[str, Decimal]] = {}
        self.expected: dict[datetime, dict[str, Seen]] = {}
        tag = uuid.uuid4().hex[:6]
        self.summit, self.harbor, office = f"summit_{tag}", f"harbor_{tag}", f"office_{tag}"
        self.late, self.tableau_user = f"late_{tag}", f"sue@{tag}.example"
        for name, specialty in ((self.summit, "orthopedist"), (self.harbor, "heart_surgeon")):
            user = {"tableau_user": self.tableau_user} if name == self.summit else {}
            client_file(folder, name, ("billing", [specialty]), logins=[{"name": "ann", **user}])
        roles_file(
            folder / "roles.yml",
            {"name": office, "reports": ["claims_by_key_fields"], "logins": ["olga"],
             "entitlements": [{"source_system": "billing", "every_row": True}]},
        )  # fmt: skip
        self.readers: dict[str, tuple[str, str, set[str]]] = {
            "summit": (f"client_{self.summit}__ann", OF_CLIENTS, {"orthopedist"}),
            "harbor": (f"client_{self.harbor}__ann", OF_CLIENTS, {"heart_surgeon"}),
            "extract": (f"client_{self.summit}", OF_CLIENTS, {"orthopedist"}),
            "tableau": ("tableau_service", OF_CLIENTS, {"orthopedist"}),
            "office": (f"staff_{office}__olga", OF_STAFF, set(SPECIALTIES.values())),
        }
        self.billing.batch("patients", [patient(f"P{number}") for number in range(20)])
        self.billing.batch(
            "providers", [provider(key, specialty_code=value) for key, value in SPECIALTIES.items()]
        )

    def deliver(self, dice: random.Random, claims: int) -> None:
        """A batch of new claims and of new versions of old ones, checked and not loaded."""
        version = 1 + len(self.expected)
        names = [f"C{len(self.claims) + number}" for number in range(claims)]
        again = dice.sample(sorted(self.claims), min(len(self.claims), claims // 2))
        rows = []
        for name in [*names, *again]:
            who = self.claims[name][0] if name in self.claims else dice.choice(list(SPECIALTIES))
            cost = Decimal(dice.randrange(100, 90_000)) / 100
            self.claims[name] = (who, cost)
            day = f"{2022 + version // 300}-{1 + version // 28 % 10:02}-{1 + version % 28:02}"
            rows.append(
                claim(name, patient_id=f"P{dice.randrange(20)}", provider_id=who,
                      total_cost=str(cost), last_modified_date=day)
            )  # fmt: skip
        self.billing.batch("claims", rows, received=f"2026-01-{1 + version % 28:02}")

    def loaded(self) -> None:
        """Everything delivered is in the star: write down what its edition shows to each reader."""
        as_of = self.billing.value(
            "select as_of from security.data_as_of where source_system = 'billing'"
        )
        self.expected[as_of] = {
            name: self._seen(specialties) for name, (_, _, specialties) in self.readers.items()
        }

    def load(self) -> None:
        """Load what was delivered."""
        publisher.load({}, "")
        self.loaded()

    def publish(self) -> None:
        """Publish every source."""
        reporting.publish(self.connection, self.folder, self.folder / "roles.yml")

    def published_as_of(self) -> datetime | None:
        """The as_of of the edition that was committed last."""
        found: datetime | None = self.billing.value(
            "select min(as_of) from published.edition where source_system = 'billing'"
        )
        return found

    @contextmanager
    def session(self, name: str) -> Iterator[psycopg.Connection[Any]]:
        """A session of the reader, who reads in repeatable read as a delivery does."""
        login = self.readers[name][0]
        role = role_of(self.connection, login)
        user = urlsplit(self.address).username if name == "extract" else role
        address = urlunsplit(urlsplit(self.address)._replace(netloc=f"{user}@"))
        with psycopg.connect(address, autocommit=True) as session:
            if name == "extract":
                session.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
            if name == "tableau":
                session.execute("select security.bind(%s)", (self.tableau_user,))
            session.execute(
                "set session characteristics as transaction isolation level repeatable read"
            )
            yield session

    def _seen(self, specialties: set[str]) -> Seen:
        costs = [cost for who, cost in self.claims.values() if SPECIALTIES[who] in specialties]
        return len(costs), sum(costs, Decimal())


class Polls:
    """A thread for each reader that reads until the block ends, in sessions old and new.

    Attributes:
        seen: every poll: the reader, what it saw, the as_of of first and last row, and the seconds it took.
        wrong: errors.
    """

    def __init__(self, editions: Editions) -> None:
        self.editions = editions
        self.seen: list[tuple[str, Seen, datetime, datetime, float]] = []
        self.wrong: list[str] = []
        self._ended = threading.Event()

    def __enter__(self) -> Polls:
        self._threads = [
            threading.Thread(target=self._poll, args=(name,)) for name in self.editions.readers
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(30)

    def _poll(self, name: str) -> None:
        _, query, _ = self.editions.readers[name]
        while not self._ended.is_set():
            try:
                with self.editions.session(name) as session:
                    for _ in range(20):
                        started = time.monotonic()
                        row = session.execute(query.encode()).fetchone() or ()
                        took = time.monotonic() - started
                        count, cost, first, last = row
                        self.seen.append((name, (count, cost), first, last, took))
                        if self._ended.wait(0.01):
                            return
            except psycopg.Error as error:
                self.wrong.append(f"{name}: {error}")

    def check(self) -> None:
        """Fail unless each poll was a whole edition, and none was older than the one before it."""
        assert self.wrong == []
        latest: dict[str, datetime] = {}
        for name, seen, first, last, took in self.seen:
            assert first == last, f"{name} saw rows of {first} and of {last}"
            assert first in self.editions.expected, f"{name} saw {seen} as of {first}"
            assert seen == self.editions.expected[first][name], f"{name} as of {first}"
            assert first >= latest.get(name, first), f"{name} went back to {first}"
            assert took < MOMENT, f"{name} waited {took:.1f} s"
            latest[name] = first


@pytest.fixture(scope="module")
def editions(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editions]:
    """A source whose first edition is published."""
    with database(server) as (address, owner):
        made = Editions(owner, address, tmp_path_factory.mktemp("clients"))
        made.deliver(random.Random(SEED), 60)
        made.load()
        made.publish()
        yield made


@pytest.fixture(scope="module")
def fork_server() -> Any:
    """Starts processes that have everything imported and no threads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.attack.publisher"])
        forkserver.ensure_running()
        return context


def undisturbed(editions: Editions, dice: random.Random, fork_server: Any) -> str:
    """A load and its publication."""
    del dice, fork_server
    editions.load()
    editions.publish()
    return "published"


def published_amid_a_load(editions: Editions, dice: random.Random, fork_server: Any) -> str:
    """Publications begin while the load runs."""
    del dice
    process = started(editions, fork_server, publisher.load)
    while process.is_alive():
        editions.publish()
    process.join()
    assert process.exitcode == 0
    editions.loaded()
    editions.publish()
    return "published amid a load"


def rebuilt(editions: Editions, dice: random.Random, fork_server: Any) -> str:
    """`claimhouse star rebuild` beside publications."""
    del dice
    editions.load()
    process = started(editions, fork_server, publisher.rebuild)
    while process.is_alive():
        editions.publish()
    process.join()
    assert process.exitcode == 0, "the rebuild failed"
    editions.publish()
    return "rebuilt"


def killed_by_signal(editions: Editions, dice: random.Random, fork_server: Any) -> str:
    """The process that publishes dies by signal 9, whenever."""
    editions.load()
    process = started(editions, fork_server, publisher.publish)
    seconds = dice.random() * 1.5
    process.join(seconds)
    process.kill()
    process.join()
    editions.publish()
    return f"killed after {seconds:.2f} s"


def terminated(editions: Editions, dice: random.Random, fork_server: Any) -> str:
    """The server ends the session of the publisher before one of its statements."""
    del fork_server
    editions.load()
    number = dice.randrange(1, 160)
    with (
        ended_before(editions, number),
        suppress(Exception),
        psycopg.connect(editions.address, autocommit=True) as connection,
    ):
        reporting.publish(connection, editions.folder, editions.folder / "roles.yml")
    editions.publish()
    return f"terminated before statement {number}"


def started(editions: Editions, fork_server: Any, target: Callable[..., None]) -> Any:
    process = fork_server.Process(target=target, args=(dict(os.environ), str(editions.folder)))
    process.start()
    return process


@contextmanager
def ended_before(editions: Editions, number: int) -> Iterator[None]:
    """End the sessions of publishers in this thread before the *number*-th file of SQL is rendered."""
    real, left, thread = ours.sql, number, threading.get_ident()
    with psycopg.connect(editions.address, autocommit=True) as other:
        keep = [editions.connection.info.backend_pid, other.info.backend_pid]

        def rendered(path: str, **names: Any) -> str:
            nonlocal left
            if threading.get_ident() == thread:
                left -= 1
                if left == 0:
                    other.execute(
                        "select pg_terminate_backend(pid) from pg_stat_activity where usename = current_user"
                        " and datname = current_database() and pid <> all(%s)"
                        " and application_name not like '%%guard%%' and xact_start is not null",
                        (keep,),
                    )
            return real(path, **names)

        ours.sql = rendered
        try:
            yield
        finally:
            ours.sql = real


DISTURBANCES = (undisturbed, published_amid_a_load, rebuilt, killed_by_signal, terminated)


def test_readers_see_whole_editions_alone(
    editions: Editions, fork_server: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """`make attack TRIALS=200` runs 200 trials; SEED= repeats them."""
    with Polls(editions) as polls:
        for trial in range(TRIALS):
            dice = random.Random(SEED * 1000 + trial)
            editions.deliver(dice, dice.randrange(5, 40))
            disturb = DISTURBANCES[trial % len(DISTURBANCES)]
            done = disturb(editions, dice, fork_server)
            assert editions.published_as_of() == max(editions.expected), done
            if TRIALS > 20:
                with capsys.disabled():
                    print(f"{trial:4} {done}, {len(polls.seen)} polls", flush=True)
            assert polls.wrong == []
    polls.check()
    assert len({as_of for _, _, as_of, _, _ in polls.seen}) > TRIALS / 2
    assert {name for name, *_ in polls.seen} == set(editions.readers)


def test_an_idle_reader_keeps_its_edition_and_blocks_nobody(editions: Editions) -> None:
    dice = random.Random(1)
    with editions.session("summit") as idle, editions.session("tableau") as tableau:
        query = editions.readers["summit"][1].encode()
        idle.execute("begin")
        tableau.execute("begin")
        before = idle.execute(query).fetchone()
        assert tableau.execute(query).fetchone() == before
        with Polls(editions) as polls:
            for _ in range(2):
                editions.deliver(dice, 20)
                editions.load()
                began = time.monotonic()
                editions.publish()
                assert time.monotonic() - began < 4 * MOMENT
            # A new client, whose audience has partitions of its own.
            client_file(
                editions.folder, editions.late, ("billing", ["family_physician"]), logins=["ann"]
            )
            editions.publish()
        polls.check()
        assert idle.execute(query).fetchone() == before
        assert tableau.execute(query).fetchone() == before
        idle.execute("commit")
        assert idle.execute(query).fetchone() != before


def test_the_polls_notice_a_torn_edition(editions: Editions) -> None:
    """The harness itself, and the last test: rows that one reader loses."""
    with Polls(editions) as polls:
        editions.connection.execute(
            "delete from published.claims_by_specialty_month as m using security.login as l"
            " where l.audience = m.audience and l.login = %s",
            (editions.readers["harbor"][0],),
        )
        time.sleep(0.5)
    with pytest.raises(AssertionError, match="harbor"):
        polls.check()

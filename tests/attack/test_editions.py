"""Readers poll, and extracts are mailed, while loads, rebuilds and publications run and are killed.

Nobody sees anything but whole editions. What each edition holds is computed here from the claims that
were delivered, in plain Python.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import pyzipper
from psycopg import sql
from tests.attack import publisher
from tests.worlds import forks
from tests.worlds.billing_source import Billing, claim, patient, provider
from tests.worlds.client_world import client_file, role_of, roles_file
from tests.worlds.delivery_world import PASSWORD, Mailbox, Server, attachment, use_mail_port
from tests.worlds.hospital_world import database

from claimhouse import delivery, reporting
from claimhouse import warehouse as ours
from claimhouse.delivery import ledger
from claimhouse.delivery.model import Disclosure

TRIALS = int(os.environ.get("TRIALS") or 5)
SEED = int(os.environ.get("SEED") or 20261129)
# A reader that is kept waiting is blocked. Others use this machine, so it is long.
MOMENT = 5.0
# Periods of extracts: before any load, so that none is late.
FIRST_DAY = datetime(1990, 1, 1, 12, tzinfo=UTC)
DAILY = {
    "report": "claims_by_specialty_month", "format": "csv", "schedule": "0 6 * * *", "time_zone": "UTC",
    "recipients": ["one@example.com"], "transport": "attachment", "reason": "benefit administration",
}  # fmt: skip
PUBLISHER = "publisher whose session is ended"
# The entitlements of the client moving, by turns.
FEW, MANY = ["orthopedist"], ["heart_surgeon", "orthopedist"]
SPECIALTIES = {"R1": "orthopedist", "R2": "heart_surgeon", "R3": "family_physician"}
OF_CLIENTS = "select count(*), sum(total_cost), min(as_of), max(as_of) from reporting.claims_by_specialty_month"
OF_STAFF = (
    "select sum(claims)::int, sum(billed_amount), min(as_of), max(as_of) from reporting.claims_by_key_fields",
    "select sum(numerator)::int, null::numeric, min(as_of), max(as_of)"
    " from reporting.metric_claims_volume where cuts = 'service_month'",
    "select null::int, sum(numerator), min(as_of), max(as_of)"
    " from reporting.metric_billed_amount where cuts = ''",
)
Seen = tuple[int | None, Decimal | None]


@dataclass(frozen=True)
class Reader:
    """Somebody who reads again and again.

    Attributes:
        login: a login, or the role that a delivery takes.
        specialties: whose claims it may see; where they change, before and after.
        queries: what it asks, all in one transaction.
        tableau_user: to whom its sessions of Tableau's login are bound.
    """

    login: str
    specialties: tuple[set[str], ...]
    queries: tuple[str, ...] = (OF_CLIENTS,)
    tableau_user: str | None = None

    @property
    def is_taken(self) -> bool:
        """Whether a trusted session takes the role, as a delivery does."""
        return self.login.startswith("client_") and "__" not in self.login


class Editions:
    """A billing source that grows, its readers, and what each may see at each moment.

    Attributes:
        expected: what each reader sees of an edition, by its as_of; one of several where its
            entitlements change.
        narrowed: when the client moving lost entitlements, and with them all rows, until it was published anew.
    """

    def __init__(self, connection: psycopg.Connection[Any], address: str, folder: Path) -> None:
        self.connection, self.address, self.folder = connection, address, folder
        self.billing = Billing(connection)
        self.claims: dict[str, tuple[str, Decimal]] = {}
        self.expected: dict[datetime, dict[str, list[Seen]]] = {}
        tag = uuid.uuid4().hex[:6]
        self.summit, self.harbor, self.office = f"summit_{tag}", f"harbor_{tag}", f"office_{tag}"
        self.late, self.moving = f"late_{tag}", f"moving_{tag}"
        sue, hugo = f"sue@{tag}.example", f"hugo@{tag}.example"
        self.subscribe(sue)
        client_file(
            folder, self.harbor, ("billing", ["heart_surgeon"]),
            logins=[{"name": "ann", "tableau_user": hugo}],
        )  # fmt: skip
        self.entitle(FEW)
        roles_file(
            folder / "roles.yml",
            {"name": self.office, "reports": ["claims_by_key_fields"], "logins": ["olga"],
             "metrics": [{"names": ["claims_volume", "billed_amount"], "by": [["service_month"], []]}],
             "entitlements": [{"source_system": "billing", "every_row": True}]},
        )  # fmt: skip
        own, other = {"orthopedist"}, {"heart_surgeon"}
        self.readers = {
            "summit": Reader(f"client_{self.summit}__ann", (own,)),
            "harbor": Reader(f"client_{self.harbor}__ann", (other,)),
            "moving": Reader(f"client_{self.moving}__ann", (set(FEW), set(MANY))),
            "extract": Reader(f"client_{self.summit}", (own,)),
            "tableau": Reader("tableau_service", (own,), tableau_user=sue),
            "tableau of harbor": Reader("tableau_service", (other,), tableau_user=hugo),
            "office": Reader(f"staff_{self.office}__olga", (set(SPECIALTIES.values()),), OF_STAFF),
        }
        self.roles: dict[str, str] = {}
        self.narrowed: list[tuple[float, float]] = []
        self.billing.batch("patients", [patient(f"P{number}") for number in range(20)])
        self.billing.batch(
            "providers", [provider(key, specialty_code=value) for key, value in SPECIALTIES.items()]
        )

    def subscribe(self, tableau_user: str) -> None:
        """The file of summit, whose extracts are mailed: some by a run that is killed."""
        client_file(
            self.folder, self.summit, ("billing", ["orthopedist"]),
            logins=[{"name": "ann", "tableau_user": tableau_user}],
            subscriptions=[{"name": name, **DAILY} for name in ("daily", "killed")],
        )  # fmt: skip

    def entitle(self, specialties: Sequence[str]) -> None:
        """Let the client moving see claims of *specialties* from the next publication on."""
        client_file(
            self.folder, self.moving, ("billing", specialties), logins=["ann"],
            subscriptions=[{"name": "daily", **DAILY}],
        )  # fmt: skip
        self.entitled = set(specialties)

    def bring(self, dice: random.Random, claims: int) -> None:
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
            name: [self._seen(specialties) for specialties in reader.specialties]
            for name, reader in self.readers.items()
        }

    def load(self) -> None:
        """Load what was delivered."""
        publisher.load({}, "")
        self.loaded()

    def publish(self) -> None:
        """Publish every source."""
        reporting.publish(self.connection, self.folder, self.folder / "roles.yml")
        if not self.roles:  # once: threads must not share the connection
            self.roles = {
                reader.login: role_of(self.connection, reader.login)
                for reader in self.readers.values()
            }

    def is_narrowed(self, poll: Poll) -> bool:
        """Whether it is of the client moving, which lost entitlements and is not published anew."""
        return poll.reader == "moving" and any(
            began < poll.ended < ended + MOMENT for began, ended in self.narrowed
        )

    def is_loaded(self) -> bool:
        """Whether no batch waits."""
        return not self.billing.rows("select from landing.batch where state <> 'loaded'")

    def published_as_of(self) -> datetime | None:
        """The as_of of the edition that was committed last."""
        found: datetime | None = self.billing.value(
            "select min(as_of) from published.edition where source_system = 'billing'"
        )
        return found

    @contextmanager
    def session(self, name: str) -> Iterator[psycopg.Connection[Any]]:
        """A session of the reader, who reads in repeatable read as a delivery does."""
        reader = self.readers[name]
        role = self.roles[reader.login]
        user = urlsplit(self.address).username if reader.is_taken else role
        address = urlunsplit(urlsplit(self.address)._replace(netloc=f"{user}@"))
        with psycopg.connect(address, autocommit=True) as session:
            if reader.is_taken:
                session.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
            if reader.tableau_user:
                bind(session, reader.tableau_user, reader.queries[0])
            session.execute(
                "set session characteristics as transaction isolation level repeatable read"
            )
            yield session

    def _seen(self, specialties: set[str]) -> Seen:
        costs = [cost for who, cost in self.claims.values() if SPECIALTIES[who] in specialties]
        return len(costs), sum(costs, Decimal())


def bind(session: psycopg.Connection[Any], tableau_user: str, query: str) -> None:
    """Bind a session of Tableau that has read as nobody, and has prepared its query."""
    session.execute("set plan_cache_mode = force_generic_plan")
    for _ in range(7):
        assert session.execute(query.encode(), prepare=True).fetchone() == (0, None, None, None)
    with suppress(ZeroDivisionError), session.transaction():
        session.execute("select security.bind(%s)", ("nobody@nowhere.example",))
        raise ZeroDivisionError
    session.execute("select security.bind(%s)", (tableau_user,))
    with suppress(psycopg.errors.InsufficientPrivilege):
        session.execute("select security.bind(%s)", ("nobody@nowhere.example",))


@dataclass(frozen=True)
class Poll:
    """What a reader saw in one transaction: of each view, and the as_of of its first and last row."""

    reader: str
    seen: list[tuple[Seen, datetime, datetime]]
    seconds: float
    ended: float


class Polls:
    """A thread for each reader that reads until the block ends, in sessions old and new.

    Attributes:
        seen: every poll.
        wrong: errors.
    """

    def __init__(self, editions: Editions) -> None:
        self.editions = editions
        self.seen: list[Poll] = []
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
        queries = self.editions.readers[name].queries
        while not self._ended.is_set():
            try:
                with self.editions.session(name) as session:
                    for number in range(20):
                        seen, seconds = [], 0.0
                        with session.transaction():
                            for query in queries:
                                started = time.monotonic()
                                row = session.execute(query.encode()).fetchone() or ()
                                seconds = max(seconds, time.monotonic() - started)
                                seen.append((row[:2], *row[2:]))
                                if len(queries) > 1:  # a publication may come between
                                    self._ended.wait(number * 0.01)
                        self.seen.append(Poll(name, seen, seconds, time.monotonic()))
                        if self._ended.wait(0.02):
                            return
            except (psycopg.Error, AssertionError) as error:
                self.wrong.append(f"{name}: {error}")

    def check(self) -> None:
        """Fail unless each poll was of one whole edition, and none was older than the one before it."""
        assert self.wrong == []
        latest: dict[str, datetime] = {}
        for poll in self.seen:
            name = poll.reader
            if poll.seen == [((0, None), None, None)] and self.editions.is_narrowed(poll):
                continue
            dates = {as_of for _, *both in poll.seen for as_of in both}
            assert len(dates) == 1, f"{name} saw rows of {dates}"
            (as_of,) = dates
            assert as_of in self.editions.expected, f"{name} saw {poll.seen} as of {as_of}"
            expected = self.editions.expected[as_of][name]
            for seen, *_ in poll.seen:
                assert any(is_of(seen, whole) for whole in expected), (name, as_of, seen, expected)
            assert as_of >= latest.get(name, as_of), f"{name} went back to {as_of}"
            assert poll.seconds < MOMENT, f"{name} waited {poll.seconds:.1f} s"
            latest[name] = as_of


def is_of(seen: Seen, whole: Seen) -> bool:
    """Whether what a query saw is that of an edition; not every query asks for both."""
    return seen != (None, None) and all(
        value in (None, other) for value, other in zip(seen, whole, strict=True)
    )


class Deliveries:
    """A thread that mails an extract of each day to a real mail server, one after the other.

    Attributes:
        problems: what kept a delivery from its day; each is tried again.
    """

    def __init__(self, editions: Editions) -> None:
        self.editions, self.problems = editions, []
        self.box = Mailbox()
        self._server = Server(self.box, hostname="127.0.0.1", port=0)
        self._ended = threading.Event()
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> Deliveries:
        self._server.start()
        use_mail_port(self._patch, self._server.port)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(60)
        delivery.notify_owner()  # mails of killed runs are in doubt now, if they may have been sent
        self._server.stop()
        self._patch.undo()

    def _run(self) -> None:
        days = {
            f"{client}.daily": FIRST_DAY for client in (self.editions.summit, self.editions.moving)
        }
        while not self._ended.is_set():
            for subscription, day in days.items():
                try:
                    delivery.prepare(subscription, day)
                    delivery.send(subscription)
                    days[subscription] += timedelta(days=1)
                except Exception as error:
                    self.problems.append(f"{type(error).__name__}: {error}")
            self._ended.wait(0.05)

    def check(self) -> None:
        """Fail unless each mail holds a whole edition that the ledger names, and each day has one mail."""
        mails = [mail for mail in self.box.parsed() if mail["To"] == DAILY["recipients"][0]]
        arrived = [hashlib.sha256(attachment(mail)[1]).hexdigest() for mail in mails]
        assert len(arrived) == len(set(arrived))
        entered = {row.checksum: row for row in ledger.disclosures()}
        days = [(row.period, row.file_name) for row in entered.values()]
        assert len(days) == len(set(days))
        # A mail that is in doubt may have been sent; each other one was, once.
        assert {row.checksum for row in entered.values() if row.state == "sent"} <= set(arrived)
        for mail, checksum in zip(mails, arrived, strict=True):
            self._check_file(mail, entered[checksum])

    def _check_file(self, mail: Any, row: Disclosure) -> None:
        """Fail unless the file holds the rows of the edition, as its client was entitled to see them."""
        is_moving = row.client == self.editions.moving
        file = csv_of(attachment(mail)[1], PASSWORD[::-1] if is_moving else PASSWORD)
        assert {value[:19] for value in file["as_of"]} == {f"{row.as_of:%Y-%m-%dT%H:%M:%S}"}
        assert f"{row.as_of:%Y-%m-%d %H:%M} UTC" in mail.get_body().get_content()
        costs = [Decimal(value) for value in file["total_cost"]]
        assert row.row_count == len(costs)
        ((values, is_logged),) = self.editions.billing.rows(
            "select array(select n ->> 1 from jsonb_array_elements(x.entitlements) as n order by 1),"
            " exists (select from published.edition_log as g where g.source_system = 'billing'"
            " and g.as_of = x.as_of and g.edition = (x.editions ->> 'billing')::int)"
            " from delivery.extract as x where x.checksum = %s",
            (row.checksum,),
        )
        assert row.editions.keys() == {"billing"} and is_logged
        wholes = self.editions.expected[row.as_of]["moving" if is_moving else "extract"]
        assert (len(costs), sum(costs)) == wholes[is_moving and values == MANY], (row, values)


def csv_of(content: bytes, password: str) -> dict[str, list[str]]:
    """The columns of the csv in an extract."""
    with pyzipper.AESZipFile(io.BytesIO(content)) as archive:
        archive.setpassword(password.encode())
        (name,) = [name for name in archive.namelist() if name.endswith(".csv")]
        rows = list(csv.DictReader(io.StringIO(archive.read(name).decode(), newline="")))
    return {column: [row[column] for row in rows] for column in rows[0]}


@pytest.fixture(scope="module")
def editions(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editions]:
    """A source whose first edition is published."""
    with database(server) as (address, owner):
        made = Editions(owner, address, tmp_path_factory.mktemp("clients"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CLAIMHOUSE_EXTRACT_FOLDER", str(tmp_path_factory.mktemp("extracts")))
            for client, password in ((made.summit, PASSWORD), (made.moving, PASSWORD[::-1])):
                secret = json.dumps({"conn_type": "generic", "password": password})
                patch.setenv(f"AIRFLOW_CONN_CLAIMHOUSE_EXTRACT_{client}".upper(), secret)
            made.bring(random.Random(SEED), 60)
            made.load()
            made.publish()
            yield made


@pytest.fixture(scope="module")
def fork_server() -> Any:
    """Starts processes that have everything imported and no threads."""
    return forks.context()


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
        psycopg.connect(
            editions.address, autocommit=True, application_name=PUBLISHER
        ) as connection,
    ):
        reporting.publish(connection, editions.folder, editions.folder / "roles.yml")
    editions.publish()
    return f"terminated before statement {number}"


def load_killed(editions: Editions, dice: random.Random, fork_server: Any) -> str:
    """The process that loads dies by signal 9, whenever; publications before and after the next attempt."""
    process = started(editions, fork_server, publisher.load)
    seconds = dice.random() * 1.5
    process.join(seconds)
    process.kill()
    process.join()
    if editions.is_loaded():  # killed when it was done
        editions.loaded()
    editions.publish()
    if not editions.is_loaded():
        editions.load()
    editions.publish()
    return f"load killed after {seconds:.2f} s"


def entitled_anew(editions: Editions, dice: random.Random, fork_server: Any) -> str:
    """A client's entitlements change while a load runs: it loses what others go on seeing, or gets it again."""
    del dice
    process = started(editions, fork_server, publisher.load)
    began = time.monotonic()
    editions.entitle(FEW if editions.entitled == set(MANY) else MANY)
    editions.publish()
    process.join()
    assert process.exitcode == 0
    editions.loaded()
    editions.publish()
    if editions.entitled == set(FEW):
        editions.narrowed.append((began, time.monotonic()))
    with editions.session("moving") as session:
        count, cost, as_of, _ = session.execute(OF_CLIENTS.encode()).fetchone() or ()
    whole = editions.expected[as_of]["moving"][editions.entitled == set(MANY)]
    assert (count, cost) == whole
    return f"entitled to {sorted(editions.entitled)}"


def delivery_killed(editions: Editions, dice: random.Random, fork_server: Any) -> str:
    """The process that writes and mails extracts dies by signal 9 beside a publication."""
    editions.load()
    day = FIRST_DAY + timedelta(days=len(editions.expected))
    process = started(
        editions, fork_server, publisher.deliver, f"{editions.summit}.killed", day.isoformat()
    )
    editions.publish()
    seconds = dice.random() * 0.5
    process.join(seconds)
    process.kill()
    process.join()
    return f"delivery killed after its publication and {seconds:.2f} s"


def started(editions: Editions, fork_server: Any, target: Callable[..., None], *values: str) -> Any:
    process = fork_server.Process(
        target=target, args=(dict(os.environ), str(editions.folder), *values)
    )
    process.start()
    return process


@contextmanager
def ended_before(editions: Editions, number: int) -> Iterator[None]:
    """End the sessions of publishers in this thread before the *number*-th file of SQL is rendered."""
    real, left, thread = ours.sql, number, threading.get_ident()
    with psycopg.connect(editions.address, autocommit=True) as other:

        def rendered(path: str, **names: Any) -> str:
            nonlocal left
            if threading.get_ident() == thread:
                left -= 1
                if left == 0:
                    other.execute(
                        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = %s"
                        " and datname = current_database() and xact_start is not null",
                        (PUBLISHER,),
                    )
            return real(path, **names)

        ours.sql = rendered
        try:
            yield
        finally:
            ours.sql = real


# The first five are those of `make test`.
DISTURBANCES = (
    published_amid_a_load, killed_by_signal, entitled_anew, rebuilt, terminated,
    load_killed, delivery_killed, undisturbed,
)  # fmt: skip


def test_readers_and_recipients_see_whole_editions_alone(
    editions: Editions, fork_server: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """`make attack TRIALS=200` runs 200 trials; SEED= repeats them."""
    with Polls(editions) as polls, Deliveries(editions) as deliveries:
        for trial in range(TRIALS):
            dice = random.Random(SEED * 1000 + trial)
            editions.bring(dice, dice.randrange(5, 40))
            disturb = DISTURBANCES[trial % len(DISTURBANCES)]
            done = disturb(editions, dice, fork_server)
            assert editions.published_as_of() == max(editions.expected), done
            if TRIALS > 20:
                mails = len(deliveries.box.mails)
                with capsys.disabled():
                    print(f"{trial:4} {done}, {len(polls.seen)} polls, {mails} mails", flush=True)
            assert polls.wrong == []
    polls.check()
    deliveries.check()
    assert len({poll.seen[0][1] for poll in polls.seen}) > TRIALS / 2
    assert {poll.reader for poll in polls.seen} == set(editions.readers)
    assert len(deliveries.box.mails) > TRIALS / 2, deliveries.problems


def test_an_idle_reader_keeps_its_edition_and_blocks_nobody(editions: Editions) -> None:
    dice = random.Random(1)
    with editions.session("summit") as idle, editions.session("tableau") as tableau:
        query = OF_CLIENTS.encode()
        idle.execute("begin")
        tableau.execute("begin")
        before = idle.execute(query).fetchone()
        assert tableau.execute(query).fetchone() == before
        with Polls(editions) as polls:
            for _ in range(2):
                editions.bring(dice, 20)
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
            (editions.readers["harbor"].login,),
        )
        time.sleep(0.5)
    with pytest.raises(AssertionError, match="harbor"):
        polls.check()

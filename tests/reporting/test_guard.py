"""No reader harms another, a load or a publication: what is in the way is ended, what is changed is undone."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
import uuid
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from local import embedded
from psycopg import errors
from tests.worlds.client_world import World, role_of
from tests.worlds.hospital_world import database

from claimhouse import reporting, schema
from claimhouse.reporting import guard, roles

TABLEAU = "tableau_service"
REPORT = "reporting.claims_by_specialty_month"
PASSWORD = "a password of nobody's"


@pytest.fixture(scope="module")
def published(server, tmp_path_factory):
    """A published warehouse that the tests of this module leave as it is."""
    with database(server) as (address, owner):
        world = World(owner, address, tmp_path_factory.mktemp("clients"), claims=20)
        world.write_all()
        publish(world)
        yield world


@pytest.fixture
def world(published):
    """The warehouse, in which no session was ended yet."""
    published.connection.execute("delete from security.session_ended")
    return published


def publish(world):
    roles_file = world.folder / "no_roles.yml"
    roles_file.write_text("roles: []\n")
    return reporting.publish(world.connection, world.folder, roles_file)


def short(monkeypatch, **limits):
    """Limits of few seconds; those of a session itself are not undone by the guard here."""
    monkeypatch.setattr(guard, "GRACE_SECONDS", 0)
    for name, seconds in limits.items():
        monkeypatch.setenv(f"CLAIMHOUSE_SESSION_{name.upper()}_SECONDS", str(seconds))


def is_open(session):
    try:
        session.execute("select 1")
    except psycopg.Error:
        return False
    return True


def reasons(ended, role):
    return [session.reason for session in ended if session.role_name == role]


def running(session, statement):
    """*statement* under way in a thread, which ends when its session does."""

    def run():
        with contextlib.suppress(psycopg.Error):
            session.execute(statement)

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.3)
    return thread


# What runs, idles or locks for too long --------------------------------------------------------


def test_limits_are_stored_for_each_login(world, monkeypatch):
    role = world.role(world.summit)
    names = ("statement_timeout", "transaction_timeout", "idle_in_transaction_session_timeout",
             "idle_session_timeout", "lock_timeout", "temp_file_limit", "work_mem")  # fmt: skip
    with world.session(role) as session:
        shown = [session.execute(f"show {name}").fetchone()[0] for name in names]
    assert shown == ["5min", "15min", "5min", "2h", "10s", "2GB", "64MB"]
    monkeypatch.setenv("CLAIMHOUSE_SESSION_STATEMENT_SECONDS", "7")
    monkeypatch.setenv("CLAIMHOUSE_SESSION_CONNECTIONS", "2")
    assert role in roles.limit(world.connection)
    assert roles.limit(world.connection) == []
    with world.session(role) as session, world.session(role):
        assert session.execute("show statement_timeout").fetchone() == ("7s",)
        with (
            pytest.raises(psycopg.OperationalError, match="too many connections"),
            world.session(role),
        ):
            pass


@pytest.mark.parametrize(
    ("limit", "does", "reason"),
    [
        ("statement", "select pg_sleep(30)", "its statement took too long"),
        ("transaction", "begin; select pg_sleep(30)", "its transaction took too long"),
        ("idle_transaction", "begin", "was idle in a transaction"),
        ("idle", "select 1", "was idle"),
    ],
)
def test_a_session_that_undid_its_limits_is_ended(world, monkeypatch, limit, does, reason):
    role = world.role(world.summit)
    with world.session(role) as session:
        for name in ("statement_timeout", "transaction_timeout", "lock_timeout", "idle_session_timeout",
                     "idle_in_transaction_session_timeout"):  # fmt: skip
            session.execute(f"set {name} = 0")
        thread = running(session, does)
        assert guard.look(world.connection) == []
        short(monkeypatch, **{limit: 0.2})
        ended = guard.look(world.connection)
        thread.join(5)
        assert not is_open(session)
    assert reasons(ended, role) == [reason]
    recorded = world.connection.execute(
        "select role_name, reason from security.session_ended"
    ).fetchall()
    assert recorded == [(role, reason)]


def test_nobody_else_is_ended(world, monkeypatch):
    """Whatever a session of our own does, and a reader's within its limits."""
    short(monkeypatch, transaction=0, idle_transaction=0, idle=0, statement=0, blocking=0)
    deliverer = psycopg.connect(world.address)
    with deliverer, psycopg.connect(world.address) as loader:
        deliverer.execute(f"set local role {world.role_of_extracts(world.summit)}")
        deliverer.execute(f"select count(*) from {REPORT}")
        loader.execute("lock table star.dim_date in access exclusive mode")
        loader.execute("select pg_advisory_xact_lock(1)")
        waiting = psycopg.connect(world.address, autocommit=True)
        thread = running(waiting, "select count(*) from star.dim_date")
        assert guard.look(world.connection) == []
        assert is_open(loader) and is_open(deliverer)
    thread.join(5)
    waiting.close()
    monkeypatch.undo()
    with world.session(world.login(world.summit)) as session:
        session.execute(f"begin; select count(*) from {REPORT}")
        assert guard.look(world.connection) == []
        assert is_open(session)


def test_a_reader_for_whose_lock_others_wait_is_ended(world, monkeypatch):
    role = world.role(world.summit)
    with world.session(role) as session, psycopg.connect(world.address) as upgrade:
        session.execute(f"begin; select count(*) from {REPORT}")
        thread = running(upgrade, f"lock table {REPORT} in access exclusive mode")
        assert guard.look(world.connection) == []  # it may finish its query
        with world.session(world.login(world.harbor)) as behind:
            waits = running(behind, f"select count(*) from {REPORT}")
            short(monkeypatch, blocking=0.1)
            time.sleep(0.2)
            ended = guard.look(world.connection)
            thread.join(5)
            assert not is_open(session)
            upgrade.rollback()
            waits.join(5)
            assert is_open(behind)  # who waits behind it goes on
    assert [(session.role_name, session.reason) for session in ended] == [
        (role, "others waited for its locks")
    ]


def test_an_advisory_lock_ends_a_session(world):
    """Where the functions are everybody's, such as on a managed server."""
    role = world.role(world.summit)
    everybody = "{} execute on function pg_advisory_lock(bigint) {} public"
    world.connection.execute(everybody.format("grant", "to"))
    with world.session(role) as session:
        session.execute("select pg_advisory_lock(1)")
        ended = guard.look(world.connection)
        assert not is_open(session)
    world.connection.execute(everybody.format("revoke", "from"))
    assert reasons(ended, role) == ["held an advisory lock"]


def test_a_reader_in_a_database_that_is_open_to_everybody_is_ended(world, server):
    """There it could keep what it may not keep here."""
    reader, place = (
        role_of(world.connection, world.login(world.summit)),
        f"open_{uuid.uuid4().hex[:8]}",
    )
    opened = embedded.create_database(server, place)
    address = urlunsplit(urlsplit(opened)._replace(netloc=f"{reader}@"))
    try:
        with (
            psycopg.connect(address, autocommit=True) as elsewhere,
            world.session(world.login(world.summit)) as here,
        ):
            elsewhere.execute("select lo_create(0)")
            assert reasons(guard.look(world.connection), reader) == ["was in another database"]
            assert not is_open(elsewhere)
            assert is_open(here)
        # Another warehouse of the server lets it in.
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'grant connect on database {place} to "{reader}"')
        with psycopg.connect(address, autocommit=True) as elsewhere:
            assert guard.look(world.connection) == []
            assert is_open(elsewhere)
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"drop database {place} with (force)")


def test_the_log_and_the_table_hold_no_query(world, monkeypatch, caplog):
    with world.session(world.login(world.summit)) as session:
        thread = running(session, "select pg_sleep(20) as quillfeather")
        short(monkeypatch, statement=0.1)
        with caplog.at_level(logging.DEBUG):
            guard.look(world.connection)
        thread.join(5)
    kept = world.connection.execute("select t::text from security.session_ended as t").fetchall()
    assert len(kept) == 1
    assert "quillfeather" not in caplog.text + str(kept)


# A publication and an upgrade -------------------------------------------------------------------


def test_what_waits_behind_an_idle_reader_goes_on(world):
    """One idle transaction kept publication, every reader behind it and all deliveries waiting."""
    role = world.role(world.summit)
    with world.session(role) as session, world.session(world.login(world.harbor)) as other:
        session.execute("set idle_in_transaction_session_timeout = 0; set transaction_timeout = 0")
        session.execute(f"begin; select count(*) from {REPORT}")
        began = time.monotonic()
        with guard.clear_the_way(world.connection):
            world.connection.execute(f"alter view {REPORT} rename to it")
            world.connection.execute(
                f"alter view reporting.it rename to {REPORT.partition('.')[2]}"
            )
        assert time.monotonic() - began < 8
        assert not is_open(session)
        assert is_open(other)
    rows = world.connection.execute("select role_name, reason from security.session_ended")
    assert rows.fetchall() == [(role, "a publication or an upgrade waited for its locks")]


def test_a_deadlock_ends_the_reader(world):
    """Before the server notices: it might end the publication."""
    world.connection.execute(
        "create table public.second (); grant select on public.second to public"
    )
    with world.session(world.login(world.summit)) as session:
        session.execute(f"begin; select count(*) from {REPORT}")
        with (
            psycopg.connect(world.address, autocommit=True) as publisher,
            guard.clear_the_way(publisher),
        ):
            publisher.execute("begin; lock table public.second in access exclusive mode")
            thread = running(session, "select from public.second")
            publisher.execute(f"alter view {REPORT} rename to it; rollback")
        thread.join(5)
        assert not is_open(session)
    world.connection.execute("drop table public.second")


def test_publications_run_one_at_a_time_and_no_reader_can_hold_them_up(world):
    with world.session(world.login(world.summit)) as session:
        for lock in ("security.client", "security.login", "star.fact_claim"):
            for mode in ("access share", "share update exclusive", "access exclusive"):
                with pytest.raises(errors.InsufficientPrivilege):
                    session.execute(f"begin; lock table {lock} in {mode} mode")
                session.execute("rollback")
    with psycopg.connect(world.address) as other:
        other.execute("lock table security.client in share update exclusive mode")
        thread = threading.Thread(target=publish, args=(world,))
        thread.start()
        thread.join(1)
        assert thread.is_alive()
        other.rollback()
        thread.join(20)
        assert not thread.is_alive()


# What a role can change of itself ---------------------------------------------------------------


def verifier(world, role):
    return world.connection.execute(
        "select rolpassword from pg_authid where rolname = %s", (role,)
    ).fetchone()[0]


@pytest.fixture
def with_passwords(world, monkeypatch):
    """Tableau and a client's person have passwords, as in production."""
    for login in (TABLEAU, f"{world.summit}__analyst"):
        secret = json.dumps({"conn_type": "generic", "password": PASSWORD})
        monkeypatch.setenv(f"AIRFLOW_CONN_CLAIMHOUSE_LOGIN_{login.upper()}", secret)
    publish(world)
    world.connection.execute(
        f"grant connect on database {world.connection.info.dbname} to {TABLEAU}"
    )
    return world


@pytest.mark.parametrize("restore", ["guard", "publication"])
def test_a_changed_password_is_set_back_and_its_sessions_are_ended(with_passwords, restore):
    world = with_passwords
    for role in (TABLEAU, world.role(world.summit)):
        right = verifier(world, role)
        assert guard.look_at_roles(world.connection) == []
        assert verifier(world, role) == right  # nothing to write
        with world.session(role) as session, world.session(world.login(world.harbor)) as other:
            session.execute(f"alter role {role} password 'mine'")
            assert verifier(world, role) != right
            if restore == "guard":
                guard.look_at_roles(world.connection)
            else:
                publish(world)
            assert not is_open(session)
            assert is_open(other)
        assert roles._is_of(verifier(world, role), PASSWORD)
        assert not roles._is_of(verifier(world, role), "mine")
    kept = world.connection.execute("select distinct reason from security.session_ended").fetchall()
    assert kept == [("the password of its role was changed",)]


def test_stored_settings_are_undone(world):
    """One such as local_preload_libraries keeps everybody who shares the login out."""
    role = world.role(world.summit)
    roles.limit(world.connection)
    limits = world.connection.execute(
        "select setconfig from pg_db_role_setting where setrole = %s::regrole", (role,)
    ).fetchall()
    database = world.connection.info.dbname
    with world.session(role) as session:
        for change in ("set local_preload_libraries = 'missing'", "set statement_timeout = 0",
                       f"in database {database} set search_path = pg_temp", "reset all"):  # fmt: skip
            session.execute(f"alter role {role} {change}")
            guard.look_at_roles(world.connection)
            assert (
                world.connection.execute(
                    "select setconfig from pg_db_role_setting where setrole = %s::regrole", (role,)
                ).fetchall()
                == limits
            )
    with world.session(role) as session:
        assert session.execute("show statement_timeout").fetchone() == ("5min",)


# The command ------------------------------------------------------------------------------------


def test_two_guards_watch_and_go_on_after_a_lost_connection(world, monkeypatch):
    short(monkeypatch, idle_transaction=0.2)
    monkeypatch.setattr(guard, "LOOK_SECONDS", 0.1)
    ended = threading.Event()
    guards = [threading.Thread(target=guard.watch, args=(ended,)) for _ in range(2)]
    for thread in guards:
        thread.start()
    role = world.role(world.summit)
    try:
        for _ in range(2):
            with world.session(role) as session:
                session.execute("set idle_in_transaction_session_timeout = 0; begin")
                time.sleep(1)
                assert not is_open(session)
            world.connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = %s and datname = current_database()", (guard.NAME,),
            )  # fmt: skip
    finally:
        ended.set()
        for thread in guards:
            thread.join(5)
    assert not any(thread.is_alive() for thread in guards)


def test_the_guard_hinders_no_upgrade(world, warehouse_url):
    ended = threading.Event()
    thread = threading.Thread(target=guard.watch, args=(ended,))
    thread.start()
    try:
        schema.upgrade(warehouse_url, timeout=5)
    finally:
        ended.set()
        thread.join(5)

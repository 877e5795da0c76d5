"""What PostgreSQL lets everybody do, and its catalogs tell everybody, is not readers'."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from local import embedded
from psycopg import errors
from sqlalchemy import create_engine, inspect
from tests.reporting.test_guard import publish
from tests.worlds.client_world import MASTER_KEY, World, client_file, role_of
from tests.worlds.hospital_world import database

from claimhouse import schema
from claimhouse.reporting import guard, harden

TABLEAU = "tableau_service"
VIEW = "claims_by_specialty_month"


@pytest.fixture(scope="module")
def world(server, tmp_path_factory):
    """A published warehouse that the tests of this module leave as it is."""
    with database(server) as (address, owner):
        world = World(owner, address, tmp_path_factory.mktemp("clients"), claims=20)
        world.write_all()
        publish(world)
        yield world


HARM = [
    "select pg_advisory_lock(1)",
    "select pg_advisory_lock_shared(1, 2)",
    "select pg_try_advisory_xact_lock(hashtext('claimhouse.delivery'), 1)",
    "select pg_advisory_unlock_all()",
    "select lo_create(0)",
    "select lo_from_bytea(0, 'x')",
    "select lo_creat(-1)",
    "create temporary table t (a int)",
    "select 1 as a into temporary t",
    "create function f() returns int language sql as 'select 1'",
    "create function pg_temp.f() returns int language sql as 'select 1'",
    "do $$ begin loop end loop; end $$",
    "select pg_terminate_backend(pg_backend_pid())",
    "select pg_cancel_backend(pg_backend_pid())",
    "select pg_logical_emit_message(true, 'a', repeat('x', 1000000))",
    "select pg_export_snapshot()",
    "alter role {role} connection limit -1",
    "alter role {role} set temp_file_limit = -1",
    "set temp_file_limit = -1",
    "alter role {role} valid until '2000-01-01'",
]


@pytest.mark.parametrize("statement", HARM)
def test_a_reader_can_take_nothing_that_others_need(world, statement):
    role = world.role(world.summit)
    with world.session(role) as session, pytest.raises(errors.InsufficientPrivilege):
        session.execute(statement.format(role=role))


def test_dropping_what_a_role_owns_takes_no_right_from_it(world):
    """Everybody who shares a login would lose it."""
    role = world.role(world.summit)
    with world.session(role) as session:
        for statement in (
            f"drop owned by {role} cascade",
            f"revoke all on reporting.{VIEW} from {role}",
        ):
            session.execute(statement)
            session.execute(f"select count(*) from reporting.{VIEW}")


TELLING = [
    "select reltuples from pg_class",
    "select relpages from pg_class",
    "select relacl from pg_class",
    "select * from pg_class",
    "select c::text from pg_class as c",
    "select pg_relation_size('star.fact_claim')",
    "select pg_total_relation_size(oid) from pg_class where relname = 'fact_claim'",
    "select pg_table_size('star.fact_claim')",
    "select pg_database_size(current_database())",
    "select n_live_tup from pg_stat_user_tables",
    "select * from pg_stat_all_tables",
    "select * from pg_statio_user_tables",
    "select * from pg_stat_database",
    "select * from pg_stat_wal",
    "select query from pg_stat_activity",
    "select pg_stat_get_live_tuples('star.fact_claim'::regclass)",
    "select pg_stat_get_backend_activity(1)",
    "select * from pg_locks",
    "select pg_current_wal_lsn()",
    "select pg_relation_filepath('star.fact_claim')",
    "select pg_get_acl('pg_class'::regclass, 'star.fact_claim'::regclass, 0)",
    "select * from pg_prepared_xacts",
    "select * from pg_replication_slots",
    "select * from pg_stats_ext, pg_statistic",
    "select * from pg_statistic_ext_data",
    "select rolpassword from pg_authid",
    "select has_table_privilege('{other}', 'reporting.claims_by_specialty_month', 'select')",
    "select has_any_column_privilege(r.oid, c.oid, 'select') from pg_roles as r, pg_class as c",
    "select * from pg_shdepend",
    "select pg_filenode_relation(0, 16384)",
    "select next_xid from pg_control_checkpoint()",
]


@pytest.mark.parametrize("question", TELLING)
def test_the_catalogs_tell_nothing_of_others(world, question):
    with (
        world.session(world.login(world.summit)) as session,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        session.execute(question.format(other=role_of(world.connection, world.login(world.harbor))))


@pytest.mark.parametrize("place", ["postgres", "template1"])
def test_a_reader_is_kept_from_the_databases_that_every_server_has(world, place):
    """There it could keep large objects, and see how many rows are written here."""
    address = urlunsplit(urlsplit(world.address)._replace(
        netloc=f"{role_of(world.connection, world.login(world.summit))}@", path=f"/{place}"
    ))  # fmt: skip
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(address)


def test_nothing_that_everybody_may_call_counts_or_measures(world):
    """Of a new release of PostgreSQL, too: what it adds has to be looked at."""
    with world.session(world.login(world.summit)) as session:
        open_to_all = session.execute(
            "select p.oid::regprocedure::text from pg_proc as p"
            " where p.pronamespace = 'pg_catalog'::regnamespace and has_function_privilege(p.oid, 'execute')"
            " and p.proname ~ '^pg_.*(_size|stat_get|advisory|wal|lock)|^lo_'"
        ).fetchall()
    harmless = {
        'pg_column_size("any")',
        "pg_stat_get_snapshot_timestamp()",
        "pg_stat_clear_snapshot()",
    }
    assert {name for (name,) in open_to_all} <= harmless | ALLOWED


ALLOWED = {
    "pg_get_wal_resource_managers()", "pg_get_wal_replay_pause_state()", "pg_is_wal_replay_paused()",
    "pg_get_wal_summarizer_state()", "pg_size_bytes(text)", "pg_size_pretty(bigint)",
    "pg_size_pretty(numeric)", "pg_split_walfile_name(text)",
    "pg_isolation_test_session_is_blocked(integer,integer[])", "pg_walfile_name(pg_lsn)",
    "pg_walfile_name_offset(pg_lsn)", "pg_wal_lsn_diff(pg_lsn,pg_lsn)",
}  # fmt: skip


def test_a_reader_finds_its_own_views_with_psql_and_drivers(world):
    role = world.role(world.summit)
    address = world.address.replace("postgres:@", f"{role}@", 1)

    def psql(command):
        done = subprocess.run(
            [embedded.BIN / "psql", "-X", "-At", "-d", address, "-c", command],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, ""), command
        return done.stdout

    assert "service_month|date" in psql(f"\\d reporting.{VIEW}")
    assert VIEW in psql("\\dv reporting.*")
    for command in (f"\\d+ reporting.{VIEW}", "\\d reporting.*", "\\dn", "\\df", "\\du", "\\l",
                    "\\dt", "\\conninfo", "\\dT", "\\dx", f"\\sv reporting.{VIEW}"):  # fmt: skip
        psql(command)
    engine = create_engine(schema.sqlalchemy_url(address))
    with engine.connect() as connection:
        inspector = inspect(connection)
        assert VIEW in inspector.get_view_names("reporting")
        columns = {column["name"] for column in inspector.get_columns(VIEW, "reporting")}
        assert {"service_month", "total_cost"} <= columns
        assert inspector.get_table_comment(VIEW, "reporting")["text"]
        inspector.get_indexes(VIEW, "reporting")
        inspector.get_pk_constraint(VIEW, "reporting")
        inspector.get_foreign_keys(VIEW, "reporting")
        inspector.get_table_names("reporting")
    engine.dispose()
    with world.session(role) as session:
        tables = session.execute(
            "select table_name from information_schema.tables where table_schema = 'reporting'"
        ).fetchall()
        assert tables == [(VIEW,)]
        # what JDBC and ODBC ask for a list of tables
        assert (VIEW, "v") in session.execute(
            "select c.relname, c.relkind::text from pg_catalog.pg_namespace n, pg_catalog.pg_class c"
            " left join pg_catalog.pg_description d on (c.oid = d.objoid and d.objsubid = 0"
            " and d.classoid = 'pg_class'::regclass) where c.relnamespace = n.oid and c.relname like 'claims%'"
        ).fetchall()


def test_who_works_here_keeps_what_the_work_takes(world):
    harden.harden(world.connection)  # nothing is left to do
    for function in ("pg_stat_get_live_tuples(oid)", "pg_relation_size(regclass)"):
        assert world.connection.execute(
            "select has_function_privilege('pg_monitor', %s, 'execute')", (function,)
        ).fetchone() == (True,)


# Extensions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["public", "extensions"])
def test_a_publication_works_beside_an_extension(world, place):
    """pg_stat_statements is on nearly every managed server, its views everybody's."""
    world.connection.execute(
        f"create schema if not exists {place}; grant usage on schema {place} to public"
    )
    world.connection.execute(f"create extension pg_stat_statements schema {place}")
    world.connection.execute(f"create extension pg_trgm schema {place}")
    try:
        publish(world)
        with world.session(world.login(world.summit)) as session:
            session.execute(f"select {place}.similarity('a', 'b')")  # goes on working
            for question in (
                "pg_stat_statements",
                "pg_stat_statements(true)",
                "pg_stat_statements_info",
            ):
                with pytest.raises(errors.InsufficientPrivilege):
                    session.execute(f"select * from {place}.{question}")
    finally:
        world.connection.execute("drop extension pg_stat_statements, pg_trgm")


def test_what_is_no_extension_is_refused_as_before(world):
    world.connection.execute("create view public.mine as select * from star.dim_patient")
    world.connection.execute("grant select on public.mine to public")
    with pytest.raises(Exception, match=r"reaches public\.mine"):
        publish(world)
    world.connection.execute("drop view public.mine")


# Functions that run as the owner ----------------------------------------------------------------


def test_every_function_of_the_owner_is_closed_to_its_caller(world):
    """Its search path is its own, and messages show neither its variables nor its plan."""
    functions = world.connection.execute(
        "select p.oid::regprocedure::text, coalesce(p.proconfig, '{}') from pg_proc as p where p.prosecdef"
        " and p.pronamespace::regnamespace::text not in ('pg_catalog', 'information_schema')"
    ).fetchall()
    assert len(functions) >= 3
    for name, config in functions:
        assert "search_path=pg_catalog, pg_temp" in config, name
        assert {
            "debug_print_parse=off",
            "debug_print_rewritten=off",
            "debug_print_plan=off",
        } <= set(config), name


# Tableau on a standby ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def standby():
    """A published warehouse whose readers read a streaming standby; its owner's connection is the primary's."""
    with tempfile.TemporaryDirectory(prefix="claimhouse-test-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        primary, copy = folder / "pg", folder / "standby"
        try:
            address = embedded.create_database(embedded.start(primary), "warehouse")
            schema.upgrade(address)
            with (
                pytest.MonkeyPatch.context() as patch,
                psycopg.connect(address, autocommit=True) as owner,
            ):
                key = json.dumps({"conn_type": "generic", "password": MASTER_KEY})
                patch.setenv("AIRFLOW_CONN_CLAIMHOUSE_PSEUDONYM", key)
                patch.setenv("WAREHOUSE_URL", address)
                world = World(owner, address, folder, claims=20)
                for client, user in (
                    (world.summit, "una@x.example"),
                    (world.harbor, "hugo@x.example"),
                ):
                    client_file(folder, client, ("billing", ["orthopedist"]),
                                logins=[{"name": "analyst", "tableau_user": user}])  # fmt: skip
                publish(world)
                world.address = embedded.url_of(streaming(address, copy), "warehouse")
                yield world
        finally:
            embedded.stop(copy)
            embedded.stop(primary)


def streaming(address, folder):
    """The address of a standby of the server at *address*, in *folder*."""
    user = embedded.SYSTEM_USER if os.geteuid() == 0 else None
    folder.mkdir(mode=0o700)
    if user:
        shutil.chown(folder, user)
    command = [embedded.BIN / "pg_basebackup", "-d", address, "-D", folder, "-R", "-c", "fast"]
    subprocess.run(command, user=user, cwd="/", check=True, capture_output=True)
    (folder / ".s.PGSQL.5432.lock").unlink()  # of the primary's socket, which is in its folder
    with (folder / "postgresql.auto.conf").open("a") as file:
        file.write("hot_standby_feedback = on\n")
    return embedded.start(folder)


def replayed(standby):
    """Wait until the standby has all that the primary has written."""
    (end,) = standby.connection.execute("select pg_current_wal_flush_lsn()").fetchone()
    with standby.session("postgres") as session:
        for _ in range(600):
            if session.execute("select pg_last_wal_replay_lsn() >= %s", (end,)).fetchone()[0]:
                return
            time.sleep(0.05)
    raise TimeoutError("the standby does not follow")


def test_readers_on_a_standby_see_whole_editions(standby):
    query = f"select count(*), min(as_of), max(total_cost) from reporting.{VIEW}"
    login = standby.login(standby.summit)
    with standby.session(login) as idle:
        idle.execute("begin isolation level repeatable read")
        before = idle.execute(query).fetchone()
        standby.connection.execute("update star.fact_claim set total_cost = total_cost + 1000")
        publish(standby)
        replayed(standby)
        assert idle.execute(query).fetchone() == before
        with standby.session(login) as session:
            after = session.execute(query).fetchone()
    assert after == (*before[:2], before[2] + 1000)


def test_the_guard_ends_a_reader_on_a_standby_for_whom_others_wait(standby, monkeypatch):
    """What is written on the primary waits for it, and all others behind that."""
    monkeypatch.setenv("CLAIMHOUSE_SESSION_BLOCKING_SECONDS", "0")
    login = standby.login(standby.summit)
    with standby.session(login) as idle, standby.session("postgres") as server:
        idle.execute(f"begin; select * from reporting.{VIEW}")
        standby.connection.execute(f"alter view reporting.{VIEW} set (security_barrier = true)")
        ended = []
        for _ in range(100):
            ended += guard.look(server)
            if ended:
                break
            time.sleep(0.1)
        idle.close()
        assert [session.reason for session in ended] == ["others waited for its locks"]
        with standby.session(login) as session:
            session.execute(f"select * from reporting.{VIEW}")


def bound(session):
    return session.execute(
        f"select count(distinct claim_pseudonym) from reporting.{VIEW}"
    ).fetchone()[0]


def test_a_session_is_bound_on_a_standby_and_becomes_nobody_else(standby):
    with standby.session(standby.login(standby.summit)) as person:
        own = bound(person)
    assert own
    with standby.session(TABLEAU) as session, standby.session(TABLEAU) as other:
        assert session.execute("select pg_is_in_recovery()").fetchone() == (True,)
        assert bound(session) == 0
        session.execute("begin; select security.bind(' Una@X.example ')")
        session.execute("rollback")  # a binding cannot be rolled back
        assert bound(session) == own
        for statement in (
            "select security.bind('hugo@x.example')",
            "select pg_advisory_unlock_all()",
            "select pg_advisory_lock_shared(hashtextextended('client_x', 0))",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                session.execute(statement)
        assert bound(session) == own
        assert bound(other) == 0  # sessions do not mix
        session.execute("discard all")  # ends the binding, as a new session would
        assert bound(session) == 0
    with standby.session(TABLEAU) as session:
        session.execute("select security.bind('stranger@x.example')")
        assert bound(session) == 0
        with pytest.raises(errors.InsufficientPrivilege):
            session.execute("select security.bind('una@x.example')")
    with (
        standby.session(standby.login(standby.summit)) as person,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        person.execute("select security.bind('hugo@x.example')")

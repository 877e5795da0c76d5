"""Each kind of task works under a role of its own, which can do its work and nothing else.

The roles are those of production: docker/warehouse/roles.sql makes them on a server of the test's own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import yaml
from local import embedded, release_dump
from psycopg import errors
from tests.worlds.client_world import role_of

from claimhouse import ingest, reference, schema, star
from claimhouse.reporting.publish import ReportingError

ROOT = Path(__file__).resolve().parents[2]
ROLES = ROOT / "docker" / "warehouse" / "roles.sql"
WALLS = ROOT / "plugins" / "claimhouse" / "reporting" / "sql" / "harden" / "functions.sql"
RELEASE = ROOT / "tests" / "data" / "releases" / "0.1.0"
OWNER, LOADER, DELIVERER = "claimhouse", "claimhouse_loader", "claimhouse_deliverer"
PAGES = "claimhouse_pages"
PORTAL = "claimhouse_portal"
SOURCE = "billing"


def make_roles(database: str, secrets: Path) -> None:
    """Run the scripts as production does, with psql as the superuser."""
    secrets.mkdir(exist_ok=True)
    for name in ("owner", "loader", "deliverer", "pages", "portal"):
        (secrets / f"warehouse_{name}_password").write_text(f"the {name}'s password")
    command = [embedded.BIN / "psql", "-X", "-q", "-d", database, "-f", ROLES, "-f", WALLS]
    environment = os.environ | {"SECRETS": str(secrets)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def url_as(role: str, database: str) -> str:
    return urlsplit(database)._replace(netloc=f"{role}@").geturl()


class House:
    """A warehouse with the roles of production, and feeds that wait."""

    def __init__(self, database: str, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.feeds = release_dump.unpack(RELEASE / release_dump.FEEDS, folder)
        self.clients = folder / "clients"
        release_dump.write_clients(self.clients)

    def session(self, role: str) -> psycopg.Connection[Any]:
        """A session as *role*."""
        return psycopg.connect(url_as(role, self.database), autocommit=True)

    def load(self, day: str) -> None:
        """Load the feeds of *day* as the loader."""
        landing = self.folder / "landing" / SOURCE
        shutil.copytree(self.feeds / day / SOURCE, landing, dirs_exist_ok=True)
        with release_dump.settings(url_as(LOADER, self.database), self.folder):
            ingest.run(SOURCE)

    def publish(self) -> None:
        """Publish as the owner."""
        url = url_as(OWNER, self.database)
        with release_dump.settings(url, self.folder), self.session(OWNER) as connection:
            release_dump.publish(connection, self.clients)

    def deliver(self) -> None:
        """Prepare and send what is due as the deliverer."""
        url = url_as(DELIVERER, self.database)
        with release_dump.settings(url, self.folder), self.session(DELIVERER) as connection:
            release_dump.deliver(connection)


@contextmanager
def empty_house() -> Iterator[House]:
    """A house with an empty database on a server of its own: roles belong to the server."""
    with tempfile.TemporaryDirectory(prefix="claimhouse-test-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        try:
            server = embedded.start(folder / "pg")
            yield House(embedded.create_database(server, "warehouse"), folder)
        finally:
            embedded.stop(folder / "pg")


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A house whose first feeds were loaded, published and delivered, each under its role."""
    with empty_house() as house:
        make_roles(house.database, house.folder / "secrets")
        schema.upgrade(url_as(OWNER, house.database))
        house.load("first")
        house.publish()
        house.deliver()
        yield house


def test_the_whole_way_works_without_a_superuser(house: House) -> None:
    with house.session("postgres") as connection:
        (claims,) = connection.execute("select count(*) from star.fact_claim").fetchone()
        sent = connection.execute(
            "select client, row_count > 0 from delivery.disclosure"
        ).fetchall()
        superusers = connection.execute("select rolname from pg_roles where rolsuper").fetchall()
    assert claims > 200
    assert sent == [(release_dump.CLIENT, True)]
    assert superusers == [("postgres",)]
    assert len(list((house.folder / "mail").iterdir())) > 0


def test_it_goes_on_the_next_day(house: House) -> None:
    """Publication has granted the tables since; an upgrade is repeated."""
    count = "select count(*) from landing.batch where state = 'loaded'"
    with house.session("postgres") as connection:
        before = connection.execute(count).fetchone()[0]
        make_roles(house.database, house.folder / "secrets")
        schema.upgrade(url_as(OWNER, house.database))
        house.load("next")
        house.publish()
        house.deliver()
        assert connection.execute(count).fetchone()[0] > before


def test_a_dashboard_is_approved_read_and_mailed_without_a_superuser(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page approves it, which makes a subscription; the deliverer reads it as the person and sends it."""
    from claimhouse import delivery
    from claimhouse.dashboards import known, mailed
    from claimhouse.dashboards.model import Dashboard, Source, Tile
    from claimhouse.reporting import readers

    report = "claims_by_specialty_month"
    table = Tile("tile-1-1", "table", "Claims", Source((), report), by=("provider_specialty",),
                 columns=("date_of_service", "total_cost"))  # fmt: skip
    board = Dashboard(
        "desk", "Claims of the desk", "?", (release_dump.CLIENT,), (), ((table,),), None
    )
    monkeypatch.setattr(known, "readers", lambda: readers.load_clients(house.clients))
    monkeypatch.setattr(known, "dashboards", lambda: {board.name: board})
    login = f"client_{release_dump.CLIENT}__analyst"
    with house.session(PORTAL) as portals:
        portals.execute(
            "insert into portal.mailing (login, person, dashboard, filters, format, weekday, recipient)"
            " values (%s, 'kim', 'desk', '[]', 'xlsx', 1, 'desk@release-test.example')", (login,),
        )  # fmt: skip
    with house.session(PAGES) as pages:
        pages.execute("set role claimhouse_reviewer")
        pages.execute(
            "update portal.mailing set is_approved = true, decided_by = 'lee', decided_at = now()"
        )
    with (
        release_dump.settings(url_as(DELIVERER, house.database), house.folder),
        house.session("postgres") as connection,
    ):
        connection.execute(
            "update delivery.subscription set starts_at = '2026-01-01' where mailing_id is not null"
        )
        delivery.release(release_dump.CLIENT, "test")
        (subscription,) = (name for name in delivery.due(release_dump.NOW) if "desk" in name)
        prepared = delivery.prepare(subscription, release_dump.NOW, known=mailed)
        assert delivery.send(prepared, known=mailed) == 1
        delivery.hold(release_dump.CLIENT, "test", "test")
        ledger = "select report, row_count > 0 from delivery.disclosure where report = 'desk'"
        assert connection.execute(ledger).fetchall() == [("desk", True)]
        patients = (
            "select count(*) from delivery.extract_patient inner join delivery.extract using (extract_id)"
            " where report = 'desk'"
        )
        assert connection.execute(patients).fetchone()[0] > 0
    with house.session(PORTAL) as portals:
        assert portals.execute("select last_sent_at from portal.mailed").fetchone()[0]


def test_what_has_changed_is_found_without_a_superuser(house: House) -> None:
    """The deliverer sees which rows of a report changed, and reads them as the client."""
    from claimhouse import delivery

    file = house.clients / f"{release_dump.CLIENT}.yaml"
    content = yaml.safe_load(file.read_text())
    (subscription,) = content["subscriptions"]
    subscription |= {"covers": "changed", "approval": {}}
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    for month in (1, 2):
        house.publish()
        with release_dump.settings(url_as(DELIVERER, house.database), house.folder):
            delivery.release(release_dump.CLIENT, "test")
            now = release_dump.NOW + timedelta(days=31 * month)
            assert (
                delivery.send(delivery.prepare(f"{release_dump.CLIENT}.monthly_claims", now)) == 1
            )
            delivery.hold(release_dump.CLIENT, "test", "test")
        with house.session("postgres") as connection:
            connection.execute("update star.fact_claim set total_cost = total_cost + 1")
    sent = "select file_name, row_count from delivery.disclosure where report <> 'desk' order by 1"
    with house.session("postgres") as connection:
        *_, (begins, rows), (continues, changed) = connection.execute(sent).fetchall()
    assert (".all." in begins, ".changed." in continues) == (True, True)
    assert rows == changed > 0


def test_a_delivery_becomes_no_person_who_sees_more_than_the_extracts(house: House) -> None:
    with house.session("postgres") as connection:
        hospice, cardiology = (
            role_of(connection, f"client_humana__{name}_desk") for name in ("hospice", "cardiology")
        )
    with house.session(DELIVERER) as connection:
        connection.execute(f"set role {cardiology}")
        connection.execute("reset role")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute(f"set role {hospice}")


def refused(house: House, role: str, statement: str) -> None:
    with house.session(role) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "create role mallory login",
        "alter role {analyst} login",
        "set role {extracts}",
        "set role claimhouse",
        "select * from security.pseudonym_key",
        "insert into security.login (login, client, is_own_role) values ('x', 'x', false)",
        "select * from delivery.outbox",
        "delete from delivery.disclosure",
        "create view reporting.everything as select 1",
        "create table public.x ()",
        "copy star.fact_claim to program 'cat'",
        "select pg_read_file('/etc/passwd')",
        "select lo_create(0)",
        "create database x",
    ],
)
def test_a_load_cannot(house: House, statement: str) -> None:
    client = f"client_{release_dump.CLIENT}"
    with house.session("postgres") as connection:
        extracts, analyst = (role_of(connection, login) for login in (client, f"{client}__analyst"))
    refused(house, LOADER, statement.format(extracts=extracts, analyst=analyst))


@pytest.mark.parametrize(
    "statement",
    [
        "create role mallory login",
        "set role claimhouse",
        "set role claimhouse_loader",
        "set role staff_data_scientist__ann",
        "select * from star.dim_patient",
        "select * from source_billing.patients",
        "select * from quality.quarantine",
        "select * from security.pseudonym_key",
        "update star.fact_claim set total_cost = 0",
        "update security.entitlement set value = 'x'",
        "update delivery.disclosure set recipient = 'x'",
        "delete from delivery.disclosure",
        "truncate delivery.disclosure",
        "alter table delivery.disclosure disable trigger refuse_change",
        "delete from delivery.extract_patient",
        "select claim_id from published.claims_by_specialty_month",
        "select total_cost from published.claims_by_specialty_month_was",
        "create table delivery.x ()",
        "select lo_create(0)",
    ],
)
def test_a_delivery_cannot(house: House, statement: str) -> None:
    with house.session("postgres") as connection:
        connection.execute(
            "do $$ begin create role staff_data_scientist__ann;"
            " exception when duplicate_object then null; end $$"
        )
    refused(house, DELIVERER, statement)


# What a request of a page may do, as one of the two roles that the pages' login may become.
SEEN = (
    "select count(*) from landing.batch",
    "select count(*) from quality.quarantine",
    "select count(*) from quality.needs_a_person",
    "select count(*) from source_billing.claims",
    "select count(*) from delivery.needs_a_person",
    "select client, report, format, disclosed_at from delivery.ledger",
)


@pytest.mark.parametrize("role", ["claimhouse_viewer", "claimhouse_reviewer"])
@pytest.mark.parametrize("statement", SEEN[:-1])
def test_a_page_reads_what_it_shows(house: House, role: str, statement: str) -> None:
    """After loads and publications, which make tables and revoke what no file lists."""
    with house.session(PAGES) as connection:
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute(statement)
        connection.execute(f"set role {role}")
        connection.execute(statement)


def test_the_connections_of_pages_are_those_of_the_pages_code(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from claimhouse.pages import database

    monkeypatch.setenv("WAREHOUSE_URL", url_as(PAGES, house.database))
    with database.as_viewer() as connection:
        assert connection.execute("select session_user, current_user").fetchone() == (
            PAGES,
            "claimhouse_viewer",
        )
        connection.execute(SEEN[-1])
        with pytest.raises(errors.ReadOnlySqlTransaction):
            connection.execute("update quality.issue set reason = 'x'")
    with database.as_reviewer() as connection:
        connection.execute("select pg_advisory_xact_lock(1)")
        assert connection.execute("select current_user").fetchone() == ("claimhouse_reviewer",)


@pytest.mark.parametrize(
    "statement",
    [
        "set role claimhouse",
        "set role claimhouse_loader",
        "set role claimhouse_deliverer",
        "set role {extracts}",
        "create role mallory login",
        "grant claimhouse_loader to claimhouse_pages",
        "select * from star.fact_claim",
        "select * from star.dim_patient",
        "select * from source_billing.star_fact_claim",
        "select * from security.pseudonym_key",
        "select * from security.login",
        "select * from published.edition",
        "select recipient from delivery.ledger",
        "select * from delivery.outbox",
        "select * from quality.access_log",
        "insert into landing.file (file_name) values ('x')",
        "update landing.file set file_name = 'x'",
        "delete from landing.batch",
        "update landing.batch set rows_read = 0",
        "delete from quality.issue",
        "update quality.issue set raw_value = 'x'",
        "update quality.quarantine set row_number = 1",
        "truncate quality.issue",
        "update source_billing.claims set batch_id = 1",
        "update public.schema_version set version_num = 'x'",
        "create temporary table x ()",
        "create table public.x ()",
        "create table landing.x ()",
        "create view quality.x as select 1",
        "copy (select 1) to program 'cat'",
        "select pg_read_file('/etc/passwd')",
        "select lo_create(0)",
        "create database x",
    ],
)
@pytest.mark.parametrize("role", [PAGES, "claimhouse_viewer", "claimhouse_reviewer"])
def test_a_page_cannot(house: House, role: str, statement: str) -> None:
    with house.session("postgres") as connection:
        extracts = role_of(connection, f"client_{release_dump.CLIENT}")
    with house.session(PAGES) as connection:
        connection.execute(f"set role {role}")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute(statement.format(extracts=extracts))


@pytest.mark.parametrize(
    "statement",
    [
        "copy (select 1) to program 'cat'",
        "select pg_read_file('/etc/passwd')",
        "set role postgres",
        "create database x",
        "alter role claimhouse superuser",
        "grant pg_read_server_files to claimhouse",
        "alter system set log_statement = 'all'",
    ],
)
def test_the_owner_cannot(house: House, statement: str) -> None:
    refused(house, OWNER, statement)


@pytest.mark.parametrize("role", [OWNER, LOADER, DELIVERER, PAGES])
def test_no_task_may_connect_to_another_database(house: House, role: str) -> None:
    elsewhere = urlsplit(url_as(role, house.database))._replace(path="/postgres").geturl()
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(elsewhere)


def test_every_view_can_be_read_by_its_owner(house: House) -> None:
    """A view reads with its owner's rights: one that changed hands may have lost some."""
    with house.session("postgres") as connection:
        views = connection.execute(
            "select oid::regclass::text from pg_class where relkind = 'v' and relnamespace::regnamespace::text"
            " not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        for (view,) in views:
            connection.execute(f"select * from {view} limit 0")
    assert len(views) > 50


def test_what_publication_makes_first_a_load_can_change(house: House) -> None:
    """A reference list belongs to the owner of its schema, whoever filled it."""
    with house.session("postgres") as connection:
        owners = connection.execute(
            "select distinct pg_get_userbyid(relowner) from pg_class"
            " where relnamespace = 'reference'::regnamespace and relkind = 'r'"
        ).fetchall()
        lists = connection.execute(
            "select relname from pg_class where relnamespace = 'reference'::regnamespace and relkind = 'r'"
        ).fetchall()
        assert owners == [(LOADER,)]
        for (name,) in lists:
            connection.execute(f"drop table reference.{name} cascade")
    with house.session(OWNER) as connection:
        filled = reference.fill(connection)
    assert filled
    with house.session(LOADER) as connection:
        for name in filled:
            connection.execute(f"comment on table reference.{name} is 'sha256 of another file'")
        assert reference.fill(connection) == filled


def test_a_load_can_build_the_star_anew(house: House) -> None:
    """It has nothing to do with the schema ``change``, whose locks it waits for."""
    claims = "select claim_id from star.fact_claim order by 1"
    with (
        release_dump.settings(url_as(LOADER, house.database), house.folder),
        house.session(LOADER) as connection,
    ):
        before = connection.execute(claims).fetchall()
        assert star.rebuild(connection, SOURCE)["fact_claim"] == len(before) > 0
        assert connection.execute(claims).fetchall() == before


def test_passwords_are_kept_as_scram_verifiers(house: House) -> None:
    with house.session("postgres") as connection:
        kept = dict(
            connection.execute(
                "select rolname, rolpassword from pg_authid where rolname like 'claimhouse%' and rolcanlogin"
            ).fetchall()
        )
    assert kept.keys() == {OWNER, LOADER, DELIVERER, PAGES, PORTAL}
    assert all(verifier.startswith("SCRAM-SHA-256$") for verifier in kept.values())


def test_a_warehouse_with_one_role_for_all_gets_these() -> None:
    """As docs/how-to/upgrade.md says: its superuser was named as the owner is now."""
    with empty_house() as house:
        release_dump.restore(RELEASE, house.database)
        with house.session("postgres") as connection:
            connection.execute("create role renamer login superuser")
        with house.session("renamer") as connection:
            connection.execute("alter role postgres rename to claimhouse")  # as it was
        with house.session("renamer") as connection:
            connection.execute("alter role claimhouse rename to postgres")
        with house.session("postgres") as connection:
            connection.execute("drop role renamer")
        make_roles(house.database, house.folder / "secrets")
        schema.upgrade(url_as(OWNER, house.database))
        house.load("next")
        house.publish()
        with house.session("postgres") as connection:
            owners = connection.execute(
                "select distinct pg_get_userbyid(relowner) from pg_class as c"
                " inner join pg_namespace as n on c.relnamespace = n.oid and n.nspname !~ '^pg_'"
                " where n.nspname <> 'information_schema' and c.relkind in ('r', 'p', 'v')"
            ).fetchall()
    assert {owner for (owner,) in owners} == {OWNER, LOADER, "reporting_owner", "identified_owner"}


def test_an_owner_on_a_managed_server_makes_the_roles_itself() -> None:
    """With the statements of the guide, after a first upgrade without them."""
    guide = ROOT / "docs" / "how-to" / "move-to-a-managed-postgres.md"
    statements = re.findall(
        r"(?m)^ +((?:create role claimhouse|grant claimhouse).*;)$", guide.read_text()
    )
    assert len(statements) == 4
    with empty_house() as house:
        with house.session("postgres") as connection:
            connection.execute("create role claimhouse login createrole")
            connection.execute("alter database warehouse owner to claimhouse")
        schema.upgrade(url_as(OWNER, house.database))
        with house.session(OWNER) as connection:
            for statement in statements:
                connection.execute(statement)
        schema.upgrade(url_as(OWNER, house.database))
        house.load("first")
        house.publish()
        with house.session("postgres") as connection:
            (reports,) = connection.execute(
                "select count(*) from pg_views where schemaname = 'reporting'"
            ).fetchone()
            superusers = connection.execute(
                "select rolname from pg_roles where rolsuper"
            ).fetchall()
        with house.session(PAGES) as connection:
            for role in ("claimhouse_viewer", "claimhouse_reviewer"):
                connection.execute(f"set role {role}")
                connection.execute("select * from source_billing.claims")
        with house.session(OWNER) as connection:
            connection.execute("alter role claimhouse_portal login")
        with house.session(PORTAL) as connection:
            (report, _) = connection.execute(
                "select reports[1], set_config('role', role_name, false) from portal.reader limit 1"
            ).fetchone()
            connection.execute(f"select count(*) from reporting.{report}")
    assert reports > 20
    assert superusers == [("postgres",)]


def test_the_portal_reads_as_a_person_and_as_nobody_else(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from claimhouse.dashboards import database

    monkeypatch.setenv("AIRFLOW_CONN_CLAIMHOUSE_PORTAL", url_as(PORTAL, house.database))
    with house.session(PORTAL) as session:
        people = session.execute("select login, role_name, reports from portal.reader").fetchall()
    assert people
    database.close()
    for login, role, reports in people:
        for _ in range(2):
            with database.as_reader(login) as connection:
                assert connection.execute("select session_user, current_user").fetchone() == (
                    PORTAL,
                    role,
                )
                connection.execute(f"select count(*) from reporting.{reports[0]}")
    database.close()


@pytest.mark.parametrize(
    "statement",
    [
        "set role claimhouse",
        "set role claimhouse_loader",
        "set role claimhouse_deliverer",
        "set role claimhouse_pages",
        "set role claimhouse_viewer",
        "set role tableau_service",
        "set role reporting_owner",
        "set role identified_owner",
        "set role {extracts}",
        "create role mallory login",
        "grant claimhouse_loader to claimhouse_portal",
        "select * from star.fact_claim",
        "select * from security.login",
        "select * from published.edition",
        "select * from reporting.claims_by_specialty_month",
        "select * from landing.file",
        "select pg_advisory_lock(1)",
        "insert into portal.account (kind, name, login, made_by) values ('oidc', 'x', 'x', 'x')",
        "update portal.account set login = 'x'",
        "update portal.account set password_hash = 'x'",
        "delete from portal.account",
        "delete from portal.sign_in",
        "update portal.sign_in set outcome = 'unknown'",
        "update portal.session set account_id = 1",
    ],
)
def test_the_portal_cannot(house: House, statement: str) -> None:
    with house.session("postgres") as connection:
        names = {"extracts": role_of(connection, f"client_{release_dump.CLIENT}")}
    refused(house, PORTAL, statement.format(**names))


def test_a_portal_that_may_more_stops_the_publication(house: House) -> None:
    with house.session("postgres") as connection:
        connection.execute("grant claimhouse_loader to claimhouse_portal")
        try:
            with pytest.raises(
                ReportingError, match="claimhouse_portal is a member of claimhouse_loader"
            ):
                house.publish()
        finally:
            connection.execute("revoke claimhouse_loader from claimhouse_portal")
        connection.execute("grant select on star.dim_payer to claimhouse_portal")
        try:
            with pytest.raises(ReportingError, match=r"claimhouse_portal reaches star\.dim_payer"):
                house.publish()
        finally:
            connection.execute("revoke select on star.dim_payer from claimhouse_portal")
    house.publish()

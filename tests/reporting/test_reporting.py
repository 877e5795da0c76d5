"""What clients see: their own claims and nothing else, in sessions of their own roles."""

from __future__ import annotations

import json
import re
import threading
import uuid

import psycopg
import pytest
from local import embedded
from psycopg import errors
from tests.worlds.client_world import COLUMNS, MASTER_KEY, World, client_file, roles_file
from tests.worlds.hospital_world import database

from claimhouse import connections, reporting, schema
from claimhouse.reporting import editions, readers

EDITIONS = "select e.source_system, max(e.edition) from published.edition as e group by 1"
VIEW = "reporting.claims_by_specialty_month"
LISTING = (
    f"select {', '.join(COLUMNS)} from {VIEW}"
    " order by provider_specialty, service_month, date_of_service, claim_pseudonym"
)
# No privilege, or an operation that no view of several tables supports.
REFUSED = (
    errors.InsufficientPrivilege,
    errors.WrongObjectType,
    errors.ObjectNotInPrerequisiteState,
)
OWNERS = ("reporting_owner", "identified_owner", "tableau_service")
SUMMIT = (("billing", ["orthopedist", "physical_therapist"]),)
HARBOR = (("billing", ["heart_surgeon"]), ("clinic", ["orthopedist"]))


@pytest.fixture
def world(warehouse, warehouse_url, tmp_path, monkeypatch):
    """A published world of three clients: summit, harbor, and one entitled to nothing."""
    key = json.dumps({"conn_type": "generic", "password": MASTER_KEY})
    monkeypatch.setenv("AIRFLOW_CONN_CLAIMHOUSE_PSEUDONYM", key)
    world = World(warehouse, warehouse_url, tmp_path)
    world.write_all()
    reporting.publish(warehouse, tmp_path)
    return world


@pytest.fixture(scope="module")
def shared(server, tmp_path_factory):
    """The same, for tests that leave it as it is."""
    with database(server) as (address, owner):
        world = World(owner, address, tmp_path_factory.mktemp("clients"))
        world.write_all()
        reporting.publish(owner, world.folder)
        yield world


def listing(world, role):
    with world.session(role) as session:
        return session.execute(LISTING).fetchall()


def test_each_client_sees_exactly_its_own_claims(shared):
    summit, harbor = (
        shared.expected(shared.summit, *SUMMIT),
        shared.expected(shared.harbor, *HARBOR),
    )
    assert len(summit) > 50 and len(harbor) > 50
    assert listing(shared, shared.login(shared.summit)) == summit
    assert listing(shared, shared.login(shared.harbor)) == harbor
    assert listing(shared, shared.login(shared.empty)) == []


def test_the_owner_of_the_views_sees_nothing_and_reaches_no_star(shared):
    shared.connection.execute("set role reporting_owner")
    assert shared.connection.execute(f"select count(*) from {VIEW}").fetchone() == (0,)
    with pytest.raises(errors.InsufficientPrivilege):
        shared.connection.execute("select count(*) from star.fact_claim")
    shared.connection.execute("reset role")


def test_pseudonyms_are_stable_for_a_client_and_differ_between_clients(world, warehouse):
    world.write(world.harbor, *SUMMIT)
    reporting.publish(warehouse, world.folder)
    summit, harbor = (
        {(row[3], row[4]) for row in listing(world, world.login(name))}
        for name in (world.summit, world.harbor)
    )
    assert len(summit) == len(harbor) > 50
    assert not {one for pair in summit for one in pair if one} & {
        one for pair in harbor for one in pair
    }
    expected = world.pseudonym(world.summit, "patient", "billing", "PAT0001")
    assert expected in {patient for _, patient in summit}


def relations(warehouse):
    return warehouse.execute(
        "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.relkind in ('r', 'p', 'v', 'm', 'S')"
        " and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') order by 1, 2"
    ).fetchall()


def test_a_client_reads_its_view_and_no_other_relation(shared):
    found = relations(shared.connection)
    schemas = {schema for schema, _ in found}
    assert {"landing", "quality", "star", "security", "delivery", "reporting"} <= schemas
    with shared.session(shared.login(shared.summit)) as session:
        for schema, relation in found:
            for statement in (
                f'select count(*) from "{schema}"."{relation}"',
                f'copy "{schema}"."{relation}" to stdout',
                f'delete from "{schema}"."{relation}"',
                f'create view reporting.mine as select * from "{schema}"."{relation}"',
            ):
                readable = f"{schema}.{relation}" == VIEW and statement.startswith("select")
                if readable:
                    session.execute(statement)
                else:
                    with pytest.raises(REFUSED):
                        session.execute(statement)


def test_a_client_cannot_call_our_functions(shared):
    functions = shared.connection.execute(
        "select p.oid::regproc::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
        " where n.nspname not in ('pg_catalog', 'information_schema')"
    ).fetchall()
    with shared.session(shared.login(shared.summit)) as session:
        for (name,) in functions:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(f"select {name}()")


@pytest.mark.parametrize(
    "trick",
    [
        "set role reporting_owner",
        "set role postgres",
        "set session authorization postgres",
        "set role {harbor}",
        "set role {harbors_analyst}",
        "set role {summit}",
        "create temporary table t (a integer)",
        "create schema mine",
        "create function reporting.f() returns int language sql as 'select 1'",
        "alter view reporting.claims_by_specialty_month reset (security_barrier)",
        "alter role {own} bypassrls",
        "grant reporting_owner to {own}",
        "alter table star.fact_claim disable row level security",
    ],
)
def test_tricks_are_refused(shared, trick):
    roles = {
        "own": shared.role(shared.summit),
        "summit": shared.role_of_extracts(shared.summit),
        "harbor": shared.role_of_extracts(shared.harbor),
        "harbors_analyst": shared.role(shared.harbor),
    }
    with (
        shared.session(shared.login(shared.summit)) as session,
        pytest.raises((errors.InsufficientPrivilege, errors.InvalidParameterValue)),
    ):
        session.execute(trick.format(**roles))


def test_resetting_the_role_changes_nothing(shared):
    with shared.session(shared.login(shared.summit)) as session:
        for trick in ("reset role", "set role none", "reset session authorization", "reset all"):
            session.execute(trick)
            assert session.execute(LISTING).fetchall() == shared.expected(shared.summit, *SUMMIT)


def test_an_error_reveals_no_row_of_others(shared):
    """A condition that fails on rows of other clients would reveal that they exist."""
    foreign = next(row for row in shared.claims if row["specialty"] == "heart_surgeon")
    with shared.session(shared.login(shared.summit)) as session:
        found = session.execute(
            f"select count(*) from {VIEW} where 1 / (total_cost - %s) is not null"
            " and 1 / (case when provider_specialty = 'heart_surgeon' then 0 else 1 end) = 1",
            (foreign["cost"],),
        ).fetchone()
    assert found == (len(shared.expected(shared.summit, *SUMMIT)),)


def test_every_view_shows_only_patients_of_the_callers_own_claims(shared):
    """The policy on dim_patient is by source: a view must reach its patients through the facts."""
    own = {row[4] for row in shared.expected(shared.summit, *SUMMIT)}
    views = shared.connection.execute(
        "select table_name from information_schema.columns"
        " where table_schema = 'reporting' and column_name = 'patient_pseudonym'"
        " and has_table_privilege(%s, format('%%I.%%I', table_schema, table_name), 'select')",
        (shared.role(shared.summit),),
    ).fetchall()
    assert views
    with shared.session(shared.login(shared.summit)) as session:
        for (view,) in views:
            found = session.execute(f"select distinct patient_pseudonym from reporting.{view}")
            assert {patient for (patient,) in found} == own


def test_no_name_street_or_identifier_is_in_the_view(shared):
    with shared.session(shared.login(shared.summit)) as session:
        shown = str(session.execute(f"select v::text from {VIEW} as v").fetchall())
    assert "Albany" in shown
    for secret in ("Zebulon", "Quillfeather", "Secret Street", "PAT0", "CLM0", "DOC"):
        assert secret not in shown


def test_two_source_systems_are_published_at_the_same_time(world, warehouse, monkeypatch):
    together = threading.Barrier(2)
    sessions = {}
    publish = editions.publish

    def publish_beside_another(connection, source, *given, **named):
        if source in ("billing", "clinic"):
            together.wait(60)
            sessions[source] = connection.info.backend_pid
        return publish(connection, source, *given, **named)

    monkeypatch.setattr(editions, "publish", publish_beside_another)
    done = reporting.publish(warehouse, world.folder, everything=True)
    assert {"billing", "clinic"} < {edition.source for edition in done.editions}
    assert sessions["billing"] != sessions["clinic"]


def test_a_source_system_that_cannot_be_published_keeps_no_other_from_it(
    world, warehouse, monkeypatch
):
    publish = editions.publish

    def publish_no_clinic(connection, source, *given, **named):
        if source == "clinic":
            raise ArithmeticError("of clinic")
        return publish(connection, source, *given, **named)

    before = dict(warehouse.execute(EDITIONS).fetchall())
    warehouse.execute("update star.dim_patient set city = 'Elsewhere' where patient_key > 0")
    monkeypatch.setattr(editions, "publish", publish_no_clinic)
    with pytest.raises(ExceptionGroup) as failed:
        reporting.publish(warehouse, world.folder)
    assert [str(error) for error in failed.value.exceptions] == ["of clinic"]
    after = dict(warehouse.execute(EDITIONS).fetchall())
    assert after["clinic"] == before["clinic"]
    assert after["billing"] > before["billing"]


def test_a_removed_specialty_is_closed_by_the_next_publication(world, warehouse):
    world.write(world.summit, ("billing", ["physical_therapist"]))
    done = reporting.publish(warehouse, world.folder)
    assert (done.entitlements_opened, done.entitlements_closed) == (0, 2)  # its role, its login
    rows = listing(world, world.login(world.summit))
    assert rows == world.expected(world.summit, ("billing", ["physical_therapist"]))
    history = warehouse.execute(
        "select value, valid_to > now() from security.entitlement_history"
        " where login = %s and kind = 'provider_specialty' order by 1",
        (f"client_{world.summit}",),
    ).fetchall()
    assert history == [("orthopedist", False), ("physical_therapist", True)]


def test_a_client_that_leaves_loses_its_access(world, warehouse):
    (world.folder / f"{world.summit}.yaml").unlink()
    with world.session(world.login(world.summit)) as session:
        assert session.execute(LISTING).fetchall()
        reporting.publish(warehouse, world.folder)
        with pytest.raises(errors.InsufficientPrivilege):
            session.execute(LISTING)
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        listing(world, world.login(world.summit))


def test_a_removed_report_is_closed(world, warehouse):
    before = listing(world, world.login(world.summit))
    world.write(world.summit, *SUMMIT, reports=[])
    reporting.publish(warehouse, world.folder)
    with pytest.raises(errors.InsufficientPrivilege):
        listing(world, world.login(world.summit))
    world.write(world.summit, *SUMMIT)
    reporting.publish(warehouse, world.folder)
    assert listing(world, world.login(world.summit)) == before


def test_publishing_again_changes_nothing(shared):
    history = "select * from security.entitlement_history order by login, value, valid_from"
    edition = "select * from published.edition order by audience, source_system"
    before, editions = (
        shared.connection.execute(history).fetchall(),
        shared.connection.execute(edition).fetchall(),
    )
    done = reporting.publish(shared.connection, shared.folder)
    assert (done.entitlements_opened, done.entitlements_closed) == (0, 0)
    assert shared.connection.execute(history).fetchall() == before
    assert shared.connection.execute(edition).fetchall() == editions
    assert listing(shared, shared.login(shared.summit)) == shared.expected(shared.summit, *SUMMIT)


def test_a_changed_key_is_refused_and_changes_nothing(world, warehouse, monkeypatch):
    before = listing(world, world.login(world.summit))
    other = json.dumps({"conn_type": "generic", "password": "another key"})
    monkeypatch.setenv("AIRFLOW_CONN_CLAIMHOUSE_PSEUDONYM", other)
    world.write(world.summit, ("billing", ["family_physician"]))
    with pytest.raises(reporting.KeyChanged, match="pseudonyms"):
        reporting.publish(warehouse, world.folder)
    assert listing(world, world.login(world.summit)) == before


def test_without_a_key_nothing_is_published(shared, monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_CLAIMHOUSE_PSEUDONYM")
    with pytest.raises(connections.MissingConnection, match="claimhouse_pseudonym"):
        reporting.publish(shared.connection, shared.folder)


@pytest.mark.parametrize(
    "breach, says",
    [
        ("grant select on star.dim_patient to {role}", "reaches star.dim_patient"),
        ("grant select (city) on star.dim_patient to {role}", "reaches star.dim_patient"),
        ("grant select on quality.issue to public", "reaches quality.issue"),
        ("grant usage on schema security to {role}", "may use the schema security"),
        ("grant reporting_owner to {role}", "member of reporting_owner"),
        ("alter role {role} bypassrls", "has a right"),
        ("grant select on landing.batch to reporting_owner", "reads more than what is published"),
        ("create table reporting.t (a int)", "reporting.t is not a view of an owner of reports"),
        (
            "create or replace view reporting.claims_by_specialty_month with (security_barrier) as select"
            f" {', '.join(COLUMNS[:-1])}, null::timestamptz as as_of from published.claims_by_specialty_month",
            "does not ask who is reading",
        ),
        (
            "create function security.f() returns int language sql as 'select 1'; "
            "grant usage on schema security to {role}",
            "may call security.f",
        ),
        ("grant create on schema reporting to {role}", "may create in the schema reporting"),
    ],
)
def test_an_unsafe_state_is_never_published(shared, breach, says):
    # memberships and powers belong to the server that the tests share: all is taken back
    with shared.connection.transaction(force_rollback=True):
        shared.connection.execute(breach.format(role=shared.role(shared.summit)))
        with pytest.raises(reporting.ReportingError, match=says):
            reporting.publish(shared.connection, shared.folder)


def test_a_grant_made_by_hand_on_reporting_is_revoked(world, warehouse):
    outsider = f"client_{world.empty}__outsider"
    warehouse.execute(f"create role {outsider} login")
    warehouse.execute(f"grant usage on schema reporting to {outsider}")
    warehouse.execute(f"grant select on {VIEW} to {outsider}")
    warehouse.execute(f"grant connect on database {warehouse.info.dbname} to {outsider}")
    assert listing(world, outsider) == []  # the policies already hide all rows
    reporting.publish(warehouse, world.folder)
    with pytest.raises(psycopg.OperationalError):
        listing(world, outsider)
    kept = "select has_schema_privilege(%s, 'reporting', 'usage')"
    assert warehouse.execute(kept, (outsider,)).fetchone() == (False,)


def test_a_login_gets_the_password_of_its_connection(world, warehouse, monkeypatch):
    name = f"AIRFLOW_CONN_CLAIMHOUSE_LOGIN_{world.summit}__ANALYST".upper()
    monkeypatch.setenv(name, json.dumps({"conn_type": "generic", "password": "open sesame"}))
    reporting.publish(warehouse, world.folder)
    stored = warehouse.execute(
        "select rolpassword from pg_authid where rolname = %s", (world.role(world.summit),)
    ).fetchone()
    assert stored[0].startswith("SCRAM-SHA-256$")


def test_a_publisher_needs_no_superuser(server, tmp_path, monkeypatch):
    """A managed Postgres has no superuser: a database owner who may create roles is enough."""
    key = json.dumps({"conn_type": "generic", "password": MASTER_KEY})
    monkeypatch.setenv("AIRFLOW_CONN_CLAIMHOUSE_PSEUDONYM", key)
    name = f"house_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"create role {name} login createrole")
        for owner in OWNERS:
            admin.execute(f"grant {owner} to {name} with admin option")
        admin.execute(f"create database {name} owner {name}")
    address = embedded.url_of(server, name).replace("//postgres:@", f"//{name}@")
    try:
        schema.upgrade(address)
        with psycopg.connect(address, autocommit=True) as connection:
            world = World(connection, address, tmp_path)
            world.write_all()
            for _ in range(2):
                reporting.publish(connection, tmp_path, roles_file(tmp_path / "roles.yml"))
            rows = listing(world, world.login(world.summit))
            assert rows == world.expected(world.summit, *SUMMIT)
            connection.execute(
                f"set role {world.role_of_extracts(world.summit)}"
            )  # as delivery does
    finally:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f"drop database {name} with (force)")
            for owner in OWNERS:
                admin.execute(f"revoke {owner} from {name} cascade")
            admin.execute(f"drop owned by {name} cascade")
            for (granted,) in admin.execute(
                "select g.rolname::text from pg_auth_members as m join pg_roles as g on m.roleid = g.oid"
                " join pg_roles as w on m.member = w.oid where w.rolname = %s",
                (name,),
            ).fetchall():
                admin.execute(f'revoke "{granted}" from {name} cascade')
            admin.execute(f"drop role {name}")


def test_a_plan_reads_the_rows_of_the_reader_alone(shared):
    """The condition on the audience vanishes: other partitions are not even planned."""
    partitions = set()
    for name in (shared.summit, shared.harbor):
        with shared.session(shared.login(name)) as session:
            plan = session.execute(f"explain (format json) select * from {VIEW}").fetchone()[0]
        (partition,) = set(re.findall(r"claims_by_specialty_month_\d+", json.dumps(plan)))
        partitions.add(partition)
    assert len(partitions) == 2


@pytest.mark.parametrize(
    "change, line, says",
    [
        ({"color": "red"}, 14, "color: unknown key"),
        ({"privacy_level": "open"}, 3, "'open' is not one of"),
        ({"reports": ["everything"]}, 5, "there is no report everything"),
        ({"logins": ["x'; drop role y"]}, 12, "does not match"),
        ({"name": "other"}, 1, "must be the name of the file: acme"),
    ],
)
def test_a_bad_client_file_is_named_with_its_line(tmp_path, change, line, says):
    file = client_file(tmp_path, "acme", *SUMMIT, **change)
    with pytest.raises(readers.ReaderError, match=says) as raised:
        readers.load_client(file)
    assert str(raised.value).startswith(f"{file}:{line}: ")


@pytest.mark.parametrize(
    "change, place",
    [
        ({"entitlements": [{"source_system": "hospital", "procedure_specialties": ["poetry"]}]}, "0.procedure_sp"),
        ({"logins": [{"name": "kim", "specialty": "poetry"}]}, "logins.0.specialty"),
        (
            {"entitlements": [
                {"source_system": "hospital", "payers": ["Acme"], "restricted_specialties": ["poetry"]}
            ]},
            "0.restricted_specialties",
        ),
    ],
)  # fmt: skip
def test_a_specialty_that_is_not_in_the_list_is_named(tmp_path, change, place):
    file = client_file(tmp_path, "acme", *SUMMIT, **change)
    with pytest.raises(readers.ReaderError, match="there is no specialty 'poetry'") as raised:
        readers.load_client(file)
    assert place in str(raised.value)


@pytest.mark.parametrize(
    "change, says",
    [
        ({"schedule": "every day"}, "schedule: not a cron"),
        ({"time_zone": "Mars/Olympus"}, "time_zone: not a time zone"),
        ({"recipients": ["nobody"]}, "not a mail address"),
        ({"format": "docx"}, "not one of"),
        ({"report": "other"}, "not among this reader's reports"),
        ({"reason": ""}, "reason"),
    ],
)
def test_a_bad_subscription_is_refused(tmp_path, change, says):
    good = {
        "name": "monthly", "report": "claims_by_specialty_month", "format": "xlsx",
        "schedule": "0 6 1 * *", "time_zone": "UTC", "recipients": ["a@b.example"],
        "transport": "attachment", "reason": "because",
    }  # fmt: skip
    assert readers.load_client(
        client_file(tmp_path, "acme", *SUMMIT, subscriptions=[good])
    ).subscriptions
    file = client_file(tmp_path, "acme", *SUMMIT, subscriptions=[good | change])
    with pytest.raises(readers.ReaderError, match=says):
        readers.load_client(file)


def test_a_key_said_twice_is_refused(tmp_path):
    file = client_file(tmp_path, "acme", *SUMMIT)
    file.write_text(file.read_text() + "privacy_level: limited\n")
    with pytest.raises(readers.ReaderError, match="privacy_level: occurs twice"):
        readers.load_client(file)


def test_the_demo_client_is_fit_to_publish():
    assert [client.name for client in readers.load_clients()] == [
        "humana",
        "summit_ortho",
        "unitedhealthcare",
    ]

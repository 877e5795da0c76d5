"""Tableau's one login reads as the person that its session is bound to, and as nobody else."""

from __future__ import annotations

import json
import uuid

import psycopg
import pytest
from psycopg import errors
from tests.worlds.client_world import MASTER_KEY, client_file, role_of, roles_file
from tests.worlds.hospital_world import Hospital, database

from claimhouse import reporting
from claimhouse.reporting import readers

SERVICE = "tableau_service"
COUNT = "select count(*) from reporting.member_procedures"


@pytest.fixture(scope="module")
def hospital(server, tmp_path_factory):
    """A published hospital that the tests of this module do not change."""
    with database(server) as (address, owner):
        yield publish(owner, address, tmp_path_factory.mktemp("clients"))


@pytest.fixture
def changing(warehouse, warehouse_url, tmp_path, monkeypatch):
    """A published hospital of the test's own."""
    key = json.dumps({"conn_type": "generic", "password": MASTER_KEY})
    monkeypatch.setenv("AIRFLOW_CONN_CLAIMHOUSE_PSEUDONYM", key)
    return publish(warehouse, warehouse_url, tmp_path)


def publish(connection, address, folder):
    """Two insurers whose people have Tableau users, and roles inside the house that have none."""
    world = Hospital(connection, address, encounters=100)
    world.folder, world.roles = folder, folder / "roles.yml"
    tag = uuid.uuid4().hex[:6]
    world.united, world.humana = f"united_{tag}", f"humana_{tag}"
    for name, payer, user in (
        (world.united, "UnitedHealthcare", "Una@United.example"),
        (world.humana, "Humana", "hugo@humana.example"),
    ):
        write(world, name, payer, [{"name": "analyst", "tableau_user": user}])
    everything = [
        {"source_system": "hospital", "every_row": True, "restricted_specialties": ["hospice"]}
    ]
    board = {"name": f"board_{tag}", "privacy_level": "identified", "reserved": True, "logins": ["eve"],
             "schemas": ["star"], "reports": ["identified_procedures"], "entitlements": everything}  # fmt: skip
    publisher = {"name": f"pub_{tag}", "privacy_level": "identified", "logins": ["pat"],
                 "reports": ["tableau_entitlement"]}  # fmt: skip
    world.publisher = f"staff_pub_{tag}__pat"
    roles_file(world.roles, board, publisher)
    reporting.publish(connection, folder, world.roles)
    return world


def write(world, name, payer, logins, reports=("member_procedures", "missed_patients")):
    client_file(
        world.folder, name, ("hospital", {"payers": [payer]}), reports=list(reports), logins=logins
    )


def counted(world, payer):
    return (len(world.seen(world.procedures, payer)),)


def bind(session, user):
    return session.execute("select security.bind(%s)", (user,)).fetchone()


@pytest.mark.parametrize("user", ["una@united.example", " UNA@United.Example "])
def test_a_bound_session_reads_as_its_person(hospital, user):
    with hospital.session(SERVICE) as session:
        assert bind(session, user) == ("bound",)
        assert session.execute(COUNT).fetchone() == counted(hospital, "UnitedHealthcare")
        shown = session.execute(
            "select distinct payer_name from reporting.member_procedures"
        ).fetchall()
        assert shown == [("UnitedHealthcare",)]
        assert session.execute("select count(*) from reporting.missed_patients").fetchone() != (0,)


@pytest.mark.parametrize(
    "user", [None, "", "  ", "stranger@x.example", "client_x__analyst", SERVICE]
)
def test_a_session_without_a_bound_known_user_sees_no_rows(hospital, user):
    with hospital.session(SERVICE) as session:
        assert session.execute(COUNT).fetchone() == (0,)
        assert session.execute("select count(*) from reporting.missed_patients").fetchone() == (0,)
        bind(session, user)
        assert session.execute(COUNT).fetchone() == (0,)
        assert session.execute("select count(*) from reporting.missed_patients").fetchone() == (0,)
        with pytest.raises(errors.InsufficientPrivilege):  # and cannot be bound to anybody else
            bind(session, "una@united.example")


SPOOFS = [
    "select security.bind('hugo@humana.example')",
    "select * from (select security.bind('hugo@humana.example')) as custom_sql",
    "rollback; select security.bind('hugo@humana.example')",
    "begin; select security.bind('hugo@humana.example')",
    "discard all; select security.bind('hugo@humana.example')",
    "set role {humana}",
    "set role {humanas_analyst}",
    "set session authorization {humanas_analyst}",
    "set role postgres",
    "insert into security.binding values (pg_backend_pid(), now(), 'hugo@humana.example')",
    "update security.binding set tableau_user = 'hugo@humana.example'",
    "delete from security.binding",
    "select * from security.binding",
    "select * from security.login",
    "select * from star.dim_patient",
    "select * from reporting.identified_procedures",
    "create temporary table binding as select 'hugo@humana.example'::text as tableau_user",
    "create temporary view reader as select 1 as a",
    "create function pg_temp.pg_backend_pid() returns int language sql as 'select 1'",
    "create schema tableau_service",
    "create or replace function security.bind(text) returns text language sql as 'select 1'",
    "alter role tableau_service rename to {humana}_1",
]


@pytest.mark.parametrize("spoof", SPOOFS)
def test_a_bound_session_cannot_become_somebody_else(hospital, spoof):
    mine = counted(hospital, "UnitedHealthcare")
    own = f"client_{hospital.humana}"
    roles = {
        "humana": role_of(hospital.connection, own),
        "humanas_analyst": role_of(hospital.connection, f"{own}__analyst"),
    }
    with hospital.session(SERVICE) as session:
        bind(session, "una@united.example")
        with pytest.raises((
            errors.InsufficientPrivilege, errors.InvalidParameterValue, errors.UndefinedObject,
            errors.FeatureNotSupported, errors.ActiveSqlTransaction,  # several statements at once
        )):  # fmt: skip
            session.execute(spoof.format(**roles))
        session.rollback()
        assert session.execute(COUNT).fetchone() == mine


def test_settings_and_search_path_change_nothing(hospital):
    mine = counted(hospital, "UnitedHealthcare")
    with hospital.session(SERVICE) as session:
        bind(session, "una@united.example")
        for setting in (
            "set search_path = pg_temp, public, security",
            "select set_config('claimhouse.user', 'hugo@humana.example', false)",
            "select set_config('tableau.user', 'hugo@humana.example', false)",
            "set application_name = 'hugo@humana.example'",
            "reset role", "set role none", "reset session authorization", "reset all", "discard all",
        ):  # fmt: skip
            session.execute(setting)
            assert session.execute(COUNT).fetchone() == mine


def test_a_cursor_opened_before_or_kept_past_a_transaction_shows_its_time_alone(hospital):
    with hospital.session(SERVICE) as session:
        session.execute("begin")
        session.execute(
            "declare early cursor with hold for select * from reporting.member_procedures"
        )
        session.execute("commit")
        bind(session, "una@united.example")
        assert session.execute("fetch all from early").fetchall() == []


def test_a_binding_counts_once_it_is_committed(hospital):
    """Before, it could be rolled back and made again: a driver that keeps its transaction sees nothing."""
    with hospital.session(SERVICE) as session:
        session.execute("begin")
        bind(session, "una@united.example")
        assert session.execute(COUNT).fetchone() == (0,)
        session.execute("commit")
        assert session.execute(COUNT).fetchone() == counted(hospital, "UnitedHealthcare")
        with pytest.raises(errors.InsufficientPrivilege):
            bind(session, "hugo@humana.example")


def test_sessions_do_not_mix_and_each_binding_is_kept(hospital):
    with hospital.session(SERVICE) as one, hospital.session(SERVICE) as two:
        bind(one, "una@united.example")
        assert two.execute(COUNT).fetchone() == (0,)
        bind(two, "hugo@humana.example")
        assert one.execute(COUNT).fetchone() == counted(hospital, "UnitedHealthcare")
        assert two.execute(COUNT).fetchone() == counted(hospital, "Humana")
        found = hospital.connection.execute(
            "select pid, tableau_user from security.binding where pid = any(%s) order by bound_at",
            ([one.info.backend_pid, two.info.backend_pid],),
        )
        assert found.fetchall() == [
            (one.info.backend_pid, "una@united.example"), (two.info.backend_pid, "hugo@humana.example"),
        ]  # fmt: skip


def test_a_later_process_of_the_same_number_is_not_bound(hospital):
    with hospital.session(SERVICE) as session:
        hospital.connection.execute(
            "insert into security.binding values (%s, '2020-01-01', 'una@united.example')",
            (session.info.backend_pid,),
        )
        assert session.execute(COUNT).fetchone() == (0,)


def test_nobody_but_the_service_is_bound(hospital):
    with hospital.session(f"client_{hospital.humana}__analyst") as session:
        with pytest.raises(errors.InsufficientPrivilege):
            bind(session, "una@united.example")
        assert session.execute(COUNT).fetchone() == counted(hospital, "Humana")


def test_each_session_reads_as_one_login(hospital):
    """Of a person its own; of the owner and the deliverer, that of the role they take."""
    login, own = f"client_{hospital.humana}__analyst", f"client_{hospital.humana}"
    role, own_role = (role_of(hospital.connection, name) for name in (login, own))
    asked = "select security.bound_login()"
    with psycopg.connect(hospital.address, autocommit=True) as owner:
        owner.execute(f"grant usage on schema security to {role}, {own_role}, {SERVICE}")
        try:
            assert owner.execute(asked).fetchone() == (None,)
            owner.execute(f"set role {own_role}")
            assert owner.execute(asked).fetchone() == (own,)
            owner.execute("reset role")
            with hospital.session(login) as session:
                assert session.execute(asked).fetchone() == (login,)
                session.execute(f"set role {role}")
                assert session.execute(asked).fetchone() == (login,)
            with hospital.session(SERVICE) as session:
                assert session.execute(asked).fetchone() == (None,)
                bind(session, "hugo@humana.example")
                assert session.execute(asked).fetchone() == (login,)
        finally:
            owner.execute("reset role")
            owner.execute(f"revoke usage on schema security from {role}, {own_role}")


def test_a_plan_of_a_session_that_nobody_was_bound_to_is_forgotten(hospital):
    with hospital.session(SERVICE) as session:
        session.execute(f"prepare counted as {COUNT}")
        for _ in range(7):  # a generic plan
            assert session.execute("execute counted").fetchone() == (0,)
        bind(session, "una@united.example")
        assert session.execute("execute counted").fetchone() == counted(
            hospital, "UnitedHealthcare"
        )


def test_a_removed_user_sees_nothing_after_the_next_publication(changing, warehouse):
    with changing.session(SERVICE) as session:
        bind(session, "una@united.example")
        write(changing, changing.united, "UnitedHealthcare", ["analyst"])
        reporting.publish(warehouse, changing.folder, changing.roles)
        assert session.execute(COUNT).fetchone() == (0,)


def test_a_report_that_the_persons_file_does_not_list_is_empty(changing, warehouse):
    """The service has the grants of all its people: each view checks who is reading."""
    user = [{"name": "analyst", "tableau_user": "una@united.example"}]
    write(changing, changing.united, "UnitedHealthcare", user, reports=["missed_patients"])
    reporting.publish(warehouse, changing.folder, changing.roles)
    with changing.session(SERVICE) as session:
        bind(session, "una@united.example")
        assert session.execute(COUNT).fetchone() == (0,)
        assert session.execute("select count(*) from reporting.missed_patients").fetchone() != (0,)


def test_nobody_connects_through_tableau_without_tableau_users(changing, warehouse):
    for name, payer in ((changing.united, "UnitedHealthcare"), (changing.humana, "Humana")):
        write(changing, name, payer, ["analyst"])
    reporting.publish(warehouse, changing.folder, changing.roles)
    with pytest.raises(psycopg.OperationalError), changing.session(SERVICE):
        pass


def test_the_same_entitlements_filter_an_extract(hospital):
    """If no session can be bound, a data source filter joins these rows on the user name."""
    with hospital.session(hospital.publisher) as session:
        found = session.execute(
            "select tableau_user, source_system, kind, value from reporting.tableau_entitlement order by 1"
        ).fetchall()
    assert found == [
        ("hugo@humana.example", "hospital", "payer", "Humana"),
        ("una@united.example", "hospital", "payer", "UnitedHealthcare"),
    ]


def test_a_tableau_user_has_one_login(changing):
    write(
        changing, changing.humana, "Humana", [{"name": "a", "tableau_user": "UNA@united.example"}]
    )
    with pytest.raises(readers.ReaderError, match="a Tableau user has more than one login"):
        readers.load_all(changing.folder, changing.roles)


def test_a_setting_stored_for_a_role_is_reset(changing, warehouse):
    """A role can store settings for itself, which would affect everybody who shares the login."""
    role = role_of(warehouse, f"client_{changing.united}__analyst")
    other = role_of(warehouse, f"client_{changing.humana}")
    stored = "select setconfig from pg_db_role_setting where setrole = %s::regrole"
    limits = warehouse.execute(stored, (role,)).fetchall()
    with changing.session(role) as session:
        session.execute(f"alter role {role} set role = '{other}'")
        session.execute(f"alter role {role} set statement_timeout = 1")
    with changing.session(role) as session:
        assert session.execute("select current_user::text").fetchone() == (role,)
    reporting.publish(warehouse, changing.folder, changing.roles)
    assert warehouse.execute(stored, (role,)).fetchall() == limits

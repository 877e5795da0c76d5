"""Every role against every relation and column of the database: expected against actual.

What is expected is read from the files as plain YAML, independent of the publication. What is actual
is checked twice: what the server grants, and what happens when a session of the role tries.
"""

from __future__ import annotations

import re
import uuid

import pytest
import yaml
from psycopg import errors
from tests.worlds.client_world import client_file, role_of, roles_file
from tests.worlds.hospital_world import Hospital, database

from claimhouse import metrics, reporting, settings
from claimhouse.verification import source_tables

SERVICE = "tableau_service"
# They tell the session who it is bound to.
SERVICE_CALLS = (
    "security.bind",
    "security.bound_login",
    "security.bound_audience",
    "security.bound_specialty",
)
OURS = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"


@pytest.fixture(scope="module")
def house(server, tmp_path_factory):
    """A published warehouse with every kind of reader, which all tests of this module only read."""
    folder = tmp_path_factory.mktemp("clients")
    with database(server) as (address, admin):
        world = Hospital(admin, address, encounters=120)
        world.folder, world.admin = folder, admin
        world.roles = folder / "roles.yml"
        _write_files(world)
        for source in ("billing", "hospital"):
            source_tables.ensure_tables(source)
        metrics.publish(admin)
        reporting.publish(admin, folder, world.roles)
        world.secret = admin.execute("select lo_from_bytea(0, 'a secret')").fetchone()[0]
        yield world


def _write_files(world):
    """The repository's files with names that no other test uses: roles belong to the server."""
    tag = uuid.uuid4().hex[:6]
    for file in sorted((settings.INCLUDE / "clients").glob("*.yaml")):
        client = yaml.safe_load(file.read_text())
        client["name"] = f"{client['name'][:12]}_{tag}"
        client["subscriptions"] = []
        if all(isinstance(login, str) for login in client["logins"]):
            client["logins"] = [
                {"name": login, "tableau_user": f"{login}@x"} for login in client["logins"]
            ]
        (world.folder / f"{client['name']}.yaml").write_text(yaml.safe_dump(client))
    client_file(world.folder, f"nobody_{tag}", reports=[])
    roles = yaml.safe_load((settings.INCLUDE / "roles.yaml").read_text())["roles"]
    for role in roles:
        role["name"] = f"{role['name'][:16]}_{tag}"
        role["logins"] = ["ann"]
    roles_file(world.roles, *roles)


def expected_reach(world):
    """For each login: the views it may read, the schemas it may read, and its privacy level.

    Logins are named as in the files; for their roles see :func:`by_role`.
    """
    reach = {}
    tableau = set()
    for file in world.folder.glob("*.yaml"):
        client = yaml.safe_load(file.read_text())
        views = {f"reporting.{report}" for report in client["reports"]}
        views |= metric_views(client)
        for login in client["logins"]:
            name = login if isinstance(login, str) else login["name"]
            reach[f"client_{client['name']}__{name}"] = (views, set(), client["privacy_level"])
            if not isinstance(login, str) and "tableau_user" in login:
                tableau |= views
    for role in yaml.safe_load(world.roles.read_text())["roles"]:
        views = {f"reporting.{report}" for report in role["reports"]}
        views |= metric_views(role)
        for entitlement in role["entitlements"]:
            source = entitlement["source_system"]
            views |= {f"reporting.raw_{source}_{feed}" for feed in entitlement.get("feeds", [])}
        for name in role["logins"]:
            reach[f"staff_{role['name']}__{name}"] = (
                views,
                set(role["schemas"]),
                role["privacy_level"],
            )
    reach[SERVICE] = (tableau, set(), None)
    return reach


def by_role(world, reach):
    """*reach* with the database roles of the logins."""
    return {role_of(world.admin, login): login_reach for login, login_reach in reach.items()}


def metric_views(reader):
    listed = {name for entry in reader.get("metrics", []) for name in entry["names"]}
    return {f"reporting.metric_{name}" for name in [*listed, *(["catalog"] if listed else [])]}


def may_read(reach, schema, relation, column=None):
    views, schemas, _ = reach
    if f"{schema}.{relation}" in views:
        return True
    kind = "star" if schema == "reference" else "source" if schema.startswith("source_") else schema
    # The views of the schema metrics read the star as it is loaded.
    return kind in schemas and (kind != "metrics" or "star" in schemas)


def relations(admin):
    return admin.execute(
        "select n.nspname, c.relname, c.relkind, array_agg(a.attname::text)"
        " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped"
        f" where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and {OURS} group by 1, 2, 3 order by 1, 2"
    ).fetchall()


def test_the_server_grants_each_role_the_columns_its_file_lists_and_no_others(house):
    reach = by_role(house, expected_reach(house))
    found = relations(house.admin)
    assert len(reach) > 14 and len(found) > 100
    actual = set(house.admin.execute(
        "select r.rolname::text, n.nspname::text, c.relname::text, a.attname::text"
        " from pg_roles r cross join pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped"
        f" where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and {OURS} and r.rolname = any(%s)"
        " and has_schema_privilege(r.oid, n.oid, 'usage')"
        " and has_column_privilege(r.oid, c.oid, a.attnum, 'select')", (list(reach),)).fetchall())  # fmt: skip
    expected = {
        (role, schema, relation, column)
        for role, role_reach in reach.items()
        for schema, relation, kind, columns in found
        for column in columns
        if kind != "S" and may_read(role_reach, schema, relation, column)
    }
    assert actual == expected


def test_a_session_of_each_role_reads_and_writes_what_it_may_and_nothing_else(house):
    for role, reach in expected_reach(house).items():
        with house.session(role) as session:
            for schema, relation, kind, columns in relations(house.admin):
                name = f'"{schema}"."{relation}"'
                readable = [
                    column for column in columns if may_read(reach, schema, relation, column)
                ]
                selected = ", ".join(f'"{column}"' for column in readable) or "count(*)"
                if kind != "S" and readable:
                    session.execute(f"select {selected} from {name} limit 0")
                else:
                    refused(session, f"select {selected} from {name} limit 0")
                    refused(session, f"copy {name} to stdout")
                refused(session, f"delete from {name}")


def refused(session, statement):
    with pytest.raises((
        errors.InsufficientPrivilege, errors.WrongObjectType, errors.ObjectNotInPrerequisiteState,
    )):  # fmt: skip
        session.execute(statement)


def test_only_listed_roles_can_connect(house):
    can = house.admin.execute(
        "select rolname::text from pg_roles where not rolsuper and rolname !~ '^pg_'"
        " and has_database_privilege(oid, current_database(), 'connect')"
    ).fetchall()
    logins = expected_reach(house)
    people = {role_of(house.admin, login) for login in logins}
    own = {role_of(house.admin, login.rpartition("__")[0]) for login in logins if "__" in login}
    assert {role for (role,) in can} == people | own | {"claimhouse_portal"}
    can_log_in = house.admin.execute("select rolname::text from pg_roles where rolcanlogin and rolname = any(%s)",
                                     (list(own),))  # fmt: skip
    assert can_log_in.fetchall() == []


TRICKS = [
    "set role reporting_owner",
    "set role identified_owner",
    "set role postgres",
    "set session authorization postgres",
    "create temporary table member_procedures (a int)",
    "create schema mine",
    "create function public.f() returns int language sql as 'select 1'",
    "create view reporting.mine as select 1 as a",
    "copy (select 1) to '/tmp/out'",
    "copy (select 1) to program 'cat'",
    "select pg_read_file('postgresql.conf')",
    "select pg_ls_dir('.')",
    "select lo_import('/etc/passwd')",
    "select lo_export({secret}, '/tmp/out')",
    "select lo_get({secret})",
    "select * from pg_largeobject",
    "select * from pg_authid",
    "select * from pg_statistic",
    "select query_to_xml('select * from star.dim_patient', true, false, '')",
    "select * from pg_stat_get_wal_receiver(), star.dim_patient",
    "alter view {view} reset (security_barrier)",
    "alter role {role} bypassrls",
    "grant identified_owner to {role}",
    "do $$ begin execute 'select * from star.dim_patient'; end $$",
    "select security.bind('somebody')",
    "call security.bind('somebody')",
    "begin; lock table star.fact_claim",
    "vacuum star.fact_claim",
    "comment on view {view} is 'mine'",
]


@pytest.mark.parametrize("trick", TRICKS)
def test_tricks_are_refused(house, trick):
    login, (views, _, _) = next(
        (login, reach)
        for login, reach in expected_reach(house).items()
        if re.match("client_united", login)
    )
    role = role_of(house.admin, login)
    statement = trick.format(view=sorted(views)[0], role=role, secret=house.secret)
    with house.session(role) as session, pytest.raises((
        errors.InsufficientPrivilege, errors.InvalidParameterValue, errors.WrongObjectType,
        errors.UndefinedObject,
    )):  # fmt: skip
        session.execute(statement)


def test_the_catalogs_show_no_content_of_rows(house):
    """Statistics have common values, sessions have queries: a reader sees only its own."""
    for role, reach in expected_reach(house).items():
        with house.session(role) as session:
            for schema, table, column in session.execute(
                "select schemaname, tablename, attname from pg_stats"
                " where schemaname !~ '^pg_' and schemaname <> 'information_schema'"
            ):
                # Row-level security also hides the statistics of a table.
                assert may_read(reach, schema, table, column), (role, schema, table)
            refused(session, "select query from pg_stat_activity where pid <> pg_backend_pid()")
            if not reach[1]:
                seen = session.execute(
                    "select distinct table_schema::text from information_schema.columns"
                    " where table_schema !~ '^pg_' and table_schema <> 'information_schema'"
                )
                assert {schema for (schema,) in seen} <= {"reporting"}


def test_no_role_can_call_our_functions_or_become_another_role(house):
    calls = house.admin.execute(
        "select p.oid::regprocedure::text, n.nspname from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
        f" where {OURS}"
    ).fetchall()
    assert calls
    for role in by_role(house, expected_reach(house)):
        with house.session(role) as session:
            for signature, _ in calls:
                name, _, arguments = signature.partition("(")
                values = ", ".join("null" for _ in filter(None, arguments.rstrip(")").split(",")))
                if role == SERVICE and name in SERVICE_CALLS:
                    continue
                refused(session, f"select {name}({values})")
            for trick in (
                "reset role",
                "set role none",
                "reset session authorization",
                "discard all",
            ):
                session.execute(trick)
                assert session.execute(
                    "select current_user::text, session_user::text"
                ).fetchone() == (role, role)

"""Nobody learns from the catalogs, or from an error, who else is a client."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from psycopg import errors, sql
from tests.worlds.client_world import client_file, role_of, roles_file
from tests.worlds.hospital_world import database

from claimhouse import reporting, settings

IS_WHOLE = os.environ.get("ATTACK") == "whole"
SERVICE = "tableau_service"
# What a client and a role inside the house are called that have every kind of name.
STRANGER, TEAM = "quokka_health", "numbat_team"
# What anybody may read of the catalogs, and the columns of it.
READABLE = """
    select n.nspname::text, c.relname::text, array_agg(a.attname::text order by a.attnum)
    from pg_class as c
    inner join pg_namespace as n on c.relnamespace = n.oid
    inner join pg_attribute as a on c.oid = a.attrelid and a.attnum > 0 and not a.attisdropped
    where
        c.relkind in ('r', 'v', 'm', 'p', 'f', 'S') and n.nspname not in ('reporting', 'pg_toast')
        and has_schema_privilege(n.oid, 'usage') and has_column_privilege(c.oid, a.attnum, 'select')
    group by 1, 2 order by 1, 2
"""
# What functions make of catalogs that keep it in a form of their own.
TEXTS = (
    "select pg_get_viewdef(oid) as text from pg_class where relkind = 'v'",
    "select pg_get_expr(relpartbound, oid) as text from pg_class where relispartition",
    "select pg_get_indexdef(indexrelid) as text from pg_index",
    "select pg_get_constraintdef(oid) as text from pg_constraint",
    "select pg_get_triggerdef(oid) as text from pg_trigger",
    "select pg_get_ruledef(oid) as text from pg_rewrite",
    "select pg_get_expr(adbin, adrelid) as text from pg_attrdef",
    "select pg_get_functiondef(oid) as text from pg_proc where prokind in ('f', 'p') and oid > 16384",
    "select shobj_description(oid, 'pg_authid') as text from pg_roles",
    "select pg_get_userbyid(member) || pg_get_userbyid(grantor) as text from pg_auth_members",
    "select pg_identify_object(classid, objid, 0)::text as text from pg_depend where objid > 16384",
    "select d.refobjid::regrole::text as text from pg_shdepend as d where d.refclassid = 'pg_authid'::regclass",
)
# What tells by its answer, or by its error, whether there is a role of that name.
ORACLES = (
    "set role {name}",
    "set session authorization {name}",
    "select set_config('role', '{name}', false)",
    "select '{name}'::regrole",
    "select to_regrole('{name}')",
    "select pg_has_role('{name}', 'usage')",
    "select has_schema_privilege('{name}', 'reporting', 'usage')",
    "select has_database_privilege('{name}', current_database(), 'connect')",
    "select '{name}=r/postgres'::aclitem",
    "alter role {name} login",
    "alter role {name} set work_mem = '1MB'",
    "comment on role {name} is 'x'",
    "grant {name} to current_user",
    "grant select on reporting.member_procedures to {name}",
    "alter view reporting.member_procedures owner to {name}",
    "alter default privileges for role {name} grant select on tables to public",
    "create role {name}",
    "alter role current_user rename to {name}",
    "drop role {name}",
    "drop owned by {name}",
    "reassign owned by current_user to {name}",
    "create schema authorization {name}",
    "explain select * from reporting.{name}",
)


class House:
    """A published warehouse without rows: who reads it follows from the files."""

    def __init__(self, owner: psycopg.Connection[Any], address: str, folder: Path) -> None:
        self.owner, self.address = owner, address
        for file in (settings.INCLUDE / "clients").glob("*.yaml"):
            (folder / file.name).write_text(file.read_text())
        client_file(
            folder, STRANGER, ("billing", ["orthopedist"]), title="Quokka Benefit Plan",
            logins=[{"name": "wombat_desk", "tableau_user": "Wilma@Quokka.Example"}],
            subscriptions=[{
                "name": "bilby_monthly", "report": "claims_by_specialty_month", "format": "csv",
                "schedule": "0 6 1 * *", "time_zone": "America/Chicago", "transport": "attachment",
                "recipients": ["desk@potoroo.example"], "reason": "Agreement with Bandicoot",
            }],
        )  # fmt: skip
        self.clients = [yaml.safe_load(file.read_text()) for file in folder.glob("*.yaml")]
        team = {"name": TEAM, "title": "Echidna desk", "logins": ["dunnart"],
                "reports": ["claims_by_key_fields"],
                "entitlements": [{"source_system": "billing", "every_row": True}]}  # fmt: skip
        reporting.publish(owner, folder, roles_file(folder / "roles.yml", team))

    def names_hidden_from(self, client: str | None) -> list[str]:
        """What would tell that others are clients, or who works for them or in the house."""
        names = {TEAM, "echidna", "dunnart", "staff_"}
        for other in self.clients:
            if other["name"] == client:
                continue
            names |= {other["name"], other["title"], f"client_{other['name']}"}
            for login in other["logins"]:
                person = login if isinstance(login, dict) else {"name": login}
                # "analyst" is what many are called, "cardiology" a specialty
                names |= {f"__{person['name']}", person.get("tableau_user", "")}
            for subscription in other["subscriptions"]:
                names |= {subscription["reason"], *subscription["recipients"]}
                names |= {address.partition("@")[2] for address in subscription["recipients"]}
        return sorted(name for name in names if name)

    @contextmanager
    def session(self, login: str) -> Iterator[psycopg.Connection[Any]]:
        """A session of *login*."""
        role = role_of(self.owner, login)
        address = self.address.replace("postgres:@", f"{role}@", 1)
        with psycopg.connect(address, autocommit=True) as session:
            yield session


@pytest.fixture(scope="module")
def house(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with database(server) as (address, owner):
        yield House(owner, address, tmp_path_factory.mktemp("clients"))


def found(session: psycopg.Connection[Any], names: list[str]) -> tuple[int, list[str]]:
    """How many relations and texts could be read, and the rows of them that have one of *names*."""
    readable = [
        sql.SQL("select concat_ws(' ', {}) as text from {}").format(
            sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(schema, relation)
        )
        for schema, relation, columns in session.execute(READABLE).fetchall()
    ]
    pattern = "|".join(map(re.escape, names))
    read, told = 0, []
    for query in (*readable, *map(sql.SQL, TEXTS)):
        try:
            rows = session.execute(
                sql.SQL("select t.text from ({}) as t where t.text ~* %s").format(query), (pattern,)
            ).fetchall()
        except errors.InsufficientPrivilege:
            continue
        read += 1
        told += [f"{query.as_string()[-60:]}: {row[0][:200]}" for row in rows]
    return read, told


LOGINS = {
    "client_unitedhealthcare__network_analyst": "unitedhealthcare",
    SERVICE: None,
    "client_humana__hospice_desk": "humana",
    f"client_{STRANGER}__wombat_desk": STRANGER,
}


@pytest.mark.parametrize("login", list(LOGINS)[: None if IS_WHOLE else 2])
def test_no_catalog_names_another_client(house: House, login: str) -> None:
    names = house.names_hidden_from(LOGINS[login])
    assert {"summit_ortho", "Summit Orthopedic Benefit", "summit-ortho.example"} <= set(names)
    with house.session(login) as session:
        read, told = found(session, names)
    assert read > 150
    assert told == []


def test_the_search_notices_a_name(house: House) -> None:
    """In the name of a role, of a relation, in a comment and in a definition."""
    told_by = {
        "create role client_quokka": "drop role client_quokka",
        "comment on role reporting_owner is 'of Potoroo'": "comment on role reporting_owner is null",
        "create table published.of_summit_ortho ()": "drop table published.of_summit_ortho",
        "create view reporting.v as select 'to bandicoot' as a": "drop view reporting.v",
    }
    for statement in told_by:
        house.owner.execute(statement.encode())
    try:
        with house.session("client_unitedhealthcare__network_analyst") as session:
            _, told = found(session, ["client_quokka", "potoroo", "of_summit_ortho", "bandicoot"])
    finally:
        for statement in told_by.values():
            house.owner.execute(statement.encode())
    for name in ("client_quokka", "Potoroo", "of_summit_ortho", "bandicoot"):
        assert any(name in row for row in told), name


@pytest.mark.parametrize("login", ["client_unitedhealthcare__network_analyst", SERVICE])
def test_no_answer_tells_whether_a_name_is_a_client(house: House, login: str) -> None:
    """The same for the name of a client, of its login, and of nobody."""
    with house.session(login) as session:
        for statement in ORACLES:
            answers = {
                name: answer(session, statement.format(name=name)).replace(name, "<name>")
                for name in (
                    "client_humana",
                    "client_humana__hospice_desk",
                    "humana",
                    "nobody_at_all",
                )
            }
            assert len(set(answers.values())) == 1, (statement, answers)


def answer(session: psycopg.Connection[Any], statement: str) -> str:
    try:
        cursor = session.execute(statement.encode())
        return str(cursor.fetchall() if cursor.description else cursor.statusmessage)
    except psycopg.Error as error:
        told = error.diag
        return f"{told.sqlstate} {told.message_primary} {told.message_detail} {told.message_hint}"


def test_nobody_logs_in_under_the_name_of_a_client(house: House) -> None:
    """Told as of nobody's name."""
    told = set()
    for name in ("client_humana", "client_humana__hospice_desk", "nobody_at_all"):
        with pytest.raises(psycopg.OperationalError) as raised:
            psycopg.connect(house.address.replace("postgres:@", f"{name}@", 1))
        told.add(str(raised.value).replace(name, "<name>"))
    assert len(told) == 1

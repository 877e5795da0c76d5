"""Names of roles tell nobody who reads; warehouses of earlier releases, and two on one server, come along."""

from __future__ import annotations

import json
import re

import psycopg
import pytest
from psycopg import sql
from tests.worlds.client_world import MASTER_KEY, World, role_of
from tests.worlds.hospital_world import database

from claimhouse import reporting
from claimhouse import warehouse as warehouse_room
from claimhouse.reporting import roles

REPORT = "reporting.claims_by_specialty_month"
OPAQUE = re.compile(r"reader_[0-9a-f]{8}")


@pytest.fixture
def world(warehouse, warehouse_url, tmp_path, monkeypatch):
    """A published warehouse."""
    key = json.dumps({"conn_type": "generic", "password": MASTER_KEY})
    monkeypatch.setenv("AIRFLOW_CONN_CLAIMHOUSE_PSEUDONYM", key)
    world = World(warehouse, warehouse_url, tmp_path, claims=20)
    world.write_all()
    publish(world)
    return world


def publish(world):
    file = world.folder / "no_roles.yml"
    file.write_text("roles: []\n")
    return reporting.publish(world.connection, world.folder, file)


def names(world):
    """The database role of each login, by login."""
    return dict(world.connection.execute("select login, role_name from security.login").fetchall())


def known(connection, *roles):
    """Which of *roles* the server has."""
    found = connection.execute(
        "select rolname::text from pg_roles where rolname = any(%s)", (list(roles),)
    )
    return {role for (role,) in found}


def name_as_before(world):
    """Name the roles as earlier releases did, and forget that they had other names."""
    for login, role in names(world).items():
        rename(world.connection, role, login)
    world.connection.execute("update security.login set role_name = login")
    world.connection.execute("delete from security.entitlement_history where kind = 'role'")


def rename(connection, role, name):
    connection.execute(
        sql.SQL("alter role {} rename to {}").format(sql.Identifier(role), sql.Identifier(name))
    )


def count(world, role):
    """How many rows the report has for who logs in under the name *role*."""
    with psycopg.connect(world.address.replace("postgres:@", f"{role}@", 1)) as session:
        return session.execute(f"select count(*) from {REPORT}").fetchone()[0]


def verifier(world, role):
    query = "select rolpassword from pg_authid where rolname = %s"
    return world.connection.execute(query, (role,)).fetchone()[0]


def test_every_login_has_a_role_of_a_random_name_and_keeps_it(world, monkeypatch, capsys):
    before = names(world)
    assert set(before) == {
        f"client_{name}{person}"
        for name in (world.summit, world.harbor, world.empty)
        for person in ("", "__analyst")
    }
    assert all(OPAQUE.fullmatch(role) for role in before.values())
    assert len(set(before.values())) == len(before)
    publish(world)
    assert names(world) == before
    monkeypatch.setenv("WAREHOUSE_URL", world.address)
    roles.main(["list"])
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "login,role,schema"
    assert {tuple(line.split(",")[:2]) for line in printed[1:]} == set(before.items())


def test_who_comes_back_has_the_role_of_before_and_logs_can_be_read_meanwhile(world):
    login, role = world.login(world.summit), world.role(world.summit)
    file = world.folder / f"{world.summit}.yaml"
    content = file.read_text()
    file.unlink()
    publish(world)
    assert login not in names(world)
    assert role_of(world.connection, login) == role
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        count(world, role)
    file.write_text(content)
    publish(world)
    assert names(world)[login] == role
    assert count(world, role)


def test_a_warehouse_of_an_earlier_release_comes_along(world):
    """Its roles are renamed, with password and rights, those of who has left too."""
    login, left = world.login(world.summit), f"client_{world.harbor}"
    own = count(world, world.role(world.summit))
    name_as_before(world)
    world.connection.execute(f"alter role {login} password 'kept'")
    kept = verifier(world, login)
    (world.folder / f"{world.harbor}.yaml").unlink()
    world.connection.execute("delete from security.login where client = %s", (world.harbor,))

    publish(world)
    after = names(world)
    role = after[login]
    assert OPAQUE.fullmatch(role)
    assert known(world.connection, *after, left, f"{left}__analyst") == set()
    assert verifier(world, role) == kept
    assert count(world, role) == own > 0
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        count(world, login)
    done = publish(world)
    assert names(world) == after
    assert (done.entitlements_opened, done.entitlements_closed) == (0, 0)


def test_a_new_name_lets_nothing_be_sent_that_is_not_published(world):
    """A report has time to be published when entitlements change; a role that is renamed is no such change."""
    (published,) = world.connection.execute("select clock_timestamp()").fetchone()
    name_as_before(world)
    publish(world)
    world.connection.execute("delete from published.basis")
    problems = warehouse_room.query(
        world.connection, "delivery/refresh_problems", world.login(world.summit), published,
        [REPORT.removeprefix("reporting.")],
    )  # fmt: skip
    assert {problem["problem"] for problem in problems} == {"the report has not been published"}


def test_warehouses_of_one_server_take_no_role_from_each_other(world, server, tmp_path):
    """Both know the same clients, whose roles they shared until now."""
    with database(server) as (address, owner):
        other = World(owner, address, tmp_path / "other", claims=20)
        other.folder.mkdir()
        other.summit, other.harbor, other.empty = world.summit, world.harbor, world.empty
        other.write_all()
        publish(other)
        assert not set(names(world).values()) & set(names(other).values())

        name_as_before(world)
        for role in names(other).values():
            owner.execute(f"drop owned by {role}; drop role {role}")
        owner.execute("update security.login set role_name = login")
        owner.execute("delete from security.entitlement_history where kind = 'role'")
        login = world.login(world.summit)
        for login_name in names(other):  # an earlier release published in both
            owner.execute(f'grant connect on database "{owner.info.dbname}" to {login_name}')
            owner.execute(f"grant usage on schema reporting to {login_name}")
            owner.execute(f"grant select on {REPORT} to {login_name}")
        own = count(other, login)

        publish(
            other
        )  # the first to come along gets new roles, and leaves those of before to the second
        first = names(other)
        assert known(owner, login, first[login]) == {login, first[login]}
        assert count(other, first[login]) == own > 0
        assert count(world, login) > 0
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            count(other, login)

        publish(world)
        second = names(world)
        assert known(owner, *second) == set()
        assert not set(first.values()) & set(second.values())
        assert count(world, second[login]) and count(other, first[login])
        for names_of_one, one in ((second, other), (first, world)):
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                count(one, names_of_one[login])

        # Who leaves one reads on in the other.
        (other.folder / f"{other.summit}.yaml").unlink()
        publish(other)
        assert count(world, second[login])

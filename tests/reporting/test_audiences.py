"""Audiences whose rules change: what their readers see until they are published anew."""

from __future__ import annotations

import importlib
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from psycopg.errors import LockNotAvailable
from tests.worlds.client_world import MASTER_KEY, World, roles_file

from claimhouse import reporting, warehouse
from claimhouse.reporting import audiences, editions, readers, tables

publication = importlib.import_module("claimhouse.reporting.publish")

REPORT = "claims_by_specialty_month"
ROWS = f"select * from reporting.{REPORT} order by claim_pseudonym"
SPECIALTIES = f"select distinct provider_specialty from reporting.{REPORT} order by 1"
MORE = ("billing", ["orthopedist", "physical_therapist", "heart_surgeon"])
SAME = ("billing", ["orthopedist", "physical_therapist"])
LESS = ("billing", ["orthopedist"])
AWAITED = "delivery/awaited"


class Audiences(World):
    """A world of clients without anybody inside the house."""

    def __init__(self, connection, address, folder):
        super().__init__(connection, address, folder)
        self.roles = roles_file(folder / "roles.yml")
        self.write_all()
        self.publish()

    def publish(self):
        """Publish what the files say now."""
        reporting.publish(self.connection, self.folder, self.roles)

    def read(self, client, statement=ROWS):
        """What the client's person reads."""
        with self.session(self.login(client)) as session:
            return session.execute(statement).fetchall()

    def edition(self, client):
        """The edition of billing's claims that the client sees, and how fresh it is."""
        return self.connection.execute(
            "select e.edition, e.as_of from published.edition as e join security.login as l using (audience)"
            " where l.login = %s and e.source_system = 'billing'",
            (self.login(client),),
        ).fetchone()

    def earlier(self, client, edition):
        """How many rows the client saw in an earlier edition of billing's claims."""
        login = {"login": self.login(client), "edition": edition}
        (stays,) = self.connection.execute(
            f"select count(*) from published.{REPORT} as t join security.login as l using (audience)"
            " where l.login = %(login)s and t.source_system = 'billing' and t.edition_from <= %(edition)s",
            login,
        ).fetchone()
        (replaced,) = self.connection.execute(
            f"select count(*) from published.{REPORT}_was as w join security.login as l using (audience)"
            " where l.login = %(login)s and w.source_system = 'billing'"
            " and w.edition_from <= %(edition)s and w.edition_to > %(edition)s",
            login,
        ).fetchone()
        return stays + replaced

    def awaited(self, client):
        """The source systems whose publication an extract of the client waits for."""
        rows = warehouse.query(self.connection, AWAITED, self.login(client), [REPORT])
        return [row["source_system"] for row in rows]

    @contextmanager
    def loading(self):
        """While the block runs, billing is being loaded: its edition stays."""
        place = "update landing.batch set {} where source_system = 'billing'"
        self.connection.execute(place.format("state = 'checked', loading_since = now()"))
        yield
        self.connection.execute(place.format("state = 'loaded', loading_since = null"))


@pytest.fixture
def world(warehouse, warehouse_url, tmp_path, monkeypatch):
    key = json.dumps({"conn_type": "generic", "password": MASTER_KEY})
    monkeypatch.setenv("AIRFLOW_CONN_CLAIMHOUSE_PSEUDONYM", key)
    return Audiences(warehouse, warehouse_url, tmp_path)


def specialties(world, client):
    return {specialty for (specialty,) in world.read(client, SPECIALTIES)}


def test_more_entitlements_leave_the_edition_until_the_next_one(world):
    rows, (number, as_of) = world.read(world.summit), world.edition(world.summit)
    world.write(world.summit, MORE)
    with world.loading():
        world.publish()
        assert world.read(world.summit) == rows
        assert world.edition(world.summit) == (number, as_of)
        assert world.awaited(world.summit) == [
            "billing"
        ]  # by deliveries, whose files would lack rows
    world.publish()
    assert world.awaited(world.summit) == []
    assert world.edition(world.summit)[0] == number + 1
    assert specialties(world, world.summit) == set(MORE[1])
    assert world.earlier(world.summit, number) == len(rows)


def test_fewer_entitlements_close_the_rows_of_their_source_at_once(world):
    billing, clinic = ("billing", ["heart_surgeon"]), ("clinic", ["orthopedist"])
    world.write(world.harbor, ("billing", ["heart_surgeon", "orthopedist"]), clinic)
    world.publish()
    rows, (number, _) = world.read(world.harbor), world.edition(world.harbor)
    of_clinic = len(world.expected(world.harbor, clinic))
    world.write(world.harbor, billing, clinic)
    with world.loading():
        world.publish()
        assert len(world.read(world.harbor)) == of_clinic
        assert world.awaited(world.harbor) == ["billing"]
    world.publish()
    assert len(world.read(world.harbor)) == len(world.expected(world.harbor, billing, clinic))
    assert world.awaited(world.harbor) == []
    assert world.edition(world.harbor)[0] == number + 1
    assert world.earlier(world.harbor, number) == len(rows) - of_clinic


def test_a_publication_by_earlier_files_writes_no_row_once_others_are_applied(world):
    world.write(world.summit, MORE)
    earlier = publication._apply(world.connection, readers.load_all(world.folder, world.roles))
    world.write(world.summit, LESS)
    world.publish()
    number, _ = world.edition(world.summit)
    assert editions.publish(world.connection, "billing", earlier.tables, earlier.audiences) is None
    assert specialties(world, world.summit) == set(LESS[1])
    assert world.edition(world.summit)[0] == number


def test_a_publication_waits_for_files_that_are_being_applied_and_writes_no_row_by_earlier_ones(
    world,
):
    earlier = publication._apply(world.connection, readers.load_all(world.folder, world.roles))
    number, _ = world.edition(world.summit)
    with warehouse.connect(world.address) as own, ThreadPoolExecutor(1) as pool:
        with world.connection.transaction():
            world.connection.execute("update published.audience set rule = rule || ' '")
            publishing = pool.submit(
                editions.publish, own, "billing", earlier.tables, earlier.audiences
            )
            with pytest.raises(TimeoutError):
                publishing.result(1)
        assert publishing.result(30) is None
    assert world.edition(world.summit)[0] == number


def test_files_are_applied_when_the_rows_by_earlier_ones_are_written(world, monkeypatch):
    """Else a publication that is under way would write rows that its readers may no longer see."""
    world.write(world.summit, MORE)
    write, waited = editions._publish_all, []

    def write_slowly(*arguments, **names):
        monkeypatch.setattr(editions, "_publish_all", write)
        world.write(world.summit, LESS)
        with warehouse.connect(world.address) as other, pytest.raises(LockNotAvailable):
            other.execute("set lock_timeout = '1s'")
            reporting.publish(other, world.folder, world.roles)
        waited.append(True)
        return write(*arguments, **names)

    monkeypatch.setattr(editions, "_publish_all", write_slowly)
    world.publish()
    assert waited
    world.publish()
    assert specialties(world, world.summit) == set(LESS[1])


def test_a_lower_privacy_level_closes_the_rows_at_once(world):
    world.write(world.summit, SAME, privacy_level="identified")
    world.publish()
    assert world.read(world.summit)
    world.write(world.summit, SAME)
    with world.loading():
        world.publish()
        assert world.read(world.summit) == []
        assert world.awaited(world.summit) == ["billing"]


def test_what_was_published_for_an_audience_that_has_gone_is_deleted(world):
    world.write(world.harbor, ("billing", ["heart_surgeon", "orthopedist"]))
    world.write(world.summit, MORE)
    world.publish()
    for client in (world.harbor, world.summit):
        world.write(client, LESS)
    world.publish()

    def earlier():
        """How many rows of earlier editions there are, by audience."""
        return dict(
            world.connection.execute(
                f"select w.audience, count(*) from published.{REPORT}_was as w group by 1"
            ).fetchall()
        )

    def audience(client):
        (number,) = world.connection.execute(
            "select l.audience from security.login as l where l.login = %s", (world.login(client),)
        ).fetchone()
        return number

    kept, gone, before = audience(world.harbor), audience(world.summit), earlier()
    assert before[kept] and before[gone]
    (world.folder / f"{world.summit}.yaml").unlink()
    world.publish()
    assert earlier() == {number: rows for number, rows in before.items() if number != gone}
    left = world.connection.execute(
        f"select count(*) from published.{REPORT} as t where t.audience = %s", (gone,)
    ).fetchone()
    assert left == (0,)


def two_roles(world, first, second):
    """Two roles inside the house, which share an audience where their entitlements are the same."""
    tag = world.summit.removeprefix("summit_")
    common = {"reports": ["claims_by_key_fields"], "logins": ["ann"], "privacy_level": "identified"}
    world.roles = roles_file(
        world.folder / "roles.yml",
        *(
            {"name": f"{name}_{tag}", **common}
            | {"entitlements": [{"source_system": "billing", "specialties": values}]}
            for name, values in (("first", first), ("second", second))
        ),
    )
    world.publish()
    return f"staff_first_{tag}__ann", f"staff_second_{tag}__ann"


def handled(session):
    return {
        specialty
        for (specialty,) in session.execute(
            "select distinct provider_specialty from reporting.claims_by_key_fields", prepare=True
        ).fetchall()
    }


def test_a_login_that_leaves_a_shared_audience_takes_the_rows_that_it_may_see_along(world):
    both = ["heart_surgeon", "orthopedist"]
    first, second = two_roles(world, both, both)
    with world.session(first) as session:
        assert handled(session) == set(both)
    with world.loading():
        two_roles(world, [*both, "physical_therapist"], both)
        for login in (first, second):
            with world.session(login) as session:
                assert handled(session) == set(both)
    two_roles(world, [*both, "physical_therapist"], ["orthopedist"])
    with world.session(first) as session:
        assert handled(session) == {*both, "physical_therapist"}
    with world.session(second) as session:
        assert handled(session) == {"orthopedist"}


def test_a_statement_prepared_before_shows_what_the_login_may_see_now(world):
    both = ["heart_surgeon", "orthopedist"]
    _, second = two_roles(world, both, both)
    with world.session(second) as session:
        for _ in range(8):
            assert handled(session) == set(both)
        with world.loading():
            two_roles(world, both, ["orthopedist"])
            assert handled(session) == set()
        two_roles(world, both, ["orthopedist"])
        assert handled(session) == {"orthopedist"}


def test_a_report_with_other_columns_keeps_its_rows_and_its_earlier_editions(world):
    rows, (number, _) = world.read(world.summit), world.edition(world.summit)
    warehouse.run(
        world.connection, "reporting/tables/change", report=REPORT, dropped=["visit_type"],
        added=[{"name": "of_an_earlier_release", "type": "text"}],
    )  # fmt: skip
    with world.loading():
        world.publish()
        shown = world.read(world.summit)
        assert [row[:7] for row in shown] == [row[:7] for row in rows]
        assert world.awaited(world.summit) == ["billing"]
    world.publish()
    assert sorted(world.read(world.summit), key=str) == sorted(rows, key=str)
    assert world.edition(world.summit)[0] == number + 1
    assert world.earlier(world.summit, number) == len(rows)
    assert "of_an_earlier_release" not in warehouse.columns(world.connection, tables.SCHEMA, REPORT)


def test_a_rule_can_be_read_again():
    audience = audiences.Audience(
        level="limited",
        client="summit",
        entitlements=(("billing", "payer", ("Aetna", "Humana")), ("clinic", "every_row", ("",))),
        metrics={"claims_volume": (("payer", "claim_status"), ())},
    )
    assert audiences.Audience.of_rule(audience.rule, 0) == audience


def test_what_an_audience_may_see_of_another():
    def audience(level="limited", client="summit", values=("Aetna",), metrics=()):
        return audiences.Audience(
            level=level,
            client=client,
            entitlements=(("billing", "payer", values),),
            metrics={"claims_volume": metrics} if metrics else {},
        )

    for other in (
        audience(),
        audience(level="safe_harbor"),
        audience(client=None),
        audience(values=()),
    ):
        assert audience().may_see(other, "billing")
    for other in (
        audience(level="identified"),
        audience(client="harbor"),
        audience(values=("Aetna", "Humana")),
    ):
        assert not audience().may_see(other, "billing")
    assert not audience().may_see(audience(), "clinic")
    assert audience(metrics=(("payer",), ())).may_see_metrics(audience(metrics=((),)))
    assert not audience(metrics=((),)).may_see_metrics(audience(metrics=(("payer",),)))

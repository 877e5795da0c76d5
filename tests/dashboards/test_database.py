"""A transaction reads as one reader, and leaves nothing in the session for the next."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import errors
from tests.worlds.client_world import client_file, role_of, roles_file
from tests.worlds.hospital_world import Hospital
from tests.worlds.hospital_world import database as migrated
from tests.worlds.portal_world import ROLE, portal

from claimhouse import reporting, warehouse
from claimhouse.dashboards import database
from claimhouse.dashboards.session import KEPT, MOST_CELLS, Kept, Session

COUNT = "select count(*) from reporting.member_encounters"
OWN = "select specialty, count(*) from reporting.own_specialty_encounters group by specialty"


class Readers:
    """A hospital with two clients, one of them with two desks, and a role inside the house."""

    def __init__(self, owner: psycopg.Connection[Any], address: str, folder: Any) -> None:
        self.owner, self.address, self.folder = owner, address, folder
        self.hospital = Hospital(owner, address, encounters=160)
        tag = uuid.uuid4().hex[:6]
        self.united, self.humana = f"united_{tag}", f"humana_{tag}"
        self.analyst = f"client_{self.united}__analyst"
        self.heart, self.kidney = f"client_{self.humana}__heart", f"client_{self.humana}__kidney"
        client_file(
            folder, self.united, ("hospital", {"payers": ["UnitedHealthcare"]}),
            reports=["member_encounters"], logins=["analyst"],
        )  # fmt: skip
        self.write_humana(["heart", "kidney"])
        self.board = f"staff_board_{tag}__eve"
        everything = [
            {"source_system": "hospital", "every_row": True, "restricted_specialties": ["hospice"]}
        ]
        roles_file(
            folder / "roles.yml",
            {"name": f"board_{tag}", "privacy_level": "identified", "reserved": True, "logins": ["eve"],
             "schemas": ["star"], "reports": ["identified_encounters"], "entitlements": everything},
        )  # fmt: skip
        self.publish()

    def write_humana(self, desks: list[str]) -> None:
        """The file of Humana with these desks."""
        specialties = {"heart": "cardiology", "kidney": "dialysis"}
        client_file(
            self.folder, self.humana, ("hospital", {"payers": ["Humana"]}),
            reports=["member_encounters", "own_specialty_encounters"],
            logins=[{"name": desk, "specialty": specialties[desk]} for desk in desks],
        )  # fmt: skip

    def publish(self) -> None:
        """Publish what the files say."""
        reporting.publish(self.owner, self.folder, self.folder / "roles.yml")

    def encounters_of(self, payer: str) -> int:
        """How many encounters a reader of *payer* sees, hospice left out."""
        return len(self.hospital.seen(self.hospital.encounters, payer))


@pytest.fixture(scope="module")
def readers(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Readers]:
    with migrated(server) as (address, owner), portal(address):
        yield Readers(owner, address, tmp_path_factory.mktemp("readers"))


@pytest.fixture(autouse=True)
def one_session(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """All readers of a test follow each other in one session."""
    monkeypatch.setenv("CLAIMHOUSE_DASHBOARD_CONNECTIONS", "1")
    database.close()
    yield
    database.close()


def read(login: str, query: str = COUNT) -> Any:
    with database.as_reader(login) as connection:
        return connection.execute(query).fetchone()


def session_number(login: str) -> int:
    with database.as_reader(login) as connection:
        return connection.info.backend_pid


def test_each_reads_its_own_rows(readers: Readers) -> None:
    for _ in range(
        6
    ):  # psycopg prepares a statement once it was run five times, unless told not to
        assert read(readers.analyst) == (readers.encounters_of("UnitedHealthcare"),)
        assert read(readers.heart) == (readers.encounters_of("Humana"),)
    assert readers.encounters_of("UnitedHealthcare") != readers.encounters_of("Humana")


def test_the_desk_of_a_person_is_its_own(readers: Readers) -> None:
    """Two logins of one audience: what the planner computes for one must not stay for the other."""
    shown = {login: set() for login in (readers.heart, readers.kidney)}
    for login in [readers.heart, readers.kidney] * 4:
        with database.as_reader(login) as connection:
            shown[login] |= {row[0] for row in connection.execute(OWN)}
    assert shown == {readers.heart: {"cardiology"}, readers.kidney: {"dialysis"}}


def test_inside_the_house_the_star_is_open_to_whom_it_is_opened(readers: Readers) -> None:
    assert read(readers.board, "select count(*) > 100 from star.fact_encounter") == (True,)
    with pytest.raises(warehouse.WarehouseError, match="permission denied"):
        read(readers.analyst, "select count(*) from star.fact_encounter")
    with pytest.raises(warehouse.WarehouseError, match="permission denied"):
        read(readers.analyst, "select count(*) from reporting.own_specialty_encounters")


LEAVINGS = [
    "select 1 / 0",
    "select nothing",
    "select set_config('role', current_setting('role'), false)",
    "select set_config('statement_timeout', '1ms', false)",
    "select set_config('search_path', 'star', false)",
    "select set_config('session.note', 'left', false)",
    "prepare kept as " + COUNT,
    "declare kept cursor with hold for " + COUNT,
    "listen kept",
]


@pytest.mark.parametrize("leaving", LEAVINGS)
def test_nothing_stays_in_the_session(readers: Readers, leaving: str) -> None:
    before = session_number(readers.heart)
    try:
        with database.as_reader(readers.heart) as connection:
            connection.execute(leaving)
    except warehouse.WarehouseError:
        pass
    with database.as_reader(readers.analyst) as connection:
        assert connection.execute(COUNT).fetchone() == (readers.encounters_of("UnitedHealthcare"),)
        left = connection.execute(
            "select (select count(*) from pg_prepared_statements) + (select count(*) from pg_cursors),"
            " current_setting('statement_timeout'), current_setting('search_path'),"
            " coalesce(current_setting('session.note', true), ''),"
            " array(select pg_listening_channels())"
        ).fetchone()
        assert left == (0, "15s", "reporting, pg_temp", "", [])
        # It was reset and not thrown away, or this would prove nothing.
        assert connection.info.backend_pid == before


@pytest.mark.parametrize("raised", [ValueError, KeyboardInterrupt, GeneratorExit])
def test_after_an_exception_amid(readers: Readers, raised: type[BaseException]) -> None:
    def leave() -> None:
        with database.as_reader(readers.heart) as connection:
            connection.execute(COUNT)
            raise raised

    with pytest.raises(raised):
        leave()
    assert read(readers.analyst) == (readers.encounters_of("UnitedHealthcare"),)


def test_after_a_cancel(readers: Readers) -> None:
    with (
        pytest.raises(database.TooSlow),
        database.as_reader(readers.heart) as connection,
    ):
        threading.Timer(0.3, connection.cancel_safe).start()
        connection.execute("select pg_sleep(30)")
    assert read(readers.analyst) == (readers.encounters_of("UnitedHealthcare"),)


def test_a_cursor_that_is_not_read_to_its_end(readers: Readers) -> None:
    with database.as_reader(readers.heart) as connection, connection.cursor() as cursor:
        next(cursor.stream("select * from reporting.member_encounters"))
    assert read(readers.analyst) == (readers.encounters_of("UnitedHealthcare"),)


def test_a_session_that_could_not_be_reset_is_closed(
    readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(connection: psycopg.Connection[Any]) -> None:
        raise errors.OperationalError

    first = session_number(readers.heart)
    database.close()
    monkeypatch.setattr(database, "_reset", fail)
    second = session_number(readers.heart)
    third = session_number(readers.analyst)
    assert len({first, second, third}) == 3


def test_a_session_that_was_ended_is_not_given(readers: Readers) -> None:
    """As the guard does, and a server that starts again."""
    readers.owner.execute("select pg_terminate_backend(%s)", (session_number(readers.heart),))
    assert read(readers.analyst) == (readers.encounters_of("UnitedHealthcare"),)


def test_many_readers_at_once(readers: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAIMHOUSE_DASHBOARD_CONNECTIONS", "3")
    database.close()
    expected = {
        readers.analyst: (readers.encounters_of("UnitedHealthcare"),),
        readers.heart: (readers.encounters_of("Humana"),),
        readers.kidney: (readers.encounters_of("Humana"),),
    }
    wrong = []

    def ask(dice: random.Random) -> None:
        for _ in range(25):
            login = dice.choice(list(expected))
            if dice.random() < 0.2:
                with pytest.raises(warehouse.WarehouseError):
                    read(login, "select 1 / 0")
            if read(login) != expected[login]:
                wrong.append(login)

    threads = [threading.Thread(target=ask, args=(random.Random(seed),)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_who_waits_too_long_is_told(readers: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "WAIT_SECONDS", 0.2)
    database.close()
    with database.as_reader(readers.heart), pytest.raises(database.Busy):
        read(readers.analyst)


@pytest.mark.parametrize(
    "login", ["nobody", "", "claimhouse_portal", "a\0b", "'; select 1", "postgres"]
)
def test_an_unknown_login_is_refused(readers: Readers, login: str) -> None:
    with pytest.raises(database.NoReader) as refused:
        read(login)
    assert readers.humana not in str(refused.value)
    assert "reader_" not in str(refused.value)


def test_the_role_of_extracts_is_nobodys(readers: Readers) -> None:
    with pytest.raises(database.NoReader):
        read(f"client_{readers.humana}")
    granted = readers.owner.execute(
        "select pg_has_role(%s, %s, 'member')",
        (ROLE, role_of(readers.owner, f"client_{readers.humana}")),
    ).fetchone()
    assert granted == (False,)


def test_a_login_that_leaves_reads_no_more(readers: Readers) -> None:
    role = role_of(readers.owner, readers.kidney)
    may = "select pg_has_role(%s, %s, 'set')"
    assert readers.owner.execute(may, (ROLE, role)).fetchone() == (True,)
    readers.write_humana(["heart"])
    readers.publish()
    try:
        with pytest.raises(database.NoReader):
            read(readers.kidney)
        assert readers.owner.execute(may, (ROLE, role)).fetchone() == (False,)
        assert read(readers.heart) == (readers.encounters_of("Humana"),)
    finally:
        readers.write_humana(["heart", "kidney"])
        readers.publish()
    assert read(readers.kidney) == (readers.encounters_of("Humana"),)


WRITES = [
    "create temporary table t (a int)",
    "set transaction read write",
    "select pg_advisory_lock(1)",
    "select lo_create(0)",
    "insert into portal.session (session_hash, account_id, expires_at) values (repeat('x', 32)::bytea, 1, now())",
    "delete from portal.session",
    "select * from portal.account",
    "select * from security.login",
    "create table reporting.t (a int)",
    "notify kept",
]


@pytest.mark.parametrize("statement", WRITES)
def test_nothing_can_be_written(readers: Readers, statement: str) -> None:
    with (
        pytest.raises(warehouse.WarehouseError),
        database.as_reader(readers.heart) as connection,
    ):
        connection.execute("select 1")
        connection.execute(statement)
        connection.execute("select 1 / 0")  # where the server lets everybody lock and notify


def test_a_transaction_cannot_be_ended_amid(readers: Readers) -> None:
    """What came after would be read as the portal itself."""
    for end in ("commit", "rollback"):
        with (
            pytest.raises(warehouse.WarehouseError, match="forbidden"),
            database.as_reader(readers.heart) as connection,
        ):
            getattr(connection, end)()


def test_all_is_of_one_moment(readers: Readers) -> None:
    with database.as_reader(readers.board) as connection:
        query = "select count(*) from star.dim_payer"
        before = connection.execute(query).fetchone()
        readers.owner.execute(
            "insert into star.dim_payer (source_system, payer_id, payer_name) values ('hospital', 'X1', 'X1')"
        )
        assert connection.execute(query).fetchone() == before
    readers.owner.execute("delete from star.dim_payer where payer_id = 'X1'")


def test_a_slow_statement_is_stopped(readers: Readers) -> None:
    started = time.monotonic()
    with (
        pytest.raises(database.TooSlow),
        database.as_reader(readers.heart, seconds=0.3) as connection,
    ):
        connection.execute("select pg_sleep(30)")
    assert time.monotonic() - started < 5


def test_by_itself_the_role_sees_what_the_portal_needs(readers: Readers) -> None:
    with psycopg.connect(warehouse.url("claimhouse_portal"), autocommit=True) as session:
        names = {
            name
            for (name,) in readers.owner.execute(
                "select format('%I.%I', n.nspname, c.relname) from pg_class as c"
                " join pg_namespace as n on n.oid = c.relnamespace"
                " where c.relkind in ('r', 'v', 'p') and n.nspname !~ '^(pg_|information_schema)'"
            )
        }
        seen = set()
        for name in names:
            try:
                session.execute(f"select * from {name} limit 1")
            except errors.InsufficientPrivilege:
                continue
            seen.add(name)
        assert seen == {
            "portal.account", "portal.mailed", "portal.mailing",
            "portal.reader", "portal.session", "portal.sign_in",
            "public.schema_version",
        }  # fmt: skip
        for role in ("tableau_service", "reporting_owner", "claimhouse_viewer", "postgres"):
            with pytest.raises(errors.InsufficientPrivilege):
                session.execute(f"set role {role}")
        with pytest.raises(errors.InsufficientPrivilege):
            session.execute("update portal.account set password_hash = 'x'")
        with pytest.raises(errors.InsufficientPrivilege):
            session.execute(
                "insert into portal.account (kind, name, login, made_by) values ('oidc', 'x', 'x', 'x')"
            )
        # A role that is not taken opens nothing.
        with pytest.raises(errors.InsufficientPrivilege):
            session.execute(COUNT)


# --- what is kept of the answers -----------------------------------------------------------------


def counted(
    login: str, relation: str = "member_encounters", field: str = "t.specialty"
) -> dict[str, int]:
    """How many rows have each value, asked as a page asks."""
    with database.as_reader(login) as connection:
        rows = Session(connection).query(
            "dashboards/counts", relation=relation, field=field, conditions=[], most=1000
        )
    return {row["value"]: row["row_count"] for row in rows}


def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files of the statements that are sent from now on, but for becoming a reader."""
    sent, query = [], warehouse.query

    def note(connection: Any, path: str, *values: Any, **names: Any) -> Any:
        if path != "dashboards/become":
            sent.append(path)
        return query(connection, path, *values, **names)

    monkeypatch.setattr(warehouse, "query", note)
    return sent


def test_what_was_answered_is_not_asked_again(
    readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    KEPT.clear()
    sent = asked(monkeypatch)
    first = counted(readers.heart)
    assert sum(first.values()) == readers.encounters_of("Humana")
    assert (counted(readers.heart), sent) == (first, ["dashboards/counts"])


def test_what_is_kept_is_of_one_login(readers: Readers) -> None:
    for _ in range(2):
        heart, kidney = (
            counted(login, "own_specialty_encounters") for login in (readers.heart, readers.kidney)
        )
        assert heart.keys() == {"cardiology"} and kidney.keys() == {"dialysis"}
        assert sum(counted(readers.analyst).values()) == readers.encounters_of("UnitedHealthcare")


def test_a_new_edition_is_seen_at_once(readers: Readers) -> None:
    before = counted(readers.heart)
    change = (
        "update star.fact_encounter set specialty = %s where encounter_id = ("
        " select min(f.encounter_id) from star.fact_encounter f join star.dim_payer y using (payer_key)"
        " where y.payer_name = 'Humana' and f.specialty = %s)"
    )
    readers.owner.execute(change, ("ophthalmology", "cardiology"))
    assert counted(readers.heart) == before
    reporting.publish(readers.owner, readers.folder, readers.folder / "roles.yml", everything=True)
    try:
        after = counted(readers.heart)
        assert after["ophthalmology"] == before.get("ophthalmology", 0) + 1
        assert after["cardiology"] == before["cardiology"] - 1
    finally:
        readers.owner.execute(change, ("cardiology", "ophthalmology"))
        reporting.publish(
            readers.owner, readers.folder, readers.folder / "roles.yml", everything=True
        )
    assert counted(readers.heart) == before


def test_whoever_may_see_less_sees_less_at_once(readers: Readers) -> None:
    before = counted(readers.heart)
    client_file(
        readers.folder, readers.humana, ("hospital", {"payers": ["Nobody's"]}),
        reports=["member_encounters", "own_specialty_encounters"],
        logins=[{"name": "heart", "specialty": "cardiology"}, {"name": "kidney", "specialty": "dialysis"}],
    )  # fmt: skip
    readers.publish()
    try:
        assert counted(readers.heart) == {}
    finally:
        readers.write_humana(["heart", "kidney"])
        readers.publish()
    assert counted(readers.heart) == before


def test_what_is_live_is_never_kept(readers: Readers) -> None:
    before = counted(readers.board, "identified_encounters")
    change = "update star.fact_encounter set specialty = %s where specialty = %s"
    readers.owner.execute(change, ("set aside", "cardiology"))
    try:
        after = counted(readers.board, "identified_encounters")
        assert after.get("set aside") == before["cardiology"]
    finally:
        readers.owner.execute(change, ("cardiology", "set aside"))


def test_no_more_is_kept_than_fits() -> None:
    kept = Kept()
    rows = [{"value": number} for number in range(MOST_CELLS // 3)]
    for number in range(5):
        kept.keep(("state", "statement", str(number)), rows)
    assert kept.cells <= MOST_CELLS
    found = [kept.find(("state", "statement", str(number))) for number in range(5)]
    assert found[0] is None and found[4] == rows
    kept.clear()
    assert kept.cells == 0

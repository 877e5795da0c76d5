"""Whoever writes the star, in whatever way: what changed since the last publication is recorded as it was then.

The test keeps a copy of the star of its own. Rows of the star that are not recorded, together with the recorded
images, must be that copy.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, example, given
from hypothesis import strategies as some
from psycopg import errors, sql
from tests.star.test_star_properties import claims, patients, providers
from tests.worlds import made_star
from tests.worlds.billing_source import Billing, claim, patient
from tests.worlds.properties import examples

from claimhouse import schema, star
from claimhouse import warehouse as sql_files

# An example takes a second: a failing one is shown as it was drawn.
HOW: dict[str, Any] = {
    "phases": (Phase.explicit, Phase.generate),
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}

# Rows by their primary key.
Rows = dict[tuple[Any, ...], tuple[Any, ...]]


def tables(connection: psycopg.Connection[Any]) -> list[str]:
    """The tables of the star whose rows are recorded."""
    found = connection.execute(
        "select tablename from pg_tables where schemaname = 'star' and tablename ~ '^(fact|bridge|dim)_'"
        " and tablename <> 'dim_date'"
    )
    return sorted(name for (name,) in found)


_identities: dict[str, tuple[list[str], list[str]]] = {}


def identity(connection: psycopg.Connection[Any], table: str) -> tuple[list[str], list[str]]:
    """The primary key and the columns of a table of the star."""
    if table not in _identities:
        _identities[table] = read_identity(connection, table)
    return _identities[table]


def read_identity(connection: psycopg.Connection[Any], table: str) -> tuple[list[str], list[str]]:
    columns = connection.execute(
        "select column_name from information_schema.columns where table_schema = 'star' and table_name = %s"
        " order by ordinal_position", (table,)
    ).fetchall()  # fmt: skip
    key = connection.execute(
        "select a.attname from pg_index as i inner join pg_attribute as a on a.attrelid = i.indrelid"
        " and a.attnum = any(i.indkey) where i.indisprimary and i.indrelid = %s::regclass", (f"star.{table}",)
    ).fetchall()  # fmt: skip
    return [name for (name,) in key], [name for (name,) in columns]


def read(connection: psycopg.Connection[Any], schema: str, table: str, only: str) -> Rows:
    """Rows of ``star.<table>`` or of their images, by their primary key, in the star's columns."""
    key, columns = identity(connection, table)
    query = sql.SQL("select {}, {} from {} as t where ").format(
        sql.SQL(", ").join(map(sql.Identifier, key)),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.Identifier(schema, table),
    ) + sql.SQL(only)  # fmt: skip
    rows = connection.execute(query).fetchall()
    return {row[: len(key)]: row[len(key) :] for row in rows}


def copied(connection: psycopg.Connection[Any], source: str) -> dict[str, Rows]:
    """The rows of *source* in the star; of a table without source systems all rows."""
    return {
        table: read(connection, "star", table, of_source(connection, table, source))
        for table in tables(connection)
    }


def of_source(connection: psycopg.Connection[Any], table: str, source: str) -> str:
    has_source = "source_system" in identity(connection, table)[1]
    return f"source_system = '{source}'" if has_source else "true"


def as_published(connection: psycopg.Connection[Any], source: str) -> dict[str, Rows]:
    """What :func:`copied` found at the last publication, as far as tables were not emptied since."""
    rebuilt = {
        name
        for (name,) in connection.execute(
            "select relation from change.rebuilt where source_system = %s", (source,)
        )
    }
    found = {}
    for table, rows in copied(connection, source).items():
        if table in rebuilt:
            continue
        images = f"source_system = '{source}' and "
        existed = read(connection, "change", table, images + "existed")
        added = read(connection, "change", table, images + "not existed")
        assert all(
            value is None or name in identity(connection, table)[0] or name == "source_system"
            for row in added.values()
            for name, value in zip(identity(connection, table)[1], row, strict=True)
        )
        kept = {key: row for key, row in rows.items() if key not in existed and key not in added}
        found[table] = kept | existed
    return found


def recorded(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """How many rows are recorded, by table, where there are any."""
    counts = {
        table: connection.execute(
            sql.SQL("select count(*) from {}").format(sql.Identifier("change", table))
        ).fetchone()[0]  # type: ignore[index]
        for table in [*tables(connection), "rebuilt"]
    }
    return {table: count for table, count in counts.items() if count}


def publish(connection: psycopg.Connection[Any], source: str) -> dict[str, Rows]:
    """What a publication does about changes; the star as it is then."""
    connection.execute("select change.published(%s)", (source,))
    return copied(connection, source)


@pytest.fixture(autouse=True)
def _read_the_catalog_anew() -> None:
    _identities.clear()


@pytest.fixture
def billing(warehouse: psycopg.Connection[Any]) -> Iterator[Billing]:
    yield Billing(warehouse)


ADD_CLAIMS = (
    "insert into star.fact_claim (source_system, claim_id, patient_key, provider_key, facility_key, payer_key,"
    " procedure_key, diagnosis_key, claim_profile_key, service_date_key, claim_date_key, paid_date_key,"
    " version_count, batch_id, row_number)"
    " select s, c, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1, 1, 1"
    " from unnest(array['billing', 'other']) as s cross join unnest(array['C1', 'C2', 'C9']) as c"
    " on conflict (claim_id, source_system) do update set version_count = 7"
)
# What somebody may run by hand. Rows of the source system "other" are not captured.
BY_HAND = (
    "update star.fact_claim set total_cost = total_cost + 1 where claim_id = 'C1'",
    "update star.fact_claim set total_cost = total_cost",
    "update star.fact_claim set claim_id = claim_id || 'x' where claim_id like 'C1%'",
    "update star.fact_claim set source_system = 'other' where claim_id = 'C2'",
    "update star.fact_claim set source_system = 'billing' where source_system = 'other'",
    "delete from star.fact_claim where claim_id = 'C1'",
    "delete from star.fact_claim_change",
    "with gone as (delete from star.fact_claim returning *) insert into star.fact_claim select * from gone",
    ADD_CLAIMS,
    "merge into star.fact_claim as f using (values ('C1'), ('C2')) as v (id) on f.claim_id = v.id"
    " when matched and f.claim_id = 'C2' then delete"
    " when matched then update set paid_amount = 3"
    " when not matched then do nothing",
    "update star.dim_patient set city = 'Xenia' where patient_key > 0 and patient_key % 2 = 0",
    "update star.dim_patient set patient_key = patient_key + 1000 where patient_key between 1 and 1000",
    "update star.dim_provider set source_system = 'other' where provider_key > 0",
    "delete from star.dim_facility where facility_key > 0",
    "update star.dim_claim_profile set claim_status_counts_as = 'paid'",
    "truncate star.fact_claim_change",
)

BATCHES = {
    "patients": (patients(), "patient_id"),
    "providers": (providers(), "provider_id"),
    "claims": (claims(), "claim_id"),
}


@some.composite
def loads(draw: Any) -> list[tuple[str, list[dict[str, Any]]]]:
    """The batches of a load."""
    feeds = draw(some.lists(some.sampled_from(sorted(BATCHES)), min_size=1, max_size=3))
    return [
        (
            feed,
            draw(some.lists(rows, min_size=1, max_size=3, unique_by=lambda row, key=key: row[key])),
        )
        for feed in feeds
        for rows, key in (BATCHES[feed],)
    ]


WRITES = some.one_of(
    loads(), some.sampled_from(BY_HAND), some.sampled_from(["rebuild", "publish", "roll back"])
)


EACH_BY_HAND = [step for statement in BY_HAND for step in (ADD_CLAIMS, "publish", statement)]


@given(writes=some.lists(WRITES, min_size=3, max_size=8))
@example(writes=EACH_BY_HAND)
@examples(4, **HOW)
def test_the_star_as_published_is_what_is_left_and_what_is_recorded(billing, writes):
    connection = billing.connection
    billing.forget()
    connection.execute("delete from star.fact_claim; delete from change.captured_source")
    load(billing, [("patients", [patient("P1")]), ("claims", [claim("C1"), claim("C2")])])
    before = publish(connection, "billing")
    assert recorded(connection) == {}
    for write in writes:
        if write == "publish":
            before = publish(connection, "billing")
        elif write == "rebuild":
            star.rebuild(connection, "billing")
        elif write == "roll back":
            counts = recorded(connection)
            with connection.transaction(force_rollback=True):
                load(billing, [("claims", [claim("C3"), claim("C1", total_cost="1.00")])])
            assert recorded(connection) == counts
        elif isinstance(write, str):
            by_hand(connection, write)
        else:
            load(billing, write)
        now = as_published(connection, "billing")
        assert now == {table: before[table] for table in now}
        assert not connection.execute(
            "select from change.fact_claim where source_system = 'other'"
        ).fetchall()


def load(billing: Billing, batches: list[tuple[str, list[dict[str, Any]]]]) -> None:
    billing.load(*(billing.batch(feed, rows) for feed, rows in batches))


def by_hand(connection: psycopg.Connection[Any], statement: str) -> None:
    try:
        connection.execute(statement)
    except errors.UniqueViolation:
        assert True, "the statement did nothing"


# A column of each table, and another value of it.
OTHER_VALUE = {
    "batch_id": "coalesce(batch_id, 0) + 1",
    "is_inferred": "not is_inferred",
    "age_bucket_position": "age_bucket_position + 1",
    "claim_status_counts_as": "'paid'",
    "appointment_status_counts_as": "'completed'",
    "modality_counts_as": "'telehealth'",
}


def test_every_table_of_the_star_is_recorded(warehouse):
    made_star.fill(warehouse, 1, facts=40)
    assert recorded(warehouse) == {}, "nothing was published yet"
    before = publish(warehouse, "north")
    for table in tables(warehouse):
        write_all_ways(warehouse, table)
    assert set(recorded(warehouse)) - {"rebuilt"} == set(tables(warehouse))
    assert as_published(warehouse, "north") == before
    before = publish(warehouse, "north")
    assert recorded(warehouse) == {}
    for table in tables(warehouse):
        warehouse.execute(sql.SQL("truncate {}").format(sql.Identifier("star", table)))
    assert recorded(warehouse) == {"rebuilt": len(before)}


def write_all_ways(connection: psycopg.Connection[Any], table: str) -> None:
    """Change every row, delete two in five, and bring half of these again; not those that all share."""
    columns = identity(connection, table)[1]
    column = next(name for name in OTHER_VALUE if name in columns)
    key = identity(connection, table)[0][0]
    only = f"({key}::text !~ '^-') and abs(hashtext({key}::text))"
    name = f"star.{table}"
    for statement in (
        f"update {name} set {column} = {OTHER_VALUE[column]} where {only} >= 0",
        f"create temp table gone as select * from {name} where {only} % 5 < 2",
        f"delete from {name} where {only} % 5 < 2",
        f"insert into {name} select * from gone as t where {only} % 5 = 1",
        "drop table gone",
    ):
        connection.execute(statement)


def test_what_belongs_to_all_source_systems_counts_for_each(warehouse):
    for source in ("north", "south"):
        publish(warehouse, source)
    warehouse.execute("update star.dim_payer set payer_name = 'nobody knows' where payer_key = -1")
    warehouse.execute("update star.dim_date set is_holiday = true where date = '2024-07-05'")
    warehouse.execute("update star.dim_date set is_holiday = true where date = '1800-01-01'")
    warehouse.execute(
        "update star.dim_claim_profile set plan_type = 'all' where claim_profile_key = -1"
    )
    rebuilt = "select source_system, relation from change.rebuilt order by 1, 2"
    assert warehouse.execute(rebuilt).fetchall() == [
        (source, table) for source in ("north", "south") for table in ("dim_date", "dim_payer")
    ]
    flags = (
        "select source_system, claim_profile_key, visit_type, plan_type"
        " from change.dim_claim_profile order by 1"
    )
    assert warehouse.execute(flags).fetchall() == [
        (source, -1, "unknown", None) for source in ("north", "south")
    ]


def test_a_publication_waits_for_writers_and_they_for_it(warehouse, warehouse_url):
    write = "update star.dim_facility set city = %s where source_system = 'north'"
    warehouse.execute(
        "insert into star.dim_facility (source_system, facility_id) values ('north', 'F')"
    )
    with psycopg.connect(warehouse_url) as writer:
        # before the first publication too: what is not captured yet would be lost
        writer.execute(write, ("Akron",))
        assert not held(warehouse, "north")
        assert held(warehouse, "south"), "another source system's"
        warehouse.execute("select change.release('south')")
        writer.commit()
        assert held(warehouse, "north")
        publish(warehouse, "north")
        writing = threading.Thread(target=writer.execute, args=(write, ("Berea",)))
        writing.start()
        writing.join(0.3)
        assert writing.is_alive()
        warehouse.execute("select change.release('north')")
        writing.join(10)
        assert not writing.is_alive()
        writer.commit()
    images = "select city, existed from change.dim_facility"
    assert warehouse.execute(images).fetchall() == [("Akron", True)]


def test_two_publications_run_at_a_time_and_who_writes_shared_rows_waits_for_both(
    warehouse, warehouse_url
):
    sources = ("north", "south", "west")
    with (
        psycopg.connect(warehouse_url, autocommit=True) as north,
        psycopg.connect(warehouse_url, autocommit=True) as south,
        psycopg.connect(warehouse_url, autocommit=True) as writer,
    ):
        assert held(north, "north")
        assert not held(south, "north")
        assert held(south, "south")
        assert [held(warehouse, source) for source in sources] == [False, False, False]
        writing = threading.Thread(
            target=writer.execute,
            args=("update star.dim_payer set payer_name = 'none' where payer_key = -1",),
        )
        writing.start()
        for publication, source in ((north, "north"), (south, "south")):
            writing.join(0.3)
            assert writing.is_alive()
            publication.execute("select change.release(%s)", [source])
        writing.join(10)
        assert not writing.is_alive()
        assert [held(warehouse, source) for source in sources] == [True, True, True]
        for source in sources:
            warehouse.execute("select change.release(%s)", [source])
    kept = "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"
    assert warehouse.execute(kept).fetchone() == (0,)


def held(connection: psycopg.Connection[Any], source: str) -> bool:
    (is_held,) = connection.execute("select change.hold(%s)", (source,)).fetchone()  # type: ignore[misc]
    return bool(is_held)


def test_a_load_that_is_killed_leaves_nothing(billing, warehouse_url):
    load(billing, [("patients", [patient("P1")]), ("claims", [claim("C1")])])
    before = publish(billing.connection, "billing")
    with pytest.raises(errors.AdminShutdown), psycopg.connect(warehouse_url) as killed:
        own = Billing.__new__(Billing)
        own.connection = killed
        load(
            own,
            [
                ("patients", [patient("P1", city="Xenia")]),
                ("claims", [claim("C1", total_cost="7.00")]),
            ],
        )
        assert killed.execute("select count(*) from change.fact_claim").fetchone() == (1,)
        billing.connection.execute("select pg_terminate_backend(%s)", (killed.info.backend_pid,))
    assert recorded(billing.connection) == {}
    assert copied(billing.connection, "billing") == before


def test_tables_and_columns_that_are_added_come_along(warehouse, warehouse_url):
    warehouse.execute("create table star.fact_visit (source_system text, visit_id text, cost numeric,"
                      " primary key (visit_id, source_system))")  # fmt: skip
    schema.upgrade(warehouse_url)
    warehouse.execute("insert into star.fact_visit values ('north', 'V1', 1), ('north', 'V2', 2)")
    publish(warehouse, "north")
    warehouse.execute("update star.fact_visit set cost = 3 where visit_id = 'V1'")
    warehouse.execute(
        "alter table star.fact_visit add kind text not null default 'walk-in', add names text[]"
    )
    # a revision that fills what it added
    warehouse.execute("update star.fact_visit set kind = 'planned'")
    sql_files.run(warehouse, "schema/capture")
    warehouse.execute("update star.fact_visit set kind = 'none', names = '{a}'")
    images = "select visit_id, cost, existed, kind, names from change.fact_visit order by 1"
    assert warehouse.execute(images).fetchall() == [
        ("V1", 1, True, "walk-in", None),
        ("V2", 2, True, "walk-in", None),
    ]
    # what no image can be compared with
    warehouse.execute("alter table star.fact_visit drop column cost")
    sql_files.run(warehouse, "schema/capture")
    assert recorded(warehouse) == {"rebuilt": 1}
    warehouse.execute("select change.published('north')")
    warehouse.execute("delete from star.fact_visit where visit_id = 'V1'")
    assert warehouse.execute("select * from change.fact_visit").fetchall() == [
        ("north", "V1", "none", ["a"], True)
    ]


def test_to_capture_again_locks_nothing(warehouse, warehouse_url):
    with psycopg.connect(warehouse_url) as writer:
        writer.execute("lock table star.fact_claim, star.dim_patient in row exclusive mode")
        warehouse.execute("set lock_timeout = '1s'")
        for table in [*tables(warehouse), "dim_date"]:
            warehouse.execute("select change.capture(%s)", (f"star.{table}",))
        with warehouse.transaction():
            warehouse.execute("select change.capture('star.fact_claim')")
            locks = (
                "select count(*) from pg_locks where pid = pg_backend_pid()"
                " and relation = 'star.fact_claim'::regclass and mode <> 'AccessShareLock'"
            )
            assert warehouse.execute(locks).fetchone() == (0,)

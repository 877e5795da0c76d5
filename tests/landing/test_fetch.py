"""Feeds fetched from a database, from a real foreign server to the source tables."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from local import embedded
from tests.worlds.feeds import batches, issues, take_in_all

from claimhouse import contracts, settings
from claimhouse.landing import fetch
from claimhouse.landing.fetch import FetchFailed

DAY = date(2026, 1, 5)
TABLES = """
create table pend_queue (
    claim_id char(20), receipt_date timestamp, total_charge numeric(12, 3), npi bigint,
    most_recent_note text, pended_on date, cleared_on date
);
insert into pend_queue values
('900000000000001', '2025-12-31 13:14:15.5', 1000.50, 1000000001, 'note, with a "comma"', '2026-01-01', null),
('900000000000002', '2026-01-02', -3, 43392001, e'two\\nlines — naïve', '2026-01-03', '2026-01-06'),
('900000000000003', null, null, null, null, '2026-01-05', null),
('900000000000004', '2026-01-02', 7, 1000000001, 'cleared today', '2026-01-03', '2026-01-05'),
('900000000000005', '2026-01-06', 7, 1000000001, 'not yet', '2026-01-06', null);
create table provider (
    npi bigint, provider_group text, last_name text, first_name text, addr_1 text, addr_2 text,
    city text, state text
);
insert into provider values (43392001, null, 'Alder', 'Ada', '1 Mill Lane', null, 'Bangor', 'ME');
"""


@pytest.fixture
def foreign(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection[Any]]:
    """The databases of the claims system and of the providers: here one, on a server of its own kind."""
    name = f"f_{uuid.uuid4().hex[:12]}"
    address = embedded.create_database(server, name)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(TABLES)
        told = json.dumps(
            {
                "conn_type": "postgres",
                "host": connection.info.host,
                "login": connection.info.user,
                "schema": name,
            }
        )
        for one in ("CLAIMHOUSE_PENDED_CLAIMS", "CLAIMHOUSE_PROVIDERS"):
            monkeypatch.setenv(f"AIRFLOW_CONN_{one}", told)
        yield connection
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'drop database "{name}" with (force)')


def fetch_all(day: date = DAY) -> list[str | None]:
    """Fetch every feed that comes from a database."""
    return [fetch.fetch("pended", feed, day) for feed in fetch.feeds("pended")]


def names(root: Path) -> list[str]:
    """Everything in the source's folder, drafts too."""
    return sorted(path.name for path in (root / "pended").iterdir())


def test_rows_of_a_day_go_through_the_same_landing_and_verification(
    landing_root, warehouse, foreign
):
    fetch_all()
    assert names(landing_root) == [
        "cleared_claims_2026-01-05.csv",
        "pend_queue_2026-01-05.csv",
        "provider_directory_2026-01-05.csv",
    ]
    assert take_in_all("pended") == ["verified"] * 3
    found = warehouse.execute(
        "select claim_id, report_date::text, receipt_date::text, total_charge::text, npi, most_recent_note"
        " from source_pended.pend_queue order by 1"
    )
    assert found.fetchall() == [
        ("900000000000001", "2026-01-05", "2025-12-31", "1000.50", "1000000001", 'note, with a "comma"'),
        ("900000000000002", "2026-01-05", "2026-01-02", "-3.00", "0043392001", "two\nlines — naïve"),
        ("900000000000003", "2026-01-05", None, None, None, None),
    ]  # fmt: skip
    cleared = warehouse.execute(
        "select claim_id, clear_date::text from source_pended.cleared_claims"
    )
    assert cleared.fetchall() == [("900000000000004", "2026-01-05")]
    provider = warehouse.execute("select npi, last_name from source_pended.provider_directory")
    assert provider.fetchall() == [("0043392001", "Alder")]
    assert {row[2] for row in issues(warehouse)} == {"lost_zeros"}


def test_a_repeat_changes_nothing(landing_root, warehouse, foreign):
    fetch_all()
    before = {path: path.stat().st_mtime_ns for path in (landing_root / "pended").iterdir()}
    assert fetch_all() == [None] * 3
    take_in_all("pended")
    assert fetch_all() == [None] * 3
    assert take_in_all("pended") == []
    assert {path: path.stat().st_mtime_ns for path in (landing_root / "pended").iterdir()} == before


def test_a_queue_that_changed_during_the_day_is_landed_again(landing_root, warehouse, foreign):
    fetch_all()
    take_in_all("pended")
    foreign.execute("update pend_queue set total_charge = 2000 where claim_id like '%1 %'")
    assert [path and Path(path).name for path in fetch_all()] == [
        None,
        "pend_queue_2026-01-05.csv",
        None,
    ]
    take_in_all("pended")
    charges = warehouse.execute(
        "select batch_id, total_charge::text from source_pended.pend_queue where claim_id like '%1' order by 1"
    )
    assert [row[1] for row in charges] == ["1000.50", "2000.00"]


def test_the_next_day_brings_its_queue_and_no_directory_that_did_not_change(
    landing_root, warehouse, foreign
):
    foreign.execute("update pend_queue set cleared_on = null, pended_on = '2026-01-01'")
    fetch_all()
    take_in_all("pended")
    fetch_all(date(2026, 1, 6))
    take_in_all("pended")
    assert [row[0] for row in batches(warehouse) if not row[0].startswith("cleared")] == [
        "pend_queue_2026-01-05.csv",
        "provider_directory_2026-01-05.csv",
        "pend_queue_2026-01-06.csv",
    ]
    assert "already_landed" not in {row[2] for row in issues(warehouse)}


def test_without_a_connection_only_dropped_files_are_taken(
    landing_root, warehouse, caplog, monkeypatch
):
    monkeypatch.setenv("AIRFLOW_HOME", "/nonexistent")
    with caplog.at_level(logging.INFO):
        assert fetch_all() == [None] * 3
    assert "connection claimhouse_pended_claims does not exist" in caplog.text
    assert not (landing_root / "pended").exists()


def test_a_query_that_breaks_off_leaves_no_file_and_tells_no_value(
    landing_root, warehouse, foreign
):
    foreign.execute("alter table pend_queue alter column claim_id type text")
    # the last row fails, after the others have been sent
    foreign.execute("alter table pend_queue rename to kept")
    foreign.execute(
        "create view pend_queue as select claim_id, receipt_date,"
        " (1 / (total_charge - 7))::numeric as total_charge, npi, most_recent_note, pended_on,"
        " null::date as cleared_on from kept"
    )
    with pytest.raises(FetchFailed) as failed:
        fetch.fetch("pended", "pend_queue", DAY)
    assert "DivisionByZero (22012)" in str(failed.value)
    assert "include/sql/fetch/pended/pend_queue.sql" in str(failed.value)
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__
    assert names(landing_root) == []


def test_a_query_without_a_required_column_says_so(landing_root, warehouse, foreign, monkeypatch):
    monkeypatch.setattr(fetch.warehouse, "sql", lambda *_, **__: "select 1 as npi")
    with pytest.raises(fetch.Unreadable, match="claim_id is missing"):
        fetch.fetch("pended", "pend_queue", DAY)
    assert names(landing_root) == []


def test_every_feed_from_a_database_has_its_query():
    for source in contracts.sources():
        for feed in fetch.feeds(source):
            query = settings.INCLUDE / "sql" / "fetch" / source / f"{feed}.sql"
            assert query.is_file(), query


STREAM = """
import resource, sys
from claimhouse.landing import fetch
from airflow.sdk import BaseHook
hook = BaseHook.get_connection("claimhouse_providers").get_hook()
rows = fetch._rows(hook, "select n, repeat('x', 200) from generate_series(1, 600000) as n")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert sum(1 for _ in rows) == 600001
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_memory_does_not_grow_with_the_rows(foreign):
    """120 MB of rows; what they add to the process is a few fetches, in MiB."""
    told = subprocess.run(
        [sys.executable, "-c", STREAM],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(settings.PROJECT / "plugins")},
    )
    assert int(told.stdout.split()[-1]) < 40

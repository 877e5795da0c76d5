"""Feeds fetched from a database, from a real foreign server to the source tables."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.worlds import forks
from tests.worlds.feeds import batches, issues, take_in_all

from claimhouse import contracts, ingest, settings
from claimhouse.landing import fetch
from claimhouse.landing.fetch import FetchFailed

DAY = date(2026, 1, 5)


def fetch_all(day: date = DAY) -> list[list[str]]:
    """Fetch every feed that comes from a database; the files written for each."""
    return [fetch.fetch("pended", feed, day) for feed in fetch.feeds("pended")]


def names(root: Path) -> list[str]:
    """Everything in the source's folder, drafts too."""
    return sorted(path.name for path in (root / "pended").iterdir())


def test_rows_of_a_day_go_through_the_same_landing_and_verification(
    landing_root, warehouse, foreign
):
    assert fetch.connected("pended") == fetch.feeds("pended")
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
    assert fetch_all() == [[]] * 3
    take_in_all("pended")
    assert fetch_all() == [[]] * 3
    assert take_in_all("pended") == []
    assert {path: path.stat().st_mtime_ns for path in (landing_root / "pended").iterdir()} == before


def test_a_queue_that_changed_during_the_day_is_landed_again(landing_root, warehouse, foreign):
    fetch_all()
    take_in_all("pended")
    foreign.execute("update pend_queue set total_charge = 2000 where claim_id like '%1 %'")
    assert [[Path(path).name for path in paths] for paths in fetch_all()] == [
        [],
        ["pend_queue_2026-01-05.csv"],
        [],
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
        assert fetch_all() == [[]] * 3
        assert fetch.connected("pended") == []
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
    monkeypatch.setattr(fetch, "_query", lambda *_: "select 1 as npi")
    with pytest.raises(fetch.Unreadable, match="claim_id is missing"):
        fetch.fetch("pended", "pend_queue", DAY)
    assert names(landing_root) == []


def jan(number: int) -> date:
    return date(2026, 1, number)


def fetched(warehouse: Any, feed: str = "pend_queue") -> dict[int, bool]:
    """The days of January that the feed was asked for, and whether each is fetched."""
    rows = warehouse.execute(
        "select extract(day from day)::int, fetched_at is not null from landing.fetched_day"
        " where feed = %s order by day",
        (feed,),
    )
    return dict(rows.fetchall())


def queue(day: date) -> list[str]:
    """The days of the files that a run of *day* wrote for the queue."""
    return [path[-14:-4] for path in fetch.fetch("pended", "pend_queue", day)]


def test_every_day_since_the_last_one_is_asked_for(landing_root, warehouse, foreign):
    """The DAG was paused from the 6th to the 11th; a claim was cleared on the 6th."""
    for feed in fetch.feeds("pended"):
        fetch.fetch("pended", feed, jan(5))
    take_in_all("pended")
    for feed in fetch.feeds("pended"):
        fetch.fetch("pended", feed, jan(11))
    assert [name[-6:-4] for name in names(landing_root) if name.startswith("pend_queue")] == [
        "05", "06", "07", "08", "09", "10", "11",
    ]  # fmt: skip
    ingest.run("pended")
    outcome = warehouse.execute(
        "select cleared_count, left_count, days_to_clear from star.fact_pended_claim"
        " where claim_id = '900000000000002'"
    )
    assert outcome.fetchone() == (1, 0, 4)
    # what holds at present is asked for once, and stands for the days between
    directory = [name for name in names(landing_root) if name.startswith("provider")]
    assert directory == ["provider_directory_2026-01-05.csv"]
    assert fetched(warehouse, "provider_directory") == dict.fromkeys(range(5, 12), True)


def test_a_first_fetch_asks_for_the_day_of_the_run_alone(landing_root, warehouse, foreign):
    assert queue(jan(9)) == ["2026-01-09"]


def test_a_month_of_missing_days_is_asked_for(landing_root, warehouse, foreign):
    queue(date(2025, 12, 31))
    assert len(queue(date(2026, 2, 5))) == 36


def test_a_cleared_run_asks_for_its_own_day_again(landing_root, warehouse, foreign):
    queue(jan(5))
    queue(jan(8))
    assert queue(jan(6)) == []
    foreign.execute(
        "insert into pend_queue values ('900000000000009', null, 1, null, null, '2026-01-06', null)"
    )
    assert queue(jan(6)) == ["2026-01-06"]
    assert queue(jan(2)) == ["2026-01-02"]  # a backfill of a day before the first
    assert set(fetched(warehouse)) == {2, 5, 6, 7, 8}
    assert queue(jan(9)) == ["2026-01-09"]


def test_a_day_that_fails_stops_no_other_and_is_asked_for_again(
    landing_root, warehouse, foreign, monkeypatch
):
    queue(jan(5))
    plain = fetch._query

    def failing(contract: Any, day: date) -> str:
        return "select 1 / 0 as claim_id" if day in (jan(6), jan(8)) else plain(contract, day)

    with monkeypatch.context() as patch:
        patch.setattr(fetch, "_query", failing)
        with pytest.raises(FetchFailed, match="2026-01-06, 2026-01-08"):
            queue(jan(9))
        assert fetched(warehouse) == {5: True, 6: False, 7: True, 8: False, 9: True}
    found = warehouse.execute(
        "select file_name, rule, status, message from quality.issue order by file_name"
    ).fetchall()
    assert [row[:3] for row in found] == [
        ("pend_queue_2026-01-06.csv", "day_not_fetched", "open"),
        ("pend_queue_2026-01-08.csv", "day_not_fetched", "open"),
    ]
    assert "DivisionByZero" in found[0][3]
    assert queue(jan(10)) == ["2026-01-06", "2026-01-08", "2026-01-10"]
    assert set(fetched(warehouse).values()) == {True}
    states = warehouse.execute("select distinct status from quality.issue").fetchall()
    assert states == [("resolved",)]


def test_a_first_day_that_fails_is_asked_for_again(landing_root, warehouse, foreign):
    foreign.execute("alter table pend_queue rename to away")
    with pytest.raises(FetchFailed, match="UndefinedTable"):
        queue(jan(5))
    foreign.execute("alter table away rename to pend_queue")
    assert queue(jan(7)) == ["2026-01-05", "2026-01-06", "2026-01-07"]


def test_a_database_that_is_away_is_not_tried_for_each_day(
    landing_root, warehouse, foreign, monkeypatch
):
    queue(jan(5))
    monkeypatch.setenv(
        "AIRFLOW_CONN_CLAIMHOUSE_PENDED_CLAIMS", "postgres://nobody@127.0.0.1:1/nowhere"
    )
    with pytest.raises(fetch.Unreachable, match="OperationalError") as failed:
        queue(jan(20))
    assert "nowhere" not in str(failed.value)
    assert list(fetched(warehouse).values()) == [True] + [False] * 15
    assert warehouse.execute("select count(*) from quality.issue").fetchone() == (1,)


def test_days_fetched_by_an_earlier_version_are_known_by_the_names_of_their_files(
    landing_root, warehouse, foreign
):
    """Files dropped by hand have such names too, and land long after the day in them."""
    for name, landed in (
        ("2026-01-05", "2026-01-06"),
        ("2026-01-07", "2027-01-01"),
        ("2026-99-99", "2026-01-06"),
    ):
        warehouse.execute(
            "insert into landing.file"
            " (checksum, size_bytes, source_system, feed, file_name, archive_path,"
            " landed_at, arrived_at, file_order)"
            " values (%s, 1, 'pended', 'pend_queue', %s, 'x', %s, %s, '')",
            (name, f"pend_queue_{name}.csv", landed, landed),
        )
    assert queue(jan(8)) == ["2026-01-06", "2026-01-07", "2026-01-08"]


def test_a_directory_that_changes_back_is_written_again(landing_root, warehouse, foreign):
    for number, city in ((5, "Bangor"), (6, "Bath"), (7, "Bangor"), (8, "Bangor")):
        foreign.execute("update provider set city = %s", (city,))
        fetch.fetch("pended", "provider_directory", jan(number))
        ingest.land("pended")
    assert [name[-6:-4] for name in names(landing_root)] == ["05", "06", "07"]


@pytest.mark.parametrize(
    ("interval", "run_after", "expected"),
    [
        ("2026-01-05T05:00+00:00", "2026-01-06T05:00+00:00", "2026-01-05"),
        ("2026-03-07T23:00-06:00", "2026-03-09T00:00-05:00", "2026-03-08"),
        (None, "2026-01-06T12:00+00:00", "2026-01-05"),  # triggered without a logical date
    ],
)
def test_the_day_of_a_run_is_that_of_its_interval(interval, run_after, expected):
    run = SimpleNamespace(run_after=datetime.fromisoformat(run_after))
    context = {"dag_run": run, "data_interval_start": interval and datetime.fromisoformat(interval)}
    assert fetch.day_of(context) == date.fromisoformat(expected)


def test_no_day_is_lost_or_doubled_where_clocks_change_or_february_ends(
    landing_root, warehouse, foreign
):
    for first, last, count in (
        (date(2024, 2, 27), date(2024, 3, 1), 3),
        (date(2026, 3, 7), date(2026, 3, 9), 2),
        (date(2025, 10, 31), date(2025, 11, 3), 3),
    ):
        warehouse.execute("truncate landing.fetched_day")
        queue(first)
        assert len(queue(last)) == count


def test_a_day_that_has_not_begun_is_refused(landing_root, warehouse, foreign):
    with pytest.raises(FetchFailed, match="has not begun"):
        queue(date(2999, 1, 1))
    assert fetched(warehouse) == {}


def test_days_without_a_report_are_an_issue_until_their_files_come(
    landing_root, warehouse, foreign
):
    """Also where no database is asked: a claim cleared on such a day counts as left."""
    queue(jan(5))
    warehouse.execute("truncate landing.fetched_day")  # as if the file had been dropped
    queue(jan(8))
    ingest.run("pended")
    counts = "select cleared_count, left_count from star.fact_pended_claim where claim_id like '%2'"
    assert warehouse.execute(counts).fetchone() == (0, 1)
    gap = (
        "select message, severity, status from quality.issue where rule = 'soda:reports_are_daily'"
    )
    ((message, severity, status),) = warehouse.execute(gap).fetchall()
    assert message.startswith("2 weekdays have no report")
    assert (severity, status) == ("warning", "open")
    for number in (6, 7):
        queue(jan(number))
    fetch.fetch("pended", "cleared_claims", jan(6))
    ingest.run("pended")
    assert warehouse.execute(counts).fetchone() == (1, 0)
    assert {row[2] for row in warehouse.execute(gap).fetchall()} == {"resolved"}


KILLED = """
import os, signal
from datetime import date
from claimhouse.landing import fetch
real, days = fetch._note, []
def dying(contract, day, rows):
    if day.day == 8:
        os.kill(os.getpid(), signal.SIGKILL)
    real(contract, day, rows)
fetch._note = dying
fetch.fetch("pended", "pend_queue", date(2026, 1, 11))
"""


def test_a_fetch_that_is_killed_goes_on_where_it_was(landing_root, warehouse, foreign):
    queue(jan(5))
    code, printed = forks.run(KILLED)
    assert code == -signal.SIGKILL, printed[-1000:]
    assert [number for number, is_fetched in fetched(warehouse).items() if is_fetched] == [5, 6, 7]
    assert queue(jan(11)) == ["2026-01-09", "2026-01-10", "2026-01-11"]  # the 8th is in place
    assert set(fetched(warehouse).values()) == {True}


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

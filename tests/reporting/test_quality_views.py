"""The views a person asks first: what is open, one record's story, batches over time, checks, what is held."""

from __future__ import annotations

import pytest
from tests.worlds.manifest import enter_file

from claimhouse import schema

VIEWS = ["open_issues", "record_issues", "issues_by_batch", "check_history", "held_batches"]


@pytest.fixture
def batches(warehouse):
    """Two batches of claims: 100 rows with issues, then 50 without one of their own."""
    made = []
    for number, (read, quarantined) in enumerate([(100, 2), (50, 0)]):
        file_id = enter_file(warehouse, "billing", "claims", f"claims_{number}.csv")
        made.append(
            warehouse.execute(
                "insert into landing.batch (file_id, source_system, feed, received_date, state, rows_read,"
                " rows_accepted, rows_quarantined, rows_dropped, code_version) values"
                " (%s, 'billing', 'claims', %s, 'loaded', %s, %s, %s, 0, 'test') returning batch_id",
                (file_id, f"2024-03-0{number + 1}", read, read - quarantined, quarantined),
            ).fetchone()[0]
        )
    issue(warehouse, made[0], 5, "C1", "cost", "not_a_number", "error", raw="xyz")
    issue(warehouse, made[0], 5, "C1", "billed", "not_a_flag", "error", raw="?")
    issue(
        warehouse, made[0], 9, "C2", "cost", "not_a_number", "error", status="resolved", by=made[1]
    )
    issue(warehouse, made[0], 11, "C3", "zip", "restored_zero", "warning")
    issue(warehouse, made[0], None, None, None, "extra_column", "warning")
    for row, key in ((5, "C1"), (9, "C2")):
        warehouse.execute(
            "insert into quality.quarantine (batch_id, source_system, feed, row_number, record_key, raw_row)"
            " values (%s, 'billing', 'claims', %s, %s, %s)",
            (made[0], row, key, f"{key},xyz,?"),
        )
    return made


def issue(warehouse, batch, row, key, column, rule, severity, status="open", raw=None, by=None):
    warehouse.execute(
        "insert into quality.issue (batch_id, source_system, feed, file_name, row_number, record_key, column_name,"
        " rule, severity, status, raw_value, message, closed_by_batch_id) values"
        " (%s, 'billing', 'claims', 'claims_0.csv', %s, %s, %s, %s, %s, %s, %s, 'A sentence', %s)",
        (batch, row, key, column, rule, severity, status, raw, by),
    )


def result(warehouse, batch, outcome, value, name="volume"):
    warehouse.execute(
        "insert into quality.check_result (scan_id, source_system, feed, batch_id, table_name, check_name,"
        " definition, outcome, severity, measured_value) values"
        " (gen_random_uuid(), 'billing', 'claims', %s, 'source_billing.claims', %s, '-', %s, 'error', %s)",
        (batch, name, outcome, value),
    )


def test_the_views_are_there_empty_before_any_source_is(warehouse):
    for view in VIEWS:
        assert warehouse.execute(f"select count(*) from quality.{view}").fetchone() == (0,)


def test_the_views_can_be_laid_again_and_are_described(warehouse, warehouse_url):
    schema.upgrade(warehouse_url)
    found = warehouse.execute(
        "select relname, obj_description(oid) from pg_class where relkind = 'v'"
        " and relnamespace = 'quality'::regnamespace"
    ).fetchall()
    assert {name for name, _ in found} >= set(VIEWS)
    assert all(comment for _, comment in found)


def test_open_issues_are_counted_by_rule_with_their_share_of_the_rows(warehouse, batches):
    found = warehouse.execute(
        "select rule, severity, issues, rows_concerned, batches, rows_read, percent_of_rows, feed"
        " from quality.open_issues order by rule"
    ).fetchall()
    assert [(*row[:6], float(row[6]), row[7]) for row in found] == [
        ("extra_column", "warning", 1, 0, 1, 100, 0, "claims"),
        ("not_a_flag", "error", 1, 1, 1, 100, 1, "claims"),
        ("not_a_number", "error", 1, 1, 1, 100, 1, "claims"),
        ("restored_zero", "warning", 1, 1, 1, 100, 1, "claims"),
    ]


def test_a_rule_that_is_open_in_two_batches_is_counted_over_both(warehouse, batches):
    for row in (3, 4, 5):
        issue(warehouse, batches[1], row, f"D{row}", "cost", "not_a_number", "error")
    found = warehouse.execute(
        "select issues, rows_concerned, batches, rows_read, percent_of_rows, first_seen_at < last_seen_at"
        " from quality.open_issues where rule = 'not_a_number'"
    ).fetchone()
    assert (*found[:4], float(found[4]), found[5]) == (4, 4, 2, 150, 2.67, True)


def test_a_record_shows_its_issues_next_to_its_raw_row(warehouse, batches):
    found = warehouse.execute(
        "select column_name, raw_value, status, file_name, row_number, raw_row, batch_id"
        " from quality.record_issues"
        " where source_system = 'billing' and feed = 'claims' and record_key = 'C1' order by column_name"
    ).fetchall()
    assert found == [
        ("billed", "?", "open", "claims_0.csv", 5, "C1,xyz,?", batches[0]),
        ("cost", "xyz", "open", "claims_0.csv", 5, "C1,xyz,?", batches[0]),
    ]
    closed = warehouse.execute(
        "select status, closed_by_batch_id from quality.record_issues where record_key = 'C2'"
    ).fetchall()
    assert closed == [("resolved", batches[1])]


def test_each_batch_has_its_issues_and_their_rate(warehouse, batches):
    found = warehouse.execute(
        "select batch_id, rows_read, issues, errors, warnings, open_issues, rows_concerned, percent_of_rows"
        " from quality.issues_by_batch"
    ).fetchall()
    assert [(*row[:7], float(row[7])) for row in found] == [
        (batches[0], 100, 5, 3, 2, 4, 3, 3),
        (batches[1], 50, 0, 0, 0, 0, 0, 0),
    ]


def test_a_check_is_next_to_what_it_found_before(warehouse, batches):
    result(warehouse, batches[0], "pass", 100)
    result(warehouse, batches[1], "warn", 40)
    result(warehouse, batches[1], "fail", 7, name="other")
    found = warehouse.execute(
        "select check_name, batch_id, outcome, previous_outcome, measured_value, previous_value"
        " from quality.check_history order by check_name, batch_id"
    ).fetchall()
    assert found == [
        ("other", batches[1], "fail", None, 7, None),
        ("volume", batches[0], "pass", None, 100, None),
        ("volume", batches[1], "warn", "pass", 40, 100),
    ]


def test_a_held_batch_tells_why(warehouse, batches):
    issue(warehouse, batches[1], None, None, None, "soda:keys_occur_once", "error")
    issue(warehouse, batches[1], None, None, None, "soda:freshness", "warning")
    assert warehouse.execute("select * from quality.held_batches").fetchall() == []
    warehouse.execute("update landing.batch set state = 'held' where batch_id = %s", (batches[1],))
    found = warehouse.execute(
        "select batch_id, file_name, failed_checks, why from quality.held_batches"
    ).fetchall()
    assert found == [(batches[1], "claims_1.csv", ["soda:keys_occur_once"], "A sentence")]

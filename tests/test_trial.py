"""What ``claimhouse try`` prints of a file, and that it leaves the warehouse as it was."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from claimhouse import contracts, drafting, trial
from claimhouse import settings as places

ROWS = [
    ["Claim No", "Svc Dt", "Member ID", "NPI", "Proc Cd", "Diag Cd", "Billed Amt", "Paid Amt", "Status"],
    ["A1", "03/14/2024", "M1", "1234567893", "99213", "J45", "120.50", "100.00", "Paid"],
    ["A2", "03/15/2024", "M2", "1234567893", "99214", "J45", "80.25", "0.00", "Denied"],
    ["A3", "13/45/2024", "M3", "1234567893", "99214", "J45", "10.00", "1.00", "Paid"],
    ["A2", "03/15/2024", "M2", "1234567893", "99214", "J45", "80.25", "0.00", "Denied"],
    ["", "03/15/2024", "M2", "1234567893", "99214", "J45", "7.75", "0.50", "Denied"],
]  # fmt: skip
ALIKE = ["04/01/2024", "M4", "1234567893", "99215", "I10", "1.10", "1.00", "Paid"]
ROWS += [[f"B{number}", *ALIKE] for number in range(50)]
STATE = """
select
    (select jsonb_object_agg(nspname, oid) from pg_namespace where nspname !~ '^pg_'),
    (select count(*) from pg_class),
    (select count(*) from pg_attribute),
    (select count(*) from pg_depend),
    (select count(*) from landing.file), (select count(*) from landing.batch),
    (select count(*) from quality.issue), (select count(*) from quality.quarantine),
    (select count(*) from quality.issue_count), (select count(*) from star.fact_claim),
    (select count(*) from star.dim_patient), (select count(*) from star.dim_claim_profile),
    (select count(*) from star.dim_date), (select count(*) from quality.check_result),
    (select count(*) from quality.failing_row)
"""


@pytest.fixture
def drafted(tmp_path: Path) -> tuple[Path, Path]:
    """A file and the draft of its contract."""
    path = tmp_path / "claims_20240401.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(ROWS)
    return drafting.write(path, "acme", folder=tmp_path / "drafts"), path


def state(warehouse: psycopg.Connection[Any]) -> Any:
    return warehouse.execute(STATE).fetchone()


def test_a_file_is_tried_and_nothing_of_it_stays(warehouse, drafted, capsys):
    draft, path = drafted
    before = state(warehouse)
    outcome = trial.attempt(contracts.load(draft), path)
    assert outcome.rows == {"read": 55, "accepted": 53, "quarantined": 1, "dropped": 1}
    rows = [dict(zip(ROWS[0], row, strict=True)) for row in ROWS[1:]]
    for column, header in (("claim_amount", "Billed Amt"), ("paid_amount", "Paid Amt")):
        sums = outcome.amounts[column]
        assert sums["read"] == sum(Decimal(row[header]) for row in rows)
        kept = {row["Claim No"]: Decimal(row[header]) for row in rows if row["Claim No"]}
        assert sums["accepted"] == sum(kept.values())
        assert sums["read"] == sums["accepted"] + sums["quarantined"] + sums["dropped"]
    assert ("date", "service_date", 1) in {
        (issue["rule"], issue["column_name"], issue["issues"]) for issue in outcome.issues
    }
    trial.main([str(draft), str(path)])
    shown = capsys.readouterr().out
    assert "rows: 55 read, 53 accepted, 1 quarantined, 1 dropped" in shown
    trial.main([str(draft), str(path), "--hide-values"])
    hidden = capsys.readouterr().out
    assert "fact_claim: 53 rows" in hidden and "A1" in shown and "M1" in shown
    assert not [word for row in ROWS[1:] for word in row[:3] if word and word in hidden.split()]
    assert state(warehouse) == before


def test_the_star_has_the_rows_with_their_keys_looked_up(warehouse, drafted):
    """The expected rows come from the file; a claim that came twice is one."""
    draft, path = drafted
    targets = trial.attempt(contracts.load(draft), path).targets
    (target,) = (target for target in targets if target.name == "fact_claim")
    rows = [dict(zip(ROWS[0], row, strict=True)) for row in ROWS[1:]]
    good = {row["Claim No"]: row for row in rows if row["Claim No"]}
    assert (target.name, target.rows.count) == ("fact_claim", len(good))
    sums = dict(target.rows.sums)
    assert sums["total_cost"] == sum(Decimal(row["Billed Amt"]) for row in good.values())
    assert sums["paid_amount"] == sum(Decimal(row["Paid Amt"]) for row in good.values())
    first = dict(zip(target.rows.columns, target.rows.first[0], strict=True))
    shown = ("claim_id", "patient_id", "provider_id", "procedure_id", "diagnosis_id")
    assert [first[name] for name in shown] == ["A1", "M1", "1234567893", "99213", "J45"]
    assert (first["claim_status"], first["version_count"]) == ("paid", 1)
    assert str(first["service_date"]) == "2024-03-14"
    assert len(target.rows.first) == trial.ROWS


def test_the_checks_of_the_feed_are_run_and_those_that_do_not_pass_are_told(
    warehouse, drafted, capsys
):
    draft, path = drafted
    before = state(warehouse)
    own = draft.parent / "soda" / f"{draft.stem}.yml"
    own.write_text(
        """
filter claims [batch]:
  where: batch_id = ${batch_id}
checks for claims [batch]:
  - max(claim_amount) < 100:
      name: no_claim_is_dear
      attributes:
        message: "A claim costs {value} dollars"
checks:
  - failed rows:
      name: everything_is_paid
      warn: when > 0
      fail query: |
        select claim_id, count(*) over () as failing_rows from source_acme.claims where claim_status <> 'Paid'
      attributes:
        message: "{failing_rows} {failing_rows:claim is|claims are} not paid"
  - failed rows:
      name: misspelled
      fail query: select claim_ids from source_${source}.claims
"""
    )
    outcome = trial.attempt(contracts.load(draft), path)
    found = {check.check_name: check.outcome for check in outcome.checks.outcomes}
    assert (
        found.items()
        >= {
            "rows_reconcile": "pass",
            "claim_amount_reconciles": "pass",
            "keys_occur_once": "pass",
            "no_claim_is_dear": "fail",
            "everything_is_paid": "warn",
            "misspelled": "error",
        }.items()
    )
    trial.main([str(draft), str(path)])
    shown = capsys.readouterr().out
    assert "  fail no_claim_is_dear: A claim costs 120.5 dollars\n" in shown
    assert "  warn everything_is_paid: 1 claim is not paid\n" in shown
    assert (
        '  error misspelled: The check misspelled could not be run: column "claim_ids" does not exist'
        in shown
    )
    assert "the batch would be held" in shown and "fact_claim: 53 rows" in shown
    own.write_text("- a\n")
    trial.main([str(draft), str(path)])
    assert f"checks: they cannot be run. {own}: must be a mapping" in capsys.readouterr().out
    assert state(warehouse) == before


def test_checks_cannot_write(warehouse, drafted):
    draft, path = drafted
    own = draft.parent / "soda" / f"{draft.stem}.yml"
    own.write_text(
        "checks:\n  - failed rows:\n      name: writes\n      fail query: |\n"
        "        with gone as (delete from source_acme.claims returning 1) select * from gone\n"
    )
    outcome = trial.attempt(contracts.load(draft), path)
    (writes,) = (check for check in outcome.checks.outcomes if check.check_name == "writes")
    assert (writes.outcome, "read-only transaction" in writes.message) == ("error", True)
    counts = {target.name: target.rows.count for target in outcome.targets}
    assert counts["fact_claim"] == 53


def test_runs_at_the_same_time_do_not_wait_for_each_other(warehouse, drafted):
    draft, path = drafted
    before = state(warehouse)
    contract = contracts.load(draft)
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: trial.attempt(contract, path), range(4)))
    assert all(outcome.rows == outcomes[0].rows for outcome in outcomes)
    assert state(warehouse) == before


def test_a_killed_run_leaves_nothing(warehouse, warehouse_url, drafted):
    draft, path = drafted
    with path.open("a", newline="") as file:
        csv.writer(file).writerows([f"K{n}", *ROWS[1][1:]] for n in range(300_000))
    before = state(warehouse)
    environment = {**os.environ, "PYTHONPATH": f"{places.PROJECT}:{places.CODE.parent}"}
    process = subprocess.Popen(
        [sys.executable, "-m", "claimhouse.cli", "try", str(draft), str(path)],
        env=environment, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    writes = (
        "select from pg_stat_activity where query ~ '^copy .source_try' or query ~ 'copy_of_record'"
    )
    for _ in range(600):
        if warehouse.execute(writes).fetchone() is not None:
            break
        time.sleep(0.05)
        assert process.poll() is None, "it ended before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.wait()
    for _ in range(200):
        if warehouse.execute("select from pg_namespace where nspname ~ 'try_'").fetchone() is None:
            break
        time.sleep(0.05)
    assert state(warehouse) == before


def test_a_file_that_would_be_rejected_is_said_to_be(warehouse, drafted, capsys):
    draft, path = drafted
    path.write_text("x,y\n1,2\n")
    with pytest.raises(SystemExit):
        trial.main([str(draft), str(path)])
    assert "would be rejected: missing_column" in capsys.readouterr().err

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
    (select count(*) from quality.issue_count), (select count(*) from star.fact_claim)
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
    assert "fact_claim__claims: 53 rows" in hidden and "A1" in shown and "M1" in shown
    assert not [word for row in ROWS[1:] for word in row[:3] if word and word in hidden.split()]
    assert state(warehouse) == before


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

"""Words of claims count as their list says, and a word outside it is on neither side in plain sight."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

from local import samples
from local.samples import billing_exports

from claimhouse import checks, ingest, metrics

RATE = (
    "select value, denominator, unknown_count from metrics.roll_up"
    " where metric = 'denial_rate' and dimension = 'source_system' and member = '{source}'"
)
# 498 of 1,000 decided claims are denied.
SAID = {
    "Approved": 300, "Accepted": 100, "paid in full ": 50, "PARTIALLY_PAID": 52,
    "Denied": 400, "denied - duplicate": 90, "4": 8,
    "Pending": 120, "In process": 7, "Reversed": 3,
}  # fmt: skip
UNKNOWN = {"Zebra": 11, "": 5, "Closed": 2}


def rows(statuses):
    return [
        f"{status.strip() or 'none'} {number},2024-01-02,1,1,{status},"
        for status, count in statuses.items()
        for number in range(count)
    ]


def rate(connection, source):
    metrics.publish(connection)
    return connection.execute(RATE.format(source=source)).fetchall()


def open_warnings(connection):
    return dict(
        connection.execute(
            "select rule, count(*) from quality.issue where status = 'open' group by 1"
        ).fetchall()
    )


def add(ledger, line):
    file = ledger.include / "reference/claim_status.csv"
    file.write_text(f"{file.read_text()}{line}\n")


def load(ledger, statuses):
    """Load claims of a source of three files; the filler of the world is left out."""
    ledger.deliver("claims_1.csv", *rows(statuses))
    file = ledger.landing / "claims_1.csv"
    file.write_text("".join(line for line in file.open() if not line.startswith("filler")))
    ledger.run()


def test_a_source_whose_mapping_knows_no_words_has_the_true_rate(ledger):
    load(ledger, SAID | UNKNOWN)
    assert rate(ledger.connection, "ledger") == [(Decimal("0.498"), 1000, sum(UNKNOWN.values()))]
    # the check of the star warns, whatever the contract says
    assert open_warnings(ledger.connection)["soda:claim_status_is_known"] == 1
    ((words,),) = ledger.rows(
        "select array_agg(failing_row ->> 'record_key' order by position) from quality.failing_row"
        " join quality.check_result using (check_result_id)"
        " where check_name = 'claim_status_is_known'"
    )
    assert set(words) == {"Zebra", "Closed"}


def test_a_contract_with_a_list_tells_each_row_and_a_new_line_settles_it(ledger):
    ledger.describe(is_listed=True)
    load(ledger, SAID | UNKNOWN)
    assert rate(ledger.connection, "ledger") == [(Decimal("0.498"), 1000, sum(UNKNOWN.values()))]
    told = ledger.rows(
        "select severity, column_name, raw_value, message from quality.issue where rule = 'unlisted_word'"
    )
    assert len(told) == UNKNOWN["Zebra"]
    assert {row[:3] for row in told} == {("warning", "status", "Zebra")}
    assert all("add it to include/reference/claim_status.csv" in row[3] for row in told)
    # the value is kept
    ((kept,),) = ledger.rows("select count(*) from source_ledger.claims where status = 'Zebra'")
    assert kept == UNKNOWN["Zebra"]
    add(ledger, "zebra,paid,paid,striped and paid")
    ((value, decided, unknown),) = rate(ledger.connection, "ledger")
    assert (round(value * decided), decided, unknown) == (
        498,
        1011,
        UNKNOWN[""] + UNKNOWN["Closed"],
    )


def test_the_claim_list_has_the_true_rate(warehouse, landing_root):
    made = billing_exports.make(samples.SEED)
    lines = list(csv.DictReader(io.StringIO(made.files[billing_exports.LIST].decode("utf-8-sig"))))
    words = ["Approved", "DENIED ", "Pending", "Denied", "Rejected", "Paid", "Zebra"]
    for number, line in enumerate(lines):
        line["Claim Status"] = words[number % len(words)]
    folder = landing_root / "billing_exports"
    folder.mkdir()
    with (folder / billing_exports.LIST).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    ingest.run("billing_exports")
    loaded = dict(
        warehouse.execute(
            "select claim_id, claim_status from source_billing_exports.claim_list"
        ).fetchall()
    )
    denied = sum(status.strip().lower() in ("denied", "rejected") for status in loaded.values())
    paid = sum(status in ("Approved", "Paid") for status in loaded.values())
    unknown = sum(status == "Zebra" for status in loaded.values())
    assert min(denied, paid, unknown) > 10
    ((value, decided, not_known),) = rate(warehouse, "billing_exports")
    assert (decided, not_known) == (denied + paid, unknown)
    assert abs(value - Decimal(denied) / (denied + paid)) < Decimal("1e-9")
    assert open_warnings(warehouse)["unlisted_word"] == unknown
    standard = warehouse.execute(
        "select distinct claim_status from star.fact_claim join star.dim_claim_profile using (claim_profile_key)"
    ).fetchall()
    assert {row[0] for row in standard} == {"approved", "denied", "pending", "paid", "zebra"}
    checks.scan_star("billing_exports", everything=True)

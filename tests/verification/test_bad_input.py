"""Bad input: each kind raises an issue with place and reason, loses nothing and stops nothing else."""

from __future__ import annotations

import gzip
import io
import time
from pathlib import Path
from threading import Event, Thread

import pandas
import pytest
from tests.worlds.feeds import (
    CLAIMS_HEADER,
    PATIENTS_HEADER,
    batches,
    claim,
    claims_csv,
    csv_line,
    drop,
    issues,
    take_in_all,
)

from claimhouse import ingest

GOOD = [claim(1), claim(2)]
GOOD_LINES = claims_csv(*GOOD).decode()


def _xlsx() -> bytes:
    file = io.BytesIO()
    pandas.DataFrame(GOOD).to_excel(file, index=False)
    return file.getvalue()


WHOLE_FILE = {
    # name: (content, rule, row, column)
    "empty": (b"", "empty_file", None, None),
    "column_missing": (
        GOOD_LINES.replace("total_cost", "something_else").encode(),
        "missing_column",
        1,
        "total_cost",
    ),
    "gz_cut_in_half": (gzip.compress(GOOD_LINES.encode() * 50)[:100], "truncated", None, None),
    "xlsx_named_csv": (_xlsx(), "wrong_format", None, None),
}


@pytest.mark.parametrize("kind", WHOLE_FILE)
def test_a_file_that_cannot_be_trusted_is_rejected_whole(kind, landing_root, warehouse):
    content, rule, row, column = WHOLE_FILE[kind]
    drop(landing_root, "claims.csv", content)
    drop(landing_root, "claims_good.csv", claims_csv(claim(9)))
    assert sorted(take_in_all()) == ["rejected", "verified"]
    assert batches(warehouse)[0][1:] == ("rejected", 0, 0, 0, 0)
    assert batches(warehouse)[1][1:] == ("verified", 1, 1, 0, 0)
    found = warehouse.execute(
        "select rule, severity, row_number, column_name, file_name from quality.issue where severity = 'error'"
    ).fetchall()
    assert len(found) == 1
    assert found[0][:2] == (rule, "error")
    assert found[0][4] == "claims.csv"
    if column:
        assert found[0][2:4] == (row, column)
    archived = warehouse.execute(
        "select archive_path from landing.file where file_name = 'claims.csv'"
    ).fetchone()
    assert Path(archived[0].removeprefix("file://")).read_bytes() == content


ROWS = {
    # name: (changed values, column, rule, severity, accepted)
    "no_such_date": ({"date_of_service": "2024-02-30"}, "date_of_service", "date", "error", False),
    "not_a_date": ({"claim_date": "89322222222222"}, "claim_date", "date", "error", False),
    "day_and_month_swapped": (
        {"date_of_service": "13/1/2020"},
        "date_of_service",
        "date",
        "error",
        False,
    ),
    "year_of_five_digits": (
        {"date_of_service": "1/3/20161"},
        "date_of_service",
        "date",
        "error",
        False,
    ),
    "cost_is_no_number": ({"total_cost": "xyz"}, "total_cost", "number", "error", False),
    "cost_is_negative": ({"total_cost": "-5"}, "total_cost", "minimum", "error", False),
    "cost_is_huge": ({"total_cost": "1e400"}, "total_cost", "number", "error", False),
    "cost_has_separators": (
        {"total_cost": "1,234.50"},
        "total_cost",
        "money_format",
        "warning",
        True,
    ),
    "cost_has_a_currency": (
        {"total_cost": "$74.22"},
        "total_cost",
        "money_format",
        "warning",
        True,
    ),
    "cost_has_three_decimals": ({"total_cost": "1.234"}, "total_cost", "number", "error", False),
    "cost_is_missing": ({"total_cost": ""}, "total_cost", "required", "error", False),
    "flag_is_unknown": ({"billed": "V"}, "billed", "boolean", "error", False),
    "visit_is_unknown": ({"visit_type": "phone_number"}, "visit_type", "enum", "error", False),
    "coverage_is_unknown": ({"coverage_type": "70"}, "coverage_type", "enum", "error", False),
    "key_holds_sql": (
        {"claim_id": "CF#1'; drop table star.fact_claim; --\"NN"},
        "claim_id",
        "pattern",
        "error",
        False,
    ),
    "patient_is_missing": ({"patient_id": ""}, "patient_id", "required", "warning", True),
}


@pytest.mark.parametrize("kind", ROWS)
def test_a_bad_value_is_an_issue_of_its_field(kind, landing_root, warehouse):
    changes, column, rule, severity, accepted = ROWS[kind]
    bad = claim(2, **changes)
    drop(landing_root, "claims.csv", claims_csv(claim(1), bad, claim(3)))
    take_in_all()
    (raw,) = changes.values()
    assert issues(warehouse) == [(3, column, rule, severity, "open", raw)]
    assert batches(warehouse)[0][2:] == ((3, 3, 0, 0) if accepted else (3, 2, 1, 0))
    kept = warehouse.execute("select raw_row from quality.quarantine").fetchall()
    assert kept == ([] if accepted else [(csv_line(bad),)])


def test_swapped_day_and_month_are_hinted_at_but_never_guessed(landing_root, warehouse):
    drop(landing_root, "claims.csv", claims_csv(claim(1, date_of_service="13/1/2020")))
    take_in_all()
    message = warehouse.execute("select message from quality.issue").fetchone()[0]
    assert "Day and month may be swapped" in message
    assert "13/1/2020" not in message


def test_money_written_for_people_is_read_exactly(landing_root, warehouse):
    drop(
        landing_root,
        "claims.csv",
        claims_csv(
            claim(1, total_cost="1,234.50"),
            claim(2, total_cost="$74.22"),
            claim(3, total_cost="$ 5"),
        ),
    )
    take_in_all()
    costs = warehouse.execute(
        "select total_cost from source_billing.claims order by claim_id"
    ).fetchall()
    assert [str(cost) for (cost,) in costs] == ["1234.50", "74.22", "5.00"]


def test_rows_around_ragged_ones_load(landing_root, warehouse):
    lines = [csv_line(claim(number)) for number in range(5)]
    lines[1] = "CF#1NN,ssssss"
    lines[3] += ",one,too,many"
    drop(landing_root, "claims.csv", "\n".join([CLAIMS_HEADER, *lines]).encode())
    take_in_all()
    assert batches(warehouse)[0][2:] == (5, 3, 2, 0)
    assert [(row, rule) for row, _, rule, *_ in issues(warehouse)] == [
        (3, "field_count"),
        (5, "field_count"),
    ]
    keys = warehouse.execute(
        "select record_key from quality.quarantine order by row_number"
    ).fetchall()
    assert keys == [("CF#1NN",), ("CF#3NN",)]


def test_a_quote_left_open_costs_its_own_row_only(landing_root, warehouse):
    lines = [csv_line(claim(number)) for number in range(5)]
    lines[2] = lines[2].replace("routine", '"routine')
    drop(landing_root, "claims.csv", "\n".join([CLAIMS_HEADER, *lines, ""]).encode())
    take_in_all()
    assert batches(warehouse)[0][2:] == (5, 4, 1, 0)
    assert [row for row, *_ in issues(warehouse)] == [4]


@pytest.mark.parametrize("byte", [b"\0", b"\xff\xfe\xfa"])
def test_a_row_with_bytes_that_are_no_text_is_quarantined(byte, landing_root, warehouse):
    content = claims_csv(claim(1), claim(2, visit_type="rou@tine"), claim(3)).replace(b"@", byte)
    # a valid multi-byte character elsewhere: the file is UTF-8, and one row of it is broken
    content += csv_line(claim(4, provider_id="N3T1A")).encode() + b"\n" + "CF#5NN,é\n".encode()
    drop(landing_root, "claims.csv", content)
    take_in_all()
    assert batches(warehouse)[0][2:] == (5, 3, 2, 0)
    assert issues(warehouse)[0][0] == 3


@pytest.mark.parametrize(
    ("encoding", "before"),
    [("utf-8-sig", b""), ("utf-16", b""), ("utf-16-le", b"\xff\xfe"), ("latin-1", b"")],
)
def test_other_encodings_are_read_and_noted(encoding, before, landing_root, warehouse):
    text = f"{PATIENTS_HEADER}\r\n1000U,Zoë,Müller,9-19-1948,1 Rue,Waco,Texas,72201,4-19-2007,9-17-2019\r\n"
    drop(landing_root, "patients.csv", before + text.encode(encoding))
    take_in_all()
    names = warehouse.execute(
        "select fname, lname, zipcode from source_billing.patients"
    ).fetchall()
    assert names == [("Zoë", "Müller", "72201")]
    rules = {rule for _, _, rule, *_ in issues(warehouse)}
    assert rules == {"encoding"}


def test_header_only_is_no_row_and_a_note(landing_root, warehouse):
    drop(landing_root, "claims.csv", claims_csv())
    take_in_all()
    assert batches(warehouse)[0][1:] == ("verified", 0, 0, 0, 0)
    assert [(rule, severity) for _, _, rule, severity, *_ in issues(warehouse)] == [
        ("no_rows", "warning")
    ]


def test_headers_renamed_reordered_and_extra_are_understood(landing_root, warehouse):
    row = {**claim(1), "note": "call back"}
    row["Claim Number"] = row.pop("claim_id")
    header = ",".join(row).replace("coverage_type", "COVERAGE")
    drop(landing_root, "claims.csv", f"{header}\n{csv_line(row)}\n".encode())
    take_in_all()
    loaded = warehouse.execute(
        "select claim_id, coverage_type from source_billing.claims"
    ).fetchall()
    assert loaded == [("CF#1NN", 100)]
    assert issues(warehouse) == [(1, "note", "unknown_column", "warning", "open", None)]


def test_an_optional_column_that_is_missing_loads_as_null(landing_root, warehouse):
    header = PATIENTS_HEADER.replace("address,", "")
    row = "1000U,A,B,9-19-1948,Waco,Texas,72201,4-19-2007,9-17-2019"
    drop(landing_root, "patients.csv", f"{header}\n{row}\n".encode())
    take_in_all()
    assert warehouse.execute("select address, zipcode from source_billing.patients").fetchall() == [
        (None, "72201")
    ]
    assert issues(warehouse) == [(1, "address", "missing_column", "warning", "open", None)]


def test_the_same_bytes_are_landed_once_whatever_their_name(landing_root, warehouse):
    drop(landing_root, "claims_a.csv", claims_csv(*GOOD))
    take_in_all()
    drop(landing_root, "claims_b.csv", claims_csv(*GOOD))
    drop(landing_root, "claims_a.csv", claims_csv(*GOOD))  # a new time, the same bytes
    assert take_in_all() == []
    assert take_in_all() == []
    assert len(batches(warehouse)) == 1
    found = warehouse.execute("select file_name, rule from quality.issue").fetchall()
    assert found == [("claims_b.csv", "already_landed")]


def test_a_file_no_contract_claims_is_reported_once(landing_root, warehouse):
    drop(landing_root, "invoices.csv", b"a,b\n1,2\n")
    assert take_in_all() == take_in_all() == []
    found = warehouse.execute("select file_name, rule, severity from quality.issue").fetchall()
    assert found == [("invoices.csv", "unclaimed_file", "warning")]


def test_a_growing_file_waits_until_it_rests(landing_root, warehouse, monkeypatch):
    monkeypatch.setenv("CLAIMHOUSE_SETTLE_SECONDS", "0.3")
    path, stop = drop(landing_root, "claims.csv", claims_csv(claim(1))), Event()

    def grow() -> None:
        with path.open("ab") as file:
            for number in range(2, 1_000):
                file.write(csv_line(claim(number)).encode() + b"\n")
                file.flush()
                if stop.wait(0.02):
                    return

    writer = Thread(target=grow)
    writer.start()
    assert ingest.land("billing") == []
    stop.set()
    writer.join()
    found = warehouse.execute("select file_name, rule, status from quality.issue").fetchall()
    assert found == [("claims.csv", "still_growing", "open")]
    time.sleep(0.4)
    assert take_in_all() == ["verified"]
    lines = len(path.read_bytes().splitlines()) - 1
    assert batches(warehouse)[0][2:4] == (lines, lines)
    assert warehouse.execute("select status from quality.issue").fetchall() == [("resolved",)]


def test_a_field_of_ten_megabytes_loses_nothing(landing_root, warehouse):
    long = "x" * 10_000_000
    drop(landing_root, "claims.csv", claims_csv(claim(1), claim(2, visit_type=long), claim(3)))
    take_in_all()
    assert batches(warehouse)[0][2:] == (3, 2, 1, 0)
    ((row, column, rule, _, _, raw),) = issues(warehouse)
    assert (row, column, rule) == (3, "visit_type", "enum")
    assert raw.startswith("xxx")
    assert raw.endswith("… (10000000 characters)")
    kept = warehouse.execute("select raw_row from quality.quarantine").fetchone()[0]
    assert kept == csv_line(claim(2, visit_type=long))


def test_a_large_file_of_nothing_but_bad_rows_is_quarantined_whole(
    landing_root, warehouse, monkeypatch
):
    monkeypatch.setenv("CLAIMHOUSE_BLOCK_MIB", "1")
    count = 60_000
    line = csv_line(claim(1, total_cost="xyz")).split(",", 1)[1]
    text = "\n".join([CLAIMS_HEADER, *(f"CF#{number}NN,{line}" for number in range(count)), ""])
    drop(landing_root, "claims.csv", text.encode())
    take_in_all()
    assert batches(warehouse)[0][1:] == ("verified", count, 0, count, 0)
    rows = "select count(*), min(row_number), max(row_number) from quality.issue"
    assert warehouse.execute(rows).fetchone() == (count, 2, count + 1)

"""The hospital's feeds, real and made up, from their files to the source tables."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.worlds.feeds import batches, issues, take_in_all

from claimhouse import contracts, ingest

FEEDS = ("encounters", "organizations", "patients", "payers", "procedures")
MONEY = {
    ("encounters", "base_encounter_cost"): "BASE_ENCOUNTER_COST",
    ("encounters", "total_claim_cost"): "TOTAL_CLAIM_COST",
    ("encounters", "payer_coverage"): "PAYER_COVERAGE",
    ("procedures", "base_cost"): "BASE_COST",
}
NAMES = {
    "first_name": "FIRST",
    "last_name": "LAST",
    "maiden_name": "MAIDEN",
    "birth_place": "BIRTHPLACE",
}


@pytest.fixture
def files(shared_data: Path) -> dict[str, list[dict[str, str]]]:
    """The rows of the real files, read by the standard library."""
    found = {}
    for feed in FEEDS:
        with (shared_data / "hospital" / f"{feed}.csv").open(
            encoding="utf-8-sig", newline=""
        ) as came:
            found[feed] = list(csv.DictReader(came))
    return found


def test_every_row_and_cent_of_the_real_feeds_arrives_and_none_is_quarantined(real_hospital, files):
    assert {
        (name, state, read, good, bad, dropped)
        for name, state, read, good, bad, dropped in batches(real_hospital)
    } == {(f"{feed}.csv", "loaded", len(files[feed]), len(files[feed]), 0, 0) for feed in FEEDS}
    for (feed, column), header in MONEY.items():
        total = real_hospital.execute(
            f"select sum({column}) from source_hospital.{feed}"
        ).fetchone()
        assert total == (sum(Decimal(row[header]) for row in files[feed]),), column
    unclaimed = real_hospital.execute(
        "select file_name from quality.issue where rule = 'unclaimed_file'"
    )
    assert unclaimed.fetchall() == [("data_dictionary.csv",)]
    assert ingest.run("hospital") and len(batches(real_hospital)) == len(FEEDS)


def test_misread_names_are_repaired_and_the_raw_ones_kept(real_hospital, files):
    columns = ", ".join(NAMES)
    found = real_hospital.execute(f"select patient_id, {columns} from source_hospital.patients")
    # another method: the whole text as Mac Roman bytes, read as UTF-8
    assert {row[0]: row[1:] for row in found} == {
        row["Id"]: tuple(
            row[header].encode("mac_roman").decode() or None for header in NAMES.values()
        )
        for row in files["patients"]
    }
    kept = real_hospital.execute(
        "select column_name, raw_value from quality.issue"
        " where rule = 'misread_encoding' and severity = 'warning'"
    )
    garbled = [
        (column, row[header])
        for row in files["patients"]
        for column, header in NAMES.items()
        if not row[header].isascii()
    ]
    assert Counter(kept.fetchall()) == Counter(garbled)
    assert len(garbled) == 61


def test_times_places_and_zip_codes_are_the_files(real_hospital, files):
    for feed, key in (("encounters", "encounter_id"), ("procedures", "encounter_id, code")):
        found = real_hospital.execute(
            f"select concat_ws('|', {key}), started_at, stopped_at from source_hospital.{feed}"
        )
        headers = ("Id",) if feed == "encounters" else ("ENCOUNTER", "CODE")
        assert Counter(found.fetchall()) == Counter(
            (
                "|".join(row[header] for header in headers),
                _moment(row["START"]),
                _moment(row["STOP"]),
            )
            for row in files[feed]
        )
    zips = real_hospital.execute(
        "select patient_id, zipcode, latitude::text from source_hospital.patients"
    ).fetchall()
    assert {(row["Id"], row["ZIP"] or None) for row in files["patients"]} == {
        row[:2] for row in zips
    }
    assert {(row["Id"], Decimal(row["LAT"])) for row in files["patients"]} == {
        (row[0], Decimal(row[2])) for row in zips
    }
    restored = real_hospital.execute(
        "select payer_id, zipcode from source_hospital.payers"
    ).fetchall()
    assert dict(restored) == {
        row["Id"]: row["ZIP"].zfill(5) if row["ZIP"] else None for row in files["payers"]
    }


def test_what_is_odd_in_the_real_feeds_is_a_warning(real_hospital, files):
    encounters = {row["Id"]: row for row in files["encounters"]}
    deaths = {row["Id"]: row["DEATHDATE"] for row in files["patients"]}
    outside = sum(
        row["START"] < encounters[row["ENCOUNTER"]]["START"]
        or row["STOP"] > encounters[row["ENCOUNTER"]]["STOP"]
        for row in files["procedures"]
    )
    late = sum(
        bool(deaths[row["PATIENT"]]) and row["START"][:10] > deaths[row["PATIENT"]]
        for row in files["encounters"]
    )
    long = sum(
        _moment(row["STOP"]) - _moment(row["START"]) > timedelta(days=30)
        for row in files["encounters"]
    )
    expected = {
        ("procedures", "within_encounter"): outside,
        ("encounters", "ends_within_30_days"): long,
        ("encounters", "after_death"): late,
        ("encounters", "code_has_one_description"): _ambiguous(
            files["encounters"], "CODE", "DESCRIPTION"
        ),
        ("procedures", "code_has_one_description"): _ambiguous(
            files["procedures"], "CODE", "DESCRIPTION"
        ),
        ("encounters", "description_has_one_code"): _ambiguous(
            files["encounters"], "DESCRIPTION", "CODE"
        ),
        # the last digits but two of a concept are 00 or 10
        ("encounters", "code_snomed_shape"): sum(
            row["CODE"][-3:-1] not in ("00", "10") for row in files["encounters"]
        ),
        ("patients", "zipcode_is_given"): sum(not row["ZIP"] for row in files["patients"]),
    }
    found = real_hospital.execute(
        "select feed, check_name, failing_rows from quality.check_result where outcome <> 'pass'"
    ).fetchall()
    assert {row[:2]: row[2] for row in found} == expected
    assert min(expected.values()) > 0
    base = sum(
        Decimal(row["BASE_ENCOUNTER_COST"]) > Decimal(row["TOTAL_CLAIM_COST"])
        for row in files["encounters"]
    )
    rules = real_hospital.execute(
        "select rule, count(*) from quality.issue where feed = 'encounters' and rule not like 'soda:%' group by 1"
    ).fetchall()
    assert rules == [("base_within_total_cost", base)]
    assert real_hospital.execute(
        "select count(*) from quality.issue where severity = 'error'"
    ).fetchone() == (0,)


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def _ambiguous(rows: list[dict[str, str]], of: str, what: str) -> int:
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        found[row[of]].add(row[what])
    return sum(len(values) > 1 for values in found.values())


def test_a_source_without_a_folder_in_the_landing_root_has_no_files(landing_root, warehouse):
    assert not (landing_root / "hospital").exists()
    ingest.run("hospital")
    assert batches(warehouse) == []
    assert issues(warehouse) == []


# --- made-up feeds -----------------------------------------------------------------------------

ENCOUNTER, OTHER = (f"0000000{digit}-0000-0000-0000-000000000000" for digit in (1, 2))
PATIENT = "0000000a-0000-0000-0000-000000000000"
HEADER = "START,STOP,PATIENT,ENCOUNTER,CODE,DESCRIPTION,BASE_COST,REASONCODE,REASONDESCRIPTION"


def procedure(
    start: str = "2020-01-01T08:00:00Z",
    stop: str = "2020-01-01T09:00:00Z",
    encounter: str = ENCOUNTER,
    code: str = "265764009",
    cost: str = "903",
) -> str:
    """A line of a procedures file."""
    return f"{start},{stop},{PATIENT},{encounter},{code},Renal dialysis (procedure),{cost},,"


def drop(root: Path, name: str, *lines: str) -> None:
    """Write a procedures file to the hospital's folder."""
    path = root / "hospital" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([HEADER, *lines, ""]))


def test_a_key_of_several_columns_tells_records_apart(landing_root, warehouse):
    drop(
        landing_root,
        "procedures.csv",
        procedure(),
        procedure(start="2020-01-01T08:00:01Z"),
        procedure(code="76601001"),
        procedure(encounter=OTHER),
        procedure(),  # the same again
        procedure(encounter=OTHER, cost="904"),  # the same with another cost: the last row wins
    )
    assert take_in_all("hospital") == ["verified"]
    assert [row[2:] for row in batches(warehouse)] == [(6, 4, 1, 1)]
    assert {(row[0], row[2], row[3]) for row in issues(warehouse)} == {
        (2, "identical_copy", "warning"),
        (5, "conflicting_copy", "error"),
    }
    quarantined = warehouse.execute("select record_key, raw_row from quality.quarantine").fetchall()
    assert quarantined == [(f"{OTHER}|265764009|2020-01-01T08:00:00Z", procedure(encounter=OTHER))]


def test_a_later_good_row_resolves_the_issue_of_a_key_with_a_time_in_it(
    landing_root, warehouse, monkeypatch
):
    monkeypatch.setenv("PGTZ", "America/New_York")  # the session's time zone must not matter
    drop(
        landing_root,
        "procedures_1.csv",
        procedure(start="2020-01-01T08:00Z", cost="much"),
        procedure(code="1", cost="2"),
    )
    drop(landing_root, "procedures_2.csv", procedure())
    take_in_all("hospital")
    found = warehouse.execute(
        "select column_name, record_key, status from quality.issue order by 1"
    )
    assert found.fetchall() == [
        ("base_cost", f"{ENCOUNTER}|265764009|2020-01-01T08:00:00Z", "resolved"),
        ("code", f"{ENCOUNTER}|1|2020-01-01T08:00:00Z", "open"),
    ]


def test_times_are_read_with_and_without_seconds_and_nothing_else(landing_root, warehouse):
    drop(
        landing_root,
        "procedures.csv",
        procedure(start="2020-01-01T08:00Z", code="100001"),
        procedure(start="2020-01-01 08:00:00", code="100002"),
        procedure(start="2020-02-30T08:00:00Z", code="100003"),
        procedure(start="2020-01-01T08:00:00+05:00", code="100004"),
        procedure(stop="soon", code="100005"),
    )
    take_in_all("hospital")
    at = datetime(2020, 1, 1, 8, tzinfo=UTC)
    found = warehouse.execute("select code, started_at, stopped_at from source_hospital.procedures")
    assert found.fetchall() == [("100001", at, at.replace(hour=9)), ("100005", at, None)]
    assert [row[:4] for row in issues(warehouse)] == [
        (3, "started_at", "date", "error"),
        (4, "started_at", "date", "error"),
        (5, "started_at", "date", "error"),
        (6, "stopped_at", "date", "warning"),
    ]


def test_columns_about_a_person_are_classified():
    classes = {
        (contract.feed, column.name): column.classification
        for contract in contracts.of_source("hospital")
        for column in contract.columns
    }
    assert {
        name for (feed, name), kind in classes.items() if feed == "patients" and kind == "public"
    } == set()
    assert {
        kind for (feed, name), kind in classes.items() if name in ("patient_id", "encounter_id")
    } == {"identifier"}
    assert classes["patients", "birth_date"] == "birth_date"
    assert classes["patients", "latitude"] == classes["patients", "address"] == "street"
    assert {
        classes["encounters", "started_at"],
        classes["procedures", "stopped_at"],
        classes["patients", "death_date"],
    } == {"date"}

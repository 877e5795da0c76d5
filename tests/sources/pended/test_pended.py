"""Pended claims, from their files to the daily report, against plain Python over the same files."""

from __future__ import annotations

import csv
import re
import uuid
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from local import embedded
from tests.worlds.feeds import batches, issues, take_in_all

from claimhouse import ingest, review, star
from claimhouse import warehouse as sql_files

QUEUE = "ClaimID,ReceiptDate,TotalCharge,NPI,MostRecentNote"


def drop(root: Path, name: str, *lines: str, header: str = QUEUE) -> None:
    """Write a file to the folder of pended claims."""
    path = root / "pended" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([header, *lines, ""]))


def pended(
    number: int, day: str = "2026-01-02", charge: str = "100", npi: str = "1000000001"
) -> str:
    """A line of a queue file."""
    return f"{900_000_000_000_000 + number},{day},{charge},{npi},add practitioner"


# --- the day in the file name --------------------------------------------------------------------


def test_the_day_of_a_queue_comes_from_its_name(landing_root, warehouse):
    drop(landing_root, "pend_queue_2026-01-05.csv", pended(1), pended(2))
    assert take_in_all("pended") == ["verified"]
    found = warehouse.execute(
        "select claim_id, report_date::text from source_pended.pend_queue order by 1"
    )
    assert found.fetchall() == [
        ("900000000000001", "2026-01-05"),
        ("900000000000002", "2026-01-05"),
    ]


def test_a_queue_without_a_day_in_its_name_is_rejected(landing_root, warehouse):
    drop(landing_root, "pend_queue_latest.csv", pended(1))
    assert take_in_all("pended") == ["rejected"]
    assert [(row[1], row[2]) for row in issues(warehouse)] == [("report_date", "missing_column")]


def test_a_queue_that_did_not_change_over_night_is_another_day_all_the_same(
    landing_root, warehouse
):
    drop(landing_root, "pend_queue_2026-01-05.csv", pended(1))
    drop(landing_root, "pend_queue_2026-01-06.csv", pended(1))
    drop(landing_root, "pend_queue_2026-01-06_again.csv", pended(1))
    take_in_all("pended")
    assert [row[0] for row in batches(warehouse)] == [
        "pend_queue_2026-01-05.csv",
        "pend_queue_2026-01-06.csv",
    ]
    assert [row[2] for row in issues(warehouse)] == ["already_landed"]


def test_a_corrected_row_keeps_the_day_its_file_told(landing_root, warehouse):
    drop(landing_root, "pend_queue_2026-01-05.csv", pended(1).replace("900000000000001", "9x"))
    take_in_all("pended")
    (issue,) = warehouse.execute("select issue_id from quality.issue").fetchone()
    review.correct(issue, {"claim_id": "900000000000001"})
    take_in_all("pended")
    found = warehouse.execute("select claim_id, report_date::text from source_pended.pend_queue")
    assert found.fetchall() == [("900000000000001", "2026-01-05")]


@pytest.mark.parametrize(
    ("came", "kept"),
    [
        ("5143392", "0005143392"),
        ("123456", "0000123456"),
        ("12345", None),
        ("0005143392", "0005143392"),
    ],
)
def test_an_npi_that_lost_its_zeros_has_them_again(
    came: str, kept: str | None, landing_root: Path, warehouse: Any
) -> None:
    drop(landing_root, "pend_queue_2026-01-05.csv", pended(1, npi=came))
    take_in_all("pended")
    assert warehouse.execute("select npi from source_pended.pend_queue").fetchone() == (kept,)


# --- the star, over several days and in any order ------------------------------------------------

INPATIENT = (
    "DESYNPUF_ID,CLM_ID,SEGMENT,CLM_FROM_DT,CLM_THRU_DT,PRVDR_NUM,CLM_PMT_AMT,AT_PHYSN_NPI,"
    "ICD9_DGNS_CD_1,ICD9_DGNS_CD_2,ICD9_DGNS_CD_3,ICD9_PRCDR_CD_1,ICD9_PRCDR_CD_2"
)
CLEARED = "ClaimID,ReceiptDate,ClearDate,MostRecentNote"
DIRECTORY = "npi,provider_group,last_name,first_name,addr_1,addr_2,city,state"
DAYS = ("2026-01-05", "2026-01-06", "2026-01-07", "2026-01-09")
# Claim 1 is cleared, 2 leaves, comes back and is cleared, 3 stays, 4 enters late and leaves uncleared.
QUEUES = {
    DAYS[0]: (1, 2, 3),
    DAYS[1]: (1, 3, 4),
    DAYS[2]: (2, 3, 4),
    DAYS[3]: (3,),
}
FILES: dict[str, tuple[str, list[str]]] = {
    **{
        f"pend_queue_{day}.csv": (QUEUE, [pended(number) for number in claims])
        for day, claims in QUEUES.items()
    },
    "cleared_claims.csv": (
        CLEARED,
        [
            "900000000000001,2026-01-02,2026-01-06,address",
            "900000000000002,2026-01-02,2026-01-08,address",
            "900000000000003,2026-01-02,2026-01-03,address",  # and pends again
            "900000000000009,2026-01-02,2026-01-04,address",  # before the first report
        ],
    ),
    "provider_directory.csv": (
        DIRECTORY,
        ["1000000001,,Alder,Ada,1 Mill Lane,,Bangor,ME", "1000000001,,Birch,Bo,2 Mill Lane,,Salem,OR"],
    ),
    "inpatient_claims.csv": (
        INPATIENT,
        [
            "00000000000000AA,900000000000001,1,20260101,20260103,2300HV,700.00,1000000001,4019,25000,4280,3995,V5861",
            "00000000000000AA,900000000000001,2,,,2300HV,700.00,,,,,,",
            "00000000000000AA,900000000000002,1,20260101,20260103,9900HV,-50.00,1000000001,4019,,,,",
        ],
    ),
}  # fmt: skip
WALK = {  # claim and day: its state, and the first report without it
    ("1", DAYS[0]): ("pended", None, 0), ("1", DAYS[1]): ("cleared", DAYS[2], 0),
    ("2", DAYS[0]): ("left", DAYS[1], 0), ("2", DAYS[2]): ("cleared", DAYS[3], 1),
    ("3", DAYS[0]): ("pended", None, 0), ("3", DAYS[1]): ("pended", None, 0),
    ("3", DAYS[2]): ("pended", None, 0), ("3", DAYS[3]): ("pended", None, 0),
    ("4", DAYS[1]): ("pended", None, 1), ("4", DAYS[2]): ("left", DAYS[3], 0),
}  # fmt: skip


def load(root: Path, warehouse: Any, *files: str) -> dict[str, int]:
    """Write some of FILES, land them and load the star."""
    for name in files:
        header, lines = FILES[name]
        drop(root, name, *lines, header=header)
    take_in_all("pended")
    warehouse.execute("update landing.batch set state = 'checked' where state = 'verified'")
    return star.load_source("pended")


def walk(warehouse: Any) -> dict[tuple[str, str], tuple[Any, ...]]:
    """The queue fact's row of each claim and day."""
    found = warehouse.execute(
        "select right(claim_id, 1), report_date::text, outcome, left_date::text, entered_count,"
        " cleared_count, left_count from star.fact_pended_queue"
        " join star.dim_pended_profile using (pended_profile_key) join star.dim_left_date using (left_date_key)"
    )
    rows = {(row[0], row[1]): row[2:] for row in found}
    for outcome, _, _, cleared, left in rows.values():
        assert (cleared, left) == (outcome == "cleared", outcome == "left")
    return {key: row[:3] for key, row in rows.items()}


def standing(warehouse: Any) -> dict[str, tuple[Any, ...]]:
    """The current state of each claim."""
    found = warehouse.execute(
        "select right(claim_id, 1), outcome, first_pended_date::text, last_pended_date::text, left_date::text,"
        " cleared_date::text, report_count, days_to_first_report, days_pended, days_to_clear, age_bucket,"
        " note_category from star.fact_pended_claim join star.dim_pended_profile using (pended_profile_key)"
        " join star.dim_first_pended_date using (first_pended_date_key)"
        " join star.dim_last_pended_date using (last_pended_date_key)"
        " join star.dim_left_date using (left_date_key) join star.dim_cleared_date using (cleared_date_key)"
    )
    return {row[0]: row[1:] for row in found}


STANDING = {
    "1": ("cleared", DAYS[0], DAYS[1], DAYS[2], "2026-01-06", 2, 3, 4, 4, "0-9", "missing practitioner"),
    "2": ("cleared", DAYS[0], DAYS[2], DAYS[3], "2026-01-08", 2, 3, 6, 6, "0-9", "missing practitioner"),
    "3": ("pended", DAYS[0], DAYS[3], None, None, 4, 3, 7, None, "0-9", "missing practitioner"),
    "4": ("left", DAYS[1], DAYS[2], DAYS[3], None, 2, 4, 7, None, "0-9", "missing practitioner"),
    "9": ("cleared", None, None, "2026-01-04", "2026-01-04", 0, None, 2, 2, "0-9", "address"),
}  # fmt: skip


@pytest.mark.parametrize(
    "order",
    [
        [list(FILES)],
        [[name] for name in FILES],
        [[name] for name in reversed(FILES)],
        [["pend_queue_2026-01-06.csv"], ["cleared_claims.csv", "pend_queue_2026-01-05.csv"], list(FILES)],
    ],
    ids=["at once", "day by day", "backwards", "the first report late"],
)  # fmt: skip
def test_the_walk_of_each_claim_is_the_same_whenever_its_files_come(
    order: list[list[str]], landing_root: Path, warehouse: Any
) -> None:
    for files in order:
        load(landing_root, warehouse, *files)
    assert walk(warehouse) == WALK
    assert standing(warehouse) == STANDING
    named = warehouse.execute(
        "select distinct right(claim_id, 1), patient_id, provider_id, dim_provider.last_name,"
        " facility_id from star.fact_pended_queue join star.dim_patient using (patient_key)"
        " join star.dim_provider using (provider_key)"
        " join star.dim_facility on dim_facility.facility_key = fact_pended_queue.facility_key order by 1"
    ).fetchall()
    behind = {"1": "2300HV", "2": "9900HV"}
    assert named == [
        (
            claim,
            "00000000000000AA" if claim in behind else "unknown",
            "1000000001",
            "Birch",
            behind.get(claim, "unknown"),
        )
        for claim in "1234"
    ]  # fmt: skip
    assert sum(load(landing_root, warehouse, *FILES).values()) == 0


def test_the_days_are_those_of_the_report_and_two_rows_of_an_npi_double_nothing(
    landing_root: Path, warehouse: Any
) -> None:
    load(landing_root, warehouse, *FILES)
    found = warehouse.execute(
        "select report_date::text, count(*), sum(total_charge)::integer, array_agg(distinct age_days)"
        " from star.fact_pended_queue join star.dim_provider using (provider_key) group by 1 order by 1"
    )
    assert found.fetchall() == [
        (day, len(QUEUES[day]), 100 * len(QUEUES[day]), [int(day[-2:]) - 2]) for day in DAYS
    ]
    providers = warehouse.execute(
        "select provider_id, state, is_current from star.dim_provider where source_system = 'pended'"
    )
    assert providers.fetchall() == [("1000000001", "Oregon", True)]


def test_inpatient_claims_bring_payments_diagnoses_and_procedures(
    landing_root: Path, warehouse: Any
) -> None:
    load(landing_root, warehouse, *FILES)
    claims = warehouse.execute(
        "select right(claim_id, 1), claim_type, paid_amount::text, payer_name, service_date::text"
        " from star.fact_claim join star.dim_claim_profile using (claim_profile_key)"
        " join star.dim_payer using (payer_key) order by 1"
    )
    assert claims.fetchall() == [
        ("1", "inpatient", "700.00", "Medicare", "2026-01-01"),
        ("2", "inpatient", "-50.00", "Medicare", "2026-01-01"),
    ]
    diagnoses = warehouse.execute(
        "select right(claim_id, 1), diagnosis_id, position, weight::text from star.bridge_claim_diagnosis"
        " join star.dim_diagnosis using (diagnosis_key) order by 1, 3"
    )
    assert diagnoses.fetchall() == [
        ("1", "4019", 1, "0.33333334"),
        ("1", "25000", 2, "0.33333333"),
        ("1", "4280", 3, "0.33333333"),
        ("2", "4019", 1, "1.00000000"),
    ]
    procedures = warehouse.execute(
        "select right(claim_id, 1), procedure_id, position from star.bridge_claim_procedure"
        " join star.dim_procedure using (procedure_key)"
    )
    assert procedures.fetchall() == [("1", "3995", 1)]  # V5861 is a diagnosis


def test_a_patient_has_a_state_for_each_year_that_tells_something_new(
    landing_root: Path, warehouse: Any
) -> None:
    header = "DESYNPUF_ID,BENE_BIRTH_DT,BENE_DEATH_DT,BENE_SEX_IDENT_CD,BENE_RACE_CD,SP_STATE_CODE,BENE_COUNTY_CD"
    row = "00000000000000AA,19300102,{},2,5,{},160"
    for year, death, state in (("2008", "", "19"), ("2009", "", "19"), ("2010", "20100501", "23")):
        drop(landing_root, f"beneficiaries_{year}.csv", row.format(death, state), header=header)
    load(landing_root, warehouse)
    found = warehouse.execute(
        "select valid_from::text, valid_to::text, state, death_date::text, gender, race, ethnicity,"
        " birth_date::text from star.dim_patient where source_system = 'pended' order by 1"
    )
    assert found.fetchall() == [
        ("1900-01-01", "2010-01-01", "Louisiana", None, "F", None, "hispanic", "1930-01-02"),
        ("2010-01-01", "9999-12-31", "Michigan", "2010-05-01", "F", None, "hispanic", "1930-01-02"),
    ]


# --- who is one person in several systems ----------------------------------------------------------


def test_patients_of_different_systems_are_one_person_only_where_the_crosswalk_says_so(warehouse):
    for system, patient in (("billing", "1U"), ("pended", "AA"), ("hospital", "1U")):
        warehouse.execute(
            "insert into star.dim_patient (source_system, patient_id, last_name, birth_date, valid_from, valid_to,"
            " is_current) values (%s, %s, 'Same', '1950-01-01', '1900-01-01', '9999-12-31', true)",
            (system, patient),
        )
    people = "select count(distinct (person_system, person_id)) from security.patient_person"
    assert warehouse.execute(people).fetchone() == (3,)
    warehouse.execute(
        "insert into security.patient_crosswalk (source_system, patient_id, person_id, decided_by)"
        " values ('billing', '1U', 'AA', 'a steward'), ('pended', 'AA', 'AA', 'a steward')"
    )
    assert warehouse.execute(people).fetchone() == (2,)
    with pytest.raises(psycopg.errors.NotNullViolation):
        warehouse.execute(
            "insert into security.patient_crosswalk (source_system, patient_id, person_id)"
            " values ('hospital', '1U', 'AA')"
        )


def test_no_role_reads_the_crosswalk(warehouse):
    found = warehouse.execute(
        "select r.rolname, t.name from pg_roles as r,"
        " (values ('security.patient_crosswalk'), ('security.patient_person')) as t (name)"
        " where not r.rolsuper and r.rolname !~ '^pg_' and has_table_privilege(r.oid, t.name, 'select')"
    )
    assert found.fetchall() == []


# --- the real files ----------------------------------------------------------------------------------

PHRASES = (  # the words of the notes, as a person who reads all 57 would sort them
    ("missing practitioner", r"practitioner|rendering|provider (not|id|npi)|provider name"),
    ("missing group", r"group|grp|facility|faculty|tax id"),
    ("address", r"address"),
    ("entity category", r"entity"),
    ("missing agreement", r"agreement"),
    ("DOS prior to effective date", r"dos prior"),
)


class Real:
    """The real files, loaded once, and their rows read by the standard library."""

    def __init__(self, warehouse: psycopg.Connection[Any], folder: Path) -> None:
        self.warehouse = warehouse
        self.queues: dict[str, dict[str, dict[str, str]]] = {}
        for file in sorted(folder.glob("pend_queue_*.csv")):
            rows = read(file)
            # a second segment of a claim has no receipt date: the first one is the claim
            self.queues[file.stem[-10:]] = {
                row["ClaimID"]: row for row in sorted(rows, key=lambda row: row["ReceiptDate"])
            }
        self.cleared = {
            row["ClaimID"]: row
            for row in sorted(read(folder / "cleared_claims.csv"), key=lambda row: row["ReceiptDate"])
        }  # fmt: skip
        self.directory = {
            row["npi"].zfill(10): row for row in read(folder / "provider_directory.csv")
        }
        self.inpatient = [row for file in folder.glob("*Inpatient*") for row in read(file)]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of *query*."""
        return self.warehouse.execute(query.encode()).fetchall()

    def example(self, name: str) -> list[dict[str, Any]]:
        """The rows of the example *name*."""
        cursor = self.warehouse.execute(sql_files.sql(f"examples/{name}").encode())
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def newest(self) -> tuple[str, dict[str, dict[str, str]]]:
        """The last day's queue."""
        return max(self.queues.items())


def read(file: Path) -> list[dict[str, str]]:
    """The rows of a csv file."""
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def age(row: dict[str, str], day: str) -> int:
    """The days a claim has waited."""
    return (date.fromisoformat(day) - date.fromisoformat(row["ReceiptDate"])).days


def bucket(days: int) -> str:
    """The age bucket, as the team's report has them."""
    for last, name in (
        (9, "0-9"),
        (20, "10-20"),
        (25, "21-25"),
        (30, "26-30"),
        (44, "31-44"),
        (60, "45-60"),
        (90, "61-90"),
    ):
        if days <= last:
            return name
    return "over 90"


def category(note: str) -> str:
    """The reason of a pended claim, from its note."""
    return next((name for name, words in PHRASES if re.search(words, note)), "misc")


def dollars(row: dict[str, str]) -> Decimal:
    """A claim's charge."""
    return Decimal(row["TotalCharge"] or 0)


@pytest.fixture(scope="module")
def real(server: str, shared_data: Path, tmp_path_factory: Any) -> Iterator[Real]:
    """The real feeds, taken through all stages and checks."""
    name = f"real_{uuid.uuid4().hex[:8]}"
    address = embedded.create_database(server, name, template="warehouse_template")
    root = tmp_path_factory.mktemp("real")
    with pytest.MonkeyPatch.context() as patch, psycopg.connect(address, autocommit=True) as found:
        patch.setenv("WAREHOUSE_URL", address)
        patch.setenv("CLAIMHOUSE_LANDING_ROOT", f"file://{shared_data}")
        patch.setenv("CLAIMHOUSE_ARCHIVE_ROOT", f"file://{root}/archive")
        patch.setenv("CLAIMHOUSE_CORRECTIONS_ROOT", f"file://{root}/corrections")
        ingest.run("pended")
        yield Real(found, shared_data / "pended")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'drop database "{name}" with (force)')


def test_every_row_and_dollar_of_the_real_queues_is_loaded_or_a_segment_set_aside(
    real, shared_data
):
    for day, claims in real.queues.items():
        came = read(shared_data / "pended" / f"pend_queue_{day}.csv")
        (found,) = real.rows(
            "select rows_read, rows_accepted, rows_quarantined, state, amounts -> 'total_charge'"
            f" from landing.batch join landing.file using (file_id) where file_name = 'pend_queue_{day}.csv'"
        )
        assert found[:4] == (len(came), len(claims), len(came) - len(claims), "loaded")
        assert Decimal(found[4]["read"]) == sum(map(dollars, came))
        assert Decimal(found[4]["accepted"]) == sum(map(dollars, claims.values()))
    aside = real.rows("select raw_row from quality.quarantine where feed = 'pend_queue'")
    assert aside and all(row[0].split(",")[1] == "" for row in aside)


def test_the_star_says_of_each_claim_and_day_what_the_files_say(real):
    expected = {}
    for day, claims in real.queues.items():
        for claim, row in claims.items():
            days = age(row, day) if row["ReceiptDate"] else None
            expected[claim, day] = (
                days,
                bucket(days) if days is not None else "unknown",
                category(row["MostRecentNote"]),
                Decimal(row["TotalCharge"]) if row["TotalCharge"] else None,
                row["NPI"].zfill(10) if row["NPI"] else "unknown",
            )
    found = real.rows(
        "select claim_id, report_date::text, age_days, age_bucket, note_category, total_charge, provider_id"
        " from star.fact_pended_queue join star.dim_pended_profile using (pended_profile_key)"
        " join star.dim_provider using (provider_key)"
    )
    assert len(found) == len(expected) > 160_000
    assert {row[:2]: row[2:] for row in found} == expected


def test_the_practitioner_is_the_one_the_directory_answers_last(real):
    found = real.rows(
        "select distinct provider_id, last_name from star.fact_pended_queue"
        " join star.dim_provider using (provider_key) where provider_key > 0 and not is_inferred"
    )
    assert len(found) == len({row[0] for row in found}) > 10_000
    assert {row[0]: row[1] for row in found} == {
        npi: real.directory[npi]["last_name"]
        for npi in {row["NPI"].zfill(10) for queue in real.queues.values() for row in queue.values() if row["NPI"]}
        if npi in real.directory
    }  # fmt: skip


def test_the_daily_report_agrees_with_the_files(real):
    days = sorted(real.queues)
    for before, found in zip([None, *days], real.example("pended_daily_totals"), strict=False):
        day = found["report_date"].isoformat()
        claims, earlier = real.queues[day], real.queues.get(before, {})
        gone = earlier.keys() - claims.keys()
        assert found["claims"] == len(claims)
        assert found["dollars"] == sum(map(dollars, claims.values()))
        assert found["claims_over_30_days"] == sum(
            age(row, day) > 30 for row in claims.values() if row["ReceiptDate"]
        )
        assert found["entered"] == (len(claims.keys() - earlier.keys()) if earlier else 0)
        assert found["cleared"] == len(gone & real.cleared.keys())
        assert found["left_uncleared"] == len(gone - real.cleared.keys())
        assert found["cleared"] == (3 if earlier else 0)  # as a person counts them in the files


@pytest.mark.parametrize(
    ("example", "column"),
    [("pended_by_age_bucket", "age_bucket"), ("pended_by_category", "note_category")],
)
def test_cuts_of_the_queue_agree_with_the_files(example: str, column: str, real: Real) -> None:
    expected: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for day, claims in real.queues.items():
        for row in claims.values():
            cut = (
                category(row["MostRecentNote"])
                if column == "note_category"
                else bucket(age(row, day))
            )
            expected[day, cut].append(dollars(row))
    assert {
        (row["report_date"].isoformat(), row[column]): (row["claims"], row["dollars"])
        for row in real.example(example)
    } == {key: (len(charges), sum(charges)) for key, charges in expected.items()}


def test_the_tops_agree_with_the_files(real):
    day, claims = real.newest()
    oldest = sorted(
        claims.values(), key=lambda row: (-age(row, day), -dollars(row), row["ClaimID"])
    )
    assert [row["claim_id"] for row in real.example("pended_oldest")] == [
        row["ClaimID"] for row in oldest[:10]
    ]
    facility = {row["CLM_ID"]: row["PRVDR_NUM"] for row in real.inpatient if row["SEGMENT"] == "1"}
    cuts = {
        "pended_top_practitioners": ("npi", lambda row: row["NPI"].zfill(10) if row["NPI"] else "unknown"),
        "pended_top_facilities": ("facility_id", lambda row: facility.get(row["ClaimID"], "unknown")),
        "pended_top_groups": (
            "provider_group",
            lambda row: real.directory.get(row["NPI"].zfill(10), {}).get("provider_group") or "unknown",
        ),
    }  # fmt: skip
    for example, (column, of) in cuts.items():
        counted: dict[str, list[Decimal]] = defaultdict(list)
        for row in claims.values():
            counted[of(row)].append(dollars(row))
        ranked = sorted(
            counted.items(), key=lambda entry: (-len(entry[1]), -sum(entry[1]), entry[0])
        )[:10]
        assert [(row[column], row["claims"], row["dollars"]) for row in real.example(example)] == [
            (name, len(charges), sum(charges)) for name, charges in ranked
        ], example


def test_cleared_and_left_agree_with_the_files(real):
    last = max(real.queues)
    pends = {claim for queue in real.queues.values() for claim in queue}
    expected: dict[str, list[int]] = defaultdict(list)
    for claim, row in real.cleared.items():
        seen = [day for day, claims in real.queues.items() if claim in claims]
        if not seen or row["ClearDate"] >= max(seen):  # else it pends again
            expected[row["ClearDate"]].append(
                age(row, row["ClearDate"]) if row["ReceiptDate"] else 0
            )
    found = real.example("pended_cleared")
    assert {row["cleared_date"].isoformat(): row["claims"] for row in found} == {
        day: len(days) for day, days in expected.items()
    }
    assert sum(row["claims_seen_in_the_queue"] for row in found) == 6
    longest = {row["cleared_date"].isoformat(): row["longest_days_to_clear"] for row in found}
    assert longest == {day: max(days) for day, days in expected.items()}
    left = real.example("pended_left")
    assert {(row["outcome"], row["claim_id"]) for row in left} == {
        ("cleared", claim) for claim in pends - real.queues[last].keys()
    }
    (still,) = real.rows("select sum(pended_count), count(*) from star.fact_pended_claim")
    assert still == (len(real.queues[last]), len(pends | real.cleared.keys()))


def test_payments_and_diagnoses_of_the_real_inpatient_claims_are_those_of_their_first_segments(
    real,
):
    first = {row["CLM_ID"]: row for row in real.inpatient if row["SEGMENT"] == "1"}
    assert len(first) < len(real.inpatient)
    found = real.rows(
        "select claim_id, paid_amount from star.fact_claim where source_system = 'pended'"
    )
    assert dict(found) == {claim: Decimal(row["CLM_PMT_AMT"]) for claim, row in first.items()}
    bridge = real.rows(
        "select claim_id, array_agg(diagnosis_id order by position), sum(weight) from star.bridge_claim_diagnosis"
        " join star.dim_diagnosis using (diagnosis_key) group by 1"
    )
    assert {row[0]: row[1] for row in bridge} == {
        claim: [row[f"ICD9_DGNS_CD_{n}"] for n in range(1, 11) if row[f"ICD9_DGNS_CD_{n}"]]
        for claim, row in first.items()
    }
    assert {row[2] for row in bridge} == {Decimal(1)}


def test_a_second_run_of_the_real_files_writes_nothing(real):
    before = real.rows("select count(*), max(batch_id) from landing.batch")
    assert sum(star.load_source("pended").values()) == 0
    assert real.rows("select count(*), max(batch_id) from landing.batch") == before

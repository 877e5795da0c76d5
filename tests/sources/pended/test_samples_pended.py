"""The sample feeds of pended claims: repeatable, shaped like the real ones, with the planted defects.

Plain Python finds the defects in the files; the manifest is compared with them.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path

import pytest
from local.samples import SEED, SOURCES, pended
from local.samples.planting import Samples

from claimhouse import contracts, ingest

Row = dict[str, str]


@pytest.fixture(scope="module")
def samples() -> Samples:
    return pended.make(SEED)


@pytest.fixture(scope="module")
def feeds(samples: Samples) -> dict[str, list[Row]]:
    """The rows of each file."""
    return {
        name: list(csv.DictReader(io.StringIO(content.decode())))
        for name, content in samples.files.items()
    }


def queues(feeds: dict[str, list[Row]]) -> list[dict[str, Row]]:
    """The claims of each day, without their second segments."""
    return [
        {row["ClaimID"]: row for row in rows if row["ReceiptDate"]}
        for name, rows in sorted(feeds.items())
        if name.startswith("pend_queue")
    ]


def test_the_same_seed_gives_the_same_bytes(samples: Samples) -> None:
    assert pended in SOURCES
    assert pended.make(SEED) == samples
    assert pended.make(7).files != samples.files


def test_files_have_the_headers_of_the_real_ones_and_a_contract_each(
    samples: Samples, shared_data: Path
) -> None:
    real = {}
    for file in (shared_data / "pended").iterdir():
        with file.open(encoding="utf-8-sig", newline="") as lines:
            real[contract_of(file.name)] = next(csv.reader(lines))
    for name, content in samples.files.items():
        assert next(csv.reader(io.StringIO(content.decode()))) == real[contract_of(name)], name
    assert set(map(contract_of, samples.files)) == set(real)


def contract_of(name: str) -> str:
    """The only feed whose file pattern matches *name*."""
    (feed,) = (contract.feed for contract in contracts.of_source("pended") if contract.claims(name))
    return feed


def test_claims_and_people_are_not_those_of_the_real_files(
    feeds: dict[str, list[Row]], shared_data: Path
) -> None:
    ours: set[str] = set()
    for rows in feeds.values():
        for row in rows:
            ours |= {row.get("ClaimID", ""), row.get("DESYNPUF_ID", ""), row.get("CLM_ID", "")}
    real = b"".join(file.read_bytes() for file in (shared_data / "pended").iterdir()).decode()
    assert len(ours) > 2000
    assert not (ours - {""}) & set(real.replace("\n", ",").split(","))


def test_each_day_claims_enter_are_cleared_and_leave(feeds: dict[str, list[Row]]) -> None:
    days = queues(feeds)
    cleared = {row["ClaimID"]: row["ClearDate"] for row in feeds["cleared_claims.csv"]}
    for before, after, day in zip(days, days[1:], pended.DAYS[1:], strict=False):
        gone = before.keys() - after.keys()
        assert len(after.keys() - before.keys()) == pended.ENTER_A_DAY
        assert sum(cleared.get(claim) == day.isoformat() for claim in gone) == pended.CLEARED_A_DAY
        assert sum(claim not in cleared for claim in gone) == pended.LEFT_A_DAY
        assert not {claim for claim in after if cleared.get(claim, "9") <= day.isoformat()}


def test_what_was_planted_is_there_and_the_reverse(
    samples: Samples, feeds: dict[str, list[Row]]
) -> None:
    found: Counter[str] = Counter()
    for name, rows in feeds.items():
        seen: set[str] = set()
        for row in rows:
            npi = row.get("NPI", row.get("npi", ""))
            found["lost_zero_npi"] += bool(npi) and len(npi) < 10
            found["second_segment"] += row.get("ReceiptDate") == "" or row.get("SEGMENT") == "2"
            if name.startswith("pend_queue"):
                found["no_charge"] += row["TotalCharge"] == ""
                found["negative_charge"] += row["TotalCharge"].startswith("-")
            if name == "provider_directory.csv":
                found["npi_given_twice"] += npi in seen
                seen.add(npi)
            found["procedure_is_a_diagnosis"] += row.get("ICD9_PRCDR_CD_1", "").startswith("V")
    assert +found == Counter(defect.kind for defect in samples.planted)


def test_inpatient_claims_are_behind_the_queues(feeds: dict[str, list[Row]]) -> None:
    claims = feeds["DE1_0_2024_to_2025_Inpatient_Claims_Sample.csv"]
    assert {row["CLM_ID"] for row in claims} <= queues(feeds)[0].keys()
    people = {row["DESYNPUF_ID"] for name in feeds if "Beneficiary" in name for row in feeds[name]}
    assert {row["DESYNPUF_ID"] for row in claims} <= people
    diagnoses = [
        [row[f"ICD9_DGNS_CD_{n}"] for n in range(1, 11) if row[f"ICD9_DGNS_CD_{n}"]]
        for row in claims
        if row["SEGMENT"] == "1"
    ]
    assert {len(codes) for codes in diagnoses} == set(range(1, 11))
    assert all(len(set(codes)) == len(codes) for codes in diagnoses)


def test_they_load_through_all_stages(
    samples: Samples, feeds: dict[str, list[Row]], landing_root: Path, warehouse
) -> None:
    folder = landing_root / "pended"
    folder.mkdir()
    for name, content in samples.files.items():
        (folder / name).write_bytes(content)
    ingest.run("pended")
    states = warehouse.execute("select distinct state from landing.batch").fetchall()
    assert states == [("loaded",)]
    found = warehouse.execute(
        "select count(*), sum(entered_count), sum(cleared_count), sum(left_count), count(distinct note_category)"
        " from star.fact_pended_queue join star.dim_pended_profile using (pended_profile_key)"
    ).fetchone()
    moves = len(pended.DAYS) - 1
    assert found == (
        sum(map(len, queues(feeds))),
        moves * pended.ENTER_A_DAY,
        moves * pended.CLEARED_A_DAY,
        moves * pended.LEFT_A_DAY,
        7,
    )
    assert warehouse.execute(
        "select count(distinct age_bucket) from star.dim_pended_profile"
    ).fetchone() == (8,)

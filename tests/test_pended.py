"""Pended claims, from their files to the daily report, against plain Python over the same files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.feeds import batches, issues, take_in_all

from claimhouse import review

QUEUE = "ClaimID,ReceiptDate,TotalCharge,NPI,MostRecentNote"


def drop(root: Path, name: str, *lines: str, header: str = QUEUE) -> None:
    """Lay a file into the folder of the pended claims."""
    path = root / "pended" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([header, *lines, ""]))


def pended(
    number: int, day: str = "2026-01-02", charge: str = "100", npi: str = "1000000001"
) -> str:
    """A line of a queue file."""
    return f"{900_000_000_000_000 + number},{day},{charge},{npi},add practitioner"


# --- what the file's name tells ------------------------------------------------------------------


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


def test_a_queue_whose_name_tells_no_day_is_rejected(landing_root, warehouse):
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

"""The sample feeds: repeatable, shaped like the real ones, with every kind of defect.

Plain Python finds the defects in the files; the manifest is compared with them.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest
from local.samples import SEED, billing
from local.samples.planting import Planted, Samples, write

PATTERNS = {
    "patient_id": r"\d+U",
    "provider_id": r"N3T\d+A",
    "claim_id": r"CF#\d+NN",
    "visit_type": "physical|routine|illness|surgery",
    "total_cost": r"\d+\.\d\d",
    "coverage_type": "100|50|0",
    "billed": "[TF01]",
    "specialty_code": "family_physician|orthopedist|heart_surgeon|physical_therapist",
    "zipcode": r"\d{5}",
}
DASHED = {"patients"}


@pytest.fixture(scope="module")
def samples() -> Samples:
    return billing.make(SEED)


def rows(samples: Samples, file: str) -> list[list[str]]:
    """The rows of *file* without its header."""
    return list(csv.reader(io.StringIO(samples.files[file].decode())))[1:]


def planted(samples: Samples, kind: str) -> list[Planted]:
    return [defect for defect in samples.planted if defect.kind == kind]


def wrong_columns(file: str, header: list[str], row: list[str]) -> set[str]:
    """The columns of *row* that violate the specification."""
    if len(row) != len(header):
        return {"(fields)"}
    wrong = set()
    for column, value in zip(header, row, strict=True):
        if column in PATTERNS and not re.fullmatch(PATTERNS[column], value):
            wrong.add(column)
        if "date" in column:
            pattern = "%m-%d-%Y" if file.startswith("patients") else "%m/%d/%Y"
            try:
                datetime.strptime(value, pattern)
            except ValueError:
                wrong.add(column)
        if column == "state" and value in billing.MISSPELLINGS.values():
            wrong.add(column)
    return wrong


def test_the_same_seed_gives_the_same_bytes(samples: Samples) -> None:
    assert billing.make(SEED) == samples
    assert billing.make(7).files != samples.files


def test_files_have_the_names_and_headers_of_the_real_ones(
    samples: Samples, shared_data: Path
) -> None:
    assert len(samples.files) == 12
    for name, content in samples.files.items():
        text = content.decode()
        feed, day = re.fullmatch(r"(patients|providers|claims)_(\d{8})\.csv", name).groups()  # type: ignore[union-attr]
        datetime.strptime(day, "%Y%m%d")
        real = (shared_data / "billing" / f"{feed}_priming.csv").read_text()
        assert text.splitlines()[0] == real.splitlines()[0]
        assert text.endswith("\n") and "\r" not in text


def test_keys_are_not_those_of_the_real_files(samples: Samples, shared_data: Path) -> None:
    for feed in ("patients", "providers", "claims"):
        real = {
            line.split(",")[0]
            for file in (shared_data / "billing").glob(f"{feed}_*.csv")
            for line in file.read_text().splitlines()[1:]
        }
        ours = {
            row[0] for name in samples.files if name.startswith(feed) for row in rows(samples, name)
        }
        assert real and ours and not real & ours


def test_dates_are_not_padded_as_in_the_real_files(samples: Samples) -> None:
    for name, content in samples.files.items():
        text = content.decode()
        separator = "-" if name.startswith("patients") else "/"
        assert not re.search(rf"(^|,)0\d{separator}|{separator}0\d{separator}", text, re.M), name


def test_every_row_that_looks_wrong_was_planted_and_the_reverse(samples: Samples) -> None:
    wrong_fields, planted_fields = Counter(), Counter()
    for name, content in samples.files.items():
        text = content.decode()
        header = text.splitlines()[0].split(",")
        for number, row in enumerate(rows(samples, name), start=2):
            for column in wrong_columns(name, header, row):
                wrong_fields[name, number, column] += 1
    for defect in samples.planted:
        if defect.kind in ("short_row", "long_row"):
            planted_fields[defect.file, defect.row_number, "(fields)"] += 1
        elif defect.kind == "swapped_keys":
            planted_fields[defect.file, defect.row_number, "claim_id"] += 1
            planted_fields[defect.file, defect.row_number, "patient_id"] += 1
        elif defect.column and not defect.kind.endswith(("arrives_later", "numeric_flag")):
            planted_fields[defect.file, defect.row_number, defect.column] += 1
        elif defect.kind == "conflicting_copy" and defect.file.startswith("claims"):
            row = rows(samples, defect.file)[defect.row_number - 2]
            if row[4] == "xyz":
                planted_fields[defect.file, defect.row_number, "total_cost"] += 1
                planted_fields[defect.file, defect.row_number, "billed"] += 1
    assert wrong_fields == planted_fields
    assert sum(wrong_fields.values()) > 200


@pytest.mark.parametrize(
    ("kind", "feed"),
    [
        ("junk_birth_date", "patients"),
        ("junk_residence_date", "patients"),
        ("impossible_date", "patients"),
        ("lost_zero_zip", "patients"),
        ("lost_zero_zip", "providers"),
        ("junk_zip", "patients"),
        ("junk_zip", "providers"),
        ("misspelt_state", "patients"),
        ("misspelt_state", "providers"),
        ("short_row", "patients"),
        ("short_row", "providers"),
        ("short_row", "claims"),
        ("long_row", "claims"),
        ("swapped_keys", "claims"),
        ("junk_cost", "claims"),
        ("junk_flag", "claims"),
        ("unknown_visit_type", "claims"),
        ("unknown_coverage", "claims"),
        ("junk_service_date", "claims"),
        ("impossible_date", "claims"),
        ("numeric_flag", "claims"),
    ],
)
def test_each_kind_of_defect_is_there(samples: Samples, kind: str, feed: str) -> None:
    assert [defect for defect in planted(samples, kind) if defect.file.startswith(feed)]


def test_both_real_misspellings_are_there(samples: Samples) -> None:
    text = b"".join(samples.files.values()).decode()
    assert ",Lousiana," in text
    assert ",Conneticut," in text


def test_copies_repeat_a_key_within_one_file(samples: Samples) -> None:
    for name in samples.files:
        seen: dict[str, list[list[str]]] = {}
        for row in rows(samples, name):
            seen.setdefault(row[0], []).append(row)
        repeated = {key: copies for key, copies in seen.items() if len(copies) > 1}
        identical = {key for key, copies in repeated.items() if copies[0] == copies[1]}
        expected = {
            defect.record_key
            for defect in planted(samples, "identical_copy")
            if defect.file == name
        }
        assert identical == expected
        expected = {
            defect.record_key
            for defect in planted(samples, "conflicting_copy")
            if defect.file == name
        }
        assert repeated.keys() - identical == expected
    assert len(planted(samples, "identical_copy")) == 4
    assert len(planted(samples, "conflicting_copy")) == 4


@pytest.mark.parametrize(
    ("kind", "feed", "column"),
    [("patient_arrives_later", "patients", 1), ("provider_arrives_later", "providers", 2)],
)
def test_claims_name_people_who_arrive_later(
    samples: Samples, kind: str, feed: str, column: int
) -> None:
    first_day = f"{feed}_20260105.csv"
    known = {row[0] for row in rows(samples, first_day)}
    later = {
        row[0]
        for name in samples.files
        if name.startswith(feed) and name != first_day
        for row in rows(samples, name)
    }
    named = {row[column] for row in rows(samples, "claims_20260105.csv") if len(row) == 10}
    waiting = {key for key in named - known if re.fullmatch(r"\d+U|N3T\d+A", key)}
    assert waiting and waiting <= later
    assert len(waiting) == len(planted(samples, kind))


def test_updates_repair_rows_that_were_bad_before(samples: Samples) -> None:
    def key_of(defect: Planted) -> str:
        row = rows(samples, defect.file)[defect.row_number - 2]
        return row[1] if defect.kind == "swapped_keys" else row[0]

    bad = {
        key_of(defect)
        for defect in samples.planted
        if defect.kind.startswith(("junk", "impossible", "unknown", "short", "long", "swapped"))
    }
    repairs = planted(samples, "repair")
    assert repairs and {defect.record_key for defect in repairs} <= bad
    assert bad - {defect.record_key for defect in repairs}, "some must stay open"
    for defect in repairs:
        header = samples.files[defect.file].decode().splitlines()[0].split(",")
        row = rows(samples, defect.file)[defect.row_number - 2]
        assert wrong_columns(defect.file, header, row) <= {"zipcode"}


def test_people_move_back_dated_and_back_again(samples: Samples) -> None:
    before = {row[0]: row for row in rows(samples, "patients_20260105.csv")}
    for defect in planted(samples, "moved_back_dated"):
        row = rows(samples, defect.file)[defect.row_number - 2]
        assert row[4:8] != before[row[0]][4:8]
        started, modified = (datetime.strptime(row[at], "%m-%d-%Y") for at in (8, 9))
        assert (modified - started).days >= 100
    (back,) = planted(samples, "moved_back")
    home = rows(samples, back.file)[back.row_number - 2]
    away = next(row for row in rows(samples, "patients_20260106.csv") if row[0] == home[0])
    first = before[home[0]]
    assert home[4:7] == first[4:7] != away[4:7]


def test_providers_move_and_claims_are_corrected(samples: Samples) -> None:
    before = {row[0]: row for row in rows(samples, "providers_20260105.csv")}
    moves = planted(samples, "provider_moved")
    assert len(moves) == 4
    for defect in moves:
        row = rows(samples, defect.file)[defect.row_number - 2]
        assert row[4] != before[row[0]][4] and row[9] != before[row[0]][9]
    claims = {row[0]: row for row in rows(samples, "claims_20260105.csv")}
    corrected = planted(samples, "corrected_claim")
    assert len(corrected) == 30
    for defect in corrected:
        row = rows(samples, defect.file)[defect.row_number - 2]
        assert row[4] != claims[row[0]][4] and row[6] == claims[row[0]][6]


def test_rows_sent_again_are_unchanged(samples: Samples) -> None:
    for defect in planted(samples, "unchanged_again"):
        row = rows(samples, defect.file)[defect.row_number - 2]
        first = next(
            old for old in rows(samples, defect.file.replace("0107", "0105")) if old[0] == row[0]
        )
        if defect.file.startswith("patients"):  # with the zero that a spreadsheet dropped
            first[7] = first[7].zfill(5)
        assert row == first


def test_figures_per_specialty_and_month_are_not_tiny(samples: Samples) -> None:
    specialty = {
        row[0]: row[8] for row in rows(samples, "providers_20260105.csv") if len(row) == 10
    }
    patients: dict[tuple[str, str], set[str]] = {}
    for row in rows(samples, "claims_20260105.csv"):
        if len(row) == 10 and re.fullmatch(r"\d+/\d+/\d{4}", row[6]) and row[2] in specialty:
            month, _, year = row[6].split("/")
            patients.setdefault((specialty[row[2]], f"{year}-{month}"), set()).add(row[1])
    assert len(patients) >= 4 * 24
    assert min(len(who) for who in patients.values()) > 10


def test_writing_twice_leaves_the_files_alone(samples: Samples, tmp_path: Path) -> None:
    landing = tmp_path / "samples" / "landing"
    assert write(samples, landing) == 13
    before = {path: path.stat().st_mtime_ns for path in landing.rglob("*.csv")}
    assert write(samples, landing) == 0
    assert {path: path.stat().st_mtime_ns for path in landing.rglob("*.csv")} == before
    assert {path.name for path in landing.rglob("*") if path.is_file()} == set(samples.files)
    manifest = (landing.parent / "planted_billing.csv").read_text().splitlines()
    assert len(manifest) == len(samples.planted) + 1

"""The sample feeds: repeatable, shaped like the real ones, and dirty in every promised way.

Everything here is found in the files by plain Python; the manifest is held against that.
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
def made() -> Samples:
    return billing.make(SEED)


def rows(made: Samples, file: str) -> list[list[str]]:
    """The rows of *file* without its header."""
    return list(csv.reader(io.StringIO(made.files[file].decode())))[1:]


def planted(made: Samples, kind: str) -> list[Planted]:
    return [one for one in made.planted if one.kind == kind]


def wrong_columns(file: str, header: list[str], row: list[str]) -> set[str]:
    """The columns of *row* that a person reading the specification would object to."""
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


def test_the_same_seed_gives_the_same_bytes(made: Samples) -> None:
    assert billing.make(SEED) == made
    assert billing.make(7).files != made.files


def test_files_have_the_names_and_headers_of_the_real_ones(
    made: Samples, shared_data: Path
) -> None:
    assert len(made.files) == 12
    for name, held in made.files.items():
        text = held.decode()
        feed, day = re.fullmatch(r"(patients|providers|claims)_(\d{8})\.csv", name).groups()  # type: ignore[union-attr]
        datetime.strptime(day, "%Y%m%d")
        real = (shared_data / "billing" / f"{feed}_priming.csv").read_text()
        assert text.splitlines()[0] == real.splitlines()[0]
        assert text.endswith("\n") and "\r" not in text


def test_keys_are_not_those_of_the_real_files(made: Samples, shared_data: Path) -> None:
    for feed in ("patients", "providers", "claims"):
        real = {
            line.split(",")[0]
            for file in (shared_data / "billing").glob(f"{feed}_*.csv")
            for line in file.read_text().splitlines()[1:]
        }
        ours = {row[0] for name in made.files if name.startswith(feed) for row in rows(made, name)}
        assert real and ours and not real & ours


def test_dates_are_not_padded_as_in_the_real_files(made: Samples) -> None:
    for name, held in made.files.items():
        text = held.decode()
        separator = "-" if name.startswith("patients") else "/"
        assert not re.search(rf"(^|,)0\d{separator}|{separator}0\d{separator}", text, re.M), name


def test_every_row_that_looks_wrong_was_planted_and_the_reverse(made: Samples) -> None:
    found, told = Counter(), Counter()
    for name, held in made.files.items():
        text = held.decode()
        header = text.splitlines()[0].split(",")
        for number, row in enumerate(rows(made, name), start=2):
            for column in wrong_columns(name, header, row):
                found[name, number, column] += 1
    for one in made.planted:
        if one.kind in ("short_row", "long_row"):
            told[one.file, one.row_number, "(fields)"] += 1
        elif one.kind == "swapped_keys":
            told[one.file, one.row_number, "claim_id"] += 1
            told[one.file, one.row_number, "patient_id"] += 1
        elif one.column and not one.kind.endswith(("arrives_later", "numeric_flag")):
            told[one.file, one.row_number, one.column] += 1
        elif one.kind == "conflicting_copy" and one.file.startswith("claims"):
            row = rows(made, one.file)[one.row_number - 2]
            if row[4] == "xyz":
                told[one.file, one.row_number, "total_cost"] += 1
                told[one.file, one.row_number, "billed"] += 1
    assert found == told
    assert sum(found.values()) > 200


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
def test_each_kind_of_dirt_is_there(made: Samples, kind: str, feed: str) -> None:
    assert [one for one in planted(made, kind) if one.file.startswith(feed)]


def test_both_real_misspellings_are_there(made: Samples) -> None:
    text = b"".join(made.files.values()).decode()
    assert ",Lousiana," in text
    assert ",Conneticut," in text


def test_copies_repeat_a_key_within_one_file(made: Samples) -> None:
    for name in made.files:
        seen: dict[str, list[list[str]]] = {}
        for row in rows(made, name):
            seen.setdefault(row[0], []).append(row)
        repeated = {key: copies for key, copies in seen.items() if len(copies) > 1}
        identical = {key for key, copies in repeated.items() if copies[0] == copies[1]}
        told = {one.record_key for one in planted(made, "identical_copy") if one.file == name}
        assert identical == told
        told = {one.record_key for one in planted(made, "conflicting_copy") if one.file == name}
        assert repeated.keys() - identical == told
    assert len(planted(made, "identical_copy")) == 4
    assert len(planted(made, "conflicting_copy")) == 4


@pytest.mark.parametrize(
    ("kind", "feed", "column"),
    [("patient_arrives_later", "patients", 1), ("provider_arrives_later", "providers", 2)],
)
def test_claims_name_people_who_arrive_later(
    made: Samples, kind: str, feed: str, column: int
) -> None:
    first_day = f"{feed}_20260105.csv"
    known = {row[0] for row in rows(made, first_day)}
    later = {
        row[0]
        for name in made.files
        if name.startswith(feed) and name != first_day
        for row in rows(made, name)
    }
    named = {row[column] for row in rows(made, "claims_20260105.csv") if len(row) == 10}
    waiting = {key for key in named - known if re.fullmatch(r"\d+U|N3T\d+A", key)}
    assert waiting and waiting <= later
    assert len(waiting) == len(planted(made, kind))


def test_updates_repair_rows_that_were_bad_before(made: Samples) -> None:
    def key_of(one: Planted) -> str:
        row = rows(made, one.file)[one.row_number - 2]
        return row[1] if one.kind == "swapped_keys" else row[0]

    bad = {
        key_of(one)
        for one in made.planted
        if one.kind.startswith(("junk", "impossible", "unknown", "short", "long", "swapped"))
    }
    repairs = planted(made, "repair")
    assert repairs and {one.record_key for one in repairs} <= bad
    assert bad - {one.record_key for one in repairs}, "some must stay open"
    for one in repairs:
        header = made.files[one.file].decode().splitlines()[0].split(",")
        row = rows(made, one.file)[one.row_number - 2]
        assert wrong_columns(one.file, header, row) <= {"zipcode"}


def test_people_move_back_dated_and_back_again(made: Samples) -> None:
    before = {row[0]: row for row in rows(made, "patients_20260105.csv")}
    for one in planted(made, "moved_back_dated"):
        row = rows(made, one.file)[one.row_number - 2]
        assert row[4:8] != before[row[0]][4:8]
        started, told = (datetime.strptime(row[at], "%m-%d-%Y") for at in (8, 9))
        assert (told - started).days >= 100
    (back,) = planted(made, "moved_back")
    home = rows(made, back.file)[back.row_number - 2]
    away = next(row for row in rows(made, "patients_20260106.csv") if row[0] == home[0])
    first = before[home[0]]
    assert home[4:7] == first[4:7] != away[4:7]


def test_providers_move_and_claims_are_corrected(made: Samples) -> None:
    before = {row[0]: row for row in rows(made, "providers_20260105.csv")}
    moves = planted(made, "provider_moved")
    assert len(moves) == 4
    for one in moves:
        row = rows(made, one.file)[one.row_number - 2]
        assert row[4] != before[row[0]][4] and row[9] != before[row[0]][9]
    claims = {row[0]: row for row in rows(made, "claims_20260105.csv")}
    corrected = planted(made, "corrected_claim")
    assert len(corrected) == 30
    for one in corrected:
        row = rows(made, one.file)[one.row_number - 2]
        assert row[4] != claims[row[0]][4] and row[6] == claims[row[0]][6]


def test_rows_sent_again_are_unchanged(made: Samples) -> None:
    for one in planted(made, "unchanged_again"):
        row = rows(made, one.file)[one.row_number - 2]
        first = next(
            old for old in rows(made, one.file.replace("0107", "0105")) if old[0] == row[0]
        )
        if one.file.startswith("patients"):  # the zero a spreadsheet lost is there again
            first[7] = first[7].zfill(5)
        assert row == first


def test_figures_per_specialty_and_month_are_not_tiny(made: Samples) -> None:
    specialty = {row[0]: row[8] for row in rows(made, "providers_20260105.csv") if len(row) == 10}
    patients: dict[tuple[str, str], set[str]] = {}
    for row in rows(made, "claims_20260105.csv"):
        if len(row) == 10 and re.fullmatch(r"\d+/\d+/\d{4}", row[6]) and row[2] in specialty:
            month, _, year = row[6].split("/")
            patients.setdefault((specialty[row[2]], f"{year}-{month}"), set()).add(row[1])
    assert len(patients) >= 4 * 24
    assert min(len(who) for who in patients.values()) > 10


def test_writing_twice_leaves_the_files_alone(made: Samples, tmp_path: Path) -> None:
    landing = tmp_path / "samples" / "landing"
    assert write(made, landing) == 13
    before = {path: path.stat().st_mtime_ns for path in landing.rglob("*.csv")}
    assert write(made, landing) == 0
    assert {path: path.stat().st_mtime_ns for path in landing.rglob("*.csv")} == before
    assert {path.name for path in landing.rglob("*") if path.is_file()} == set(made.files)
    manifest = (landing.parent / "planted_billing.csv").read_text().splitlines()
    assert len(manifest) == len(made.planted) + 1

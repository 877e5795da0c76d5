"""The hospital's sample feeds: repeatable, shaped like the real ones, with the planted defects.

Plain Python finds the defects in the files; the manifest is compared with them.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from local.samples import SEED, SOURCES, hospital
from local.samples.planting import Samples

Row = dict[str, str]
FEEDS = ("patients", "encounters", "procedures", "payers", "organizations")


@pytest.fixture(scope="module")
def samples() -> Samples:
    return hospital.make(SEED)


@pytest.fixture(scope="module")
def files(samples: Samples) -> dict[str, list[Row]]:
    """The rows of each file."""
    return {name: rows(content) for name, content in samples.files.items()}


@pytest.fixture(scope="module")
def feeds(files: dict[str, list[Row]]) -> dict[str, dict[str, Row]]:
    """The newest row of each record of each feed."""
    feeds: dict[str, dict[str, Row]] = defaultdict(dict)
    for name in sorted(files):
        feeds[name.split("_")[0]] |= {key_of(row): row for row in files[name]}
    return feeds


def rows(content: bytes) -> list[Row]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def key_of(row: Row) -> str:
    return row.get("Id") or f"{row['ENCOUNTER']}|{row['CODE']}|{row['START']}"


def planted(samples: Samples, kind: str) -> Counter[tuple[str, str]]:
    return Counter(
        (defect.file, defect.record_key) for defect in samples.planted if defect.kind == kind
    )


def test_the_same_seed_gives_the_same_bytes(samples: Samples) -> None:
    assert hospital in SOURCES
    assert hospital.make(SEED) == samples
    assert hospital.make(7).files != samples.files


def test_feeds_are_small_and_of_the_promised_size(feeds: dict[str, dict[str, Row]]) -> None:
    sizes = {feed: len(feeds[feed]) for feed in FEEDS}
    assert sizes["payers"] == 10 and sizes["organizations"] == 1
    assert 300 <= sizes["patients"] <= 320
    assert 3000 <= sizes["encounters"] <= 3050
    assert 4500 <= sizes["procedures"] <= 5500


def test_files_look_like_the_real_ones_and_share_no_id_with_them(
    samples: Samples, shared_data: Path
) -> None:
    for feed in FEEDS:
        real = (shared_data / "hospital" / f"{feed}.csv").read_bytes()
        name = f"{feed}_20260105.csv"
        assert samples.files[name].split(b"\r\n")[0] == real.split(b"\r\n")[0]
        ours = {key_of(row) for row in rows(samples.files[name])}
        assert not ours & {key_of(row) for row in rows(real)}
    names = {row["NAME"] for row in rows((shared_data / "hospital" / "payers.csv").read_bytes())}
    assert {row["NAME"] for row in rows(samples.files["payers_20260105.csv"])} == names


def test_every_row_that_looks_wrong_was_planted_and_the_reverse(
    samples: Samples, files: dict[str, list[Row]]
) -> None:
    found: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for name, file_rows in files.items():
        for row in file_rows:
            for kind in looks(name.split("_")[0], row):
                found[kind][name, key_of(row)] += 1
    for kind in ("missing_zip", "lost_zero_zip", "misread_name", "cut_code", "base_above_total"):
        assert found.pop(kind) == planted(samples, kind) != Counter(), kind
    assert not found


def looks(feed: str, row: Row) -> list[str]:
    """The defects that a row shows by itself."""
    wrong = []
    if feed != "encounters" and row.get("NAME") != "NO_INSURANCE" and "ZIP" in row:
        if not row["ZIP"]:
            wrong.append("missing_zip")
        elif not re.fullmatch(r"\d{5}", row["ZIP"]):
            wrong.append("lost_zero_zip")
    if feed == "patients" and not "".join(row.values()).isascii():
        wrong.append("misread_name")
    if feed == "encounters" and float(row["BASE_ENCOUNTER_COST"]) > float(row["TOTAL_CLAIM_COST"]):
        wrong.append("base_above_total")
    if row.get("CODE") == "1853470":
        wrong.append("cut_code")
    return wrong


def test_misread_names_can_be_read_again(files: dict[str, list[Row]]) -> None:
    read = {
        text.encode("mac_roman").decode()
        for row in files["patients_20260105.csv"]
        for text in row.values()
        if not text.isascii()
    }
    assert {"Zoë", "Müller", "Gonçalves", "Brontë"} < read


def test_some_codes_have_other_names(samples: Samples, files: dict[str, list[Row]]) -> None:
    names: dict[str, Counter[str]] = defaultdict(Counter)
    other: Counter[tuple[str, str]] = Counter()
    for file_rows in files.values():
        for row in file_rows:
            if "CODE" in row:
                names[row["CODE"]][row["DESCRIPTION"]] += 1
    usual = {code: counts.most_common(1)[0][0] for code, counts in names.items()}
    for name, file_rows in files.items():
        for row in file_rows:
            if "CODE" in row and row["DESCRIPTION"] != usual[row["CODE"]]:
                other[name, key_of(row)] += 1
    assert other == planted(samples, "other_description")
    assert sum(len(counts) > 1 for counts in names.values()) == 5


def test_impossible_times_were_planted(
    samples: Samples, files: dict[str, list[Row]], feeds: dict[str, dict[str, Row]]
) -> None:
    outside, late = Counter(), Counter()
    for name, file_rows in files.items():
        for row in file_rows:
            if name.startswith("procedures"):
                encounter = feeds["encounters"][row["ENCOUNTER"]]
                if row["START"] < encounter["START"] or row["STOP"] > encounter["STOP"]:
                    outside[name, key_of(row)] += 1
            elif name.startswith("encounters"):
                died = feeds["patients"][row["PATIENT"]]["DEATHDATE"]
                if died and row["START"][:10] > died:
                    late[name, key_of(row)] += 1
    assert outside == planted(samples, "outside_encounter") != Counter()
    assert late == planted(samples, "after_death") + planted(samples, "death_certification")
    assert min(len(planted(samples, kind)) for kind in ("after_death", "death_certification")) > 1


def test_records_arrive_after_those_that_name_them(
    samples: Samples, files: dict[str, list[Row]]
) -> None:
    waiting: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    seen: dict[str, set[str]] = defaultdict(set)
    for day in ("20260105", "20260106", "20260107"):
        came = {feed: files.get(f"{feed}_{day}.csv", []) for feed in FEEDS}
        for feed in ("patients", "encounters"):
            seen[feed] |= {row["Id"] for row in came[feed]}
        for row in came["procedures"]:
            if row["ENCOUNTER"] not in seen["encounters"]:
                waiting["encounter_arrives_later"][f"procedures_{day}.csv", key_of(row)] += 1
        for row in came["encounters"] if day == "20260105" else []:
            if row["PATIENT"] not in seen["patients"]:
                waiting["patient"][row["PATIENT"], ""] += 1
    assert (
        waiting["encounter_arrives_later"]
        == planted(samples, "encounter_arrives_later")
        != Counter()
    )
    arrived = {key for _, key in planted(samples, "patient_arrives_later")}
    assert {key for key, _ in waiting["patient"]} <= arrived
    assert waiting["patient"]


def test_hospice_care_comes_late_for_stays_already_known(
    samples: Samples, files: dict[str, list[Row]]
) -> None:
    late = {key.split("|")[0] for _, key in planted(samples, "hospice_arrives_later")}
    first = files["procedures_20260105.csv"]
    assert late and late <= {row["ENCOUNTER"] for row in first}
    assert not late & {row["ENCOUNTER"] for row in first if row["CODE"] == "385763009"}
    assert {
        defect.file for defect in samples.planted if defect.kind == "hospice_arrives_later"
    } == {"procedures_20260106.csv"}


def test_cells_of_reports_are_large_and_small(feeds: dict[str, dict[str, Row]]) -> None:
    payers = {row["Id"]: row["NAME"] for row in feeds["payers"].values()}
    cells: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in feeds["procedures"].values():
        payer = payers[feeds["encounters"][row["ENCOUNTER"]]["PAYER"]]
        cells[payer][row["CODE"]].add(row["PATIENT"])
    for payer in ("UnitedHealthcare", "Humana", "NO_INSURANCE"):
        sizes = [len(patients) for patients in cells[payer].values()]
        assert sum(size > 10 for size in sizes) >= 6, payer
        assert sum(size <= 10 for size in sizes) >= 6, payer
    assert 0 < sum(code == "34068001" for _, code, _ in map(parts, feeds["procedures"])) <= 5


def parts(key: str) -> list[str]:
    return key.split("|")


def test_rows_sent_again_are_corrections_moves_or_unchanged(
    samples: Samples, files: dict[str, list[Row]]
) -> None:
    first = {
        key_of(row): row
        for name in files
        if name.endswith("0105.csv")
        for row in files[name]
    }  # fmt: skip
    now = {(name, key_of(row)): row for name in files for row in files[name]}

    def changes(kind: str) -> list[set[str]]:
        return [
            {column for column, value in now[file, key].items() if first[key][column] != value}
            for file, key in planted(samples, kind)
        ]

    assert all("PAYER" in changed for changed in changes("corrected_encounter"))
    assert all("ADDRESS" in changed for changed in changes("moved"))
    assert changes("died") == [{"DEATHDATE"}] * 2
    again = changes("unchanged_again")
    assert again and set().union(*again) <= {"ZIP"}

"""The sample claim files: repeatable, in the real senders' layouts, with defects where planted."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest
from local.samples import SEED, billing_exports
from local.samples.planting import Planted, Samples

REAL = {
    billing_exports.ANTHEM: "five_payers/medical-claims-20240115.csv",
    billing_exports.AETNA: "five_payers/dental-claims-20240301.csv",
    billing_exports.CIGNA: "five_payers/medical-claims-20240215.xlsx",
    billing_exports.KAISER: "five_payers/medical-claims-20240315.xlsx",
    billing_exports.PHARMACY: "five_payers/pharmacy-claims-20240201.csv",
    billing_exports.LIST: "claim_data.csv",
    billing_exports.LIST_AGAIN: "claims_data.xlsx",
}
SPREADSHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def cells(content: bytes) -> list[list[str]]:
    """The texts and numbers of a workbook's first sheet, read from its XML."""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
        shared = []
        if "xl/sharedStrings.xml" in book.namelist():
            strings = ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
            shared = ["".join(item.itertext()) for item in strings]
    rows = []
    for row in sheet.iter(f"{SPREADSHEET}row"):
        by_column: dict[int, str] = {}
        for cell in row:
            letters = re.match("[A-Z]+", cell.attrib["r"]).group()  # type: ignore[union-attr]
            at = 0
            for letter in letters:
                at = at * 26 + ord(letter) - 64
            text = "".join(cell.itertext())
            by_column[at - 1] = shared[int(text)] if cell.get("t") == "s" else text
        rows.append([by_column.get(at, "") for at in range(max(by_column) + 1)])
    width = len(rows[0])
    return [row + [""] * (width - len(row)) for row in rows]


def table(name: str, content: bytes) -> list[dict[str, str]]:
    """The rows of a file by its header; a short row lacks its last columns."""
    if name.endswith("xlsx"):
        header, *rows = cells(content)
    else:
        header, *rows = csv.reader(io.StringIO(content.decode()))
    return [dict(zip(header, row, strict=False)) for row in rows]


@pytest.fixture(scope="module")
def samples() -> Samples:
    return billing_exports.make(SEED)


def planted(samples: Samples, kind: str) -> list[Planted]:
    return [defect for defect in samples.planted if defect.kind == kind]


def test_the_same_seed_gives_the_same_bytes(samples):
    assert billing_exports.make(SEED) == samples
    assert billing_exports.make(7).files != samples.files


@pytest.mark.parametrize("name", REAL)
def test_a_file_has_the_header_of_the_real_one(name, samples, shared_data):
    real = table(REAL[name], (shared_data / "billing_exports" / REAL[name]).read_bytes())
    assert list(real[0]) == list(table(name, samples.files[name])[0])


def test_no_claim_and_no_provider_is_one_of_the_real_files(samples, shared_data: Path):
    folder, theirs, ours = shared_data / "billing_exports", set(), set()
    for name, content in samples.files.items():
        layout = (
            billing_exports.LAYOUTS.get(name)
            or billing_exports.LAYOUTS[
                billing_exports.LIST
                if name == billing_exports.LIST_AGAIN
                else billing_exports.ANTHEM
            ]
        )
        ids = [layout.key, *(column for column in layout.columns if "NPI" in column)]
        ours |= {row.get(column, "") for row in table(name, content) for column in ids}
        if name in REAL:
            rows = table(REAL[name], (folder / REAL[name]).read_bytes())
            theirs |= {row[column] for row in rows for column in ids}
    assert len(theirs) > 6000 and not theirs & (ours - {""})


def test_each_defect_is_where_the_manifest_says(samples):
    spoiled = {
        "impossible_date": "2025-02-30",
        "junk_amount": "n/a",
        "unknown_plan": "Gold",
        "junk_diagnosis": "back pain",
        "short_npi": "199900000",
        "junk_tooth": "99",
        "unknown_service": "Hearing",
        "paid_more_than_claimed": "9999.99",
    }
    for kind, value in spoiled.items():
        for defect in planted(samples, kind):
            assert (
                table(defect.file, samples.files[defect.file])[defect.row_number - 2][defect.column]
                == value
            )
        everywhere = Counter(
            name for name, content in samples.files.items() for row in table(name, content)
            if value in row.values()
        )  # fmt: skip
        assert everywhere == Counter(defect.file for defect in planted(samples, kind)), kind


def test_the_workbook_holds_the_same_claims_as_the_list_without_their_zeros(samples):
    plain, typed = (
        table(name, samples.files[name])
        for name in (billing_exports.LIST, billing_exports.LIST_AGAIN)
    )
    lost = {(defect.row_number, defect.column) for defect in planted(samples, "lost_zeros")}
    assert lost
    shortened = set()
    for number, (row, typed_row) in enumerate(zip(plain, typed, strict=True), start=2):
        for column in set(row) - {"Date of Service"}:
            if typed_row[column] != row[column]:
                assert typed_row[column] == str(int(row[column]))
                shortened.add((number, column))
    assert shortened == lost


def test_a_later_file_repairs_and_changes_claims_of_the_first(samples):
    first, later = (
        table(name, samples.files[name])
        for name in (billing_exports.ANTHEM, billing_exports.ANTHEM_LATER)
    )
    known = {row["CLAIM_NUM"]: row for row in first}
    for row in later:
        differs = {name for name, value in row.items() if known[row["CLAIM_NUM"]][name] != value}
        assert differs in ({"SERVICE_FROM"}, {"BILLED_CHARGES"}, {"PLAN_PAID"})
    assert len(later) == billing_exports.LATER

"""The files of the demo: their list, the log of each, and the content of what is downloaded."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import Counter
from decimal import Decimal, InvalidOperation
from pathlib import Path

import fastexcel
import pikepdf
import psycopg
import pytest

PATIENTS, CLAIMS = "billing/patients_20260105.csv", "billing/claims_20260105.csv"
DOWNLOADS = (
    "original",
    "processed.csv",
    "processed.xlsx",
    "rejected.csv",
    "rejected.xlsx",
    "log.csv",
    "log.pdf",
)
# What local.samples plants: kinds that are quarantined, and those of which a value is loaded as NULL.
QUARANTINED = {"short_row", "long_row", "conflicting_copy"}


@pytest.fixture(scope="module")
def samples(demo) -> Path:
    """The folder of the files that the demo landed."""
    return demo.folder / "samples" / "landing"


@pytest.fixture(scope="module")
def planted(demo):
    """How many faults of each kind are planted in a file: ``planted("billing/patients_20260105.csv")``."""

    def faults(place: str) -> Counter[str]:
        source, name = place.split("/")
        with (demo.folder / "samples" / f"planted_{source}.csv").open() as file:
            return Counter(row["kind"] for row in csv.DictReader(file) if row["file"] == name)

    return faults


@pytest.fixture(scope="module")
def number(house):
    """The number of a file, as the list tells it."""

    def of(place: str) -> int:
        source, name = place.split("/")
        with house.client("viewer") as viewer:
            found = listed(viewer, source=source, name=name)
        return found[name]

    return of


def listed(client, **filters: str) -> dict[str, int]:
    """The numbers of the files of the first page, by name."""
    page = client.get("/claimhouse/files", params=filters)
    assert page.status_code == 200
    links = re.findall(r'<th scope="row"><a href="[^"]*files/(\d+)">([^<]*)</a>', page.text)
    return {name: int(number) for number, name in links}


def lines(samples: Path, place: str) -> list[list[str]]:
    """The lines of a sample, its header first."""
    return list(csv.reader((samples / place).open(encoding="utf-8-sig", newline="")))


def rows_of(text: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.decode(), newline="")))


def test_the_list_is_narrowed_by_its_address(house, samples):
    def known(pattern: str) -> set[str]:
        return {path.name for path in (samples / "billing").glob(pattern)}

    with house.client("viewer") as viewer:
        feed = {"source": "billing", "feed": "claims", "to": "2026-01-31"}
        assert set(listed(viewer, **feed)) == known("claims_*")
        assert set(listed(viewer, source="billing", name="_20260106")) == known("*_20260106*")
        days = {"from": "2026-01-06", "to": "2026-01-07"}
        assert set(listed(viewer, source="billing", **days)) == known("*_2026010[67]*")
        assert listed(viewer, name="%") == listed(viewer, name="20260106\\") == {}
        assert listed(viewer, state="rejected", source="billing", to="2026-01-31") == {}
        assert viewer.get("/claimhouse/files?from=yesterday").status_code == 400
        assert viewer.get("/claimhouse/files?source=elsewhere").status_code == 404
        assert viewer.get("/claimhouse/files?before=1-x").status_code == 400


def test_every_file_is_on_one_page_of_the_list(house, demo):
    with house.client("viewer") as viewer, psycopg.connect(demo.warehouse) as warehouse:
        numbers = [
            number
            for (number,) in warehouse.execute(
                "select file_id from landing.file order by landed_at desc, file_id desc"
            )
        ]
        assert len(numbers) > 50
        for first, turn in (("", "next"), ("?after=0-0", "prev")):
            address, found = f"files{first}", []
            while address:
                text = viewer.get(f"/claimhouse/{address}").text
                page = [int(n) for n in re.findall(r'row"><a href="[^"]*files/(\d+)"', text)]
                found = [*found, *page] if turn == "next" else [*page, *found]
                link = re.search(rf'href="/claimhouse/([^"]*)" rel="{turn}"', text)
                address = link[1].replace("&amp;", "&") if link else ""
            assert found == numbers


def test_a_file_nobody_recognizes_waits_in_a_list_of_its_own(enter, samples):
    page = enter("viewer")
    page.goto("/claimhouse/files")
    page.get_by_role("link", name=re.compile("waits?$")).click()
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="export.csv"))
    assert "No contract fits the file's content" in row.inner_text()
    assert "export.csv" not in page.url


def test_a_person_finds_a_file_and_takes_its_rows(enter, house, demo, samples, planted, tmp_path):
    """From the list by a click to the log, and down to the content of each download."""
    source = lines(samples, PATIENTS)
    header, faults = source[0], planted(PATIENTS)
    by_line = dict(enumerate(source[1:], 2))  # no row of this file spans two lines
    page = enter("viewer")
    page.goto("/claimhouse/files?source=billing&feed=patients")
    page.get_by_role("link", name="patients_20260105.csv", exact=True).click()

    counts = (
        page.get_by_role("region", name="Rows", exact=True).get_by_role("cell").all_inner_texts()
    )
    quarantined = sum(faults[kind] for kind in QUARANTINED)
    accepted = len(by_line) - quarantined - faults["identical_copy"]
    assert counts == [
        str(n) for n in (len(by_line), accepted, quarantined, faults["identical_copy"])
    ]
    issues = page.get_by_role("region", name="Issues by rule")
    for rule, kind in (("lost_zeros", "lost_zero_zip"), ("misspelling", "misspelt_state")):
        row = issues.get_by_role("row").filter(has_text=rule)
        assert row.get_by_role("cell").nth(2).inner_text() == str(faults[kind])
    page.get_by_role("link", name="patients_20260106.csv").click()
    page.get_by_role("heading", level=1, name="patients_20260106.csv").wait_for()
    page.get_by_role("link", name="patients_20260105.csv").click()

    def download(part: str) -> bytes:
        with page.expect_download() as given:
            page.locator(f'a[href$="/{part}"]').click()
        given.value.save_as(tmp_path / part)
        return (tmp_path / part).read_bytes()

    assert download("original") == (samples / PATIENTS).read_bytes()

    processed = rows_of(download("processed.csv"))
    assert list(processed[0]) == [*header, "row of the file", "what was corrected"]
    assert len(processed) == accepted
    corrected = 0
    for row in processed:
        sent = dict(zip(header, by_line[int(row["row of the file"])], strict=True))
        assert row["patient_id"] == sent["patient_id"]
        for name in ("zipcode", "state", "fname"):
            if row[name] != sent[name]:
                corrected += 1
                assert f"It was: {sent[name]}" in row["what was corrected"]
    assert corrected == faults["lost_zero_zip"] + faults["misspelt_state"] + faults[
        "junk_zip"
    ] - _dropped_too(demo)
    workbook = fastexcel.read_excel(download("processed.xlsx"))
    sheet = workbook.load_sheet(0, dtypes="string").to_polars()
    assert workbook.sheet_names == ["Rows"]
    assert sheet["zipcode"].to_list() == [row["zipcode"] or None for row in processed]

    rejected = rows_of(download("rejected.csv"))
    assert len(rejected) == quarantined
    for row in rejected:
        sent = by_line[int(row["row of the file"])]
        whole = row["row as it came, where it cannot be split"]
        assert sent == (next(csv.reader([whole])) if whole else [row[name] for name in header])
        assert row["why it was rejected"].endswith(".")
    sheet = (
        fastexcel.read_excel(download("rejected.xlsx")).load_sheet(0, dtypes="string").to_polars()
    )
    assert sheet["row of the file"].to_list() == [row["row of the file"] for row in rejected]

    log = rows_of(download("log.csv"))
    measured = {(row["about"], row["name"], row["measure"]): row["value"] for row in log}
    assert measured["rows", "accepted", "count"] == str(accepted)
    text = pikepdf.open(io.BytesIO(download("log.pdf")))
    assert len(text.pages) >= 1

    with psycopg.connect(demo.warehouse) as warehouse:
        kept = warehouse.execute(
            "select what, count(*) from quality.access_log join landing.file using (file_id)"
            " where person = 'viewer' and file_name = 'patients_20260105.csv'"
            " and accessed_at > now() - interval '1 minute' group by what"
        ).fetchall()
    assert dict(kept) == {"original": 1, "processed": 2, "rejected": 2}


def _dropped_too(demo) -> int:
    """Lines with a corrected value that are no accepted rows: the older copies of records."""
    with (demo.folder / "samples" / "planted_billing.csv").open() as file:
        faults = [row for row in csv.DictReader(file) if row["file"] == PATIENTS.split("/")[1]]
    aside = {row["row_number"] for row in faults if row["kind"] in ("identical_copy",)}
    return sum(row["kind"] == "lost_zero_zip" and row["row_number"] in aside for row in faults)


def test_amounts_are_those_of_the_file(house, number, samples):
    costs = []
    for line in lines(samples, CLAIMS)[1:]:
        try:
            costs.append(Decimal(line[4]) if len(line) == 10 else Decimal(0))
        except InvalidOperation:
            continue
    with house.client("viewer") as viewer:
        address = f"/claimhouse/files/{number(CLAIMS)}"
        page = viewer.get(address).text
        processed = rows_of(viewer.get(f"{address}/processed.csv").content)
    row = re.search(r'<th scope="row">total_cost</th>\s*(.*?)</tr>', page, re.DOTALL)
    read, accepted, quarantined, dropped = (
        Decimal(amount.replace(",", "")) for amount in re.findall(r">\$([0-9,.]+)<", row[1])
    )
    assert read == sum(costs) == accepted + quarantined + dropped
    assert accepted == sum(Decimal(row["total_cost"]) for row in processed)


def test_nulls_are_the_fields_that_the_file_leaves_empty(house, number, samples):
    header, *rows = lines(samples, "hospital/patients_20260105.csv")
    empty = [sum(not row[place].strip() for row in rows) for place in range(len(header))]
    assert sum(empty) > 100
    with house.client("viewer") as viewer:
        address = f"/claimhouse/files/{number('hospital/patients_20260105.csv')}"
        log = rows_of(viewer.get(f"{address}/log.csv").content)
        processed = rows_of(viewer.get(f"{address}/processed.csv").content)
    assert [int(row["value"]) for row in log if row["about"] == "nulls"] == empty
    assert list(processed[0])[: len(header)] == header  # as the sender names them


def test_a_workbook_comes_back_as_it_was(house, number, samples):
    place = "billing_exports/monthly/claims-20260106.xlsx"
    with house.client("viewer") as viewer:
        number = listed(viewer, source="billing_exports", name="claims-20260106")[
            "monthly/claims-20260106.xlsx"
        ]
        answer = viewer.get(f"/claimhouse/files/{number}/original")
        processed = viewer.get(f"/claimhouse/files/{number}/processed.xlsx").content
    sent = (samples / place).read_bytes()
    assert hashlib.sha256(answer.content).digest() == hashlib.sha256(sent).digest()
    assert answer.headers["content-type"] == "application/octet-stream"
    names = fastexcel.read_excel(sent).load_sheet(0).available_columns()
    given = fastexcel.read_excel(processed).load_sheet(0).available_columns()
    assert {column.name for column in names} <= {column.name for column in given}


def test_every_download_is_an_attachment_and_asks_who_is_there(house, number):
    file = number(PATIENTS)
    with house.client(None) as nobody, house.client("viewer") as viewer:
        for part in DOWNLOADS:
            assert nobody.get(f"/claimhouse/files/{file}/{part}").status_code == 401
            for unknown in ("999999999", str(2**63 - 1)):
                assert viewer.get(f"/claimhouse/files/{unknown}/{part}").status_code == 404
            assert viewer.get(f"/claimhouse/files/{2**63}/{part}").status_code == 400
            answer = viewer.get(f"/claimhouse/files/{file}/{part}")
            assert answer.headers["content-disposition"].startswith("attachment;")
            assert answer.headers["cache-control"] == "no-store"
            assert "html" not in answer.headers["content-type"]
        assert viewer.get(f"/claimhouse/files/{file}/processed.html").status_code == 400


def test_the_run_opens_around_the_frame(enter, number):
    page = enter("admin")
    page.goto(f"/plugin/claimhouse/claimhouse/files/{number(PATIENTS)}")
    frame = page.frame_locator("iframe")
    frame.get_by_role("link", name="the run in Airflow").first.click()
    page.wait_for_url("**/dags/ingest_billing/runs/**")
    page.get_by_text("ingest_billing").first.wait_for()

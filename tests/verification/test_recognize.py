"""A file is claimed by its header and content, whatever its name; what fits nothing waits."""

from __future__ import annotations

import csv
import io
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from local.samples import SEED, billing_exports
from local.samples.planting import write
from tests.worlds.feeds import batches, take_in_all
from tests.worlds.properties import examples

from claimhouse import contracts, ingest, review
from claimhouse import settings as places
from claimhouse.verification import match_header, recognize
from claimhouse.verification.recognize import Sample

SOURCE = "billing_exports"
MADE = billing_exports.make(SEED)
FEEDS = {
    billing_exports.ANTHEM: "anthem_medical",
    billing_exports.ANTHEM_LATER: "anthem_medical",
    billing_exports.AETNA: "aetna_dental",
    billing_exports.CIGNA: "cigna_claims",
    billing_exports.KAISER: "kaiser_vision",
    billing_exports.PHARMACY: "unitedhealthcare_pharmacy",
    billing_exports.LIST: "claim_list",
    billing_exports.LIST_AGAIN: "claim_list",
}
REAL = {
    "claim_data.csv": "claim_list",
    "claims_data.xlsx": "claim_list",
    "five_payers/dental-claims-20240301.csv": "aetna_dental",
    "five_payers/medical-claims-20240115.csv": "anthem_medical",
    "five_payers/medical-claims-20240215.xlsx": "cigna_claims",
    "five_payers/medical-claims-20240315.xlsx": "kaiser_vision",
    "five_payers/pharmacy-claims-20240201.csv": "unitedhealthcare_pharmacy",
}


@pytest.fixture
def schemas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The source's contracts, copied so that a test may change them."""
    folder = tmp_path / "include" / "schemas" / SOURCE
    shutil.copytree(places.INCLUDE / "schemas" / SOURCE, folder)
    shutil.copytree(places.INCLUDE / "reference", tmp_path / "include" / "reference")
    monkeypatch.setattr(places, "INCLUDE", tmp_path / "include")
    yield folder


def drop(root: Path, name: str, content: bytes) -> Path:
    path = root / SOURCE / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def look(path: Path) -> list[str]:
    """The feeds that claim *path*."""
    found = recognize.fit_contracts(contracts.of_source(SOURCE), path)
    return [fit.contract.feed for fit in found.best]


def landed(warehouse) -> dict[str, str]:
    """The feed that each landed file was taken for."""
    return dict(warehouse.execute("select file_name, feed from landing.file").fetchall())


def waiting(warehouse) -> dict[str, str]:
    """What is said of each file that waits."""
    return dict(
        warehouse.execute(
            "select file_name, message from quality.issue"
            " where rule = 'unclaimed_file' and status = 'open'"
        ).fetchall()
    )


def rows_of(name: str) -> tuple[list[str], list[list[str]]]:
    header, *rows = csv.reader(io.StringIO(MADE.files[name].decode()))
    return header, rows


def as_csv(header: list[str], rows: list[list[str]]) -> bytes:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([header, *rows])
    return file.getvalue().encode()


def sample(name: str) -> Sample:
    header, rows = rows_of(name)
    whole = [row for row in rows if len(row) == len(header)]
    return Sample(tuple(header), pl.DataFrame(whole, schema=header, orient="row"))


@pytest.mark.parametrize("name", REAL)
def test_each_real_file_is_of_one_contract_and_far_from_every_other(name, shared_data):
    found = recognize.fit_contracts(contracts.of_source(SOURCE), shared_data / SOURCE / name)
    assert [fit.contract.feed for fit in found.best] == [REAL[name]]
    assert found.fits[0].share > 0.999
    assert all(fit.share < 0.14 for fit in found.fits[1:])


def test_real_files_of_another_kind_are_of_none(shared_data):
    files = [*shared_data.glob("billing/*.csv"), *shared_data.glob("hospital/*.csv")]
    assert len(files) > 8
    for file in files:
        assert look(file) == []


def test_files_land_by_content_below_any_folder_and_the_lying_name_is_seen_through(
    landing_root, warehouse
):
    write(MADE, landing_root)
    take_in_all(SOURCE)
    assert landed(warehouse) == FEEDS
    assert {state for _, state, *_ in batches(warehouse)} == {"verified"}
    (name,) = waiting(warehouse)
    assert name == billing_exports.UNDESCRIBED


def test_a_file_is_the_same_under_any_name_with_its_columns_in_any_order(tmp_path):
    header, rows = rows_of(billing_exports.PHARMACY)
    order = list(range(len(header)))
    random.Random(1).shuffle(order)
    shuffled = [[row[at] for at in order] for row in rows]
    for name in ("medical-claims.csv", "x", "dental.xlsx"):
        path = tmp_path / name
        path.write_bytes(as_csv([header[at] for at in order], shuffled))
        assert look(path) == ["unitedhealthcare_pharmacy"]


def test_what_waits_says_which_contract_is_closest_and_what_differs(landing_root, warehouse):
    header, rows = rows_of(billing_exports.ANTHEM)
    gone = [header.index(name) for name in ("PLAN_PAID", "SERVICE_FROM")]
    header[header.index("DIAG_1")] = "REASON"
    at = header.index("PAID_DATE")
    for row in rows:
        row[at] = "soon"
    cut = [[value for at, value in enumerate(row) if at not in gone] for row in (header, *rows)]
    drop(landing_root, "new/claims.csv", as_csv(cut[0], cut[1:]))
    assert take_in_all(SOURCE) == []
    (message,) = waiting(warehouse).values()
    assert "The closest is anthem_medical" in message
    assert "Missing columns: service_date, diagnosis_code, paid_amount." in message
    assert "does not know: REASON." in message
    assert "paid_date (0% fit)" in message
    assert take_in_all(SOURCE) == [] and len(waiting(warehouse)) == 1


def test_a_file_that_waited_is_taken_in_when_its_contract_comes(schemas, landing_root, warehouse):
    hidden = schemas / "anthem_medical.yaml"
    kept = hidden.read_text()
    hidden.unlink()
    drop(landing_root, "a/claims.csv", MADE.files[billing_exports.ANTHEM])
    drop(landing_root, "b/claims.csv", MADE.files[billing_exports.UNDESCRIBED])
    assert take_in_all(SOURCE) == []
    assert set(waiting(warehouse)) == {"a/claims.csv", "b/claims.csv"}
    hidden.write_text(kept.replace("status: active", "status: draft"))
    assert take_in_all(SOURCE) == []  # nobody has finished it yet
    hidden.write_text(kept)
    assert take_in_all(SOURCE) == ["verified"]
    assert landed(warehouse) == {"a/claims.csv": "anthem_medical"}
    assert set(waiting(warehouse)) == {"b/claims.csv"}


def test_a_file_with_all_that_is_required_and_little_else_in_common_waits(tmp_path):
    header, rows = rows_of(billing_exports.ANTHEM)
    known = contracts.of(SOURCE, "anthem_medical")
    needed = {
        column.name for column in known.columns if column.required and column.missing == "error"
    }
    found, _ = match_header(known, header)
    kept = {cell for name, cell in found.items() if name in needed}
    others = [cell if cell in kept else f"{cell} in other words" for cell in header]
    path = tmp_path / "claims.csv"
    path.write_bytes(as_csv(others, rows))
    assert look(path) == []
    path.write_bytes(as_csv([*header[:-2], *others[-2:]], rows))
    assert look(path) == ["anthem_medical"]


def test_of_two_senders_with_one_layout_the_keys_tell(schemas, tmp_path):
    path = tmp_path / "claims.csv"
    path.write_bytes(MADE.files[billing_exports.ANTHEM].replace(b",ANT", b",BET"))
    assert look(path) == []  # the layout is known, whose claims these are is not
    text = (schemas / "anthem_medical.yaml").read_text()
    other = text.replace("anthem_medical", "beta_medical").replace("^ANT[0-9]", "^BET[0-9]")
    (schemas / "beta_medical.yaml").write_text(other)
    path.write_bytes(MADE.files[billing_exports.ANTHEM])
    assert look(path) == ["anthem_medical"]
    path.write_bytes(MADE.files[billing_exports.ANTHEM].replace(b",ANT", b",BET"))
    assert look(path) == ["beta_medical"]


def test_two_contracts_that_fit_equally_are_named_and_the_file_waits(
    schemas, landing_root, warehouse
):
    text = (schemas / "anthem_medical.yaml").read_text()
    (schemas / "beta_medical.yaml").write_text(text.replace("anthem_medical", "beta_medical"))
    drop(landing_root, "claims.csv", MADE.files[billing_exports.ANTHEM])
    assert take_in_all(SOURCE) == []
    (message,) = waiting(warehouse).values()
    assert "(anthem_medical, beta_medical)" in message


def test_a_first_line_that_is_no_header_is_not_repeated_in_the_report(landing_root, warehouse):
    _, rows = rows_of(billing_exports.ANTHEM)
    drop(landing_root, "claims.csv", as_csv(rows[0], rows[1:]))
    take_in_all(SOURCE)
    (message,) = waiting(warehouse).values()
    assert not [value for value in rows[0] if len(value) > 3 and value in message]


def test_a_file_that_cannot_be_read_is_reported_with_the_reason(landing_root, warehouse):
    book = MADE.files[billing_exports.CIGNA]
    drop(landing_root, "cut.xlsx", book[: len(book) // 2])
    drop(landing_root, "nothing.csv", b"")
    assert take_in_all(SOURCE) == []
    found = waiting(warehouse)
    assert "cut off or corrupt" in found["cut.xlsx"]
    assert "empty" in found["nothing.csv"]


def test_a_row_of_a_workbook_is_corrected_though_its_contract_also_knows_csv(
    landing_root, warehouse
):
    lines = billing_exports.LAYOUTS[billing_exports.LIST]
    _, rows = rows_of(billing_exports.LIST)
    rows[3][lines.columns.index("Billed Amount")] = "many"
    made = [billing_exports.Line(row) for row in rows]
    drop(landing_root, "list.xlsx", billing_exports.workbook(lines.columns, made, is_typed=False))
    take_in_all(SOURCE)
    query = (
        "select issue_id from quality.issue where column_name = 'claim_amount' and status = 'open'"
    )
    ((issue,),) = warehouse.execute(query).fetchall()
    review.correct(issue, {"claim_amount": "12"})
    assert take_in_all(SOURCE) == ["verified"]
    assert batches(warehouse)[-1][2:] == (1, 1, 0, 0)
    kept = warehouse.execute(
        "select provider_id, patient_id, claim_amount from source_billing_exports.claim_list"
        " order by batch_id desc limit 1"
    ).fetchone()
    assert kept[:2] == (rows[3][1], rows[3][2]) and kept[2] == 12
    assert warehouse.execute(query).fetchall() == []


def test_both_ways_of_writing_a_list_can_be_read_by_its_one_contract(tmp_path):
    known = contracts.of(SOURCE, "claim_list")
    for name, form in ((billing_exports.LIST, "csv"), (billing_exports.LIST_AGAIN, "xlsx")):
        path = tmp_path / "export"
        path.write_bytes(MADE.files[name])
        assert recognize.dialect_of(known, path).format == form


SAMPLES = {name: sample(name) for name in FEEDS if name.endswith("csv")}


@examples(60)
@given(data=st.data())
def test_a_file_fits_less_the_more_it_differs(data):
    name = data.draw(st.sampled_from(sorted(SAMPLES)))
    known, whole = contracts.of(SOURCE, FEEDS[name]), SAMPLES[name]
    before = recognize.fit(known, whole).share
    assert 0.99 < before <= 1
    names = data.draw(st.permutations(whole.header))
    same = Sample(tuple(names), whole.rows)
    assert recognize.fit(known, same).share == pytest.approx(before)
    dropped = data.draw(st.integers(0, len(names)))
    fewer = Sample(tuple(names[dropped:]), whole.rows)
    added = [f"unheard of {number}" for number in range(data.draw(st.integers(0, 20)))]
    rows = whole.rows.with_columns(pl.lit("?").alias(name) for name in added)
    more = Sample((*fewer.header, *added), rows)
    shares = [recognize.fit(known, sample).share for sample in (whole, fewer, more)]
    assert shares == sorted(shares, reverse=True)
    count = len(known.columns)
    assert shares[2] == pytest.approx((count - dropped) / (count + len(added)), abs=0.01)


@examples(40)
@given(data=st.data(), spoiled=st.floats(0, 1))
def test_wrong_values_cost_a_column_its_share_and_wrong_keys_the_claim(data, spoiled):
    name = data.draw(st.sampled_from(sorted(SAMPLES)))
    known, whole = contracts.of(SOURCE, FEEDS[name]), SAMPLES[name]
    header = billing_exports.LAYOUTS.get(name, billing_exports.LAYOUTS[billing_exports.ANTHEM]).key
    count = round(spoiled * whole.rows.height)
    column = whole.rows[header].to_list()
    wrong = whole.rows.with_columns(pl.Series(header, [*["?"] * count, *column[count:]]))
    found = recognize.fit(known, Sample(whole.header, wrong))
    clean = recognize.fit(known, whole).values["claim_id"]
    assert found.values["claim_id"] == pytest.approx(1 - count / len(column), abs=1.01 - clean)
    assert found.is_enough == (found.values["claim_id"] >= 0.5)


def test_a_second_run_lands_nothing(landing_root, warehouse):
    write(MADE, landing_root)
    assert len(ingest.land(SOURCE)) == len(FEEDS)
    take_in_all(SOURCE)
    assert ingest.land(SOURCE) == []

"""Hostile, mended and damaged files: what their downloads hold, and who may take them."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import fastexcel
import pytest
from fastapi.testclient import TestClient
from tests.verification.test_sheets import use
from tests.worlds.feeds import CLAIMS_HEADER, claim, claims_csv, drop, take_in_all
from tests.worlds.workbooks import Page, table, workbook

from claimhouse import review
from claimhouse.delivery.extract import xlsx
from claimhouse.reading import Dialect

FORMULA = '=HYPERLINK("http://elsewhere.example","x")'


@pytest.fixture
def client(monkeypatch):
    """The pages as somebody sees them who may look at the sources named: ``client("billing")``."""
    from claimhouse.pages import application, rights

    pages = application().application

    def of(*sources: str) -> TestClient:
        person = rights.Person("ada", sources, (), "")
        monkeypatch.setitem(pages.dependency_overrides, rights.person, lambda: person)
        return TestClient(pages, root_path="/claimhouse")

    return of


def rows(answer: Any) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def sheet(answer: Any) -> Any:
    assert answer.status_code == 200, answer.text
    return fastexcel.read_excel(answer.content).load_sheet(0, dtypes="string").to_polars()


def test_no_cell_of_a_download_is_a_formula(client, landing_root, warehouse):
    header = CLAIMS_HEADER + ",=note"
    bad = [*claim(2, total_cost="xyz").values(), FORMULA.replace('"', '""')]
    line = ",".join(f'"{value}"' for value in bad)
    text = "\n".join([header, ",".join([*claim(1).values(), "@a"]), line, "+1,-2", ""])
    drop(landing_root, "claims.csv", text.encode())
    assert take_in_all() == ["verified"]
    seen = client("billing")
    for ending, read in (("csv", rows), ("xlsx", lambda answer: sheet(answer).to_dicts())):
        split, whole = read(seen.get(f"/files/1/rejected.{ending}"))
        assert split["'=note"] == "'" + FORMULA
        assert whole["row as it came, where it cannot be split"] == "'+1,-2"
        processed = read(seen.get(f"/files/1/processed.{ending}"))
        assert "=note" not in "".join(processed[0])  # the contract does not know the column


def test_each_sheet_of_a_workbook_keeps_its_name_and_its_rows(
    client, landing_root, warehouse, monkeypatch
):
    use(monkeypatch, Dialect(format="xlsx"))
    pages = (
        Page("January", table([claim(1), claim(2, total_cost="xyz")])),
        Page("February", table([claim(3)])),
    )
    drop(landing_root, "claims.xlsx", workbook(*pages))
    take_in_all()
    seen = client("billing")
    processed = sheet(seen.get("/files/1/processed.xlsx"))
    assert processed.select("sheet", "row of the file", "claim_id").rows() == [
        ("January", "2", "CF#1NN"),
        ("February", "2", "CF#3NN"),
    ]
    [row] = rows(seen.get("/files/1/rejected.csv"))
    assert (row["sheet"], row["row of the file"], row["total_cost"]) == ("January", "3", "xyz")


def test_columns_are_as_the_sender_names_and_orders_them(client, landing_root, warehouse):
    good, bad = claim(1), claim(2, billed="V")
    names = {name: name for name in reversed(good)} | {
        "claim_id": "Claim No",
        "patient_id": "Member ID",
    }
    text = "\n".join(
        ";".join(line)
        for line in (names.values(), *([row[name] for name in names] for row in (good, bad)), [""])
    )
    drop(landing_root, "claims.csv", text.replace(";", ",").encode())
    assert take_in_all() == ["verified"]
    seen = client("billing")
    [processed] = rows(seen.get("/files/1/processed.csv"))
    assert list(processed)[:10] == list(names.values())
    assert (processed["Claim No"], processed["billed"]) == ("CF#1NN", "false")
    [rejected] = rows(seen.get("/files/1/rejected.csv"))
    assert [rejected[title] for title in names.values()] == [bad[name] for name in names]


def test_a_corrected_row_is_closed_and_its_correction_is_a_file_of_its_own(
    client, landing_root, warehouse
):
    drop(landing_root, "claims.csv", claims_csv(claim(1), claim(2, total_cost="xyz")))
    take_in_all()
    seen = client("billing")
    assert [row["still open"] for row in rows(seen.get("/files/1/rejected.csv"))] == ["yes"]
    (issue,) = warehouse.execute("select issue_id from quality.issue").fetchone()
    review.correct(issue, {"total_cost": "12.30"})
    assert take_in_all() == ["verified"]
    assert [row["still open"] for row in rows(seen.get("/files/1/rejected.csv"))] == ["no"]
    [corrected] = rows(seen.get("/files/2/processed.csv"))
    assert (corrected["claim_id"], corrected["total_cost"]) == ("CF#2NN", "12.30")


def test_of_a_damaged_original_nothing_is_handed_out_and_the_rows_still_are(
    client, landing_root, warehouse
):
    drop(landing_root, "claims.csv", claims_csv(claim(1), claim(2, total_cost="xyz")))
    take_in_all()
    (address,) = warehouse.execute("select archive_path from landing.file").fetchone()
    Path(address.removeprefix("file://")).write_bytes(b"something else")
    seen = client("billing")
    answer = seen.get("/files/1/original")
    assert answer.status_code == 409
    assert b"something else" not in answer.content
    assert [row["claim_id"] for row in rows(seen.get("/files/1/processed.csv"))] == ["CF#1NN"]
    [row] = rows(seen.get("/files/1/rejected.csv"))
    assert row["row as it came, where it cannot be split"].startswith("CF#2NN,")


def test_a_rejected_file_and_one_not_verified_yet_have_no_rows(client, landing_root, warehouse):
    from claimhouse import ingest

    drop(landing_root, "claims.csv", b"claim_id,nothing\n1,2\n")
    assert take_in_all() == ["rejected"]
    drop(landing_root, "claims_2.csv", claims_csv(claim(1)))
    ingest.land("billing")
    seen = client("billing")
    for file in (1, 2):
        for part in ("processed.csv", "processed.xlsx", "rejected.csv", "rejected.xlsx"):
            assert seen.get(f"/files/{file}/{part}").status_code == 409
        assert seen.get(f"/files/{file}/original").status_code == 200
        assert seen.get(f"/files/{file}/log.csv").status_code == 200
        assert seen.get(f"/files/{file}/log.pdf").content.startswith(b"%PDF")


def test_a_file_that_says_nothing_new_has_no_rows_of_its_own(client, landing_root, warehouse):
    content = claims_csv(claim(1))
    drop(landing_root, "claims.csv", content)
    take_in_all()
    drop(landing_root, "claims_again.csv", content)
    take_in_all()
    seen = client("billing")
    assert seen.get("/files/2/original").content == content
    assert seen.get("/files/2/processed.csv").status_code == 409
    listed = seen.get("/files?state=repeated").text
    assert "claims_again.csv" in listed
    assert "claims.csv" not in listed


def test_rows_that_fit_no_workbook_are_had_as_csv(client, landing_root, warehouse, monkeypatch):
    drop(landing_root, "claims.csv", claims_csv(claim(1), claim(2)))
    take_in_all()
    seen = client("billing")
    monkeypatch.setattr(xlsx, "MOST_ROWS", 1)
    answer = seen.get("/files/1/processed.xlsx")
    assert answer.status_code == 409
    assert "Take the csv" in answer.text
    assert len(rows(seen.get("/files/1/processed.csv"))) == 2


def test_a_file_of_another_source_is_not_there(client, landing_root, warehouse):
    drop(landing_root, "claims.csv", claims_csv(claim(1), claim(2, total_cost="xyz")))
    take_in_all()
    other = client("clinic", "hospital")
    for part in ("", "/original", "/processed.csv", "/processed.xlsx", "/rejected.csv",
                 "/rejected.xlsx", "/log.csv", "/log.pdf"):  # fmt: skip
        assert other.get(f"/files/1{part}").status_code == 404
    assert "claims.csv" not in other.get("/files").text
    assert other.get("/files?source=billing").status_code == 404
    assert warehouse.execute("select count(*) from quality.access_log").fetchone() == (0,)


def test_a_download_that_cannot_be_recorded_is_not_sent(client, landing_root, warehouse):
    drop(landing_root, "claims.csv", claims_csv(claim(1), claim(2, total_cost="xyz")))
    take_in_all()
    seen = client("billing")
    seen.get("/files/1/rejected.xlsx")
    kept = "select person, what, source_system, file_id from quality.access_log"
    assert warehouse.execute(kept).fetchall() == [("ada", "rejected", "billing", 1)]
    warehouse.execute(
        "alter table quality.access_log add constraint full_disk check (false) not valid"
    )
    for part in ("original", "processed.csv", "processed.xlsx", "rejected.csv", "rejected.xlsx"):
        answer = TestClient(seen.app, root_path="/claimhouse", raise_server_exceptions=False).get(
            f"/files/1/{part}"
        )
        assert answer.status_code == 500
        assert b"CF#" not in answer.content


def test_the_roles_of_the_pages_add_to_the_access_log_and_no_more(warehouse):
    import psycopg

    for role in ("claimhouse_viewer", "claimhouse_reviewer"):
        for statement in (
            "select person from quality.access_log",
            "update quality.access_log set person = 'somebody else'",
            "delete from quality.access_log",
            "truncate quality.access_log",
            "insert into quality.access_log (person, what, source_system, accessed_at)"
            " values ('ada', 'original', 'billing', '2020-01-01')",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), warehouse.transaction():
                warehouse.execute(f"set local role {role}")
                warehouse.execute(statement)

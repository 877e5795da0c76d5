"""Files of dashboards say what the page says, what plain Python makes of the facts, and who took them."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from html import unescape
from typing import Any

import openpyxl
import psycopg
import pytest
from fastapi import Depends, FastAPI, Request
from fastapi.testclient import TestClient
from tests.dashboards import made
from tests.worlds.client_world import client_file
from tests.worlds.hospital_world import Hospital
from tests.worlds.hospital_world import database as migrated
from tests.worlds.pdf_text import text_of
from tests.worlds.portal_world import portal

from claimhouse import reporting, warehouse
from claimhouse.dashboards import (
    database,
    downloads,
    exports,
    known,
    model,
    numbers,
    page,
    read,
    theme,
)
from claimhouse.dashboards.answer import Answer, Mark, Page, Row
from claimhouse.dashboards.exports import csv as as_csv
from claimhouse.dashboards.exports import pdf, xlsx
from claimhouse.dashboards.frame import Frame
from claimhouse.dashboards.model import Dashboard, Filter, Measure, Source, Tile
from claimhouse.reporting import readers
from claimhouse.reporting.readers import Reader

REPORT = "member_encounters"
SOURCE = Source((), REPORT)
MEASURES = {
    "encounters": {"title": "Encounters", "unit": "encounters", "count": True},
    "patients": {"title": "Patients helped", "unit": "patients", "distinct": "patient_pseudonym"},
    "cost": {"title": "Cost", "unit": "dollars", "sum": "total_claim_cost"},
    "minutes": {"title": "Length", "unit": "minutes", "sum": "length_minutes", "over": "one"},
}
BOARD = Dashboard(
    "member_care", "Members' care", "What was done for our members, and at what cost?", (),
    (
        Filter("service_month", "period", "Month"),
        Filter("specialty", "choice", "Specialty"),
        Filter("encounter_pseudonym", "choice", "Encounter"),
    ),
    (
        (
            Tile("tile-1-1", "number", "Members' patients", SOURCE, measures=("patients",), compares=True),
            Tile("tile-1-2", "number", "Members' cost", SOURCE, measures=("cost",)),
        ),
        (Tile("tile-2-1", "bar", "By specialty", SOURCE, measures=("encounters", "cost"), by=("specialty",),
              drill=REPORT),),
        (Tile("tile-3-1", "line", "By month", SOURCE, measures=("encounters",), by=("service_month",),
              split="specialty"),),
        (Tile("tile-4-1", "table", "Each", SOURCE, columns=("service_date", "total_claim_cost"),
              by=("specialty",)),),
    ),
    None,
)  # fmt: skip


@dataclass
class House:
    """A hospital, a payer that reads its members' care, and the pages that show it."""

    owner: psycopg.Connection[Any]
    hospital: Hospital
    login: str

    def client(self, login: str = "", person: str = "kim") -> TestClient:
        """A browser of somebody who reads as *login*."""

        async def around(request: Request) -> None:
            request.state.frame = Frame(login or self.login, person, "t", "/", "/dashboards/")

        application = FastAPI(dependencies=[Depends(around)])
        application.include_router(page.routes, prefix="/dashboards")
        return TestClient(application, raise_server_exceptions=False)

    def encounters(self, **chosen: str) -> list[dict[str, Any]]:
        """The encounters of the payer's members, by month and specialty."""
        seen = self.hospital.seen(self.hospital.encounters, "UnitedHealthcare")
        return [
            entry for entry in seen
            if chosen.get("month", f"{entry['day']:%Y-%m}") == f"{entry['day']:%Y-%m}"
            and chosen.get("specialty", entry["specialty"]) == entry["specialty"]
        ]  # fmt: skip

    def kept(self) -> list[dict[str, Any]]:
        """What is kept of downloads."""
        with self.owner.cursor(row_factory=psycopg.rows.dict_row) as cursor:
            return cursor.execute("select * from portal.download order by download_id").fetchall()


@pytest.fixture(scope="module")
def house(server, tmp_path_factory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("files")
    with (
        migrated(server) as (address, owner),
        portal(address),
        pytest.MonkeyPatch.context() as patch,
    ):
        hospital = Hospital(owner, address, encounters=160)
        name = f"united_{address.rpartition('_')[2][:6]}"
        client_file(
            folder, name, ("hospital", {"payers": ["UnitedHealthcare"]}),
            reports=[REPORT], logins=["analyst", "other"],
        )  # fmt: skip
        roles = folder / "roles.yml"
        roles.write_text("roles: []\n")
        reporting.publish(owner, folder, roles)
        board = replace(BOARD, readers=(name,))
        reports = model.known_reports()
        described = {
            key: {"sentence": f"The {key} of members", "owner": "The account team"} | entry
            for key, entry in MEASURES.items()
        }
        of_report = replace(
            reports[REPORT],
            measures=described,
            cuts={"service_month": {"month_of": "service_date"}},
        )
        patch.setattr(model, "known_reports", lambda: {**reports, REPORT: of_report})
        patch.setattr(known, "readers", lambda: readers.load_clients(folder))
        patch.setattr(known, "dashboards", lambda: {board.name: board})
        yield House(owner, hospital, f"client_{name}__analyst")
        database.close()


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def cells_of(html: str, tile: str) -> list[list[str]]:
    """The rows of a tile's table on the page."""
    section = re.search(rf'<section[^>]*id="{tile}".*?</section>', html, re.S)[0]
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", section.partition("</thead>")[2], re.S)
    return [
        [unescape(re.sub(r"<[^>]*>", "", cell)).strip() for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.S)]
        for row in rows
    ]  # fmt: skip


def dollars(value: Any) -> str:
    return f"${Decimal(value):,.2f}"


@pytest.mark.parametrize(
    "query", ["", "?specialty=cardiology", "?service_month.from=2024-05&service_month.to=2025-02"]
)
def test_page_and_files_say_what_python_makes_of_the_facts(house, query):
    left = house.encounters(**({"specialty": "cardiology"} if "specialty" in query else {}))
    if "from" in query:
        left = [entry for entry in left if "2024-05" <= f"{entry['day']:%Y-%m}" <= "2025-02"]
    number = Counter(entry["specialty"] for entry in left)
    cost = defaultdict(Decimal)
    for entry in left:
        cost[entry["specialty"]] += entry["cost"]
    total, patients = sum(cost.values()), len({entry["patient_id"] for entry in left})

    client = house.client()
    get = lambda end: client.get(f"/dashboards/member_care{end}{query}")  # noqa: E731
    html, one, pdf_text = (
        get("").text,
        get("/tile-2-1.csv").content,
        text_of(get("/file.pdf").content),
    )
    archive = zipfile.ZipFile(io.BytesIO(get("/file.zip").content))
    book = openpyxl.load_workbook(io.BytesIO(get("/file.xlsx").content))

    expected = [(name, number[name], cost[name]) for name in number] + [("Total", len(left), total)]
    in_csv = [
        (row["specialty"], int(row["encounters"]), Decimal(row["cost"])) for row in rows_of(one)
    ]
    assert sorted(in_csv) == sorted(expected)
    assert archive.read("tile-2-1.csv") == one
    on_page = [(row[0], row[1], row[2]) for row in cells_of(html, "tile-2-1")]
    assert on_page == [(name, str(count), dollars(amount)) for name, count, amount in in_csv]
    sheet = book["By specialty"]
    cells = [[cell.value for cell in row[:3]] for row in sheet.iter_rows(2, len(in_csv) + 1)]
    assert cells == [[name, count, float(amount)] for name, count, amount in in_csv]
    assert sheet.cell(2, 3).number_format.startswith('"$"#,##0.00') and sheet._charts
    for name, count, amount in in_csv:
        assert f"{name} {count} {dollars(amount)}" in pdf_text
    assert [row["patients"] for row in rows_of(archive.read("tile-1-1.csv"))] == [str(patients)]
    assert book["Members' patients"].cell(2, 1).value == patients
    assert (
        f"Members' patients {patients}" in pdf_text
        and f"Members' cost {dollars(total)}" in pdf_text
    )
    by_month = Counter((f"{entry['day']:%Y-%m}", entry["specialty"]) for entry in left)
    lines = [
        row for row in rows_of(archive.read("tile-3-1.csv")) if row["service_month"] != "Total"
    ]
    assert {
        (row["service_month"], row["specialty"]): int(row["encounters"]) for row in lines
    } == by_month
    each = [(row["specialty"], date.fromisoformat(row["service_date"]), Decimal(row["total_claim_cost"]))
            for row in rows_of(archive.read("tile-4-1.csv"))]  # fmt: skip
    shown = sorted((entry["specialty"], entry["day"], entry["cost"]) for entry in left)
    assert each == shown[: len(each)] and len(each) == min(100, len(shown))


def test_a_file_says_whose_it_is_what_is_chosen_and_what_numbers_mean(house):
    query = "?specialty=cardiology&service_month.from=2024-05&service_month.to=2025-02"
    client = house.client(person="Kim O'Neil")
    archive = zipfile.ZipFile(
        io.BytesIO(client.get(f"/dashboards/member_care/file.zip{query}").content)
    )
    book = openpyxl.load_workbook(
        io.BytesIO(client.get(f"/dashboards/member_care/file.xlsx{query}").content)
    )
    about = " ".join(archive.read("about.txt").decode().split())
    on_sheet = " ".join(
        str(cell.value) for row in book["About"].iter_rows() for cell in row if cell.value
    )
    printed = text_of(client.get(f"/dashboards/member_care/file.pdf{query}").content)
    for text in (about, on_sheet, printed):
        for words in (
            "Members' care", "What was done for our members, and at what cost?", "Month: 2024-05 to 2025-02",
            "Specialty: cardiology", "2026-03-02 04:05 UTC", "& Co", "Kim O'Neil", "The cost of members",
            "Owner: The account team" if text is not on_sheet else "The account team",
            "limited data set (45 CFR 164.514(e))", "Compared with 2023-07 to 2024-04",
        ):  # fmt: skip
            assert words in text, words
    assert "Page 1 of" in printed
    # Before a period: a column of its own.
    (patients,) = rows_of(archive.read("tile-1-1.csv"))
    before = [
        entry
        for entry in house.encounters(specialty="cardiology")
        if "2023-07" <= f"{entry['day']:%Y-%m}" <= "2024-04"
    ]
    assert patients["patients_before"] == str(len({entry["patient_id"] for entry in before}))


def test_explore_finds_any_value_of_a_filter_and_how_much_there_is_of_it(house, monkeypatch):
    monkeypatch.setattr(read, "MOST_CHOICES", 1)
    counted = Counter(entry["specialty"] for entry in house.encounters())
    picked = f"?explore.number={REPORT}.encounters&explore.filter=specialty"
    page = house.client().get(f"/dashboards/explore{picked}")
    assert page.status_code == 200
    address = unescape(re.search(r'data-choices="([^"]*)"', page.text)[1])
    for specialty, number in counted.items():
        found = house.client().get(f"{address}&text={specialty[1:].upper()}").json()
        assert [specialty, str(number)] in found
    assert house.client().get(f"{address}&text=nothing+has+this").json() == []
    for other in (
        "/dashboards/explore/choices/specialty",
        f"/dashboards/explore/choices/cost{picked}",
    ):
        assert house.client().get(other).status_code == 404


def test_files_of_explore_say_what_it_shows(house):
    picked = f"?explore.number={REPORT}.encounters&explore.rows=specialty&explore.chart=table"
    counted = Counter(entry["specialty"] for entry in house.encounters())
    client = house.client()
    page = client.get(f"/dashboards/explore{picked}").text
    links = [unescape(link) for link in re.findall(r'<a[^>]*href="([^"]*)" download', page)]
    assert [link.partition("?")[0].rpartition("/")[2] for link in links] == [
        "file.pdf", "file.xlsx", "file.zip", "tile-1-1.csv",
    ]  # fmt: skip
    printed, book, archive, one = (client.get(link).content for link in links)
    for specialty, number in counted.items():
        assert f"{specialty} {number}" in text_of(printed)
    sheet = openpyxl.load_workbook(io.BytesIO(book)).worksheets[1]
    in_book = {row[0].value: row[1].value for row in sheet.iter_rows(2, len(counted) + 1)}
    assert in_book == counted
    assert zipfile.ZipFile(io.BytesIO(archive)).read("tile-1-1.csv") == one
    assert {row["specialty"]: int(row["encounters"]) for row in rows_of(one)} == {
        **counted, "Total": sum(counted.values()),
    }  # fmt: skip


def test_who_took_what_is_kept_before_it_is_sent(house):
    before = len(house.kept())
    client = house.client(person="kim")
    secret = "0a1b2c3d-no-such-encounter"
    chosen = f"?specialty=cardiology&specialty=dialysis&service_month.from=2024-05&encounter_pseudonym={secret}"
    got = [
        client.get(f"/dashboards/member_care/{end}{chosen}") for end in ("file.pdf", "tile-2-1.csv")
    ]
    kept = house.kept()[before:]
    for answer, row in zip(got, kept, strict=True):
        assert row["checksum"] == hashlib.sha256(answer.content).hexdigest()
        assert row["size_bytes"] == len(answer.content)
        assert (row["login"], row["person"], row["dashboard"]) == (
            house.login,
            "kim",
            "member_care",
        )
        # Only cuts of metrics are kept with their values.
        assert row["filters"] == {
            "specialty": None, "encounter_pseudonym": None, "service_month": ["2024-05", ""],
        }  # fmt: skip
        name = answer.headers["content-disposition"]
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        assert name == f'attachment; filename="{row["file_name"]}"' and today in name
        assert secret not in str(row) and secret not in name
    assert [(row["tile"], row["format"]) for row in kept] == [(None, "pdf"), ("tile-2-1", "csv")]


def test_what_cannot_be_kept_is_not_sent(house):
    rights = "insert (person) on portal.download {} claimhouse_portal"
    house.owner.execute("revoke " + rights.format("from"))
    try:
        for end in ("file.pdf", "file.zip", "file.xlsx", "tile-2-1.csv"):
            answer = house.client().get(f"/dashboards/member_care/{end}")
            assert answer.status_code == 500 and len(answer.content) < 100
    finally:
        house.owner.execute("grant " + rights.format("to"))
    assert house.client().get("/dashboards/member_care/file.zip").status_code == 200


def test_what_is_kept_stays(house):
    house.client().get("/dashboards/member_care/tile-2-1.csv")
    for statement in (
        "update portal.download set person = 'x'",
        "delete from portal.download",
        "truncate portal.download",
    ):
        with pytest.raises(psycopg.errors.RaiseException):
            house.owner.execute(statement)
    with psycopg.connect(warehouse.url("claimhouse_portal"), autocommit=True) as portals:
        for statement in ("select 1 from portal.download", "delete from portal.download",
                          "insert into portal.download (made_at) values (now())"):  # fmt: skip
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                portals.execute(statement)


@pytest.mark.parametrize("end", [
    "nothing/file.pdf", "member_care/file.exe", "member_care/tile-9-9.csv", "member_care/tile.csv",
    "member_care/..%2f..%2fetc.csv",
])  # fmt: skip
def test_what_there_is_not_is_not_given(house, end):
    before = len(house.kept())
    assert house.client().get(f"/dashboards/{end}").status_code in (404, 422)
    assert len(house.kept()) == before


def test_who_may_not_open_a_dashboard_takes_no_file_of_it(house):
    stranger = house.client("client_nobody__x")
    assert stranger.get("/dashboards/member_care/file.pdf").status_code == 403


def test_others_wait_while_files_are_made(house, monkeypatch):
    monkeypatch.setattr(downloads, "WAIT_SECONDS", 0.05)
    for _ in range(downloads.MOST_AT_ONCE):
        assert downloads._places.acquire(timeout=1)
    try:
        assert house.client().get("/dashboards/member_care/file.pdf").status_code == 503
    finally:
        for _ in range(downloads.MOST_AT_ONCE):
            downloads._places.release()
    assert house.client().get("/dashboards/member_care/file.zip").status_code == 200


# Values that somebody put into a feed, or a filter.
HOSTILE = (
    "=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1", '#image("/etc/passwd")',
    "<b>&amp;", "_x0041_", "\x01\x02", "\ufffe", "日本語", "a,b\"c\nd", "x" * 40_000, "=HYPERLINK(\"http://x\")",
)  # fmt: skip


@pytest.mark.pure
def test_no_value_is_read_as_markup_or_formula():
    tile = Tile("tile-1-1", "bar", "A [bar]: of / *many*? '", Source(("m",), None), by=("name",))
    again = replace(tile, name="tile-1-2", title="a [bar]: of / *many*? '")
    measure = Measure("m", "M #x *y*", 'Of #image("/etc/passwd") things', "", None)
    rows = tuple(Row((value,), (number,)) for number, value in enumerate(HOSTILE))
    board = Dashboard("odd", "=Odd #strong[x]", "Is #it *so*?", (), (), ((tile, again),), None)
    answers = {entry.name: Answer(entry, ("name",), (measure,), rows) for entry in (tile, again)}
    reader = Reader("r", "#R", "identified", (), (), ())
    document = exports.document(board, Page(answers, chosen={"=Name": HOSTILE[7]}), reader, "=kim")

    text = as_csv.of_table(document.tables[0]).decode()
    starts = [row["name"][:1] for row in csv.DictReader(io.StringIO(text, newline=""))]
    assert not set(starts) & set("=+-@\t\r\uff1d")
    book = openpyxl.load_workbook(io.BytesIO(xlsx.write(document)))
    assert len({name.lower() for name in book.sheetnames}) == 3
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [cell.value for cell in cells if cell.data_type == "f"]
    links = {cell.hyperlink.target for cell in cells if cell.hyperlink}
    assert links <= {None}
    printed = text_of(pdf.write(document, [[tile.name, again.name]], {}))
    assert '#image("/etc/passwd")' in printed and "#strong[x]" in printed and "root:" not in printed


@pytest.mark.pure
def test_hidden_unknown_nothing_and_zero_differ_in_each_file():
    tile = Tile("tile-1-1", "table", "Counts", Source(("m",), None), by=("name",))
    measure = Measure("m", "M", "What it is", "Finance", "share")
    values = {
        "hidden": Mark.HIDDEN,
        "unknown": Mark.UNKNOWN,
        "none": None,
        "zero": Decimal(0),
        "third": Decimal(1) / 3,
    }
    rows = tuple(Row((name,), (value,)) for name, value in values.items())
    rows += (Row((None,), (Decimal(1),)),)
    board = Dashboard("d", "D", "What is it?", (), (), ((tile,),), None)
    document = exports.document(
        board, Page({tile.name: Answer(tile, ("name",), (measure,), rows)}),
        Reader("r", "R", "aggregate", (), (), ()), "kim",
    )  # fmt: skip
    shown = {row["name"]: row["m"] for row in rows_of(as_csv.of_table(document.tables[0]))}
    assert shown == {
        "hidden": "hidden", "unknown": "unknown", "none": "", "zero": "0", "third": "0.3333333333",
        "(unknown)": "1",
    }  # fmt: skip
    sheet = openpyxl.load_workbook(io.BytesIO(xlsx.write(document)))["Counts"]
    cells = {row[0].value: row[1] for row in sheet.iter_rows(2, 7)}
    assert {name: cell.value for name, cell in cells.items()} == {
        "hidden": "hidden", "unknown": "unknown", "none": "\N{EN DASH}", "zero": 0,
        "third": pytest.approx(1 / 3), "(unknown)": 1,
    }  # fmt: skip
    assert cells["third"].number_format.startswith("#,##0.0 %")
    printed = text_of(pdf.write(document, [[tile.name]], {}))
    assert (
        "hidden hidden unknown unknown none \N{EN DASH} zero 0.0 % third 33.3 % (unknown) 100.0 %"
        in printed
    )
    assert "Small numbers are hidden." in printed


def on_sheet(answer: Answer) -> Any:
    """The sheet of a tile in a workbook of it alone."""
    board = Dashboard("d", "D", "What?", (), (), ((answer.tile,),), None)
    reader = Reader("r", "R", "aggregate", (), (), ())
    document = exports.document(board, Page({answer.tile.name: answer}), reader, "kim")
    return openpyxl.load_workbook(io.BytesIO(xlsx.write(document))).worksheets[1]


@pytest.mark.pure
def test_a_heat_map_is_a_grid_of_its_numbers_in_the_colors_of_the_page():
    sheet = on_sheet(made.HEAT)
    rows = {(*row.fields,): row.values[0] for row in made.HEAT.rows}
    heads = [sheet.cell(1, place).value for place in range(6, 10)]
    assert heads == ["Commercial", "Medicaid", "Medicare", "(unknown)"]
    for line, clinic in enumerate(made.CLINICS, start=2):
        assert sheet.cell(line, 5).value == clinic
        for place, payer in enumerate(("Commercial", "Medicaid", "Medicare", None), start=6):
            value, cell = rows.get((clinic, payer)), sheet.cell(line, place)
            if isinstance(value, Decimal):
                assert cell.value == pytest.approx(float(value)) and "%" in cell.number_format
            else:
                assert cell.value == numbers.text(value)
    ((area, rules),) = [(entry.sqref, entry.rules) for entry in sheet.conditional_formatting]
    assert str(area) == "F2:I7"
    scale = next(rule.colorScale for rule in rules if rule.type == "colorScale")
    assert [f"#{color.rgb[2:]}" for color in scale.color] == [
        theme.color(f"cell-{step}") for step in (0, 3, 5)
    ]
    one = made.answer("heat", [("West", 0.1), ("East", 0.2)])
    (entry,) = on_sheet(one).conditional_formatting
    assert str(entry.sqref) == "B2:B3"


CROSSING = made.answer(
    "decomposition", [("West", -0.02), ("East", 0.05), ("North", -0.04), ("South", -0.03)],
    measures=made.EFFECTS[:1], where={"measure": ("no_show_rate",)},
)  # fmt: skip


@pytest.mark.pure
@pytest.mark.parametrize(("answer", "steps"), [
    (made.CHANGE, [(0, 0.105), (0.105, 0.128), (0.128, 0.124), (0.124, 0.1242), (0.1242, 0.1232), (0, 0.1232)]),
    (made.PARTS, [(0, 0.023), (0.023, 0.019), (0.019, 0.018), (0, 0.018)]),
    (CROSSING, [(0, 0.05), (0.05, 0.01), (0.01, -0.02), (-0.02, -0.04), (0, -0.04)]),
])  # fmt: skip
def test_a_change_is_a_waterfall_of_stacked_bars(answer, steps):
    sheet = on_sheet(answer)
    (chart,) = sheet._charts
    assert (chart.barDir, chart.grouping, chart.overlap) == ("bar", "stacked", 100)
    total, change = theme.color("other"), [theme.series(0), theme.series(1)]
    for line, (start, end) in enumerate(steps, start=2):
        unseen, seen, colors = 0.0, [], set()
        for series in chart.series:
            column = re.search(r"\$([A-Z]+)\$2:", series.val.numRef.f)[1]
            value = sheet[f"{column}{line}"].value or 0.0
            if series.spPr.noFill:
                unseen = value
            elif value:
                seen.append(value)
                colors.add("#" + series.spPr.solidFill.srgbClr)
        # What is above zero is stacked upward, and what is below downward.
        ends = [unseen, unseen + sum(seen)] if len(seen) == 1 else seen
        assert sorted(ends) == pytest.approx(sorted([start, end]))
        is_whole = line == len(steps) + 1 or (start, end) == (0, 0.105)
        assert colors == {total if is_whole else change[end > start]}


@pytest.mark.pure
@pytest.mark.parametrize("unit", [*numbers.UNITS, None])
def test_a_number_format_has_no_words_outside_quotes(unit):
    # Excel calls a workbook damaged that has one.
    assert not re.search("[A-Za-z]", re.sub('"[^"]*"', "", numbers.excel(Decimal("1.5"), unit)))


@pytest.mark.pure
def test_the_name_of_a_series_is_no_formula():
    rows = [(month, value, 1) for month in made.MONTHS[:2] for value in HOSTILE[:6]]
    answer = made.answer(
        "line", rows, by=("service_month",), split="facility", measures=(made.CLAIMS,)
    )
    (chart,) = on_sheet(answer)._charts
    for series in chart.series:
        assert re.fullmatch(r"'A tile'!\$[A-Z]+\$1", series.tx.strRef.f)

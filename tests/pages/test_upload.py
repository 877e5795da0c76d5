"""Upload: a file is brought, looked at, processed and followed until it is loaded."""

from __future__ import annotations

import csv
import gzip
import io
import re
import socket
import time
import uuid
import zipfile
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import psycopg
import pytest
from tests.pages.looks import complaints, faults

from claimhouse import drafting
from claimhouse.landing.uploads import Incoming

UPLOAD = "/claimhouse/upload"
# A run of ingest on two cores that are busy with other tests.
LONGEST_RUN_MS = 240_000


@pytest.fixture(scope="module")
def claims(demo):
    """New claims in the layout of a sample, one of them without an amount: the file's rows as text."""
    sample = demo.folder / "samples" / "landing" / "billing" / "claims_20260108.csv"
    with sample.open(newline="") as file:
        header, *rows = list(csv.reader(file))[:41]
    for number, row in enumerate(rows):
        row[header.index("claim_id")] = f"CF#{time.time_ns() % 10**9}{number:03}NN"
        row[header.index("total_cost")] = f"{number}.25"
    rows[6][header.index("total_cost")] = "<b>none</b>"
    return [header, *rows]


def as_csv(rows) -> bytes:
    """The rows as a file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def archive_of(answer) -> dict[str, str]:
    """The files of a zip that is an answer."""
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def choose(page, name: str, content: bytes) -> None:
    """Choose a file and upload it."""
    page.set_input_files("#files", [{"name": name, "mimeType": "text/csv", "buffer": content}])
    page.get_by_role("button", name="Upload", exact=True).click()


class Sender:
    """A person's client with the token of their pages."""

    def __init__(self, house, login: str) -> None:
        self.house, self.client = house, house.client(login)
        page = self.client.get(UPLOAD).text
        found = re.search(r'data-token="([^"]+)"', page)
        self.token = found.group(1) if found else ""

    def send(self, name: str, content, **headers):
        """Upload a file as the script does."""
        own = {
            "Origin": self.house.address,
            "X-Claimhouse-Token": self.token,
            "X-Claimhouse-File-Name": name,
        }
        return self.client.put(f"{UPLOAD}/file", content=content, headers=own | headers)

    def page(self, answer) -> str:
        """What the page of an upload shows."""
        assert answer.status_code == 201, answer.text
        return self.client.get("/claimhouse/" + answer.json()["page"]).text

    def decide(self, what: str, *answers, **fields):
        """Process uploads, or take them back."""
        numbers = [answer.json()["page"].partition("/")[2] for answer in answers]
        form = {"token": self.token, "upload": numbers, **fields}
        headers = {"Origin": self.house.address}
        return self.client.post(f"{UPLOAD}/{what}", data=form, headers=headers)


@pytest.fixture(scope="module")
def reviewer(house):
    """A sender who may process files."""
    return Sender(house, "reviewer")


@pytest.fixture
def waiting(demo):
    """Every file below the folder of uploads."""

    def files():
        root = demo.folder / "samples" / "landing" / "_uploads"
        return {path for path in root.rglob("*") if path.is_file()}

    return files


def test_a_file_is_brought_looked_at_processed_and_followed_to_its_end(enter, house, claims, demo):
    page = enter("reviewer")
    heard = complaints(page)
    page.goto(UPLOAD)
    name = f"claims_{uuid.uuid4().hex[:8]}.csv"
    choose(page, name, as_csv(claims))
    page.wait_for_url(re.compile(r"/upload/\d+$"))
    assert page.get_by_role("heading", level=1).inner_text() == name
    assert "It fits billing claims" in page.locator("main").inner_text()
    assert "Of the first 20 rows, 19 would load" in page.locator("main").inner_text()
    rows = page.locator("table.rows tbody tr")
    assert rows.count() == 20
    failing = page.locator("td.fails")
    assert failing.count() == 1
    assert "<b>none</b>" in failing.inner_text()
    claim_ids = [row[claims[0].index("claim_id")] for row in claims[1:21]]
    assert [rows.nth(place).locator("td").nth(1).inner_text() for place in range(20)] == claim_ids
    page.get_by_role("button", name="Process as billing claims").click()
    page.wait_for_url(re.compile("/upload/runs"))
    page.get_by_text("Taking the file in").wait_for()
    page.locator("[data-more]").wait_for(state="detached", timeout=LONGEST_RUN_MS)
    text = page.locator("main").inner_text()
    assert "finished" in text, text
    cells = [cell.inner_text() for cell in page.locator("tbody tr td").all()]
    assert cells[:4] == [str(len(claims) - 1), str(len(claims) - 2), "1", "0"]
    link = page.get_by_role("link", name=name).get_attribute("href")
    number = int(re.search(r"files/(\d+)$", link).group(1))
    amount = claims[0].index("total_cost")
    total = sum(
        Decimal(row[amount]) for row in claims[1:] if row[amount].replace(".", "").isdigit()
    )
    with psycopg.connect(demo.warehouse) as connection:
        loaded = connection.execute(
            "select count(*), sum(c.total_cost) from source_billing.claims as c"
            " join landing.batch as b on c.batch_id = b.batch_id where b.file_id = %s",
            (number,),
        ).fetchone()
        by = connection.execute(
            "select uploaded_by, decided_by, state from landing.upload where file_name = %s",
            (name,),
        ).fetchall()
        seen = connection.execute(
            "select distinct person, source_system from quality.access_log where what in"
            " (select format('upload %%s', upload_id) from landing.upload where file_name = %s)",
            (name,),
        ).fetchall()
    assert loaded == (len(claims) - 2, total)
    assert by == [("reviewer", "reviewer", "processing")]
    assert seen == [("reviewer", "billing")]
    assert heard == []


def test_it_works_without_scripts(enter, claims):
    page = enter("reviewer", java_script_enabled=False)
    page.goto(UPLOAD)
    choose(page, "noscript.csv", as_csv(claims))
    page.wait_for_url(re.compile(r"/upload/\d+$"))
    assert "is loaded as claims_noscript.csv" in page.locator("main").inner_text()
    page.get_by_role("button", name="Take the file back").click()
    page.wait_for_url(re.compile(r"/upload$"))
    assert page.get_by_role("link", name="noscript.csv").count() == 0


def test_files_are_dropped(enter):
    page = enter("reviewer")
    page.goto(UPLOAD)
    data = page.evaluate_handle(
        """() => {
            const data = new DataTransfer();
            for (const name of ["one.csv", "two.csv"]) data.items.add(new File(["a,b\\n1,2\\n"], name));
            return data;
        }"""
    )
    page.dispatch_event("#upload", "drop", {"dataTransfer": data})
    for name in ("one.csv", "two.csv"):
        page.get_by_role("row").get_by_role("link", name=name).first.wait_for()
        page.get_by_role("checkbox", name=name).first.check()
    page.get_by_role("button", name="Take the chosen files back").click()
    page.get_by_role("link", name="one.csv").first.wait_for(state="detached")


def test_a_viewer_uploads_nothing(enter, house, claims, waiting):
    page = enter("viewer")
    page.goto(UPLOAD)
    assert page.locator("input[type=file]").count() == 0
    assert "not upload files" in page.locator("main").inner_text()
    before = waiting()
    assert Sender(house, "viewer").send("claims.csv", as_csv(claims)).status_code == 403
    assert waiting() == before


def test_nothing_of_a_body_is_read_before_the_person_is_known(house, waiting):
    """The answer comes though not a byte of the body was sent."""
    before, port = waiting(), int(house.address.rpartition(":")[2])
    for path, kind in (
        ("file", "application/octet-stream"),
        ("files", "multipart/form-data; boundary=x"),
    ):
        method = "PUT" if path == "file" else "POST"
        with socket.create_connection(("localhost", port), timeout=10) as line:
            line.sendall(
                f"{method} {UPLOAD}/{path} HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: {house.address}\r\n"
                f"Content-Type: {kind}\r\nContent-Length: 1000000\r\n\r\n".encode()
            )
            assert line.recv(100).startswith(b"HTTP/1.1 401")
    assert waiting() == before


def test_a_connection_that_breaks_leaves_nothing(house, reviewer, waiting):
    before, port = waiting(), int(house.address.rpartition(":")[2])
    headers = (
        f"Host: localhost:{port}\r\nOrigin: {house.address}\r\n"
        f"Cookie: _token={reviewer.client.cookies['_token']}\r\n"
        f"X-Claimhouse-Token: {reviewer.token}\r\nX-Claimhouse-File-Name: claims.csv\r\n"
    )
    with socket.create_connection(("localhost", port), timeout=10) as line:
        line.sendall(
            f"PUT {UPLOAD}/file HTTP/1.1\r\n{headers}Content-Length: 9000000\r\n\r\n".encode()
        )
        line.sendall(b"x" * 4_000_000)
        deadline = time.monotonic() + 10
        while waiting() == before:
            assert time.monotonic() < deadline, "nothing of it was written"
            time.sleep(0.05)
    deadline = time.monotonic() + 10
    while waiting() != before:
        assert time.monotonic() < deadline, waiting() - before
        time.sleep(0.05)


def test_a_file_that_is_too_large_is_refused_at_once(house, reviewer, waiting):
    before, port = waiting(), int(house.address.rpartition(":")[2])
    with socket.create_connection(("localhost", port), timeout=10) as line:
        line.sendall(
            f"PUT {UPLOAD}/file HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: {house.address}\r\n"
            f"Cookie: _token={reviewer.client.cookies['_token']}\r\nX-Claimhouse-Token: {reviewer.token}\r\n"
            f"X-Claimhouse-File-Name: claims.csv\r\nContent-Length: {2**31 + 1}\r\n\r\n".encode()
        )
        assert line.recv(100).startswith(b"HTTP/1.1 413")
    assert waiting() == before


def zip_bomb() -> bytes:
    """A zip archive of a few KiB that unpacks to 9 MiB."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("claims.csv", b"claim_id\n" * 2**20)
    return packed.getvalue()


def entity_bomb() -> bytes:
    """A workbook whose only sheet names an entity that grows beyond all memory."""
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    sheet = (
        f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e0 "ha">{entities}]><worksheet xmlns='
        '"http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1">'
        '<c r="A1" t="inlineStr"><is><t>&e11;</t></is></c></row></sheetData></worksheet>'
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" '
            'ContentType="application/xml"/></Types>',
        )
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("claims.csv", b"<!doctype html><html><script>alert(1)</script></html>", "a web page"),
        ("claims.csv", b"\x1f\x8b garbage that is no gzip", "cut off or corrupt"),
        ("claims.csv.gz", gzip.compress(b"claim_id\n" * 1000)[:-20], "cut off or corrupt"),
        ("claims.parquet", b"PAR1 and then nothing", "Parquet"),
        ("claims.xlsx", entity_bomb(), "cannot|damaged|workbook"),
        ("claims.csv", bytes(range(256)) * 50, "."),
        ("notes.txt", b"Dear Ada,\nplease call me back.\n", "is no table"),
    ],
    # Archives have the time of their making: workers that collect a second apart would name them otherwise.
    ids=["page", "no gzip", "cut gzip", "no parquet", "entities", "bytes", "letter"],
)  # fmt: skip
def test_a_hostile_file_is_refused_with_a_sentence(reviewer, name, content, says):
    answer = reviewer.send(name, content)
    page = reviewer.page(answer)
    assert re.search(says, page), page
    assert "<script>alert" not in page
    assert "Process as" not in page
    print(re.findall('<p class="bad">(.*?)</p>', page, re.DOTALL))
    assert reviewer.decide("back", answer).status_code == 303


def test_a_bomb_is_refused_with_a_sentence(landing_root, monkeypatch):
    from claimhouse.pages import upload
    from claimhouse.pages.rights import Person

    monkeypatch.setenv("CLAIMHOUSE_READER_UNPACKED_MIB", "8")
    somebody = Person("ada", ("billing",), ("billing",), "")
    for name, content in (
        ("claims.csv.gz", gzip.compress(b"claim_id\n" * 10**6)),
        ("c.zip", zip_bomb()),
    ):
        incoming = Incoming(name)
        incoming.write(content)
        incoming.finish()
        looked = upload._look(somebody, name, incoming.place, incoming.size)
        assert looked.choices == ()
        assert "unpacks to more than 8 MiB" in looked.trouble


def test_what_a_cell_holds_is_shown_and_never_rendered(reviewer, claims):
    rows = [list(row) for row in claims[:4]]
    rows[1][3], rows[2][3] = "=cmd|'/c calc'!A1", '<img src=x onerror="alert(1)">'
    answer = reviewer.send("claims.csv", as_csv(rows))
    page = reviewer.page(answer)
    assert "<img" not in page
    assert "&lt;img src=x onerror=&#34;alert(1)&#34;&gt;" in page
    assert "=cmd|&#39;/c calc&#39;!A1" in page
    assert reviewer.decide("back", answer).status_code == 303


@pytest.mark.parametrize("name", ["", "..%2F", "%00", "a" * 300 + ".csv", "%FF%FE", "x.part"])
def test_a_name_that_says_nothing_is_refused(reviewer, waiting, name):
    before = waiting()
    answer = reviewer.send(name, b"claim_id\n1\n")
    assert answer.status_code == 400
    assert re.search(r"<p>\w.*\.</p>", answer.text)
    assert waiting() == before


def test_two_people_upload_one_name_at_once(house, reviewer, claims, waiting):
    admin, before = Sender(house, "admin"), waiting()
    answers = [
        reviewer.send("..%2Fclaims_twin.csv", as_csv(claims[:3])),
        admin.send("C:%5Cclaims_twin.csv", as_csv([*claims[:2], claims[3]])),
    ]
    contents = {path.read_bytes() for path in waiting() - before if path.name == "claims_twin.csv"}
    assert contents == {as_csv(claims[:3]), as_csv([*claims[:2], claims[3]])}
    # Both may run billing: one takes both back, and the other is told.
    assert admin.decide("back", *answers).status_code == 303
    told = reviewer.decide("back", answers[0])
    assert told.status_code == 409
    assert "Somebody else" in told.text
    assert reviewer.decide("process", answers[1]).status_code == 409
    assert waiting() == before


def test_a_file_whose_name_lacks_what_its_feed_needs_is_not_processed(demo, reviewer):
    sample = demo.folder / "samples" / "landing" / "pended"
    (file,) = sample.glob("DE1_0_2024_Beneficiary*")
    answer = reviewer.send("ours.csv", file.read_bytes())
    page = reviewer.page(answer)
    assert "Process as" not in page
    assert "have their year in their names" in page
    assert reviewer.decide("process", answer).status_code == 409
    assert reviewer.decide("process", answer, contract="pended.beneficiaries").status_code == 409
    assert reviewer.decide("back", answer).status_code == 303
    answer = reviewer.send("ours_2024.csv", file.read_bytes())
    page = reviewer.page(answer)
    assert "loaded as <strong>beneficiaries_ours_2024.csv</strong>" in page
    assert reviewer.decide("back", answer).status_code == 303


def test_of_two_people_who_decide_at_once_one_is_told(house, reviewer):
    admin = Sender(house, "admin")
    for _ in range(5):
        answer = reviewer.send("claims_race.csv", b"claim_id,total_cost\nCF#1NN,1\n")
        with ThreadPoolExecutor(2) as people:
            decisions = people.map(
                lambda who, sent: who.decide("back", sent).status_code,
                (reviewer, reviewer),
                (answer, answer),
            )
            assert sorted(decisions) == [303, 409]
    assert admin.decide("back", answer).status_code == 404


def test_an_address_of_no_upload_is_refused(reviewer):
    huge = 10**30
    for address, status in (
        (f"/{huge}", 400),
        ("/0", 400),
        (f"/{2**40}", 404),
        (f"/runs?upload={huge}", 404),
        ("/runs?upload=", 400),
        (f"/stages?upload=1&upload={2**61}", 404),
        (f"?before={huge}", 400),
        (f"/{2**40}/draft?source=billing", 404),
    ):
        answer = reviewer.client.get(UPLOAD + address)
        assert (answer.status_code, address) == (status, address)
    for what in ("process", "back"):
        for numbers in ([], ["x"], [str(huge)], [str(2**40)]):
            form = {"token": reviewer.token, "upload": numbers}
            headers = {"Origin": reviewer.house.address}
            answer = reviewer.client.post(f"{UPLOAD}/{what}", data=form, headers=headers)
            assert answer.status_code in (400, 404)


def test_nobody_sees_an_upload_that_is_not_of_a_source_of_theirs(house, reviewer):
    answer = reviewer.send("strange.csv", b"one,two\n1,2\n")
    for login in ("admin", "viewer"):
        other = Sender(house, login)
        assert other.client.get("/claimhouse/" + answer.json()["page"]).status_code == 404
        assert "strange.csv" not in other.client.get(UPLOAD).text
    draft = reviewer.client.get(f"/claimhouse/{answer.json()['page']}/draft?source=billing")
    assert draft.headers["content-disposition"] == 'attachment; filename="strange_draft.zip"'
    assert draft.headers["content-type"] == "application/zip"
    assert "name: one" in archive_of(draft)["billing/strange.yaml"]
    assert reviewer.decide("process", answer).status_code == 409
    assert reviewer.decide("process", answer, contract="billing.claims").status_code == 409
    assert reviewer.decide("back", answer).status_code == 303


def test_the_drafts_of_a_new_kind_of_file_are_those_that_the_command_writes(
    reviewer, enter, tmp_path
):
    content = b"""H,20240105,NEW
CLM,E600001,M61001,ALVAREZ,20240102,J459,120.50
SVC,1,99213,100.00
SVC,2,36415,20.50
CLM,E600002,M61002,BRANDVOLD,20240103,I10,80.25
SVC,1,99214,80.25
T,2,3,200.75
"""
    answer = reviewer.send("NEW0105.DAT", content)
    page = enter("reviewer")
    page.goto("/claimhouse/" + answer.json()["page"])
    page.get_by_label("Source").select_option("billing")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the drafts").click()
    found = tmp_path / "found"
    zipfile.ZipFile(download.value.path()).extractall(found)
    (tmp_path / "NEW0105.DAT").write_bytes(content)
    drafting.write(tmp_path / "NEW0105.DAT", "billing", folder=tmp_path / "made")
    written = {
        str(file.relative_to(tmp_path / "made")): file.read_text()
        for file in (tmp_path / "made").rglob("*.*")
    }
    assert {"billing/new_clm.yaml", "billing/new_svc.yaml"} <= written.keys()
    for name, text in written.items():
        assert (found / name).read_text() == text
    assert len([file for file in found.rglob("*") if file.is_file()]) == len(written)
    assert "ALVAREZ" not in "".join(written.values())
    assert reviewer.decide("back", answer).status_code == 303


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_the_pages_of_an_upload(enter, reviewer, claims, scheme):
    answer = reviewer.send("claims_axe.csv", as_csv(claims[:12]))
    page = enter("reviewer", color_scheme=scheme, bypass_csp=True)
    page.goto("/claimhouse/" + answer.json()["page"])
    assert faults(page) == []
    page.goto(UPLOAD)
    page.get_by_role("link", name="show").or_(page.get_by_text("What became of")).first.click()
    assert faults(page) == []
    assert reviewer.decide("back", answer).status_code == 303

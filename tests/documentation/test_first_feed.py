"""docs/how-to/first-feed.md, followed literally: each of its files from the page to the star."""

from __future__ import annotations

import csv
import io
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from tests.worlds.workbooks import Page, workbook

from claimhouse import cli, ingest
from claimhouse import settings as house
from claimhouse import warehouse as sql_files

PAGE = (house.PROJECT / "docs" / "how-to" / "first-feed.md").read_text()
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
LAST = "Then it is loaded"
STEP = re.compile(
    r"^```(\w+) ?(\S*)\n(.*?)^```|^    (claimhouse [^\n]*)$", re.MULTILINE | re.DOTALL
)
# What the star has at the end: the claims, the sum that is asked for and the sum that was paid, from the page.
STAR = """
select
    count(*), sum(total_cost), sum(paid_amount), count(distinct patient_key),
    count(*) filter (where patient_key < 0 or service_date_key < 0)
from star.fact_claim
where source_system = %s
"""
PEOPLE = ("ALVAREZ", "BRANDVOLD", "CZAJKOWSKI", "M20017", "M31001", "M41001", "M51001", "M61001")


def claims(section: str) -> list[tuple[str, Decimal, Decimal | None, str]]:
    """Each claim of a section by another route: its number, what it asks for, what was paid, and the member."""
    files = {name: text for kind, name, text, _ in STEP.findall(section) if kind == "csv"}
    found = {}
    for name, text in files.items():
        for row in csv.reader(io.StringIO(text), delimiter="|" if "|" in text else ","):
            match name, row:
                case "claims_20240105.csv", [number, member, *_, billed, paid, _]:
                    found[number] = (billed, paid, member)
                case "CLAIMS.0105.txt", ["D", number, member, _, _, billed, paid, _]:
                    found[number] = (billed, paid, member)
                case "EXTRACT.TXT", [line]:
                    billed, paid = (
                        f"{int(cents) / 100:.2f}" for cents in (line[40:48], line[48:56])
                    )
                    found[line[:7]] = (billed, paid, line[7:13])
                case "claims_0105.xlsx#Medical", [number, member, *_, billed, paid] if number[
                    1:
                ].isdigit():
                    found[number] = (billed, paid, member)
                case "claims_0105.xlsx#Dental", [number, member, *_, billed, paid] if number[
                    1:
                ].isdigit():
                    found[number] = (billed.replace(",", ""), paid, member)
                case "EXPORT0105.DAT", ["CLM", number, member, *_, billed]:
                    found[number] = (billed, "NULL", member)
    return [
        (number, amount(billed), None if paid == "NULL" else amount(paid), member)
        for number, (billed, paid, member) in found.items()
    ]


def amount(text: str) -> Decimal:
    return Decimal(text.replace("(", "-").replace(")", ""))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder with a copy of its content, and a landing root."""
    folder = tmp_path_factory.mktemp("first")
    shutil.copytree(house.INCLUDE, folder / "include")
    (folder / "landing").mkdir()
    return folder


@pytest.fixture
def project(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(place)
    monkeypatch.setattr(house, "INCLUDE", place / "include")
    searched = [str(house.CODE), str(place / "include" / "sql")]
    monkeypatch.setattr(sql_files._files.loader, "searchpath", searched)
    for name in ("landing", "archive", "corrections"):
        monkeypatch.setenv(f"CLAIMHOUSE_{name.upper()}_ROOT", f"file://{place / name}")
    yield place


def change(path: Path, diff: str) -> None:
    """Apply a diff of the page: its lines without + stand there as they are, one below the other."""
    before = "".join(f"{line[1:]}\n" for line in diff.splitlines() if line[0] != "+")
    after = "".join(f"{line[1:]}\n" for line in diff.splitlines() if line[0] != "-")
    text = path.read_text()
    assert text.count(before) == 1, f"{path.name} has not once:\n{before}"
    path.write_text(text.replace(before, after))


def write(name: str, text: str, pages: dict[str, list[Page]]) -> None:
    """A file as the page shows it; of a workbook, one of its sheets."""
    book, _, sheet = name.partition("#")
    if not sheet:
        Path(name).write_text(text)
        return
    rows = list(csv.reader(io.StringIO(text)))
    pages.setdefault(book, []).append(Page(sheet, rows))
    Path(book).write_bytes(workbook(*pages[book]))


@pytest.mark.parametrize("title", [title for title in SECTIONS if title != LAST])
def test_the_page_leads_from_the_file_to_the_star(
    title, project: Path, warehouse: psycopg.Connection, capsys
):
    section = SECTIONS[title]
    (source,) = set(re.findall(r"--source (\w+)", section))
    printed, seen, sheets, tries = "", "", {}, 0
    for kind, name, text, command in STEP.findall(section):
        match kind:
            case "csv":
                write(name, text, sheets)
            case "diff":
                change(Path(name), text)
            case "yaml":
                assert text.strip() in Path(name).read_text()
            case "text":
                assert printed == text
                tries += 1
            case _:
                arguments = shlex.split(command)[1:]
                is_draft = arguments[0] == "draft"
                cli.main([*arguments, *(["--folder", "var/drafts"] if is_draft else [])])
                printed = capsys.readouterr().out
                seen += printed
    drafts = [file for file in Path("var/drafts", source).rglob("*") if file.is_file()]
    seen += "".join(file.read_text() for file in drafts)
    assert tries and not [name for name in PEOPLE if name in seen]

    steps = re.search(r"```bash\n(.*?)```", SECTIONS[LAST], re.DOTALL)[1].replace("acme", source)
    subprocess.run(["bash", "-ec", steps], check=True)
    (project / "landing" / source).mkdir()
    for name in {
        name.partition("#")[0] for kind, name, *_ in STEP.findall(section) if kind == "csv"
    }:
        if name != "layout.csv":
            shutil.copy(name, project / "landing" / source)
    ingest.run(source)

    expected = claims(section)
    paid = [paid for _, _, paid, _ in expected if paid is not None]
    found = warehouse.execute(STAR, [source]).fetchone()
    assert found == (
        len(expected),
        sum(billed for _, billed, _, _ in expected),
        sum(paid) if paid else None,
        len({member for *_, member in expected}),
        0,
    )
    open_issues = warehouse.execute(
        "select rule from quality.issue where status = 'open' and severity = 'error'"
    ).fetchall()
    assert open_issues == []

"""The files for Tableau are valid, every name in them names something, and they are what the YAML says today."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from local import tableau as command
from tests.dashboards import tableau_names, tableau_schema

from claimhouse import settings
from claimhouse.dashboards import model, tableau
from claimhouse.dashboards.tableau import catalog, files
from claimhouse.reporting import readers

# As they are kept; that they are those of today is a test of its own.
FILES = {path.name: path.read_text("utf-8") for path in files.folder().glob("*.t[dw][sb]")}
BOOKS = sorted(name for name in FILES if name.endswith(".twb"))
SOURCES = sorted(name for name in FILES if name.endswith(".tds"))
COLUMNS = catalog.load(feed for reader in readers.load_all() for feed in reader.feeds)


def test_each_dashboard_each_fact_and_each_publication_has_its_file():
    everyone = readers.load_all()
    dashboards = model.load_all(everyone=everyone)
    facts = {name.removeprefix("star.") for name in COLUMNS if name.startswith("star.fact_")}
    read = {report for reader in everyone for report in reader.reports}
    assert set(BOOKS) == {f"{name}.twb" for name in dashboards}
    assert set(SOURCES) == {f"star_{name}.tds" for name in facts} | {f"{name}.tds" for name in read}


@pytest.mark.parametrize("version", tableau_schema.newest(), ids=lambda file: file.stem)
@pytest.mark.parametrize("name", BOOKS)
def test_a_workbook_is_valid(name, version):
    assert tableau_schema.problems(version, FILES[name]) == []


@pytest.mark.parametrize("version", tableau_schema.newest(), ids=lambda file: file.stem)
def test_data_sources_are_valid(version):
    # The schema is that of workbooks: all data sources as those of one.
    book = ElementTree.fromstring(FILES[BOOKS[0]])
    listed = book.find("datasources")
    for name in SOURCES:
        source = ElementTree.fromstring(FILES[name])
        source.remove(source.find("document-format-change-manifest"))
        listed.append(source)
    assert tableau_schema.problems(version, ElementTree.tostring(book, encoding="unicode")) == []


@pytest.mark.parametrize("name", [*BOOKS, *SOURCES])
def test_every_name_names_something(name):
    assert tableau_names.problems(FILES[name], COLUMNS) == []


def test_the_files_are_those_of_today():
    assert tableau.stale() == [], "run `make tableau`"


def test_the_same_yaml_makes_the_same_files():
    assert tableau.made() == FILES


def test_what_tableau_gets_has_no_secret_and_no_machine():
    for name, text in FILES.items():
        assert "password=" not in text, name
        servers = set(re.findall(r"server=\"([^\"]*)\"", text))
        assert servers == {"warehouse.example.org"}, name


def test_only_the_star_reads_without_being_bound_to_who_looks():
    for name, text in FILES.items():
        root = ElementTree.fromstring(text)
        inner = [entry for entry in root.iter("connection") if entry.get("class") == "postgres"]
        assert inner
        for connection in inner:
            if name.startswith("star_"):
                assert (connection.get("one-time-sql"), connection.get("username")) == ("", "")
            else:
                assert connection.get("one-time-sql") == "select security.bind([TableauServerUser])"
                assert connection.get("username") == "tableau_service"


BREAKS = [
    ("a sheet's field", r"\.\[usr:metric_no_show_rate:qk\]</cols>", ".[usr:metric_other:qk]</cols>"),
    ("a filter's field", r'level="\[none:facility:nk\]"', 'level="[none:clinic:nk]"'),
    ("a sheet on the dashboard", r'(<zone [^>]*)name="No-show rate"', r'\1name="No shows"'),
    ("a table", "from reporting.metric_no_show_rate", "from reporting.metric_no_shows"),
    ("a column", "facility as facility", "clinic as facility"),
    ("a place of a column", r"\[metrics\]\.\[facility\]", "[metrics].[clinic]"),
    ("a type", r'datatype="real"( default-format="[^"]*")? name="\[numerator\]"',
     'datatype="string" name="[numerator]"'),
    ("a formula's field", r"THEN \[numerator\] END", "THEN [numerators] END"),
    ("a formula's end", r"THEN \[numerator\] END", "THEN [numerator]"),
    ("an average", r'formula="SUM\(IF \[metric\]', 'formula="AVG(IF [metric]'),
    ("a parameter", r"\[Parameters\]\.\[service_quarter\]", "[Parameters].[quarter]"),
    ("a derivation", 'derivation="User"', 'derivation="Sum"'),
    ("a window", r'(<window [^>]*)name="Clinic operations"', r'\1name="Clinics"'),
    ("a connection", 'class="postgres"', 'class="mysql"'),
]  # fmt: skip


@pytest.mark.parametrize(("what", "pattern", "instead"), BREAKS, ids=[entry[0] for entry in BREAKS])
def test_a_name_that_names_nothing_is_seen(what, pattern, instead):
    broken, count = re.subn(pattern, instead, FILES["clinic_operations.twb"])
    assert count
    assert tableau_names.problems(broken, COLUMNS)


JOINS = [
    ("a table", r"\[star\]\.\[dim_payer\]", "[star].[dim_payers]"),
    ("a key", r"\[dim_payer\]\.\[payer_key\]", "[dim_payer].[id]"),
    ("a step of a hierarchy", "<field>.service_year.</field>", "<field>[year]</field>"),
]


@pytest.mark.parametrize(("what", "pattern", "instead"), JOINS, ids=[entry[0] for entry in JOINS])
def test_a_join_by_nothing_is_seen(what, pattern, instead):
    broken, count = re.subn(pattern, instead, FILES["star_fact_claim.tds"])
    assert count
    assert tableau_names.problems(broken, COLUMNS)


def test_an_element_out_of_order_is_seen():
    text = FILES["clinic_operations.twb"]
    broken = re.sub(r"(<rows ?.*?(?:/>|</rows>))(\s*)(<cols.*?(?:/>|</cols>))", r"\3\2\1", text)
    assert broken != text
    for version in tableau_schema.newest():
        assert tableau_schema.problems(version, broken)


def test_a_stale_file_stops_the_check_without_a_database(tmp_path, monkeypatch):
    monkeypatch.delenv("WAREHOUSE_URL", raising=False)
    monkeypatch.setattr(files, "made", lambda: FILES)
    command.main(["--check"])
    for change in (
        lambda folder: (folder / "clinic_operations.twb").write_text("<workbook/>"),
        lambda folder: (folder / "pended_daily.tds").unlink(),
        lambda folder: (folder / "gone.twb").write_text("<workbook/>"),
    ):
        folder = tmp_path / "tableau"
        folder.mkdir()
        for path in (settings.INCLUDE / "tableau").iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        monkeypatch.setattr(files, "folder", lambda folder=folder: folder)
        change(folder)
        with pytest.raises(SystemExit, match="stale"):
            command.main(["--check"])
        files.write()
        command.main(["--check"])
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()

"""A Tableau site is sent what a reader's own login sees, typed as it is, and nothing else by anybody."""

from __future__ import annotations

import json
import stat
import uuid
from collections import Counter
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import pytest
from tableauhyperapi import Connection, Date, HyperProcess, TableName, Telemetry
from tests.dashboards.tableau_server import Site
from tests.worlds.client_world import client_file, role_of, roles_file
from tests.worlds.hospital_world import Hospital, database

from claimhouse import connections, reporting
from claimhouse.dashboards.tableau import extracts, site
from claimhouse.reporting import readers
from claimhouse.reporting.readers import ReaderError

REPORT = "member_procedures"
TABLE = TableName("Extract", "Extract")


@pytest.fixture(scope="module")
def hospital(server, tmp_path_factory):
    """Two insurers, one with a hospice desk and an extract; and people inside the house who see everything."""
    folder = tmp_path_factory.mktemp("clients")
    with database(server) as (address, owner):
        world = Hospital(owner, address, encounters=80)
        tag = uuid.uuid4().hex[:6]
        world.folder, world.roles = folder, folder / "roles.yml"
        world.humana, world.united, world.board = f"humana_{tag}", f"united_{tag}", f"board_{tag}"
        desks = [
            {"name": "heart", "specialty": "cardiology"},
            {"name": "end", "specialty": "hospice"},
        ]
        hospice = {"restricted_specialties": ["hospice"]}
        client_file(
            folder, world.humana, ("hospital", {"payers": ["Humana"]} | hospice),
            reports=[REPORT], logins=desks, tableau_extracts=[REPORT],
        )  # fmt: skip
        client_file(
            folder, world.united, ("hospital", {"payers": ["UnitedHealthcare"]}), reports=[REPORT]
        )
        everything = {"source_system": "hospital", "every_row": True} | hospice
        roles_file(
            world.roles,
            {"name": world.board, "privacy_level": "identified", "schemas": ["star"],
             "reports": ["identified_procedures"], "entitlements": [everything]},
        )  # fmt: skip
        reporting.publish(owner, folder, world.roles)
        world.people = {reader.name: reader for reader in readers.load_all(folder, world.roles)}
        yield world


@pytest.fixture
def house(hospital, tmp_path, monkeypatch):
    """The hospital as the DAG finds it, with a folder of the test's own."""
    monkeypatch.setenv("WAREHOUSE_URL", hospital.address)
    monkeypatch.setenv("CLAIMHOUSE_EXTRACT_FOLDER", str(tmp_path / "extracts"))
    monkeypatch.delenv("AIRFLOW_CONN_CLAIMHOUSE_TABLEAU", raising=False)
    monkeypatch.setattr(extracts.readers, "load_all", lambda: list(hospital.people.values()))
    return hospital


@pytest.fixture
def tableau(house, monkeypatch):
    """A Tableau site with a project for each reader."""
    projects = {"top": ("Claimhouse", None), "other": ("Other", None), "wrong": (house.humana, "other"),
                "humana": (house.humana, "top"), "united": (house.united, "top")}  # fmt: skip
    with Site(projects=projects) as served:
        connect(monkeypatch, served)
        yield served


def connect(monkeypatch, served, **changes):
    connection = {
        "conn_type": "generic", "host": served.address, "login": served.token[0],
        "password": served.token[1], "extra": {"site": served.name, "project": "Claimhouse"},
    }  # fmt: skip
    monkeypatch.setenv("AIRFLOW_CONN_CLAIMHOUSE_TABLEAU", json.dumps(connection | changes))


def hyper(path):
    """The columns, types and rows of an extract."""
    with (
        HyperProcess(
            Telemetry.DO_NOT_SEND_USAGE_DATA_TO_TABLEAU, parameters={"log_config": ""}
        ) as process,
        Connection(process.endpoint, str(path)) as connection,
    ):
        columns = connection.catalog.get_table_definition(TABLE).columns
        types = {column.name.unescaped: str(column.type) for column in columns}
        return types, connection.execute_list_query(f"select * from {TABLE}")


def test_an_extract_has_what_the_readers_own_login_sees_and_nothing_restricted(house, tmp_path):
    path = tmp_path / "rows.hyper"
    count = extracts.write(house.people[house.humana], REPORT, path)
    types, rows = hyper(path)
    names = list(types)
    expected = house.seen(house.procedures, "Humana")
    assert any(fact["hospice"] and fact["payer"] == "Humana" for fact in house.procedures)
    assert count == len(rows) == len(expected)
    assert Counter(row[names.index("procedure_name")] for row in rows) == Counter(
        fact["name"] for fact in expected
    )
    assert {row[names.index("payer_name")] for row in rows} == {"Humana"}
    assert types["service_date"] == "DATE"
    assert list(tmp_path.iterdir()) == [path]


VALUES = {
    "id": ("integer", "row_number() over ()::integer", "INT"),
    "money": ("numeric(14, 2)", None, "NUMERIC(14, 2)"),
    "long": ("numeric(38, 10)", None, "DOUBLE"),
    "free": ("numeric", None, "DOUBLE"),
    "big": ("bigint", None, "BIG_INT"),
    "small": ("smallint", None, "SMALL_INT"),
    "yes": ("boolean", None, "BOOL"),
    "day": ("date", None, "DATE"),
    "moment": ("timestamptz", None, "TIMESTAMP"),
    "words": ("text", None, "TEXT"),
    "several": ("text[]", None, "TEXT"),
    "number": ("uuid", None, "TEXT"),
}
ODD = 'a "quoted", odd\r\nline \\N \\. \u00fc\U0001f600;'
ROWS = [
    (1, Decimal("-999999999999.99"), Decimal("12345.0123456789"), Decimal("0.1"), 2**63 - 1, -(2**15), True,
     date(2024, 2, 29), "2025-07-01 00:30:00-04", ODD, ["a", "b,c"], uuid.UUID(int=7)),
    (2, Decimal("0.01"), Decimal(0), Decimal("1e-9"), -(2**63), 2**15 - 1, False,
     date(1900, 1, 1), "1999-12-31 23:59:59.123456+00", "", [], None),
    (3, *([None] * 11)),
]  # fmt: skip


@pytest.fixture
def odd_report(house):
    """A report with a column of each type that is there, and a value of each kind that is odd."""
    columns = ", ".join(f"{name} {kind}" for name, (kind, _, _) in VALUES.items())
    owner = house.connection
    owner.execute(f"create table published.odd_rows ({columns})".encode())
    owner.execute("create view reporting.odd_rows as select * from published.odd_rows")
    role = role_of(owner, f"client_{house.humana}")
    owner.execute(f"grant select on reporting.odd_rows to {role}".encode())
    for row in ROWS:
        places = ", ".join(["%s"] * len(row))
        owner.execute(f"insert into published.odd_rows values ({places})".encode(), row)
    yield "odd_rows"
    owner.execute("drop view reporting.odd_rows; drop table published.odd_rows")


def test_every_type_arrives_as_it_is(house, odd_report, tmp_path):
    path = tmp_path / "odd.hyper"
    assert extracts.write(house.people[house.humana], odd_report, path) == len(ROWS)
    types, rows = hyper(path)
    assert types == {name: kind for name, (_, _, kind) in VALUES.items()}
    first, second, third = sorted(rows)
    assert first[:3] == [1, Decimal("-999999999999.99"), pytest.approx(12345.0123456789)]
    assert first[4:8] == [2**63 - 1, -(2**15), True, Date(2024, 2, 29)]
    moments = [
        datetime(row[8].year, row[8].month, row[8].day, row[8].hour, row[8].minute, row[8].second)
        for row in (first, second)
    ]
    assert moments == [datetime(2025, 7, 1, 4, 30), datetime(1999, 12, 31, 23, 59, 59)]
    assert first[9:] == [ODD, '{a,"b,c"}', str(uuid.UUID(int=7))]
    assert second[3:7] == [1e-9, -(2**63), 2**15 - 1, False]
    assert (second[9], third[9]) == ("", None)
    assert third == [3, *([None] * 11)]


def test_a_value_that_fits_no_extract_is_an_error_without_it(house, odd_report, tmp_path):
    house.connection.execute(
        "insert into published.odd_rows (id, money, words) values (4, 'NaN', 'a name')"
    )
    with pytest.raises(extracts.ExtractError) as raised:
        extracts.write(house.people[house.humana], odd_report, tmp_path / "odd.hyper")
    assert "NaN" in str(raised.value)
    assert "a name" not in str(raised.value)
    assert not list(tmp_path.glob("*.csv"))


def test_a_published_extract_takes_the_place_of_the_one_before(house, tableau, tmp_path):
    extract = f"{house.humana}.{REPORT}"
    assert extracts.due() == [extract]
    expected = len(house.seen(house.procedures, "Humana"))
    assert [extracts.publish(extract), extracts.publish(extract)] == [expected, expected]
    assert list(tableau.published) == [("humana", extract)]
    files = tableau.published["humana", extract]
    assert len(files) == 2
    path = tmp_path / "taken.hyper"
    path.write_bytes(files[-1])
    assert len(hyper(path)[1]) == expected
    assert tableau.session is None  # signed out
    assert not list((tmp_path / "extracts").rglob("*.*"))


def test_a_large_extract_is_sent_in_parts(house, tableau, monkeypatch, tmp_path):
    monkeypatch.setenv("TSC_FILESIZE_LIMIT_MB", "0")
    extract = f"{house.humana}.{REPORT}"
    count = extracts.publish(extract)
    assert any(request.startswith("PUT") for request in tableau.requests)
    path = tmp_path / "taken.hyper"
    path.write_bytes(tableau.published["humana", extract][-1])
    assert len(hyper(path)[1]) == count


def test_without_a_connection_nothing_is_due_and_nothing_is_sent(house):
    assert extracts.due() == []
    with pytest.raises(connections.MissingConnection):
        extracts.publish(f"{house.humana}.{REPORT}")


@pytest.mark.parametrize(
    "extract", ["united.member_procedures", "nobody.member_procedures", "", "."]
)
def test_what_no_file_lists_is_refused(house, tableau, extract):
    name = house.united if extract.startswith("united") else extract.partition(".")[0]
    with pytest.raises(extracts.Refused):
        extracts.publish(f"{name}.{REPORT}")
    assert tableau.requests == []


def test_a_login_that_sees_a_restricted_specialty_has_no_extract(house, tmp_path):
    with pytest.raises(extracts.Refused, match="restricted"):
        extracts.write(house.people[house.board], "identified_procedures", tmp_path / "x.hyper")
    assert list(tmp_path.iterdir()) == []


def test_a_project_of_the_readers_own_must_be_there(house, tableau):
    del tableau.projects["humana"]
    with pytest.raises(site.NotSetUp, match=house.humana):
        extracts.publish(f"{house.humana}.{REPORT}")
    assert tableau.published == {}
    assert tableau.session is None


def test_a_token_that_is_not_let_in_and_a_server_that_breaks_off_are_errors_of_the_site(
    house, tableau, monkeypatch
):
    extract = f"{house.humana}.{REPORT}"
    tableau.breaks_off = 1
    with pytest.raises(site.SiteError, match="did not take"):
        extracts.publish(extract)
    assert extracts.publish(extract)  # as a retry does
    connect(monkeypatch, tableau, password="another")
    with pytest.raises(site.SiteError) as raised:
        extracts.publish(extract)
    assert "another" not in str(raised.value)
    connect(monkeypatch, tableau, host="http://127.0.0.1:9")
    with pytest.raises(site.SiteError, match="does not answer"):
        extracts.publish(extract)


@pytest.mark.parametrize(
    ("host", "port", "address"),
    [
        ("tableau.example.org", None, "https://tableau.example.org"),
        ("https://tableau.example.org/", None, "https://tableau.example.org"),
        ("https://tableau.example.org", 8443, "https://tableau.example.org:8443"),
        ("http://127.0.0.1:8080", None, "http://127.0.0.1:8080"),
        ("http://tableau.example.org", None, None),
        ("http://localhost.example.org", None, None),
        ("http://10.0.0.1", None, None),
    ],
)
def test_a_token_goes_over_https_alone(host, port, address):
    if address:
        assert site._address(host, port) == address
    else:
        with pytest.raises(site.NotSetUp, match="https"):
            site._address(host, port)


def test_what_a_killed_run_left_is_removed_and_nobody_else_reads_it(
    house, tableau, monkeypatch, tmp_path
):
    extract = f"{house.humana}.{REPORT}"
    seen = []

    def killed(path, **_names):
        seen.append(path)
        raise KeyboardInterrupt

    folder = tmp_path / "extracts" / "tableau"
    with monkeypatch.context() as patch:
        patch.setattr(extracts.site, "publish", killed)
        patch.setattr(extracts.shutil, "rmtree", lambda *_, **__: None)  # it had no time to
        with pytest.raises(KeyboardInterrupt):
            extracts.publish(extract)
    left = seen[0]
    assert left.exists()
    for place in (left.parent, left.parent.parent, folder):
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
    other = folder / "gone.report"
    other.mkdir()
    extracts.due()
    assert not other.exists()
    extracts.publish(extract)
    assert not left.exists()


def test_a_file_that_lists_what_must_not_be_extracted_is_an_error(tmp_path):
    hospice = {"restricted_specialties": ["hospice"]}
    wrong = {
        "no report": ({"payers": ["Humana"]}, {"tableau_extracts": ["missed_patients"]}),
        "restricted": ({"payers": ["Humana"]} | hospice, {"tableau_extracts": [REPORT]}),
    }
    for problem, (entitled, changes) in wrong.items():
        file = client_file(tmp_path, "humana", ("hospital", entitled), reports=[REPORT], **changes)
        with pytest.raises(ReaderError, match=problem) as raised:
            readers.load_client(file)
        assert str(raised.value).startswith(f"{file}:")


def test_a_report_that_is_not_published_to_the_reader_is_not_read(house, tmp_path):
    for report in ("missed_patients", "identified_procedures", "nothing"):
        with pytest.raises(extracts.ExtractError, match="not published"):
            extracts.write(house.people[house.humana], report, tmp_path / "x.hyper")
    stranger = replace(house.people[house.humana], name="stranger")
    with pytest.raises(extracts.ExtractError, match="next publication"):
        extracts.write(stranger, REPORT, tmp_path / "x.hyper")
    assert list(tmp_path.iterdir()) == []

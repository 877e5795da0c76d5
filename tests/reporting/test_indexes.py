"""Readers find, page and sort published rows by indexes, which tell nobody of the rows of others."""

from __future__ import annotations

import random
import string
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import yaml
from psycopg import sql
from psycopg.pq import TransactionStatus
from tests.worlds.client_world import client_file, roles_file
from tests.worlds.hospital_world import Hospital, database

from bench import reading
from claimhouse import reporting, settings, strict_yaml
from claimhouse.reporting import indexes, reports
from claimhouse.reporting.reports import Report
from claimhouse.reporting.tables import Table

ENCOUNTERS = "member_encounters"


@pytest.fixture(scope="module")
def world(server, tmp_path_factory):
    """A hospital, published to a client with rows and to one without."""
    folder = tmp_path_factory.mktemp("clients")
    with database(server) as (address, owner):
        Hospital(owner, address, encounters=80)
        for name, payer in (("humana_i", "Humana"), ("nobody_i", "Nobody")):
            client_file(
                folder, name, ("hospital", {"payers": [payer]}), reports=[ENCOUNTERS, "member_procedures"]
            )  # fmt: skip
        roles = roles_file(
            folder / "roles.yml",
            {
                "name": "clinic_i", "reports": ["identified_encounters"], "schemas": ["star"], "logins": ["ann"],
                "privacy_level": "identified",
                "entitlements": [{"source_system": "*", "every_row": True}],
            },
        )  # fmt: skip
        reporting.publish(owner, folder, roles)
        yield address, folder


@pytest.fixture
def address(world):
    return world[0]


@pytest.fixture
def owner(address):
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection


def role_of(owner, login):
    return owner.execute(
        "select role_name from security.login where login = %s", (login,)
    ).fetchone()[0]


def plan(address, role, statement):
    """The plan of a statement in a session of a reader, of whom nobody knows that a table is small."""
    with reading.session(address, role) as connection:
        connection.execute(
            "set enable_seqscan = off; set enable_sort = off; set enable_bitmapscan = off"
        )
        return "\n".join(row[0] for row in connection.execute(f"explain {statement}"))


def columns_of_indexes(owner, report):
    """The columns of each index, by partition."""
    return dict(
        owner.execute(
            "select c.relname, array_agg((select string_agg(a.attname, ',' order by k.place)"
            " from unnest(x.indkey::int2[]) with ordinality as k (number, place)"
            " join pg_attribute a on a.attrelid = c.oid and a.attnum = k.number)"
            " order by x.indexrelid::regclass::text)"
            " from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_index x on x.indrelid = c.oid"
            " where i.inhparent = %s::regclass group by c.relname",
            (f"published.{report}",),
        ).fetchall()
    )


def look_up(report):
    """What the file of a report lists."""
    file = settings.INCLUDE / "sql" / "reporting" / report / "report.yaml"
    return yaml.safe_load(file.read_text())["look_up"]


def test_the_indexes_of_a_report_are_those_of_its_file_whatever_its_rows(owner):
    expected = sorted(["row_key", *look_up(ENCOUNTERS)])
    listed = columns_of_indexes(owner, ENCOUNTERS)
    assert [sorted(columns) for columns in listed.values()] == [expected, expected]


def test_every_published_report_lists_its_indexes():
    for name, report in reports.load_all().items():
        assert (report.look_up is not None) == (report.select is not None), name


def test_a_publication_drops_other_indexes_and_creates_missing_ones(owner, world):
    before = columns_of_indexes(owner, ENCOUNTERS)
    first, second = before
    owner.execute(f"create index by_hand on published.{first} (gender)")
    owner.execute(f"create index twice on published.{second} (city) where state = 'NY'")
    (dropped,) = owner.execute(
        "select x.indexrelid::regclass::text from pg_index x join pg_attribute a on a.attrelid = x.indexrelid"
        " where x.indrelid = %s::regclass and a.attname = 'service_date'", (f"published.{second}",),
    ).fetchone()  # fmt: skip
    owner.execute(f"drop index {dropped}")
    assert columns_of_indexes(owner, ENCOUNTERS) != before
    _, folder = world
    reporting.publish(owner, folder, folder / "roles.yml")
    assert columns_of_indexes(owner, ENCOUNTERS) == before


def test_two_publications_at_once_create_missing_indexes(owner, address, world):
    before = columns_of_indexes(owner, ENCOUNTERS)
    for (index,) in owner.execute(
        "select indexrelid::regclass::text from pg_index where indrelid = any(%s::regclass[])",
        ([f"published.{partition}" for partition in before],),
    ).fetchall():  # fmt: skip
        owner.execute(f"drop index {index}")
    _, folder = world

    def publish(_number):
        with psycopg.connect(address) as connection:
            reporting.publish(connection, folder, folder / "roles.yml")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(publish, range(2)))
    assert columns_of_indexes(owner, ENCOUNTERS) == before


def test_a_publication_leaves_its_connection_outside_a_transaction(address, world):
    _, folder = world
    with psycopg.connect(address) as connection:
        for _ in range(2):
            reporting.publish(connection, folder, folder / "roles.yml")
            assert connection.info.transaction_status == TransactionStatus.IDLE


@pytest.mark.parametrize(
    "asked",
    [
        "order by total_claim_cost desc limit 30",
        "order by encounter_pseudonym limit 100",
        "where patient_pseudonym = 'x'",
        "where service_date >= '2020-03-01' and service_date < '2020-04-01'",
    ],
)
def test_a_question_is_answered_by_an_index(address, owner, asked):
    text = plan(
        address, role_of(owner, "client_humana_i"), f"select * from reporting.{ENCOUNTERS} {asked}"
    )
    assert "Index" in text
    assert "Sort  (" not in text
    assert "Disabled" not in text.split("edition_")[0]


def test_the_edition_is_read_only_where_as_of_is_asked_for(address, owner):
    role = role_of(owner, "client_humana_i")
    assert "edition_" in plan(address, role, f"select as_of from reporting.{ENCOUNTERS}")
    assert "edition_" not in plan(address, role, f"select specialty from reporting.{ENCOUNTERS}")


def test_dimensions_are_read_only_where_they_are_asked_for(address, owner):
    text = plan(
        address, role_of(owner, "staff_clinic_i"), "select count(*) from reporting.identified_encounters"
    )  # fmt: skip
    assert "dim_" not in text


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        (None, [["provider_id"]]),  # the month is found by the key
        ((), []),
        (("month", "amount", "day"), [["amount"], ["day"]]),
    ],
)
def test_without_a_list_the_columns_of_the_key_have_indexes(listed, expected):
    columns = dict.fromkeys(("source_system", "month", "provider_id", "secret", "amount"), "text")
    report = Report(
        "r", "R", "limited", key=("source_system", "month", "provider_id", "secret"),
        hidden=("secret",), look_up=listed,
    )  # fmt: skip
    of_key = [["row_key"], ["source_system", "month", "provider_id"]]
    assert indexes.of(Table(report, columns, report.key)) == of_key + expected
    hidden = Report("r", "R", "limited", key=("secret",), hidden=("secret",), look_up=listed)
    assert ["row_key"] in indexes.of(Table(hidden, columns, hidden.key))
    assert all("secret" not in index for index in indexes.of(Table(hidden, columns, hidden.key)))


def test_the_first_rows_are_written_by_day_or_by_key():
    report = Report("r", "R", "limited", key=(*"abcde",))
    assert indexes.order(Table(report, {"a": "text", "day": "date"}, report.key)) == ["day"]
    assert indexes.order(Table(report, {"a": "text"}, report.key)) == [*"abcd"]


def test_the_benchmark_asks_every_reader(address, capsys):
    answers = reading.report(address, "", 1, with_plans=True)
    printed = capsys.readouterr().out
    kinds = {answer.question.kind for answer in answers}
    assert {
        "by month of service_date",
        "one specialty",
        "choice of state",
        "top 30 by total_claim_cost",
    } <= kinds
    assert {"one row", "page amid", "first page", "last page"} <= kinds
    for name in (ENCOUNTERS, "member_procedures", "identified_encounters"):
        assert name in printed
    assert "95th percentile" in printed


def test_a_plan_is_made_with_the_role_of_the_reader(owner):
    question = reading.Question(
        "rows", sql.SQL("select * from reporting.member_encounters").format()
    )
    text = "\n".join(reading.plan(owner, role_of(owner, "client_nobody_i"), question))
    assert "rows=0" in text
    assert owner.execute("select current_user = session_user").fetchone()[0]


@pytest.fixture
def write(tmp_path, monkeypatch):
    """A function that writes the file of a report of three columns and checks it."""
    monkeypatch.setattr(reports, "_FOLDER", tmp_path)

    def write(name, text):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "report.yaml").write_text(f"description: Report\nlevel: limited\n{text}\n")
        (folder / "select.sql").write_text("select 1")
        report = reports.load(name)
        reports.check_columns(report, ["source_system", "claim_id", "claims"])

    return write


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("key: [source_system]\nlook_up:\n  - claim_id\n  - claim", r"6: look_up\.1: no column claim in"),
        ("key: [source_system, claim]", r"3: key\.1: no column claim in"),
        ("of: fact_claim\nhidden: [claim]", r"4: hidden\.0: no column claim in"),
        ("{summed}  claim:", r"6: sums\.claim: no column claim in"),
        ("{summed}  claims: known", r"6: sums\.claims: no column known in"),
        ("of: fact_claim\nhidden: [claim_id]\nlook_up: [claim_id]", r"5: look_up\.0: claim_id is hidden$"),
        ("of: fact_claim\nlook_up: [claim_id, claim_id]", r"4: look_up: "),
        ("of: fact_claim\nlook_up: claim_id", r"4: look_up: "),
        ("of: fact_claim\nlook_up: [claim_id; drop]", r"4: look_up\.0: "),
        ("is_live: true\nlook_up: [claim_id]", r"3: is_live: "),
    ],
)  # fmt: skip
def test_a_column_that_a_report_does_not_have_is_named_with_its_line(write, text, message):
    with pytest.raises(strict_yaml.YamlError, match=r"report\.yaml:" + message):
        write("wrong", text.replace("{summed}", "of: fact_claim\nkey: [source_system]\nsums:\n"))
    reports.load.cache_clear()


def test_the_columns_that_a_report_has_are_no_error(write):
    write(
        "right",
        "key: [source_system]\nof: fact_claim\nsums: {claims: claims}\nhidden: [claim_id]\nlook_up: [claims]",
    )
    reports.load.cache_clear()


def test_a_value_too_long_for_an_index_is_published_without_it(owner, world):
    _, folder = world
    before = columns_of_indexes(owner, ENCOUNTERS)
    city = "".join(random.Random(1).choices(string.ascii_letters, k=6000))
    owner.execute("update star.dim_patient set city = %s where source_system = 'hospital'", (city,))
    for _ in range(2):  # an edition that changes rows with indexes, and the one after
        reporting.publish(owner, folder, folder / "roles.yml", everything=True)
        published = owner.execute(
            "select distinct city from published.member_encounters"
        ).fetchall()
        assert published == [(city,)]
        (without, whole) = sorted(columns_of_indexes(owner, ENCOUNTERS).values(), key=len)
        assert sorted(set(whole) - set(without)) == ["city"]
    owner.execute("update star.dim_patient set city = 'Albany' where source_system = 'hospital'")
    # An index has also rows that are gone, as long as a session (of autovacuum, say) may see them: then the
    # next publication creates it.
    for _ in range(30):
        reporting.publish(owner, folder, folder / "roles.yml", everything=True)
        if columns_of_indexes(owner, ENCOUNTERS) == before:
            break
        time.sleep(0.5)
    assert columns_of_indexes(owner, ENCOUNTERS) == before

"""Readers find, page and sort published rows by indexes, which tell nobody of the rows of others."""

from __future__ import annotations

import psycopg
import pytest
from bench import reading
from psycopg import sql
from tests.worlds.client_world import client_file, roles_file
from tests.worlds.hospital_world import Hospital, database

from claimhouse import reporting
from claimhouse.reporting import indexes
from claimhouse.reporting.reports import Report
from claimhouse.reporting.tables import Table

ENCOUNTERS = "member_encounters"


@pytest.fixture(scope="module")
def address(server, tmp_path_factory):
    """A hospital, published to a large client and to one without rows, with a small report taken as large."""
    folder = tmp_path_factory.mktemp("clients")
    with database(server) as (address, owner), pytest.MonkeyPatch.context() as patch:
        patch.setattr(indexes, "LARGE", 10)
        patch.setattr(indexes, "FEWEST_VALUES", 3)
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
        reporting.publish(owner, folder, roles)
        yield address


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


def test_all_partitions_of_a_report_have_the_same_indexes(owner):
    rows = owner.execute(
        "select c.relname, array_agg((select array_agg(a.attname order by a.attname) from pg_attribute a"
        " where a.attrelid = c.oid and a.attnum = any(x.indkey))::text order by x.indkey::text)"
        " from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_index x on x.indrelid = c.oid"
        " where i.inhparent = 'published.member_encounters'::regclass group by c.relname"
    ).fetchall()
    assert len(rows) == 2
    assert rows[0][1] == rows[1][1]
    assert len(rows[0][1]) == len(set(rows[0][1])), "each is created once"
    assert {"{row_key}", "{patient_pseudonym}", "{service_date}", "{total_claim_cost}"} <= set(
        rows[0][1]
    )


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


def test_the_columns_of_indexes_follow_from_the_report():
    columns = {
        "source_system": "text", "month": "text", "provider_id": "text", "kind": "text", "note": "text",
        "secret": "text", "day": "date", "number": "bigint", "member_id": "bigint", "amount": "numeric(14,2)",
    }  # fmt: skip
    known = [
        {"name": name, "distinct_values": values, "bytes": size}
        for name, values, size in [
            ("provider_id", 900, 8), ("amount", 800, 6), ("number", 700, 8), ("note", 600, 99), ("secret", 500, 8),
            ("member_id", 400, 8), ("day", 300, 4), ("month", 48, 8), ("kind", 2, 8), ("row_key", 999, 16),
        ]
    ]  # fmt: skip
    report = Report(
        "r", "R", "limited", key=("source_system", "month", "secret"), hidden=("secret",)
    )
    table = Table(report, columns, report.key)
    key = ["source_system", "month"]
    assert indexes.of(table, known) == [key, ["provider_id"], ["amount"], ["member_id"], ["day"]]
    # Sums change in place at each edition.
    of_sums = Report(
        "r", "R", "limited", key=report.key, hidden=report.hidden, sums={"number": None}
    )
    assert ["amount"] not in indexes.of(Table(of_sums, columns, report.key), known)
    assert indexes.order(table) == ["day"]
    assert indexes.order(Table(report, {"source_system": "text"}, ("a", "b", "c", "d", "e"))) == [
        *"abcd"
    ]


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

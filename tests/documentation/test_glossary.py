"""The glossary of columns: complete, without leftovers, and what the database's comments say."""

from __future__ import annotations

import json

import psycopg
import pytest
import yaml
from tests.worlds.client_world import MASTER_KEY

from claimhouse import glossary, metrics, reporting, settings
from claimhouse.delivery.extract import rows

# Views of feeds as they came and of metrics: their comments are those of contracts and of the files of cuts.
DESCRIBED_ELSEWHERE = ("raw_", "metric_")
COLUMNS = """
    select n.nspname, c.relname, a.attname, format_type(a.atttypid, null), col_description(c.oid, a.attnum)
    from pg_attribute as a
    inner join pg_class as c on a.attrelid = c.oid
    inner join pg_namespace as n on c.relnamespace = n.oid
    where n.nspname in ('star', 'reporting') and c.relkind in ('r', 'v', 'p')
        and a.attnum > 0 and not a.attisdropped
"""


@pytest.fixture
def columns(warehouse: psycopg.Connection, monkeypatch: pytest.MonkeyPatch):
    """Every column of the star and of the reports: schema, relation, name, type, comment."""
    key = json.dumps({"conn_type": "generic", "password": MASTER_KEY})
    monkeypatch.setenv("AIRFLOW_CONN_CLAIMHOUSE_PSEUDONYM", key)
    metrics.publish(warehouse)
    reporting.publish(warehouse)
    return [row for row in warehouse.execute(COLUMNS) if not row[1].startswith(DESCRIBED_ELSEWHERE)]


def test_every_column_has_a_meaning_and_a_number_a_unit(columns) -> None:
    for schema, relation, name, kind, _ in columns:
        assert glossary.meaning_of(schema, relation, name)
        if kind == "numeric":
            assert glossary.unit_of(name), f"{relation}.{name} has no unit"
        if kind in ("text", "boolean", "date", "timestamp with time zone"):
            assert glossary.unit_of(name) is None, f"{relation}.{name} is {kind}"


@pytest.fixture
def summary_columns(columns, warehouse: psycopg.Connection):
    """The columns of every summary: report, name, whether it is a number."""
    with warehouse.transaction():
        return [
            (file.parent.name, name, kind.is_numeric())
            for file in sorted((settings.INCLUDE / "sql" / "reporting").glob("*/summary.sql"))
            for name, kind in rows.stream(warehouse, file.read_text()).schema.items()
        ]


def test_every_number_of_a_summary_has_a_unit(summary_columns) -> None:
    years = {"service_year"}
    for report, name, is_number in summary_columns:
        assert name in years or bool(glossary.unit_of(name)) == is_number, f"{report}: {name}"


def test_no_entry_is_left_over(columns, summary_columns) -> None:
    relations = {f"{schema}.{relation}" for schema, relation, *_ in columns}
    present = {f"{schema}.{relation}.{name}" for schema, relation, name, *_ in columns}
    names = {name for *_, name, _, _ in columns} | {name for _, name, _ in summary_columns}
    for name, entry in glossary.entries().items():
        assert name in names, f"no table has {name}"
        for relation in entry.exceptions:
            assert relation in relations and f"{relation}.{name}" in present, f"{relation}.{name}"


def test_comments_in_the_star_are_the_glossary(columns) -> None:
    for schema, relation, name, _, comment in columns:
        if schema == "star":
            assert comment == glossary.meaning_of(schema, relation, name)


def test_a_role_of_a_date_has_the_meaning_of_the_day() -> None:
    assert glossary.meaning_of("star", "dim_service_date", "is_service_holiday") == (
        glossary.meaning_of("star", "dim_date", "is_holiday")
    )


def test_a_relation_with_an_unknown_column_is_refused(warehouse: psycopg.Connection) -> None:
    warehouse.execute("create table star.dim_new (patient_id text, unheard_of text)")
    with pytest.raises(glossary.GlossaryError, match=r"lacks columns of star\.dim_new: unheard_of"):
        glossary.comment(warehouse, "star", "dim_new")


def test_a_second_run_writes_nothing(warehouse: psycopg.Connection) -> None:
    assert glossary.comment_star(warehouse) == 0


def test_an_exception_repeats_no_meaning() -> None:
    text = (settings.INCLUDE / "columns.yaml").read_text(encoding="utf-8")
    for name, entry in yaml.safe_load(text).items():
        assert entry["meaning"] not in entry.get("in", {}).values(), name

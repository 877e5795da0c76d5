"""docs/star.md and docs/reports.md are what the catalog and the glossary of columns say."""

from __future__ import annotations

import pytest
from local import columns

from claimhouse import glossary
from claimhouse.dashboards.tableau import catalog


@pytest.fixture
def published(warehouse, monkeypatch):
    # takes back the variable that publish sets
    monkeypatch.setenv("AIRFLOW_CONN_CLAIMHOUSE_PSEUDONYM", "")
    columns.publish(warehouse)
    return warehouse


def test_the_pages_are_those_of_today(published) -> None:
    assert columns.STAR.read_text(encoding="utf-8") == columns.star_page(published), (
        "run `make docs`"
    )
    assert columns.REPORTS.read_text(encoding="utf-8") == columns.reports_page(published), (
        "run `make docs`"
    )
    kept = catalog.file().read_text(encoding="utf-8")
    assert kept == catalog.text(catalog.read(published)), "run `make tableau`"


def test_every_table_and_report_is_on_its_page(published) -> None:
    pages = {"star": columns.star_page(published), "reporting": columns.reports_page(published)}
    for schema, name in published.execute(
        "select n.nspname, c.relname from pg_class as c inner join pg_namespace as n on c.relnamespace = n.oid"
        " where n.nspname in ('star', 'reporting') and c.relkind in ('r', 'v') and c.relname !~ '^(raw|metric)_'"
    ):
        assert f"# {name}\n" in pages[schema] or f"* `{name}`" in pages[schema]


def test_a_column_has_its_type_sentence_and_unit(published) -> None:
    page = columns.star_page(published)
    meaning = glossary.meaning_of("star", "fact_claim", "total_cost")
    assert f"| total_cost | `numeric(14,2)` | {meaning} | money |" in page
    assert "| **claim_id** | `text` |" in page

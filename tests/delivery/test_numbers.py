"""Numbers in a workbook and on a page look as their unit says."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal

import polars as pl
import psycopg
import pytest
import yaml
from tests.worlds.sheets import number_formats

from claimhouse import settings
from claimhouse.delivery import extract
from claimhouse.delivery.extract import numbers, pdf, xlsx
from claimhouse.delivery.extract import rows as extract_rows

# A column, its unit, what the database has, the cell's number format, and what a page shows.
COLUMNS = [
    ("no_show_rate", "ratio", "0.0034::numeric(6, 4)", "0.0000", "0.0034"),
    ("share_of_all", "ratio", "0.0034::float8", "0.0000", "0.0034"),
    ("paid_amount", "money", "1234567.5::numeric(12, 2)", "#,##0.00", "1,234,567.50"),
    ("billed_amount", "money", "1234567::bigint", "#,##0.00", "1,234,567.00"),
    ("claims", "count", "12345::bigint", "#,##0", "12,345"),
    ("average_days", "days", "12.34::numeric(6, 2)", "#,##0.0", "12.3"),
    ("days_pended", "days", "12::int", "#,##0", "12"),
    ("percent_of_claims", "percent", "12.34::numeric(6, 2)", "0.0", "12.3"),
    ("score", "score", "4.256::numeric(6, 3)", "#,##0.00", "4.26"),
    ("age", "years", "41::int", "0", "41"),
    ("service_year", None, "2026::int", "General", "2026"),
    ("factor", None, "1.23456::numeric(8, 5)", "0.00000", "1.23456"),
    ("unbound", None, "1234.5::float8", "General", "1234.5"),
]  # fmt: skip


@pytest.fixture
def content(server):
    """An extract with one row of the columns above, in its rows and its summary."""
    query = "select 'a' as kind, " + ", ".join(
        f"{value} as {name}" for name, _, value, *_ in COLUMNS
    )
    units = {name: unit for name, unit, *_ in COLUMNS if unit}
    with psycopg.connect(server) as connection:
        with closing(extract_rows.stream(connection, query)) as rows:
            (summary,) = list(rows)
        with closing(extract_rows.stream(connection, query)) as rows:
            yield extract.Extract(
                "A title", "A client", "May", "none", None, "limited", {}, rows, summary, units
            )


def test_a_cell_has_the_number_format_of_its_columns_unit(content):
    plain = xlsx.workbook(content).getvalue()
    expected = {extract.heading(name): look for name, _, _, look, _ in COLUMNS}
    for sheet in ("Summary", "Rows"):
        assert number_formats(plain, sheet) == {"Kind": "General"} | expected


def test_a_page_shows_numbers_as_the_workbook_does(content):
    listing = pdf.listing(content, "Summary", content.summary)
    assert listing["rows"] == [("a", *(text for *_, text in COLUMNS))]


def test_every_unit_of_the_glossary_has_a_format():
    schema = yaml.safe_load((settings.INCLUDE / "column_schema.yaml").read_text())
    known = schema["additionalProperties"]["properties"]["unit"]["enum"]
    assert set(numbers.UNITS) == set(known)


@pytest.mark.parametrize("unit", [*numbers.UNITS, None])
def test_a_number_is_shown_in_full_width_whatever_its_type(unit):
    for kind in (pl.Int64(), pl.Float64(), pl.Decimal(38, 4)):
        number_format = numbers.number_format(unit, kind)
        assert number_format.text(Decimal(7)).startswith("7")
        assert number_format.text(7.0).startswith("7")

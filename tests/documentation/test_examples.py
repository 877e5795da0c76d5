"""The three questions everybody asks, against the answers plain Python finds in the rows."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.worlds.billing_source import Billing, Row, claim, patient, provider, real_rows

from claimhouse import warehouse as sql_files

Rows = dict[str, dict[str, Row]]


# The fixtures that need it are asked for by name.
pytestmark = pytest.mark.database


@pytest.fixture
def small(warehouse: psycopg.Connection[Any]) -> tuple[Billing, Rows]:
    """A few claims with the edge cases of each question."""
    billing = Billing(warehouse)
    loads: list[dict[str, list[Row]]] = [
        {
            "patients": [patient("P1", lname="Ward"), patient("P2", lname="Bell")],
            "providers": [provider("N3T5300A"), provider("R2", lname="Edwards")],
            "claims": [
                claim("C1", provider_id="N3T5300A", billed=False, coverage_type=100, claim_date="2019-11-30"),
                claim("C2", provider_id="N3T5300A", patient_id="P2", claim_date="2019-11-01", coverage_type=100),
                claim("C3", provider_id="R2", claim_date="2019-10-31", coverage_type=100),
                claim("C4", provider_id="R2", claim_date="2019-12-01", coverage_type=100),
                claim("C5", provider_id="R2", claim_date="2019-11-15", coverage_type=50),
                claim("C6", provider_id="N3T5300A", visit_type="illness", patient_id="P9", billed=None),
                claim("C7", provider_id="N3T5300A", billed=True),
            ],
        },
        {
            "patients": [patient("P1", lname="Ward-Lee", address="9 New", last_modified_date="2021-01-01")],
            "providers": [provider("N3T5300A", lname="Moved", start_date="2018-01-01")],
            "claims": [claim("C7", billed=False, provider_id="R2", last_modified_date="2021-03-01")],
        },
    ]  # fmt: skip
    return billing, arrive(billing, loads)


@pytest.fixture
def real(warehouse: psycopg.Connection[Any], shared_data: Path) -> tuple[Billing, Rows]:
    """The real feeds, priming and update."""
    billing = Billing(warehouse)
    folder = shared_data / "billing"
    loads = [
        {
            feed: real_rows(folder / f"{feed}_{part}.csv")
            for feed in ("patients", "providers", "claims")
        }
        for part in ("priming", "update")
    ]
    return billing, arrive(billing, loads)


def arrive(billing: Billing, loads: list[dict[str, list[Row]]]) -> Rows:
    """Load each set of feeds, and return the newest row of each key."""
    newest: Rows = defaultdict(dict)
    for feeds in loads:
        for feed, rows in feeds.items():
            billing.batch(feed, rows)
            newest[feed] |= {row[f"{feed.removesuffix('s')}_id"]: row for row in rows}
        billing.load()
    return newest


def ask(billing: Billing, name: str) -> list[Row]:
    """The rows of the example *name*."""
    cursor = billing.connection.execute(sql_files.sql(f"examples/{name}").encode())
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@pytest.mark.parametrize("data", ["small", "real"])
def test_claims_not_billed(data: str, request: pytest.FixtureRequest) -> None:
    billing, rows = request.getfixturevalue(data)
    expected = set()
    for row in rows["claims"].values():
        if row["billed"] is False:
            who = rows["patients"].get(row["patient_id"], {})
            by = rows["providers"].get(row["provider_id"], {})
            people = (who.get("fname"), who.get("lname"), who.get("address"))
            expected.add((row["claim_id"], *people, by.get("fname"), by.get("lname")))
    actual = ask(billing, "claims_not_billed")
    columns = (
        "claim_id", "patient_first_name", "patient_last_name", "address",
        "provider_first_name", "provider_last_name",
    )  # fmt: skip
    assert {tuple(row[name] for name in columns) for row in actual} == expected
    assert len(actual) == len(expected) > 1


@pytest.mark.parametrize("data", ["small", "real"])
def test_providers_with_fully_covered_claims(data: str, request: pytest.FixtureRequest) -> None:
    billing, rows = request.getfixturevalue(data)
    text = sql_files.sql("examples/providers_with_fully_covered_claims")
    day, number = re.findall(r"date '([\d-]+)' as last_day,\s+(\d+) as days", text)[0]
    last = date.fromisoformat(day)
    first = last - timedelta(int(number) - 1)
    expected: Counter[str] = Counter()
    for row in rows["claims"].values():
        if int(row["coverage_type"]) == 100 and first <= as_date(row["claim_date"]) <= last:
            expected[row["provider_id"]] += 1
    actual = ask(billing, "providers_with_fully_covered_claims")
    assert {row["provider_id"]: row["claims"] for row in actual} == expected
    assert len(actual) == len(expected) > 0
    for row in actual:
        assert row["last_name"] == rows["providers"].get(row["provider_id"], {}).get("lname")


@pytest.mark.parametrize("data", ["small", "real"])
def test_patients_with_surgery_by_provider(data: str, request: pytest.FixtureRequest) -> None:
    billing, rows = request.getfixturevalue(data)
    expected: dict[str, list[date]] = defaultdict(list)
    for row in rows["claims"].values():
        if row["visit_type"] == "surgery" and row["provider_id"] == "N3T5300A":
            expected[row["patient_id"]].append(as_date(row["date_of_service"]))
    actual = ask(billing, "patients_with_surgery_by_provider")
    assert {
        row["patient_id"]: (row["surgeries"], row["first_surgery"], row["last_surgery"])
        for row in actual
    } == {name: (len(days), min(days), max(days)) for name, days in expected.items()}
    assert len(actual) == len(expected) > 0
    for row in actual:
        assert row["last_name"] == rows["patients"].get(row["patient_id"], {}).get("lname")


def test_amount_to_bill_is_what_is_not_covered(small: tuple[Billing, Rows]) -> None:
    billing, _ = small
    actual = {row["claim_id"]: row["amount_to_bill"] for row in ask(billing, "claims_not_billed")}
    assert actual == {"C1": Decimal("0.00"), "C7": Decimal("50.00")}


def as_date(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)

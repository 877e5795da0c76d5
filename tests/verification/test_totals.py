"""Rows that a report ends with: a total is no record, and its money is counted once."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from pathlib import Path

import pytest
from tests.worlds.carrier_source import CLAIM, MONEY, TEXT, Carrier
from tests.worlds.workbooks import Page, workbook

CLAIMS = {"claim": CLAIM, "member": TEXT, "place": TEXT, "paid": MONEY, "due": MONEY}
RECORDS = [
    ("C1", "ann", "west", "10.25", "1.00"),
    ("C2", "bob", "", "20.50", ""),
    # a record, though its number is an odd one
    ("TOTAL CARE 7", "eve", "east", "5.00", "0.00"),
]
TOTALS = [
    ("Grand Total", "", "", "35.75", "1.00"),
    ("*** Sub-Total:", "", "", "30.75", ""),
    ("totals", "", "", "35.75", "1.00"),
    ("End of report", "", "", "", ""),
    ("Count 3", "", "", "", ""),
]


@pytest.fixture
def carrier(warehouse, landing_root: Path, tmp_path: Path, monkeypatch) -> Carrier:
    return Carrier(warehouse, tmp_path, landing_root, monkeypatch)


def test_a_total_is_set_aside_and_its_money_counted_once(carrier):
    rows = [*RECORDS[:2], TOTALS[1], RECORDS[2], TOTALS[0], *TOTALS[2:]]
    text = io.StringIO()
    csv.writer(text).writerows([CLAIMS, *rows])
    pages = workbook(Page("Paid", [list(CLAIMS), *map(list, rows)]))
    for feed, form, content in (("a", "csv", text.getvalue().encode()), ("b", "xlsx", pages)):
        carrier.describes(feed, {"format": form}, CLAIMS, f"{feed}.*")
        assert carrier.sends(f"{feed}.{form}", content) == ["verified"]
        expected = [(row[0], Decimal(row[3])) for row in RECORDS]
        assert carrier.rows(feed, "claim, paid") == expected
    places = [number for number, row in enumerate(rows, 2) if row in TOTALS]
    found = sorted((place, rule, severity) for place, _, rule, severity in carrier.issues())
    assert found == [(place, "total_row", "error") for place in places for _ in "ab"]


def test_the_same_word_is_a_key_where_a_record_stands_beside_it(carrier):
    carrier.describes("paid", {}, CLAIMS)
    content = b"claim,member,place,paid,due\nTotal,ann,west,1.00,\nSum,bob,,2.00,\n"
    carrier.sends("paid.csv", content)
    assert [row[0] for row in carrier.rows("paid", "claim")] == ["Total", "Sum"]
    assert carrier.issues() == []

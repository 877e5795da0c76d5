"""A source may name its columns as it likes: no name is one that a statement of our own uses."""

from __future__ import annotations

import csv
import io
import re
from decimal import Decimal
from pathlib import Path

import pytest
from tests.worlds.carrier_source import CLAIM, MONEY, TEXT, Carrier

import claimhouse
from claimhouse import ingest
from claimhouse.contracts import ContractError
from claimhouse.contracts.identifiers import RESERVED, SOURCE_TABLE_COLUMNS, column_fault
from claimhouse.verification import fold

CODE = Path(claimhouse.__file__).parent
# The rooms whose statements read source tables.
ROOMS = ("verification", "checks", "pages", "reporting", "landing", "star")


def words_of_statements() -> list[str]:
    """The words in the statements of our own that can be names of columns."""
    files = [
        file for room in ROOMS for file in (CODE / room / "sql").rglob("*.*") if file.is_file()
    ]
    words = {word for file in files for word in re.findall(r"[a-z][a-z_0-9]*", file.read_text())}
    # names that differ in _ alone are one header
    return sorted({fold(word): word for word in words if not column_fault(word)}.values())


@pytest.fixture
def carrier(warehouse, landing_root: Path, tmp_path: Path, monkeypatch) -> Carrier:
    return Carrier(warehouse, tmp_path, landing_root, monkeypatch)


def test_no_name_of_a_column_is_in_the_way(carrier):
    # Postgres has 1,600 columns at most
    words = words_of_statements()
    for at in range(0, len(words), 1000):
        names = [name for name in words[at : at + 1000] if name not in ("claim", "paid")]
        columns = {"claim": CLAIM, "paid": MONEY, **{f"'{name}'": TEXT for name in names}}
        carrier.describes(f"feed_{at}", {}, columns, f"feed_{at}_*")
        for step, rows in enumerate(
            (
                [
                    ("C1", "1.00", "a"),
                    ("C1", "1.00", "a"),
                    ("C2", "2.00", "b"),
                    ("C2", "3.00", "c"),
                ],
                [("C1", "1.50", "a"), ("C3", "x", "a"), ("C2", "-3.00", "c")],
            )
        ):
            text = io.StringIO()
            csv.writer(text).writerows(
                [
                    ("claim", "paid", *names),
                    *((key, paid, *[value] * len(names)) for key, paid, value in rows),
                ]
            )
            (carrier.folder / f"feed_{at}_{step}.csv").write_text(text.getvalue())
            states = ingest.verify_group(ingest.land("carrier"))
            assert states == ["verified"]
            ingest.check("carrier")
        latest = carrier.rows(f"feed_{at}", "claim, paid")
        assert latest == [("C1", Decimal("1.00")), ("C2", Decimal("3.00")), ("C1", Decimal("1.50"))]


def test_the_words_of_sql_are_those_of_the_server(warehouse):
    found = warehouse.execute("select word from pg_get_keywords() where catcode in ('R', 'T')")
    assert {word for (word,) in found} == RESERVED


@pytest.mark.parametrize(
    ("name", "why"),
    [
        *((name, "is a word of SQL") for name in ("order", "user", "end")),
        *((name, "every source table has") for name in SOURCE_TABLE_COLUMNS),
        *((name, "is no name") for name in ("Claim", "claim id", "2nd", "é", "a" * 64, 'a"b')),
    ],
)
def test_a_name_that_sql_has_no_place_for_is_an_error_of_the_contract(carrier, name, why):
    with pytest.raises(ContractError, match=r"paid\.yaml:\d+: ") as caught:
        carrier.describes("paid", {}, {"claim": CLAIM, f"'{name}'": TEXT})
    assert why in str(caught.value)


def test_a_header_belongs_to_one_column(carrier):
    other = TEXT.replace("}", ", synonyms: [{synonym: CLAIM}]}")
    for columns in ({"claim": CLAIM, "member": other}, {"claim": CLAIM, "Claim ": TEXT}):
        with pytest.raises(ContractError, match=r"paid\.yaml:\d+: "):
            carrier.describes("paid", {}, columns)

"""A mended contract reaches what it was mended for: rejected files and quarantined rows, by themselves."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.worlds.ledger_source import Ledger

from claimhouse import reverify

CLAIMS = "schemas/ledger/claims.yaml"


def mend(ledger: Ledger, old: str, new: str) -> None:
    """Change the contract."""
    file = ledger.include / CLAIMS
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def file_of(ledger: Ledger, name: str, *lines: str) -> None:
    """Lay a file into the landing root."""
    (ledger.landing / name).write_text("\n".join(lines) + "\n")


def states(ledger: Ledger) -> list[str]:
    return [state for (state,) in ledger.rows("select state from landing.batch order by batch_id")]


SYNONYM = ("name: paid\n", "name: paid\n        synonyms: [{synonym: amount_paid}]\n")


def test_rejected_file_lands_once_its_contract_reads_it(ledger: Ledger) -> None:
    mend(ledger, "name: paid\n", "name: paid\n        required: true\n")
    file_of(
        ledger,
        "claims_1.csv",
        "claim,day,cost,amount_paid,status,changed",
        "c,2024-01-02,5,3,Paid,",
    )
    ledger.run()
    assert states(ledger) == ["rejected"]
    ledger.run()
    assert states(ledger) == ["rejected"]
    assert ledger.rows("select count(*) from landing.batch_reading") == [(1,)]
    mend(ledger, "name: paid\n", "name: paid\n        synonyms: [{synonym: amount_paid}]\n")
    ledger.run()
    assert states(ledger) == ["loaded"]
    assert ledger.claims() == {"c": (Decimal(5), Decimal(3))}
    assert (
        ledger.rows("select rule from quality.issue where status = 'open' and row_number is null")
        == []
    )
    ledger.run()
    assert ledger.rows("select is_whole, state from landing.batch_reading order by reading_id") == [
        (True, "rejected"),
        (True, "verified"),
    ]


def test_quarantined_rows_load_once_their_date_format_is_known(ledger: Ledger) -> None:
    ledger.deliver(
        "claims_1.csv", "a,2024-01-02,5,3,Paid,", "b,02.01.2024,7,4,Paid,", "x,never,1,1,Paid,"
    )
    ledger.run()
    assert ledger.claims() == {"a": (Decimal(5), Decimal(3))}
    mend(
        ledger,
        "value: [YYYY-MM-DD]}]\n      - name: cost",
        "value: [YYYY-MM-DD, DD.MM.YYYY]}]\n      - name: cost",
    )
    ledger.run()
    assert ledger.claims() == {"a": (Decimal(5), Decimal(3)), "b": (Decimal(7), Decimal(4))}
    assert states(ledger) == ["loaded"]
    assert ledger.rows(
        "select record_key from quality.issue where status = 'open' and row_number > 0"
    ) == [("x",)]
    ((by,),) = ledger.rows("select closed_by from quality.issue where record_key = 'b'")
    assert by.startswith("contract ")
    before = ledger.rows("select * from landing.batch")
    ledger.run()
    assert ledger.rows("select * from landing.batch") == before


def test_accepted_rows_are_read_anew_on_demand(
    ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger.deliver("claims_1.csv", "a,2024-01-02,-5,3,Paid,", "b,2024-01-03,7,4,Denied,")
    ledger.deliver("claims_2.csv", "b,2024-01-03,9,6,Paid,", "c,2024-01-04,1,1,Open,")
    ledger.run()
    everything = "select * from landing.batch order by batch_id"
    before = ledger.rows(everything)
    mend(
        ledger,
        "        tags: [amount]\n      - name: paid",
        "        logicalTypeOptions: {minimum: 0}\n        tags: [amount]\n      - name: paid",
    )
    mend(
        ledger,
        "        classification: financial\n\n      - name: changed",
        "        classification: financial\n"
        "        enum: [{value: Paid}, {value: Denied}, {value: Pending}]\n        customProperties:\n"
        "          - {property: corrections, value: {Open: Pending}}\n      - name: changed",
    )
    ledger.run()
    assert ledger.rows(everything) == before
    reverify.main(["ledger", "claims", "--dry-run"])
    told = capsys.readouterr().out
    assert "batch 1, claims_1.csv:\n  rows accepted       12 -> 11 (-1)\n" in told
    assert "  rows quarantined    0 -> 1 (+1)\n" in told
    assert "cost accepted: 12.00 -> 17.00 (+5.00)" in told
    assert "values of status: 1 other" in told
    assert ledger.rows(everything) == before
    assert "a" in ledger.claims()
    reverify.main(["ledger", "claims"])
    assert "2 batches to read anew" in capsys.readouterr().out
    ledger.run()
    assert ledger.claims() == {
        "b": (Decimal(9), Decimal(6)),
        "c": (Decimal(1), Decimal(1)),
    }
    assert ledger.rows("select distinct status from source_ledger.claims where claim = 'c'") == [
        ("Pending",)
    ]
    assert states(ledger) == ["loaded", "loaded"]
    reverify.main(["ledger", "claims"])
    assert "every batch was read under the contract as it is now" in capsys.readouterr().out

"""A mended contract reaches what it was mended for: rejected files and quarantined rows, by themselves."""

from __future__ import annotations

from decimal import Decimal

from tests.worlds.ledger_source import Ledger

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

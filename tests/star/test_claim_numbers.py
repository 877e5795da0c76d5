"""A carrier that uses claim numbers again: a check warns, and the file's period in the key keeps claims apart."""

from __future__ import annotations

import os
from decimal import Decimal

from tests.worlds.ledger_source import CONTRACT, Ledger, forget_files

PEOPLE = """
      - {name: person, logicalType: string, physicalType: text, classification: identifier}
      - {name: doctor, logicalType: string, physicalType: text, classification: public}
"""
PERIOD = r"""
      - name: period
        logicalType: string
        physicalType: text
        primaryKey: true
        primaryKeyPosition: 2
        required: true
        classification: public
        customProperties: [{property: fromFileName, value: '_(\d{4}-\d{2})'}]
"""
MAPPING = """
select
    'ledger' as source_system,
    NUMBER as claim_id,
    person as patient_id,
    doctor as provider_id,
    day as service_date,
    cost as total_cost,
    batch_id,
    row_number
from source_ledger.claims
"""
FILES = {
    # c1 is another claim in February, c2 the same one with another amount and day
    "claims_2024-01.csv": ["c1,2024-01-05,10,ann,kim", "c2,2024-01-06,20,bob,lee"],
    "claims_2024-02.csv": ["c1,2024-02-07,30,cat,moe", "c2,2024-02-08,40,bob,lee"],
}


def load(ledger: Ledger, *, has_period: bool) -> None:
    contract = CONTRACT.format(rows="state", version_column="", status_property="")
    if has_period:
        contract = contract.replace(
            "primaryKey: true", "primaryKey: true\n        primaryKeyPosition: 1"
        )
    ledger.write(
        "schemas/ledger/claims.yaml",
        contract + PEOPLE.lstrip("\n") + (PERIOD.lstrip("\n") if has_period else ""),
    )
    number = "period || '/' || claim" if has_period else "claim"
    ledger.write("sql/mapping/ledger/fact_claim.sql", MAPPING.replace("NUMBER", number))
    forget_files()
    for place, (name, rows) in enumerate(FILES.items(), start=1):
        file = ledger.landing / name
        file.write_text("\n".join(["claim,day,cost,person,doctor", *rows]) + "\n")
        os.utime(file, (1_720_000_000 + place, 1_720_000_000 + place))
        ledger.run()


def warned(ledger: Ledger) -> list[tuple[str, str]]:
    return ledger.rows(
        "select distinct i.message, f.record_key from quality.issue as i"
        " inner join quality.check_result as r on 'soda:' || r.check_name = i.rule"
        " inner join quality.failing_row as f using (check_result_id)"
        " where i.rule = 'soda:claim_number_is_one_claim' and r.outcome = 'warn'"
    )


def test_a_number_that_is_used_again_is_warned_of(ledger: Ledger) -> None:
    load(ledger, has_period=False)
    ((message, claim),) = warned(ledger)
    assert claim == "c1"
    assert message.startswith(
        "1 of 2 claims with several versions differs in patient, provider and day"
    )
    assert {claim: cost for claim, (cost, _) in ledger.claims().items()} == {
        "c1": Decimal(30),
        "c2": Decimal(40),
    }


def test_a_key_with_the_period_of_the_file_keeps_claims_apart(ledger: Ledger) -> None:
    load(ledger, has_period=True)
    assert {claim: cost for claim, (cost, _) in ledger.claims().items()} == {
        "2024-01/c1": Decimal(10),
        "2024-01/c2": Decimal(20),
        "2024-02/c1": Decimal(30),
        "2024-02/c2": Decimal(40),
    }
    assert warned(ledger) == []
    assert len(ledger.rows("select 1 from source_ledger.claims_current")) == 4

"""Messages of checks: numbers and the words that go with them, in singular and plural."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest
import yaml

from claimhouse import contracts, settings
from claimhouse.checks.outcomes import Batch, message
from claimhouse.checks.references import from_contract
from claimhouse.checks.soda import Measured

BATCH = Batch(
    7, "claims", date(2024, 3, 2), "verified", 200, 200, 0, {"total_cost": {"accepted": "5"}}
)
CHECK = Measured("x", "", "", "error", "fail", 1, 1, {})


def _attributes() -> list[tuple[str, dict[str, str]]]:
    """The attributes of every check of the project, by file and name."""
    found = []
    for file in sorted((settings.INCLUDE / "soda").rglob("*.yml")):
        # A check's SQL may hold Jinja, and a table's checks stand under its name.
        document = yaml.safe_load(file.read_text())
        for title, checks in document.items():
            if title.startswith("checks"):
                found += [(file.stem, spec) for check in checks for spec in check.values()]
    implied = from_contract(contracts.of("billing", "claims"), BATCH)
    for checks in (implied["checks"], implied["checks for claims [batch]"]):
        found += [("contract", spec) for check in checks for spec in check.values()]
    return [(f"{where}.{spec['name']}", spec["attributes"]) for where, spec in found]


ATTRIBUTES = dict(_attributes())


def _text(attributes: dict[str, str], count: int) -> str:
    check = replace(CHECK, value=count, failing_rows=count, attributes=attributes)
    rows = replace(BATCH, rows_read=count, rows_accepted=count, rows_quarantined=count)
    return message(check, rows)


NOUNS = (
    "answers|appointments|batches|beneficiaries|claims|codes|days|descriptions|diagnoses|encounters|"
    "facilities|keys|patients|payers|procedures|providers|queues|reports|rows|versions|visits"
)
# Right for any number: "1 of 1 accepted claims".
PLURAL_OF_ONE = re.compile(
    rf"(?<!of )\b1 (?:\w+ )?(?:{NOUNS})\b|\b1 (?:\w+ )?\w+ (?:are|have|do)\b"
)


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_a_message_counts_one_and_several_right(name):
    single, several = _text(ATTRIBUTES[name], 1), _text(ATTRIBUTES[name], 3)
    for text in (single, several):
        assert not set("{}|") & set(text), text
    assert not PLURAL_OF_ONE.search(single), single
    if "{failing_rows}" in ATTRIBUTES[name]["message"]:
        assert single.replace("1", "3") != several.replace("1", "3"), "no word follows the count"


def test_a_number_picks_the_words_that_go_with_it():
    text = {"message": "{failing_rows} {failing_rows:code is|codes are} not listed"}
    assert _text(text, 0) == "0 codes are not listed"
    assert _text(text, 1) == "1 code is not listed"
    assert _text(text, 2) == "2 codes are not listed"


def test_what_was_not_measured_is_nothing():
    check = replace(CHECK, value=None, attributes={"message": "It measured {value}"})
    assert message(check, BATCH) == "It measured nothing"

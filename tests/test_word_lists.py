"""Closed lists: how words are compared, and lists that cannot be used."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from claimhouse import contracts, settings, word_lists

LISTS = settings.INCLUDE / "reference"


@pytest.mark.parametrize(
    ("word", "same"),
    [
        ("DENIED ", "denied"),
        ("paid_", "Paid"),
        ("  Paid\u00a0in\tFull", "paid in full"),
        ("Denied - duplicate", "DENIED-DUPLICATE"),
        ("No_Show", "no show"),
        ("Denied \u2013 duplicate", "denied duplicate"),
    ],
)
def test_case_blanks_and_punctuation_do_not_matter(word, same):
    assert word_lists.spelled(word) == word_lists.spelled(same)


@pytest.mark.parametrize(("word", "other"), [("paid", "unpaid"), ("1", "19"), ("payé", "paye")])
def test_letters_and_digits_do_matter(word, other):
    assert word_lists.spelled(word) != word_lists.spelled(other)


# What statuses of real systems mean for a rate of denials, from plain reasoning.
STATUSES = {
    "paid": "Approved,Accepted,Paid in full,PAID,Partially paid,Partial,Capitated,1,2,3,19,20,21",
    "denied": "Denied,Rejected,Denied - duplicate,4",
    "pending": "Pending,In process,Pended,Under Review,23",
    "reversed": "Voided,Reversed,22",
    "unknown": "Adjusted,Closed,zero paid,25",
}


def test_the_words_of_real_systems_are_listed():
    with (LISTS / "claim_status.csv").open(newline="") as lines:
        known = {word_lists.spelled(r["spelling"]): r["counts_as"] for r in csv.DictReader(lines)}
    for counts_as, words in STATUSES.items():
        for word in words.split(","):
            assert known[word_lists.spelled(word)] == counts_as, word


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    """A copy of the lists, to break."""
    return Path(shutil.copytree(LISTS, tmp_path / "reference"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("paid ,paid,paid,again", r"the spelling is that of line 2$"),
        ("Zebra,paid,payed,a slip", r"counts_as must be one of paid, denied, "),
        (" - ,paid,paid,no word", r"neither a letter nor a digit$"),
        ("Zebra,paid", r"2 fields where the header has 4$"),
    ],
)
def test_a_line_that_cannot_be_used_is_an_error_with_its_place(lists, line, message):
    file = lists / "claim_status.csv"
    number = len(file.read_text().splitlines()) + 1
    file.write_text(f"{file.read_text()}{line}\n")
    with pytest.raises(word_lists.ListError, match=rf"claim_status.csv:{number}: .*{message}"):
        word_lists.closed_list(file)


@pytest.mark.parametrize(
    ("name", "message"),
    [("nowhere", "there is no list"), ("us_state", "no list of words"), ("claim_status", None)],
)
def test_a_contract_names_a_list_that_is_there(tmp_path, name, message):
    text = (settings.INCLUDE / "schemas/billing_exports/claim_list.yaml").read_text()
    file = tmp_path / "billing_exports" / "claim_list.yaml"
    file.parent.mkdir()
    file.write_text(
        text.replace(
            "{property: referenceList, value: claim_status}",
            f"{{property: referenceList, value: {name}}}",
        )
    )
    if message is None:
        contracts.load(file)
        return
    with pytest.raises(contracts.ContractError, match=rf"claim_list.yaml:\d+: .*{message}"):
        contracts.load(file)

"""Rows that are transactions add up, however they are split over files and whatever the order."""

from __future__ import annotations

import random
from collections import defaultdict
from decimal import Decimal

import pytest

from claimhouse import review, star, warehouse

REVERSAL = ("undeclared_reversal", "C", "error")


def row(claim: str, cost: str, paid: str = "", status: str = "Paid", changed: str = "") -> str:
    return f"{claim},2024-01-02,{cost},{paid},{status},{changed}"


def added(rows):
    """Cost and payment of each claim, added up: an amount that no row has is unknown."""
    sums = defaultdict(lambda: [None, None])
    for claim, cost, paid in rows:
        amounts = sums[claim]
        for place, amount in enumerate((cost, paid)):
            if amount:
                amounts[place] = (amounts[place] or Decimal(0)) + Decimal(amount)
    return {claim: tuple(amounts) for claim, amounts in sums.items()}


def assert_adds_up(ledger, rows):
    expected = added(rows)
    assert ledger.claims() == expected
    assert ledger.current() == expected
    assert ledger.summed() == {
        claim: tuple(amount or 0 for amount in amounts) for claim, amounts in expected.items()
    }
    counts = dict(
        ledger.rows(
            "select claim_id, version_count from star.fact_claim where claim_id !~ 'filler'"
        )
    )
    assert sum(counts.values()) == len(rows)


def test_any_split_over_files_gives_the_same_sums(ledger):
    """Many claims at once, each with its own split of the same kind of rows, in files that wait or load alone."""
    ledger.describe(rows="transaction")
    dice = random.Random(5)
    files = [[] for _ in range(4)]
    everything = []
    for number in range(200):
        for _ in range(dice.randrange(1, 6)):
            cost = dice.choice(["100", "-100", "-20", "80", "0", "0.01", ""])
            paid = dice.choice(["", "", "50", "-50"]) if number % 3 else ""
            said = (f"C{number}", cost, paid)
            everything.append(said)
            dice.choice(files).append(said)
    loaded = []
    for name, together in (("a", files[:1]), ("b", files[1:3]), ("c", files[3:])):
        for number, said in enumerate(together):
            ledger.deliver(f"claims_{name}{number}.csv", *(row(*each) for each in said))
            loaded += said
        ledger.run()
        assert_adds_up(ledger, loaded)
    assert loaded and len(loaded) == len(everything)
    repeated = sum(len(said) - len(set(said)) for said in files)
    assert repeated > 10
    assert ledger.issues() and {issue[0] for issue in ledger.issues()} == {"identical_transaction"}
    assert len(ledger.issues()) == repeated
    before = ledger.rows(VERSIONS)
    with warehouse.connect() as connection:
        star.rebuild(connection, "ledger")
    assert ledger.rows(VERSIONS) == before
    assert_adds_up(ledger, everything)


VERSIONS = (
    "select claim_id, batch_id, row_number, version_number, total_cost_delta, paid_amount_delta"
    " from star.fact_claim_version order by 1, 4"
)


def test_the_newest_row_says_the_rest_and_money_reconciles_at_any_row(ledger):
    ledger.describe(rows="transaction", version_column="changed")
    ledger.loads(
        [row("C", "100", "80", "Paid", "2024-01-01"), row("D", "1", "", "Paid", "2024-01-01")],
        [row("C", "-100", "-80", "Reversed", "2024-03-01")],
        [row("C", "70", "60", "Denied", "2024-02-01")],
    )
    assert ledger.claims() == {"C": (70, 60), "D": (1, None)}
    ((status,),) = ledger.rows(
        "select claim_status from star.fact_claim join star.dim_claim_profile using (claim_profile_key)"
        " where claim_id = 'C'"
    )
    assert status == "Reversed"
    assert len(ledger.rows("select * from star.fact_claim_version where claim_id = 'C'")) == 3


def test_a_quarantined_transaction_waits_for_its_own_correction(ledger):
    ledger.describe(rows="transaction")
    ledger.loads(
        [row("C", "100"), row("C", "x"), row("C", "y"), row("E", "5")],
        [row("C", "3"), row("E", "x")],
    )
    assert ledger.claims() == {"C": (103, None), "E": (5, None)}
    # a good row of the claim does not make up for the missing one
    assert [issue[:2] for issue in ledger.issues()] == [
        ("number", "C"),
        ("number", "C"),
        ("number", "E"),
    ]
    ledger.correct("C", cost="20")
    with pytest.raises(review.ReviewError, match="has a correction already"):
        ledger.correct("C", cost="20")
    ledger.run()
    ledger.run()
    assert ledger.claims() == {"C": (123, None), "E": (5, None)}
    assert [issue[:2] for issue in ledger.issues()] == [("number", "C"), ("number", "E")]
    # the other row is corrected to the same values: it is another row
    ledger.correct("C", cost="20")
    ledger.run()
    assert ledger.claims() == {"C": (143, None), "E": (5, None)}
    assert [issue[:2] for issue in ledger.issues()] == [("number", "E")]


def test_a_correction_that_is_wrong_again_may_be_corrected_once(ledger):
    ledger.describe(rows="transaction")
    ledger.loads([row("E", "5"), row("E", "x")])
    ledger.correct("E", cost="z")
    ledger.run()
    assert ledger.claims() == {"E": (5, None)}
    assert len(ledger.issues()) == 2
    ledger.correct("E", cost="7")
    ledger.run()
    assert ledger.claims() == {"E": (12, None)}
    assert ledger.issues() == []
    assert len(ledger.issues("corrected")) == 2


def test_a_contract_may_change_what_its_rows_mean(ledger):
    ledger.loads([row("C", "100")], [row("C", "-20")])
    assert (ledger.claims(), ledger.issues()) == ({"C": (100, None)}, [REVERSAL])
    ledger.describe(rows="transaction")
    ((issue,),) = ledger.rows(
        "select issue_id from quality.issue where rule = 'undeclared_reversal'"
    )
    review.correct(issue, {})
    ledger.run()
    assert ledger.claims() == ledger.current() == {"C": (80, None)}
    assert ledger.issues() == []

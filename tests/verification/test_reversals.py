"""A row that takes back an amount in a feed of states is quarantined, in whatever order it comes."""

from __future__ import annotations

import itertools
from collections import defaultdict
from decimal import Decimal

from claimhouse import star, warehouse

REVERSAL = ("undeclared_reversal", "error")
CONFLICT = ("conflicting_copy", "error")


def row(claim: str, cost: str, paid: str = "", changed: str = "") -> str:
    return f"{claim},2024-01-02,{cost},{paid},Paid,{changed}"


def assert_balances(ledger):
    """Nothing is lost: rows and money of each batch, in the manifest and in the tables."""
    batches = ledger.rows(
        "select b.rows_read, b.rows_accepted, b.rows_quarantined, b.rows_dropped, b.amounts -> 'cost',"
        " count(c.claim), coalesce(sum(c.cost), 0),"
        " (select count(*) from quality.quarantine as q where q.batch_id = b.batch_id)"
        " from landing.batch as b left join source_ledger.claims as c using (batch_id) group by b.batch_id"
    )
    for read, accepted, quarantined, dropped, money, in_table, cost, kept in batches:
        assert read == accepted + quarantined + dropped
        assert (accepted, quarantined) == (in_table, kept)
        sums = {part: Decimal(value) for part, value in money.items()}
        assert sums["read"] == sums["accepted"] + sums["quarantined"] + sums["dropped"]
        assert sums["accepted"] == cost


def issues_of(ledger, status="open"):
    """Rule and severity of the issues of each claim."""
    found = defaultdict(list)
    for rule, claim, severity in ledger.issues(status):
        found[claim].append((rule, severity))
    return found


# What one file says of a claim without a version column, its state, and the issues.
FILES = {
    ("100", "-100"): ("100", [REVERSAL]),
    ("100", "-20"): ("100", [REVERSAL]),
    ("100", "-100", "80"): ("80", [CONFLICT, REVERSAL]),
    ("100", "-100", "-20"): ("100", [REVERSAL, REVERSAL]),
    ("-100", "-20", "0.01"): ("0.01", [REVERSAL, REVERSAL]),
    ("-5",): ("-5", []),
}


def test_in_one_file_the_order_of_rows_does_not_matter(ledger):
    rows, states, issues = [], {}, {}
    for costs, (state, rules) in FILES.items():
        for number, order in enumerate(itertools.permutations(costs)):
            claim = f"{'/'.join(costs)} {number}"
            rows += [row(claim, cost) for cost in order]
            states[claim] = (Decimal(state), None)
            if rules:
                issues[claim] = rules
    ledger.loads(rows)
    assert ledger.claims() == ledger.current() == states
    assert issues_of(ledger) == issues
    assert_balances(ledger)


SERIES = [
    ("100", "-100"),
    ("-100", "100"),
    ("-100", "-20", "0", "100"),
    ("-100", "0", "100", "70"),
    ("-100", "0", "-7", "100"),
    ("0", "-100"),
]


def test_in_several_files_the_positive_may_come_first_or_last(ledger):
    """Each series is loaded file by file, and once more with all its files waiting together."""
    longest = max(map(len, SERIES))
    for file in range(longest):
        ledger.loads([row(str(n), s[file]) for n, s in enumerate(SERIES) if file < len(s)])
    for file in range(longest):
        rows = [row(f"together {n}", s[file]) for n, s in enumerate(SERIES) if file < len(s)]
        ledger.deliver(f"claims_together_{file}.csv", *rows)
    ledger.run()
    claims, current, summed = ledger.claims(), ledger.current(), ledger.summed()
    versions = dict(ledger.rows("select claim_id, version_count from star.fact_claim"))
    resolved, left = issues_of(ledger, "resolved"), issues_of(ledger)
    for number, series in enumerate(SERIES):
        costs = list(map(Decimal, series))
        kept = [cost for cost in costs if cost >= 0 or max(costs) <= 0]
        for claim in (str(number), f"together {number}"):
            assert claims[claim] == current[claim] == (kept[-1], None), series
            assert summed[claim] == (kept[-1], 0), series
            assert versions[claim] == len(kept), series
            assert resolved[claim] + left[claim] == [REVERSAL] * (len(costs) - len(kept)), series
    assert_balances(ledger)
    before = ledger.rows(VERSIONS)
    with warehouse.connect() as connection:
        star.rebuild(connection, "ledger")
    assert ledger.rows(VERSIONS) == before


VERSIONS = (
    "select claim_id, batch_id, row_number, version_number, total_cost_delta"
    " from star.fact_claim_version order by 1, 4"
)


def test_what_is_known_of_a_record(ledger):
    ledger.loads(
        [
            # a conflicting copy with a positive amount is known, though it was quarantined
            *(row("copy", "100"), row("copy", "0")),
            # the cost was never positive, so a negative one takes nothing back; the payment does
            row("each", "0", "80"),
            row("resolved", "100"),
        ],
        [row("copy", "-100"), row("each", "-5", "-80"), row("other", "-5", "80")],
        [row("resolved", "-100")],
    )
    assert ledger.claims() == {
        "copy": (0, None), "each": (0, 80), "other": (-5, 80), "resolved": (100, None),
    }  # fmt: skip
    assert issues_of(ledger) == {
        "copy": [CONFLICT, REVERSAL], "each": [REVERSAL], "resolved": [REVERSAL],
    }  # fmt: skip
    ((column, raw, message),) = ledger.rows(
        "select column_name, raw_value, message from quality.issue"
        " where rule = 'undeclared_reversal' and record_key = 'each'"
    )
    assert (column, raw) == ("paid", "-80.00")
    assert "rows: transaction" in message and "80" not in message
    ((quarantined,),) = ledger.rows(
        "select raw_row from quality.quarantine where record_key = 'each'"
    )
    assert quarantined == row("each", "-5", "-80")
    ledger.loads([row("resolved", "0")])
    assert ledger.claims()["resolved"] == (0, None)
    assert issues_of(ledger, "resolved") == {"resolved": [REVERSAL]}
    assert_balances(ledger)


def test_the_version_column_decides_between_states(ledger):
    ledger.describe(version_column="changed")
    said = [("70", "2024-03-01"), ("100", "2024-01-01"), ("-100", "2024-04-01")]
    rows = [
        row(str(number), cost, changed=day)
        for number, order in enumerate(itertools.permutations(said))
        for cost, day in order
    ]
    ledger.loads(rows)
    assert ledger.claims() == {str(number): (70, None) for number in range(6)}
    assert issues_of(ledger) == {str(number): [CONFLICT, REVERSAL] for number in range(6)}

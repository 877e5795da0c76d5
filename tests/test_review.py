"""Review: what a person decides about an issue stands, and a corrected row is verified like any."""

from __future__ import annotations

import io

import pytest
from tests.worlds.feeds import claim, claims_csv, csv_line, drop, take_in_all

from claimhouse import ingest, review


@pytest.fixture
def issue(landing_root, warehouse) -> int:
    """The issue of a claim whose cost is no number."""
    drop(landing_root, "claims.csv", claims_csv(claim(1), claim(2, total_cost="xyz")))
    take_in_all()
    return int(warehouse.execute("select issue_id from quality.issue").fetchone()[0])


def test_a_waived_issue_is_closed_with_who_and_why(issue, warehouse):
    review.waive(issue, "ada", "agreed with the sender")
    found = warehouse.execute(
        "select status, closed_by, reason, closed_at is not null from quality.issue"
    )
    assert found.fetchall() == [("waived", "ada", "agreed with the sender", True)]
    with pytest.raises(review.ReviewError, match="not open"):
        review.waive(issue, "ada", "again")


def test_nothing_is_waived_without_a_reason(issue, warehouse):
    with pytest.raises(review.ReviewError, match="reason"):
        review.waive(issue, "ada", "  ")
    assert warehouse.execute("select status from quality.issue").fetchall() == [("open",)]


def test_a_corrected_row_goes_through_verification_and_closes_its_issue(issue, warehouse):
    review.correct(issue, {"total_cost": "12.30"})
    assert take_in_all() == ["verified"]
    cost = warehouse.execute(
        "select total_cost from source_billing.claims where claim_id = 'CF#2NN'"
    )
    assert str(cost.fetchone()[0]) == "12.30"
    assert warehouse.execute("select status from quality.issue").fetchall() == [("corrected",)]


def test_a_correction_that_is_wrong_too_is_quarantined_in_its_turn(issue, warehouse):
    review.correct(issue, {"total_cost": "abc"})
    take_in_all()
    assert warehouse.execute("select status from quality.issue").fetchall() == [
        ("open",),
        ("open",),
    ]
    assert warehouse.execute("select count(*) from source_billing.claims").fetchone() == (1,)


def test_a_row_that_could_not_be_split_is_corrected_with_all_its_values(
    landing_root, warehouse, capsys, monkeypatch
):
    drop(landing_root, "claims.csv", claims_csv(claim(1)) + b"CF#2NN,ssssss\n")
    take_in_all()
    issue = warehouse.execute("select issue_id from quality.issue").fetchone()[0]
    lines = "\n".join(f"{name}={value}" for name, value in claim(2).items())
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    review.main(["correct", str(issue)])
    assert "CF#2NN" not in capsys.readouterr().out  # no value of the row, in no path
    take_in_all()
    assert warehouse.execute("select count(*) from source_billing.claims").fetchone() == (2,)
    assert warehouse.execute("select status from quality.issue").fetchall() == [("corrected",)]


def test_an_unknown_column_is_refused(issue):
    with pytest.raises(review.ReviewError, match="price"):
        review.correct(issue, {"price": "1"})


def test_a_good_row_of_a_later_file_resolves_the_issue_and_one_of_the_same_file_does_not(
    landing_root, warehouse
):
    bad = claim(2, total_cost="xyz")
    drop(landing_root, "claims_1.csv", claims_csv(claim(2), bad))
    take_in_all()
    assert warehouse.execute("select status from quality.issue").fetchall() == [("open",)]
    drop(
        landing_root,
        "claims_2.csv",
        claims_csv(claim(2, total_cost="5", last_modified_date="2/9/2021")),
    )
    take_in_all()
    closed = warehouse.execute("select status, closed_by_batch_id from quality.issue").fetchall()
    assert closed == [("resolved", 2)]
    kept = warehouse.execute("select raw_row from quality.quarantine").fetchall()
    assert kept == [(csv_line(bad),)]


def test_release_refuses_a_batch_that_is_not_held(landing_root, warehouse):
    drop(landing_root, "claims.csv", claims_csv(claim(1)))
    (batch,) = ingest.land("billing")
    with pytest.raises(review.ReviewError, match="not held"):
        review.release(batch, "ada", "why not")

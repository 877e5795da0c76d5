"""Review: what a person decides about an issue stands, and a corrected row is verified like any."""

from __future__ import annotations

import io

import psycopg
import pytest
from tests.worlds.feeds import claim, claims_csv, csv_line, drop, take_in_all

from claimhouse import ingest, review, storage
from claimhouse.landing import corrections


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


def acts(warehouse) -> list[tuple[object, ...]]:
    """What was decided: kind, who, why, who undid it and why."""
    found = warehouse.execute(
        "select kind, acted_by, reason, undone_by, undone_reason from quality.review_act order by act_id"
    )
    return list(found.fetchall())


def statuses(warehouse) -> list[str]:
    return [
        row[0] for row in warehouse.execute("select status from quality.issue order by issue_id")
    ]


def test_a_waiver_is_kept_and_can_be_undone_once(issue, warehouse):
    review.waive(issue, "ada", "agreed with the sender")
    review.undo(1, "bob", "they had not agreed")
    assert statuses(warehouse) == ["open"]
    kept = [("waive", "ada", "agreed with the sender", "bob", "they had not agreed")]
    assert acts(warehouse) == kept
    with pytest.raises(review.ReviewError, match="undone by bob"):
        review.undo(1, "eve", "again")
    with pytest.raises(review.ReviewError, match="no act"):
        review.undo(2, "eve", "which")
    assert acts(warehouse) == kept


def test_an_act_that_was_undone_does_not_undo_a_later_one(issue, warehouse):
    review.waive(issue, "ada", "first")
    review.undo(1, "ada", "no")
    review.waive(issue, "bob", "second")
    with pytest.raises(review.ReviewError):
        review.undo(1, "ada", "no")
    assert statuses(warehouse) == ["waived"]


def test_the_second_of_two_reviewers_is_told_what_the_first_did(issue, warehouse):
    review.waive(issue, "ada", "agreed")
    with pytest.raises(review.ReviewError, match="waived by ada at 20"):
        review.waive(issue, "bob", "me too", seen=0)
    with pytest.raises(review.ReviewError, match="waived by ada at 20"):
        review.correct(issue, {"total_cost": "1"}, "bob", seen=0)
    review.undo(1, "ada", "no")
    with pytest.raises(review.ReviewError, match="ada has acted on it"):
        review.correct(issue, {"total_cost": "1"}, "bob", seen=0)
    with pytest.raises(review.ReviewError, match="ada has acted on it"):
        review.waive(issue, "bob", "me too", seen=0)
    review.waive(issue, "bob", "me too", seen=1)
    assert statuses(warehouse) == ["waived"]
    assert [act[1] for act in acts(warehouse)] == ["ada", "bob"]


def test_a_row_has_one_waiting_correction(issue, warehouse):
    path = review.correct(issue, {"total_cost": "1.00"}, "ada", "a call")
    with pytest.raises(review.ReviewError, match="by ada at"):
        review.correct(issue, {"total_cost": "2.00"}, "bob")
    review.undo(1, "bob", "another number")
    assert not storage.at(path).exists()
    review.correct(issue, {"total_cost": "2.00"}, "bob", "a second call")
    take_in_all()
    costs = warehouse.execute("select total_cost from source_billing.claims where row_number = 2")
    assert "2.00" in {str(row[0]) for row in costs}
    assert statuses(warehouse) == ["corrected"]
    with pytest.raises(review.ReviewError, match="has landed"):
        review.undo(2, "bob", "no")
    assert statuses(warehouse) == ["corrected"]


def test_a_correction_survives_its_writer(issue, warehouse, monkeypatch):
    """Killed after the act is kept and before the file is there: the next run writes it."""
    with monkeypatch.context() as patch:
        patch.setattr(storage, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            review.correct(issue, {"total_cost": "12.30"}, "ada", "a call")
    assert acts(warehouse) == [("correct", "ada", "a call", None, None)]
    take_in_all()
    assert statuses(warehouse) == ["corrected"]
    assert warehouse.execute("select count(*) from source_billing.claims").fetchone() == (2,)
    assert take_in_all() == []  # and once only


def test_a_correction_whose_undoing_is_killed_still_stands(issue, warehouse, monkeypatch):
    review.correct(issue, {"total_cost": "12.30"}, "ada", "a call")

    def removed_and_killed(path):
        storage.at(path).unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(corrections, "take_back", removed_and_killed)
        with pytest.raises(KeyboardInterrupt):
            review.undo(1, "ada", "no")
    assert acts(warehouse) == [("correct", "ada", "a call", None, None)]
    take_in_all()
    assert statuses(warehouse) == ["corrected"]


def test_a_correction_is_not_taken_back_while_a_run_lands_files(issue, warehouse, warehouse_url):
    path = review.correct(issue, {"total_cost": "12.30"}, "ada", "a call")
    with psycopg.connect(warehouse_url, autocommit=True) as landing:
        landing.execute(
            "select pg_advisory_lock(hashtextextended('claimhouse.landing billing', 0))"
        )
        with pytest.raises(review.ReviewError, match="just now"):
            review.undo(1, "ada", "no")
    assert storage.at(path).exists()
    review.undo(1, "ada", "no")
    assert take_in_all() == []
    assert statuses(warehouse) == ["open"]


def test_all_of_several_issues_are_waived_or_none(landing_root, warehouse, warehouse_url):
    bad = [claim(number, total_cost="xyz") for number in range(1, 5)]
    drop(landing_root, "claims.csv", claims_csv(*bad))
    take_in_all()
    review.waive(3, "ada", "agreed")
    with (
        pytest.raises(review.ReviewError, match="issue 3 is not open: waived by ada"),
        psycopg.connect(warehouse_url) as connection,
    ):
        review.waive_open(connection, [1, 2, 3, 4], "bob", "all of them")
    assert statuses(warehouse) == ["open", "open", "waived", "open"]
    with psycopg.connect(warehouse_url) as connection:
        (act,) = review.waive_open(connection, [1, 2, 4], "bob", "the others", "rule number")
    review.undo(act, "bob", "no")
    assert statuses(warehouse) == ["open", "open", "waived", "open"]


def test_the_counts_of_issues_are_those_of_the_table(landing_root, warehouse):
    bad = [claim(number, total_cost="xyz") for number in range(1, 5)]
    drop(landing_root, "claims.csv", claims_csv(*bad, claim(9)))
    take_in_all()
    review.waive(1, "ada", "agreed")
    review.correct(2, {"total_cost": "1.00"}, "ada")
    take_in_all()
    warehouse.execute("delete from quality.acted_issue")
    warehouse.execute("delete from quality.issue where issue_id = 4")
    kind = "source_system, feed, rule, severity, status"
    counted = warehouse.execute(f"select {kind}, count(*) from quality.issue group by {kind}")
    summed = warehouse.execute(
        f"select {kind}, sum(issues) from quality.issue_count group by {kind} having sum(issues) <> 0"
    )
    assert sorted(summed.fetchall()) == sorted(counted.fetchall())


def test_a_file_that_nobody_recognizes_is_not_reported_again_once_it_is_waived(
    landing_root, warehouse
):
    drop(landing_root, "notes.csv", b"a,b\n1,2\n")
    take_in_all()
    take_in_all()
    assert statuses(warehouse) == ["open"]
    review.waive(1, "ada", "it is a note")
    take_in_all()
    assert statuses(warehouse) == ["waived"]
    review.undo(1, "ada", "it is none")
    take_in_all()
    assert statuses(warehouse) == ["open"]


def killed(*_: object) -> None:
    raise KeyboardInterrupt

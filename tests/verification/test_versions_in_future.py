"""A version later than the day after its file arrived is an error of its row."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from tests.worlds.feeds import claim, claims_csv, drop, take_in_all
from tests.worlds.manifest import arrived

from claimhouse import ingest, review
from claimhouse.contracts import Column
from claimhouse.verification.judge import judge


def send(root, name, at, *rows):
    arrived(drop(root, name, claims_csv(*rows)), at)
    take_in_all()


def future_rows(warehouse):
    return warehouse.execute(
        "select record_key, status from quality.issue where rule = 'version_in_future' order by 1"
    ).fetchall()


def test_a_typo_in_a_date_does_not_win_over_later_corrections(landing_root, warehouse):
    send(
        landing_root, "claims_1.csv", "2021-02-09",
        claim(1, total_cost="1", last_modified_date="9/17/2091"),
        claim(2, last_modified_date="2/10/2021"),  # the day after: another time zone
        claim(3, last_modified_date="2/11/2021"),
    )  # fmt: skip
    assert future_rows(warehouse) == [("CF#1NN", "open"), ("CF#3NN", "open")]
    (newest,) = warehouse.execute(
        "select max(last_modified_date) from source_billing.claims"
    ).fetchone()
    assert newest == date(2021, 2, 10)
    send(
        landing_root, "claims_2.csv", "2021-02-12",
        claim(1, total_cost="2", last_modified_date="2/1/2021"),
    )  # fmt: skip
    ingest.check("billing")
    assert warehouse.execute(
        "select total_cost::text from source_billing.claims_current where claim_id = 'CF#1NN'"
    ).fetchone() == ("2.00",)
    # the unreadable version of the bad row is not held against the good one
    assert future_rows(warehouse) == [("CF#1NN", "resolved"), ("CF#3NN", "open")]


def test_a_correction_may_be_as_new_as_the_day_it_is_written(landing_root, warehouse):
    send(landing_root, "claims_1.csv", "2021-02-09", claim(1, last_modified_date="9/17/2091"))
    (issue,) = warehouse.execute("select issue_id from quality.issue").fetchone()
    review.correct(issue, {"last_modified_date": f"{date.today():%-m/%-d/%Y}"})
    take_in_all()
    assert warehouse.execute("select last_modified_date from source_billing.claims").fetchall() == [
        (date.today(),)
    ]


@pytest.mark.parametrize(
    ("kind", "formats", "texts"),
    [
        ("date", ("%Y-%m-%d",), ("2026-01-02", "2026-01-03", "nonsense")),
        ("timestamp", ("%Y-%m-%d %H:%M",), ("2026-01-02 23:59", "2026-01-03 00:00", "nonsense")),
    ],
)
@pytest.mark.pure
def test_days_and_times_are_compared_by_their_day(kind, formats, texts):
    column = Column(
        "changed", kind, "date" if kind == "date" else "timestamptz", date_formats=formats
    )
    judged = judge(column, pl.Series(texts), date(2026, 1, 2))
    assert judged.each("version_in_future").to_list() == [False, True, False]
    assert "version_in_future" not in judge(column, pl.Series(texts)).judged.columns

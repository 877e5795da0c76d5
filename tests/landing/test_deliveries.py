"""Deliveries: what is one, which says something new, and where each stands in the order."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest
from tests.worlds.feeds import claim, claims_csv, drop, take_in_all
from tests.worlds.manifest import arrived

from claimhouse import contracts, ingest, review
from claimhouse.contracts import FileOrder
from claimhouse.contracts.dates import name_pattern

A, B, C = (claims_csv(claim(1, total_cost=cost)) for cost in ("1.00", "2.00", "3.00"))


def send(root, name, content, at):
    """A file that arrived at *at*, landed and verified."""
    arrived(drop(root, name, content), at)
    take_in_all()


def content_in_order(warehouse):
    """The contents that have a batch, from the oldest to the newest."""
    rows = warehouse.execute(
        "select (select c.total_cost from source_billing.claims as c where c.batch_id = o.batch_id limit 1)::text"
        " from landing.batch_order as o order by o.newness"
    ).fetchall()
    return " ".join({"1.00": "A", "2.00": "B", "3.00": "C"}[cost] for (cost,) in rows)


def reports(warehouse):
    """Each issue of a file: name, rule."""
    return warehouse.execute(
        "select file_name, rule from quality.issue where batch_id is null order by issue_id"
    ).fetchall()


def test_the_newest_delivery_counts_though_its_bytes_landed_before(landing_root, warehouse):
    for day, content in enumerate((A, B, A), start=1):
        send(landing_root, f"claims_{day}.csv", content, f"2026-01-0{day}")
    assert content_in_order(warehouse) == "A B A"
    assert reports(warehouse) == []


def test_a_file_replaced_in_place_is_another_delivery(landing_root, warehouse):
    for day, content in enumerate((A, B, A, A), start=1):
        send(landing_root, "claims.csv", content, f"2026-01-0{day}")
    assert content_in_order(warehouse) == "A B A"
    assert reports(warehouse) == []
    assert warehouse.execute("select count(*) from landing.file").fetchone() == (4,)


def test_the_newest_bytes_again_say_nothing_new(landing_root, warehouse):
    send(landing_root, "claims_1.csv", A, "2026-01-01")
    send(landing_root, "claims_2.csv", A, "2026-01-02")
    assert content_in_order(warehouse) == "A"
    assert reports(warehouse) == [("claims_2.csv", "already_landed")]
    assert warehouse.execute(
        "select file_name, same_as_file_id from landing.file order by file_order"
    ).fetchall() == [("claims_1.csv", None), ("claims_2.csv", 1)]


def test_a_delivery_that_comes_between_two_equal_ones_makes_the_later_one_news(
    landing_root, warehouse
):
    send(landing_root, "claims_1.csv", A, "2026-01-01")
    for day in (3, 4):
        send(landing_root, f"claims_{day}.csv", A, f"2026-01-0{day}")
    assert content_in_order(warehouse) == "A"
    send(landing_root, "claims_2.csv", B, "2026-01-02")
    assert content_in_order(warehouse) == "A B A"
    assert take_in_all() == []


def test_a_late_older_delivery_takes_its_place(landing_root, warehouse):
    send(landing_root, "claims_2.csv", B, "2026-01-02")
    send(landing_root, "claims_1.csv", A, "2026-01-01")
    assert content_in_order(warehouse) == "A B"
    assert warehouse.execute(
        "select received_date::text from landing.batch order by batch_id"
    ).fetchall() == [("2026-01-02",), ("2026-01-01",)]


@pytest.mark.parametrize("at", ["2026-01-01", None])
def test_files_that_wait_together_are_read_as_a_person_reads_their_names(
    landing_root, warehouse, at
):
    pairs = [("claims_Jan2026", "claims_Feb2026"), ("claims_9", "claims_10"),
             ("claims_12312025", "claims_01012026")]  # fmt: skip
    for older, newer in pairs:
        written = datetime(2026, 2, 1, 8, tzinfo=UTC)
        for name, content in ((newer, B), (older, A)):  # cp takes them in the alphabet's order
            path = drop(landing_root, f"{name}.csv", content)
            arrived(path, at or written)
            written += timedelta(milliseconds=3)
        take_in_all()
        assert content_in_order(warehouse) == "A B", (older, newer)
        assert reports(warehouse) == []
        warehouse.execute(
            "truncate landing.file, landing.batch, landing.sighting, source_billing.claims cascade"
        )
        for path in (landing_root / "billing").iterdir():
            path.unlink()


def test_names_that_contradict_the_arrivals_are_reported_once(landing_root, warehouse):
    send(landing_root, "claims_Feb2026.csv", A, "2026-03-01")
    send(landing_root, "claims_Jan2026.csv", B, "2026-03-02")
    send(landing_root, "claims_Mar2026.csv", C, "2026-03-03")
    assert content_in_order(warehouse) == "A B C"
    assert reports(warehouse) == [("claims_Jan2026.csv", "uncertain_file_order")]
    (message,) = warehouse.execute("select message from quality.issue").fetchone()
    assert "newer than file 1: their arrivals say so, and their names the opposite" in message
    assert "contract of billing.claims" in message and "fileOrder" in message


def test_names_that_do_not_tell_are_reported_where_the_arrivals_do_not_either(
    landing_root, warehouse
):
    for name, content in (("claims north.csv", A), ("claims south.csv", B), ("claims west.csv", C)):
        arrived(drop(landing_root, name, content), "2026-01-01")
    take_in_all()
    assert content_in_order(warehouse) == "A B C"
    assert reports(warehouse) == [
        ("claims south.csv", "uncertain_file_order"),
        ("claims west.csv", "uncertain_file_order"),
    ]


@pytest.fixture
def ordered(monkeypatch):
    """Give the contract of claims a fileOrder."""
    import dataclasses

    known = contracts.of_source

    def declare(file_order, **more):
        def changed(source):
            return tuple(
                dataclasses.replace(contract, file_order=file_order, **more)
                if contract.name == "billing.claims"
                else contract
                for contract in known(source)
            )

        monkeypatch.setattr(contracts, "of_source", changed)

    return declare


DATED = FileOrder("date", name_pattern("MMDDYYYY"), is_declared=True)


def test_what_the_contract_declares_decides(landing_root, warehouse, ordered):
    ordered(DATED)
    send(landing_root, "claims_01012026.csv", B, "2026-01-01")
    send(landing_root, "claims_12312025.csv", A, "2026-01-02")
    assert content_in_order(warehouse) == "A B"
    assert reports(warehouse) == []
    send(landing_root, "claims_last.csv", C, "2026-01-03")
    assert content_in_order(warehouse) == "A B C"
    assert reports(warehouse) == [("claims_last.csv", "no_date_in_name")]


def test_a_file_without_the_number_of_its_order_waits(landing_root, warehouse, ordered):
    ordered(FileOrder("number", is_declared=True))
    send(landing_root, "claims_10.csv", B, "2026-01-01")
    send(landing_root, "claims_9.csv", A, "2026-01-02")
    send(landing_root, "claims.csv", C, "2026-01-03")
    assert content_in_order(warehouse) == "A B"
    assert reports(warehouse) == [("claims.csv", "no_number_in_name")]
    (landing_root / "billing" / "claims.csv").rename(landing_root / "billing" / "claims_11.csv")
    take_in_all()
    assert content_in_order(warehouse) == "A B C"


def test_a_new_order_in_the_contract_holds_for_what_has_landed(landing_root, warehouse, ordered):
    send(landing_root, "claims_01022026.csv", B, "2026-01-05")
    send(landing_root, "claims_01012026.csv", A, "2026-01-06")
    send(landing_root, "claims_01032026.csv", A, "2026-01-07")
    assert content_in_order(warehouse) == "B A"
    ordered(DATED)
    take_in_all()
    # the third repeats the first no more: it stands after the second
    assert content_in_order(warehouse) == "A B A"
    ordered(FileOrder())
    take_in_all()
    assert content_in_order(warehouse) == "B A A"


def test_transactions_never_land_twice(landing_root, warehouse, ordered):
    ordered(FileOrder(), rows_are_transactions=True)
    for day, content in enumerate((A, B, A), start=1):
        send(landing_root, f"claims_{day}.csv", content, f"2026-01-0{day}")
    assert content_in_order(warehouse) == "A B"
    assert reports(warehouse) == [("claims_3.csv", "already_landed")]


def test_bytes_that_were_rejected_are_tried_again(landing_root, warehouse):
    send(landing_root, "claims_1.csv", A, "2026-01-01")
    send(landing_root, "claims_2.csv", b"\x00\x01", "2026-01-02")
    send(landing_root, "claims_3.csv", b"\x00\x01", "2026-01-03")
    states = warehouse.execute("select state from landing.batch order by batch_id").fetchall()
    assert states == [("verified",), ("rejected",), ("rejected",)]
    # the rejected ones said nothing: A is still the newest
    send(landing_root, "claims_4.csv", A, "2026-01-04")
    assert reports(warehouse) == [("claims_4.csv", "already_landed")]


def test_a_time_in_the_future_does_not_make_a_file_the_newest_for_years(landing_root, warehouse):
    send(landing_root, "claims_1.csv", A, "2091-09-17")
    send(landing_root, "claims_2.csv", B, "1970-01-01")
    today = datetime.now(UTC).date()
    assert warehouse.execute("select distinct received_date from landing.batch").fetchall() == [
        (today,)
    ]
    assert reports(warehouse) == [
        ("claims_1.csv", "impossible_arrival"),
        ("claims_2.csv", "impossible_arrival"),
    ]
    path = drop(landing_root, "claims_3.csv", C)
    os.utime(path)
    take_in_all()
    assert content_in_order(warehouse) == "A B C"
    assert take_in_all() == []


def test_a_correction_of_an_older_file_does_not_win_over_a_newer_one(landing_root, warehouse):
    send(landing_root, "claims_1.csv", claims_csv(claim(1, total_cost="x"), claim(2)), "2026-01-01")
    send(
        landing_root,
        "claims_2.csv",
        claims_csv(claim(1, total_cost="2.00"), claim(3)),
        "2026-01-02",
    )
    warehouse.execute("update quality.issue set status = 'open' where rule = 'number'")
    (issue,) = warehouse.execute(
        "select issue_id from quality.issue where rule = 'number'"
    ).fetchone()
    review.correct(issue, {"total_cost": "1.00"})
    take_in_all()
    order = warehouse.execute(
        "select is_correction from landing.batch join landing.batch_order using (batch_id) order by newness"
    ).fetchall()
    assert order == [(False,), (True,), (False,)]
    ingest.check("billing")
    assert warehouse.execute(
        "select total_cost::text from source_billing.claims_current where claim_id = 'CF#1NN'"
    ).fetchone() == ("2.00",)

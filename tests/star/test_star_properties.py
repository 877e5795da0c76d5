"""Whatever the versions and however they arrive, the star says what a plain reading of them says."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from tests.worlds.billing_source import Billing, Row, claim, patient, provider
from tests.worlds.properties import examples

from claimhouse import star

START = date(2018, 1, 1)
FIRST, LAST = date(1900, 1, 1), date(9999, 12, 31)

days = st.integers(0, 60).map(lambda number: START + timedelta(number))
ids = st.sampled_from(["1", "2"])


@st.composite
def patients(draw: st.DrawFn) -> Row:
    return patient(
        "P" + draw(ids),
        address=draw(st.sampled_from(["A", "B", None])),
        date_of_residence=draw(st.one_of(days, st.sampled_from([START, None]))),
        last_modified_date=draw(days),
    )


@st.composite
def providers(draw: st.DrawFn) -> Row:
    return provider(
        "R" + draw(ids), facility_name=draw(st.sampled_from(["F", "G"])), start_date=draw(days)
    )


@st.composite
def claims(draw: st.DrawFn) -> Row:
    return claim(
        "C" + draw(ids),
        patient_id=draw(st.sampled_from(["P1", "P2", "P3", None])),
        provider_id=draw(st.sampled_from(["R1", "R2", "R3", None])),
        total_cost=draw(st.decimals("0", "99", places=2) | st.none()),
        coverage_type=draw(st.sampled_from([0, 50, 100, None])),
        date_of_service=draw(st.one_of(days, st.none())),
        last_modified_date=draw(days),
    )


FEEDS = {
    "patients": (patients(), "patient_id", "last_modified_date"),
    "providers": (providers(), "provider_id", "start_date"),
    "claims": (claims(), "claim_id", "last_modified_date"),
}


@st.composite
def histories(draw: st.DrawFn) -> dict[str, list[Row]]:
    """Versions of each feed; those of one key have dates of their own."""
    return {
        feed: draw(
            st.lists(
                rows, max_size=7, unique_by=lambda row, k=key, v=version: (row[k], row[v])
            )
        )
        for feed, (rows, key, version) in FEEDS.items()
    }  # fmt: skip


@st.composite
def arrivals(draw: st.DrawFn, history: dict[str, list[Row]]) -> list[tuple[int, str, list[Row]]]:
    """*history* cut into batches, in any order, each with the number of its load."""
    batches: list[tuple[int, str, list[Row]]] = []
    for feed, rows in history.items():
        key = FEEDS[feed][1]
        left = draw(st.permutations(rows))
        while left:  # a key occurs once in a batch
            size = draw(st.integers(1, len(left)))
            batch = {row[key]: row for row in left[:size]}
            batches.append((draw(st.integers(0, 2)), feed, list(batch.values())))
            left = [row for row in left if not any(row is taken for taken in batch.values())]
    return sorted(draw(st.permutations(batches)), key=lambda batch: batch[0])


@pytest.fixture
def billing(warehouse: psycopg.Connection[Any]) -> Iterator[Billing]:
    yield Billing(warehouse)


@examples(
    20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_star_is_what_the_versions_say(billing: Billing, data: st.DataObject) -> None:
    history = data.draw(histories())
    stars = []
    for _ in range(2):
        billing.forget()
        arrive(billing, data.draw(arrivals(history)))
        check_timelines(billing, "patient", "address", history["patients"])
        check_timelines(billing, "provider", "facility_name", history["providers"])
        check_claims(billing, history)
        stars.append(billing.star())
    assert stars[0] == stars[1]
    star.rebuild(billing.connection, "billing")
    assert billing.star() == stars[1]


def arrive(billing: Billing, batches: list[tuple[int, str, list[Row]]]) -> None:
    """Load *batches*, those of one number together."""
    for number in sorted({batch[0] for batch in batches}):
        billing.load(*(billing.batch(feed, rows) for n, feed, rows in batches if n == number))


def held_on(day: date | None, versions: list[Row], member: str) -> Row | None:
    """The version that says how things were on *day* (today, when None): the oracle.

    It is the newest one whose effective date is not after the day. The oldest holds always.
    """
    order = "last_modified_date" if member == "patient" else "start_date"
    start = "date_of_residence" if member == "patient" else "start_date"
    held = before = None
    for version in sorted(versions, key=lambda row: row[order]):
        moved = before is None or version[start] != before[start]
        effective = version[start] if version[start] and moved else version[order]
        if before is None or day is None or effective <= day:
            held = version
        before = version
    return held


def check_timelines(billing: Billing, member: str, column: str, rows: list[Row]) -> None:
    for member_id in {row[f"{member}_id"] for row in rows}:
        versions = [row for row in rows if row[f"{member}_id"] == member_id]
        states = billing.rows(
            f"select {column}, valid_from, valid_to, is_current, is_inferred,"
            f" {'residence_date' if member == 'patient' else 'start_date'}"
            f" from star.dim_{member} where {member}_id = %s order by valid_from",
            (member_id,),
        )
        assert states[0][1] == FIRST and states[-1][2] == LAST
        assert [state[3] for state in states] == [False] * (len(states) - 1) + [True]
        assert all(a[2] == b[1] for a, b in itertools.pairwise(states))
        assert all((a[0], a[5]) != (b[0], b[5]) for a, b in itertools.pairwise(states))
        assert not any(state[4] for state in states)
        for value, since, until, _, _, _ in states:
            for day in (since, min(until, START + timedelta(1000)) - timedelta(1)):
                version = held_on(day, versions, member)
                assert version is not None and version[column] == value, (member_id, day)


def check_claims(billing: Billing, history: dict[str, list[Row]]) -> None:
    """Latest states, deltas and as-of keys against the rows themselves."""
    expected_latest, expected_versions = {}, []
    for claim_id in {row["claim_id"] for row in history["claims"]}:
        versions = sorted(
            (row for row in history["claims"] if row["claim_id"] == claim_id),
            key=lambda row: row["last_modified_date"],
        )
        before = (Decimal(0), Decimal(0))
        for number, row in enumerate(versions, start=1):
            money = (row["total_cost"] or Decimal(0), covered(row) or Decimal(0))
            deltas = (money[0] - before[0], money[1] - before[1])
            expected_versions.append((claim_id, number, *deltas, *as_of(row, history)))
            before = money
        last = versions[-1]
        expected_latest[claim_id] = (
            last["total_cost"], covered(last), len(versions), *as_of(last, history)
        )  # fmt: skip
    members = "patient_id, p.address, provider_id, r.facility_name, l.facility_name"
    joins = (
        " f join star.dim_patient p using (patient_key) join star.dim_provider r using (provider_key)"
        " join star.dim_facility l on l.facility_key = f.facility_key"
    )
    latest = billing.rows(
        f"select claim_id, total_cost, covered_amount, version_count, {members}"
        f" from star.fact_claim {joins}"
    )
    assert {row[0]: row[1:] for row in latest} == expected_latest
    actual = billing.rows(
        f"select claim_id, version_number, total_cost_delta, covered_amount_delta, {members}"
        f" from star.fact_claim_version {joins}"
    )
    assert sorted(actual, key=repr) == sorted(expected_versions, key=repr)


def covered(row: Row) -> Decimal | None:
    if row["total_cost"] is None or row["coverage_type"] is None:
        return None
    share = row["total_cost"] * row["coverage_type"] / 100
    return Decimal(share).quantize(Decimal("0.01"), ROUND_HALF_UP)


def as_of(row: Row, history: dict[str, list[Row]]) -> tuple[Any, ...]:
    """Patient, address, provider and facility of the claim *row* on its day of service."""
    day = row["date_of_service"]
    who = held_on(
        day, [p for p in history["patients"] if p["patient_id"] == row["patient_id"]], "patient"
    )
    by = held_on(
        day, [p for p in history["providers"] if p["provider_id"] == row["provider_id"]], "provider"
    )
    facility = by["facility_name"] if by else None
    return (
        row["patient_id"] or "unknown", who["address"] if who else None,
        row["provider_id"] or "unknown", facility, facility,
    )  # fmt: skip

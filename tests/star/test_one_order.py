"""Which state is newer: whatever arrives in whatever order, all views of it end in the same state.

Hypothesis draws deliveries of three feeds and how they land; the real pipeline runs on Postgres, and
what it ends in is compared with a reference in plain Python over the deliveries alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given
from hypothesis import strategies as some
from tests.worlds.feeds import (
    CLAIMS_HEADER,
    claim,
    claims_csv,
    csv_line,
    drop,
    issues,
    take_in_all,
)
from tests.worlds.manifest import arrived
from tests.worlds.properties import examples

from claimhouse import ingest, star, verification
from claimhouse.batches import in_state
from claimhouse.verification import close_issues, ensure_tables

FIRST = datetime(2026, 1, 1, 6, tzinfo=UTC)
NAMES = ("Dec2025", "Jan2026", "Feb2026", "9", "10", "12312025", "01012026", "same")


# An example takes seconds: a failing one is shown as it was drawn.
HOW: dict[str, Any] = {
    "phases": (Phase.explicit, Phase.generate),
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}


@dataclass(frozen=True)
class Delivery:
    """One file: when it arrived, its name, and each record's value (and version)."""

    second: int
    name: str
    rows: tuple[tuple[int, int | None, int], ...]  # record, value (None: a flaw), version


@some.composite
def deliveries(draw: Any, most: int = 5) -> list[list[Delivery]]:
    """Runs, each with the deliveries that wait for it. Bytes repeat, seconds are equal, old ones come late."""
    values = some.one_of(some.sampled_from((1, 2)), some.just(3), some.none())
    rows = some.lists(
        some.tuples(some.integers(1, 3), values, some.integers(1, 3)),
        min_size=1, max_size=3, unique_by=lambda row: row[0],
    ).map(tuple)  # fmt: skip
    content = draw(some.lists(rows, min_size=1, max_size=3))
    chosen = some.builds(
        Delivery, some.integers(0, 4), some.sampled_from(NAMES), some.sampled_from(content)
    )
    # one path at one second is one delivery
    files = draw(
        some.lists(
            chosen, min_size=2, max_size=most, unique_by=lambda file: (file.second, file.name)
        )
    )
    files = draw(some.permutations(files))
    cut = draw(some.integers(1, len(files)))
    return [part for part in (files[:cut], files[cut:]) if part]


# --- the reference --------------------------------------------------------------------------------


def in_order(files: list[Delivery]) -> list[Delivery]:
    """By second, then by what a person reads in the name."""

    def said(name: str) -> tuple[Any, ...]:
        if re.fullmatch(r"([A-Z][a-z]{2})(\d{4})", name):
            return (1, datetime.strptime(name, "%b%Y").strftime("%Y-%m"))
        if re.fullmatch(r"\d{8}", name):
            return (1, datetime.strptime(name, "%m%d%Y").strftime("%Y-%m-%d"))
        return (0, int(name)) if name.isdigit() else (-1, 0)

    return sorted(files, key=lambda file: (file.second, said(file.name)))


def expected(
    files: list[Delivery], *, by_version: bool, flawed: int | None = None
) -> dict[int, int]:
    """The newest value of each record; a flawed row is kept out, or counts as *flawed*."""
    newest: dict[int, tuple[tuple[int, int], int]] = {}
    for place, file in enumerate(in_order(files)):
        for record, given_value, version in file.rows:
            value = flawed if given_value is None else given_value
            if value is not None:
                rank = (version if by_version else 0, place)
                newest[record] = max(newest.get(record, (rank, value)), (rank, value))
    return {record: value for record, (_, value) in newest.items()}


def left_open(files: list[Delivery], *, by_version: bool, flawed: int | None = None) -> set[int]:
    """Records with a flawed row that no newer row in the source table makes up for."""
    rows = [
        (record, value, (version if by_version else 0, place))
        for place, file in enumerate(in_order(files))
        for record, value, version in file.rows
    ]
    return {
        record for record, value, rank in rows
        if value is None and not any(
            other == record and (good or flawed) is not None and newer > rank for other, good, newer in rows
        )
    }  # fmt: skip


# --- the pipeline ---------------------------------------------------------------------------------


def deliver(
    connection: Any, root: Any, source: str, feed: str, runs: list[list[Delivery]], text: Any
) -> None:
    """Write each run's files and run the stages; a last run, as after a clearing, changes nothing."""
    folder = root / source
    folder.mkdir(exist_ok=True)
    for files in [*runs, []]:
        for file in files:
            # two deliveries of one path wait under folders of their own, or replace each other in turn
            path = folder / f"{file.second}" / f"{feed}_{file.name}.csv"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text(file))
            arrived(path, FIRST + timedelta(seconds=file.second))
        run_stages(connection, source)


def run_stages(connection: Any, source: str) -> None:
    """All stages without the Soda checks, which take most of the time; batches are verified in reverse."""
    for batch in reversed(ingest.land(source)):
        ingest.verify(batch)
    close_issues(in_state(connection, source, "verified"))
    connection.execute("update landing.batch set state = 'checked' where state = 'verified'")
    load = star.Load(connection, source, in_state(connection, source, "checked"))
    star.load_dimensions(load)
    star.load_facts(load)
    star.finish(load)


def claims_text(file: Delivery) -> str:
    rows = [
        claim(
            record,
            total_cost="x" if value is None else value,
            last_modified_date=f"1/{version}/2021",
        )
        for record, value, version in file.rows
    ]
    return "\n".join([CLAIMS_HEADER, *map(csv_line, rows), ""])


def patients_text(file: Delivery) -> str:
    lines = [
        f"P{record:04},{'18-34' if value else 'x'},Commercial,Female,City{value or 0},Texas"
        for record, value, _ in file.rows
    ]
    return "\n".join(["patient_id,age_group,payer_type,gender,city,state", *lines, ""])


def values(connection: Any, query: str) -> dict[int, int]:
    """Record and value, as numbers."""
    return {
        int(re.sub(r"\D", "", record)): int(re.sub(r"\D", "", str(value)))
        for record, value in connection.execute(query).fetchall()
    }


def open_records(connection: Any, source: str, severity: str) -> set[int]:
    return {
        int(re.sub(r"\D", "", record))
        for (record,) in connection.execute(
            "select distinct record_key from quality.issue where status = 'open' and severity = %s"
            " and record_key is not null and rule not like 'soda:%%' and source_system = %s", (severity, source)
        )
    }  # fmt: skip


def files_of(runs: list[list[Delivery]]) -> list[Delivery]:
    return [file for run in runs for file in run]


@pytest.fixture
def fresh(warehouse, landing_root, tmp_path, monkeypatch):
    """A warehouse and a landing root for one example."""
    monkeypatch.setenv("CLAIMHOUSE_SETTLE_SECONDS", "0")
    count = iter(range(10**6))

    def start() -> Any:
        root = tmp_path / f"landing{next(count)}"
        root.mkdir()
        monkeypatch.setenv("CLAIMHOUSE_LANDING_ROOT", f"file://{root}")
        for source in ("billing", "clinic"):
            ensure_tables(source)
            star.create_mappings(warehouse, source)
        tables = warehouse.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in"
            " ('landing', 'quality', 'source_billing', 'source_clinic') or tablename like 'fact%'"
        ).fetchall()
        warehouse.execute(
            f"truncate {', '.join(name for (name,) in tables)} restart identity cascade"
        )
        for dimension in ("patient", "provider", "facility"):
            warehouse.execute(f"delete from star.dim_{dimension} where {dimension}_key > 0")
        return root

    return start


@pytest.mark.parametrize(("hours", "status"), [(-1, "resolved"), (1, "open")])
def test_a_flawed_version_is_as_new_as_its_file(landing_root, warehouse, hours, status):
    """A good row of the claim is in the warehouse when a file lands, whose row has no date as its version."""
    for name, version, arrival in (
        ("claims_good.csv", "1/1/2021", FIRST),
        ("claims_flawed.csv", "soon", FIRST + timedelta(hours=hours)),
    ):
        path = drop(landing_root, name, claims_csv(claim(1, last_modified_date=version)))
        arrived(path, arrival)
        take_in_all()
    assert [issue[4] for issue in issues(warehouse)] == [status]


def test_new_issues_of_claims_are_compared_with_no_row_that_is_older(landing_root, warehouse):
    """The claims have no index on their key, which would be written for each: their versions have block ranges."""
    drop(landing_root, "claims_1.csv", claims_csv(*(claim(number) for number in range(20_000))))
    take_in_all()
    verification.index("billing")
    drop(
        landing_root,
        "claims_2.csv",
        claims_csv(claim(1, total_cost="x", last_modified_date="2/9/2021")),
    )
    (batch,) = ingest.land("billing")
    ingest.verify(batch)
    read = (
        "select coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) from pg_stat_user_tables"
        " where relid = 'source_billing.claims'::regclass"
    )
    warehouse.execute("select pg_stat_force_next_flush()")
    (before,) = warehouse.execute(read).fetchone()
    close_issues([batch])
    (after,) = warehouse.execute(read).fetchone()
    assert after - before < 1000  # a session that has ended may tell what it read a moment later


A, B = ((1, 1, 1),), ((1, 2, 1),)


def snapshot(second: int, name: str, rows: Any) -> Delivery:
    return Delivery(second, name, rows)


@given(runs=deliveries())
@example(runs=[[snapshot(0, "same", A), snapshot(1, "same", B)], [snapshot(2, "same", A)]])
@example(runs=[[snapshot(0, "9", A), snapshot(2, "10", A)], [snapshot(1, "same", B)]])
@example(runs=[[snapshot(0, "10", B), snapshot(0, "9", A)]])
@example(runs=[[snapshot(1, "same", B)], [snapshot(0, "same", A)]])
@examples(4, **HOW)
def test_snapshots_without_a_version_end_in_their_newest_state(fresh, warehouse, runs):
    deliver(warehouse, fresh(), "clinic", "patients", runs, patients_text)
    files = files_of(runs)
    newest = expected(files, by_version=False, flawed=0)
    current = "select patient_id, city from source_clinic.patients_current"
    assert values(warehouse, current) == newest
    held = "select patient_id, city from star.dim_patient where source_system = 'clinic' and is_current"
    assert values(warehouse, held) == newest
    left = left_open(files, by_version=False, flawed=0)
    assert open_records(warehouse, "clinic", "warning") == left


@given(runs=deliveries())
@example(runs=[[snapshot(1, "same", ((1, 2, 3),))], [snapshot(2, "same", ((1, 1, 2),))]])
@example(runs=[[snapshot(1, "same", B)], [snapshot(0, "same", A)]])
@example(runs=[[snapshot(1, "same", ((1, 1, 1),))], [snapshot(0, "same", ((1, None, 1),))]])
@examples(3, **HOW)
def test_claims_with_a_version_end_in_their_newest_state(fresh, warehouse, runs):
    deliver(warehouse, fresh(), "billing", "claims", runs, claims_text)
    files = files_of(runs)
    newest = {record: value * 100 for record, value in expected(files, by_version=True).items()}
    for query in (
        "select claim_id, total_cost from source_billing.claims_current",
        "select claim_id, total_cost from star.fact_claim where source_system = 'billing'",
        "select claim_id, sum(total_cost_delta) from star.fact_claim_version group by claim_id",
    ):
        assert values(warehouse, query) == newest
    assert open_records(warehouse, "billing", "error") == left_open(files, by_version=True)

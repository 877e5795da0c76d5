"""Two layouts of the same claims: what the newer one does not have keeps the older value."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from tests.worlds.ledger_source import CONTRACT
from tests.worlds.made_source import Made
from tests.worlds.properties import examples

from claimhouse import settings as house

MAPPING = """
select
    'made' as source_system,
    number as {key},
    {columns},
    batch_id,
    row_number
from source_made.{feed}
"""
TYPES = {
    "person": "text",
    "day": "date",
    "status": "text",
    "plan": "text",
    "cost": "numeric(12, 2)",
    "paid": "numeric(12, 2)",
}
SHOWN = ("day", "status", "plan", "cost", "paid")
NAMES = {
    "person": "patient_id",
    "day": "service_date",
    "status": "claim_status",
    "plan": "plan_type",
    "cost": "total_cost",
    "paid": "paid_amount",
}
VALUES: dict[str, Any] = {
    "person": st.sampled_from(["ann", "bob", None]),
    "day": st.sampled_from([date(2024, 1, 5), date(2024, 3, 1), None]),
    "status": st.sampled_from(["paid", "denied", None]),
    "plan": st.sampled_from(["hmo", "ppo", None]),
    "cost": st.sampled_from([Decimal("10.00"), Decimal("0.00"), Decimal("12.34"), None]),
    "paid": st.sampled_from([Decimal("5.00"), Decimal("7.77"), None]),
}
ENCOUNTERS = NAMES | {
    "status": "modality",
    "plan": "encounter_class",
    "cost": "total_claim_cost",
    "paid": "payer_coverage",
}
CLAIM = """
select c.claim_id, p.patient_id, c.service_date, f.claim_status, f.plan_type, c.total_cost, c.paid_amount
from star.fact_claim as c
inner join star.dim_patient as p using (patient_key)
inner join star.dim_claim_profile as f using (claim_profile_key)
"""
ENCOUNTER = """
select c.encounter_id, p.patient_id, c.service_date, f.modality,
    nullif(f.encounter_class, 'unknown'), c.total_claim_cost, c.payer_coverage
from star.fact_encounter as c
inner join star.dim_patient as p using (patient_key)
inner join star.dim_encounter_profile as f using (encounter_profile_key)
"""
# The money of each version, as the sum of the differences up to it.
VERSIONS = """
select claim_id, version_number, sum(total_cost_delta) over so_far, sum(paid_amount_delta) over so_far
from star.fact_claim_version
window so_far as (partition by claim_id order by version_number)
order by claim_id, version_number
"""
# An example takes seconds: a failing one is shown as it was drawn.
HOW: dict[str, Any] = {
    "phases": (Phase.explicit, Phase.generate),
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}
File = tuple[str, int, list[tuple[Any, ...]]]


Layouts = dict[str, tuple[str, ...]]


def layouts(made: Made, given: Layouts, *, in_shape: bool) -> None:
    """Tables and mappings of the feeds, of their own or through a shape; the contract of transactions."""
    for file in made.mappings.iterdir():
        file.unlink()
    for feed, columns in given.items():
        kinds = ", ".join(f"{name} {TYPES[name]}" for name in columns)
        made.table(feed, f"number text, {kinds}")
    for target, key, names in (
        ("fact_claim", "claim_id", NAMES),
        ("fact_encounter", "encounter_id", ENCOUNTERS),
    ):
        feeds = {
            feed: names
            for feed, names in given.items()
            if feed != "moves" or target == "fact_claim"
        }
        for feed, columns in feeds.items():
            if in_shape:
                own = ", ".join(columns)
                select = f"select number, {own}, batch_id, row_number from source_made.{feed}"
                made.maps(f"shape_{target[5:]}__{feed}", select)
            else:
                brought = ", ".join(f"{name} as {names[name]}" for name in columns)
                made.maps(f"{target}__{feed}", MAPPING.format(key=key, columns=brought, feed=feed))
        if in_shape:
            united = sorted(set().union(*feeds.values()))
            brought = ", ".join(f"{name} as {names[name]}" for name in united)
            shape = f"star_shape_{target[5:]}"
            made.maps(target, MAPPING.format(key=key, columns=brought, feed=shape))
    if "moves" in given:
        contract = CONTRACT.format(rows="transaction", version_column="", status_property="")
        file = house.INCLUDE / "schemas" / "made" / "moves.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(contract.replace("ledger", "made").replace("claims", "moves"))


@st.composite
def any_layouts(draw: st.DrawFn, feeds: tuple[str, ...]) -> Layouts:
    """Layouts of feeds that have any columns; transactions add amounts."""
    columns = {feed: ("cost", "paid") if feed == "moves" else tuple(TYPES) for feed in feeds}
    chosen = {
        feed: draw(st.sets(st.sampled_from(names), min_size=1)) for feed, names in columns.items()
    }
    return {
        feed: tuple(name for name in names if name in chosen[feed])
        for feed, names in columns.items()
    }


@st.composite
def files(draw: st.DrawFn, given: Layouts) -> list[File]:
    """Files in the order in which they are loaded: layout, day received, rows."""
    drawn = []
    for day in draw(st.permutations(range(1, 1 + draw(st.integers(1, 6))))):
        feed = draw(st.sampled_from(sorted(given)))
        numbers = draw(st.lists(st.sampled_from(["c1", "c2", "c3"]), unique=True, min_size=1))
        rows = [
            (number, *(draw(VALUES[name]) for name in given[feed])) for number in sorted(numbers)
        ]
        drawn.append((feed, day, rows))
    return drawn


def states(given: Layouts, loaded: list[File]) -> dict[str, list[dict[str, Any]]]:
    """The states of each claim: file by file in the order of their days, the columns of a layout replace."""
    claims: dict[str, list[dict[str, Any]]] = {}
    for feed, _, rows in sorted(loaded, key=lambda file: file[1]):
        for number, *values in rows:
            before = claims.setdefault(number, [])
            last = before[-1] if before else dict.fromkeys(TYPES)
            told = dict(zip(given[feed], values, strict=True))
            if feed == "moves":
                told = {name: added(last[name], amount) for name, amount in told.items()}
            before.append(last | told)
    return claims


def added(before: Decimal | None, amount: Decimal | None) -> Decimal | None:
    return before if amount is None else (before or 0) + amount


def load(made: Made, drawn: list[File], together: bool) -> None:
    for feed, day, rows in drawn:
        made.batch(feed, *rows, received=f"2024-01-{day:02}")
        if not together:
            made.load()
    if together:
        made.load()


def assert_loaded(
    made: Made, given: Layouts, query: str, wanted: dict[str, list[dict[str, Any]]]
) -> None:
    nobody = (
        "unknown" if any("person" in columns for columns in given.values()) else "not applicable"
    )
    assert {row[0]: row[1:] for row in made.rows(query)} == {
        number: (known[-1]["person"] or nobody, *(known[-1][name] for name in SHOWN))
        for number, known in wanted.items()
    }


def assert_versions(made: Made, wanted: dict[str, list[dict[str, Any]]]) -> None:
    assert made.rows(VERSIONS) == [
        (number, version, state["cost"] or 0, state["paid"] or 0)
        for number, known in sorted(wanted.items())
        for version, state in enumerate(known, start=1)
    ]


@pytest.mark.property
@examples(14, **HOW)
@given(
    data=st.data(),
    given=any_layouts(("old", "new", "newest")),
    in_shape=st.booleans(),
    together=st.booleans(),
)
def test_any_files_of_any_layouts_in_any_order(
    made: Made,
    warehouse: psycopg.Connection[Any],
    data: st.DataObject,
    given: Layouts,
    in_shape: bool,
    together: bool,
) -> None:
    drawn = data.draw(files(given))
    with warehouse.transaction(force_rollback=True):
        layouts(made, given, in_shape=in_shape)
        load(made, drawn, together)
        wanted = states(given, drawn)
        assert_loaded(made, given, CLAIM, wanted)
        assert_loaded(made, given, ENCOUNTER, wanted)
        assert_versions(made, wanted)
        # a repeat writes nothing
        made.connection.execute("update landing.batch set state = 'checked'")
        assert made.load().keys() <= {"batches"}


@pytest.mark.property
@examples(10, **HOW)
@given(
    data=st.data(),
    given=any_layouts(("old", "new", "moves")),
    in_shape=st.booleans(),
    together=st.booleans(),
)
def test_any_files_of_two_layouts_and_of_transactions(
    made: Made,
    warehouse: psycopg.Connection[Any],
    data: st.DataObject,
    given: Layouts,
    in_shape: bool,
    together: bool,
) -> None:
    drawn = data.draw(files(given))
    with warehouse.transaction(force_rollback=True):
        layouts(made, given, in_shape=in_shape)
        load(made, drawn, together)
        wanted = states(given, drawn)
        assert_loaded(made, given, CLAIM, wanted)
        assert_versions(made, wanted)


APPOINTMENT = """
select
    'made' as source_system,
    number as appointment_id,
    1::smallint as completed_count,
    0::smallint as cancelled_count,
    0::smallint as no_show_count,
    0::smallint as rescheduled_count,
    'COMPLETED' as appointment_status,
    batch_id,
    row_number
from source_made.visits
"""


def test_the_checks_of_appointments_need_no_optional_column(
    made: Made, warehouse: psycopg.Connection[Any]
) -> None:
    made.table("visits", "number text")
    made.maps("fact_appointment", APPOINTMENT)
    made.batch("visits", ("a1",), ("a2",))
    made.load()
    check = yaml.safe_load((house.PROJECT / "include/soda/star/fact_appointment.yml").read_text())
    query = next(
        each["failed rows"]["fail query"]
        for each in check["checks"]
        if each["failed rows"]["name"] == "appointments_equal_source"
    )
    for name, value in {"source": "made", "batch_ids": "null", "everything": "true"}.items():
        query = query.replace(f"${{{name}}}", value)
    assert made.rows(query) == []
    warehouse.execute(
        "update star.fact_appointment set no_show_count = 1 where appointment_id = 'a2'"
    )
    assert [row[0] for row in made.rows(query)] == ["a2"]

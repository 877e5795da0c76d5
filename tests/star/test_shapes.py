"""Layouts of one source that are united in a shape: what a newer file does not have keeps the older value."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import psycopg
import pytest
from tests.worlds.ledger_source import Ledger, forget_files
from tests.worlds.made_source import Made

from claimhouse import star

# The old layout has all columns of the contract; the newer one has no payment and no day, and is of another feed.
NEWER = """
apiVersion: v3.2.0
kind: DataContract
id: urn:claimhouse:ledger:newer
name: Claims of the ledger, in its newer layout
version: 1.0.0
status: active
domain: ledger
description: {purpose: Claims that a test makes}
customProperties:
  - {property: filePattern, value: "newer*"}
  - {property: dialect, value: {format: csv, delimiter: ","}}
schema:
  - name: newer
    logicalType: object
    properties:
      - name: number
        logicalType: string
        physicalType: text
        primaryKey: true
        required: true
        classification: identifier
      - name: billed
        logicalType: number
        physicalType: numeric(12,2)
        classification: financial
        tags: [amount]
      - {name: state, logicalType: string, physicalType: text, classification: financial}
"""
OLD_SHAPE = """
select claim, day, cost, paid, status, batch_id, row_number from source_ledger.claims
"""
NEWER_SHAPE = """
select number as claim, billed as cost, state as status, batch_id, row_number from source_ledger.newer
"""
# The columns of the shape go through a query of its own, a list and an expression.
MAPPING = """
{% import "words.jinja" as words -%}
with listed as (
    select
        claim.*,
        known.claim_status as listed_status
    from source_ledger.star_shape_claim as claim
    left join {{ words.listed("claim_status") }} as known on {{ words.spelled("claim.status") }} = known.folded
)

select
    'ledger' as source_system,
    claim as claim_id,
    coalesce(listed_status, lower(status)) as claim_status,
    day as service_date,
    cost as total_cost,
    round(paid, 2) as paid_amount,
    batch_id,
    row_number
from listed
"""


@pytest.fixture
def two_layouts(ledger: Ledger) -> Ledger:
    (ledger.include / "sql/mapping/ledger/fact_claim.sql").unlink()
    ledger.write("schemas/ledger/newer.yaml", NEWER)
    ledger.write("sql/mapping/ledger/shape_claim__claims.sql", OLD_SHAPE)
    ledger.write("sql/mapping/ledger/shape_claim__newer.sql", NEWER_SHAPE)
    ledger.write("sql/mapping/ledger/fact_claim.sql", MAPPING)
    forget_files()
    return ledger


def test_payments_stay_when_a_newer_layout_has_none(two_layouts: Ledger) -> None:
    old = {f"c{number}": (Decimal(100 + number), Decimal(80 + number)) for number in range(5)}
    two_layouts.deliver(
        "claims_1.csv",
        *(f"{claim},2024-01-02,{cost},{paid},Paid," for claim, (cost, paid) in old.items()),
    )
    two_layouts.run()
    newer = {"c0": Decimal("7.50"), "c3": Decimal("9.25"), "c9": Decimal("1.00")}
    lines = [f"{claim},{cost},Denied" for claim, cost in newer.items()]
    file = two_layouts.landing / "newer_1.csv"
    file.write_text("\n".join(["number,billed,state", *lines]) + "\n")
    two_layouts.run()
    wanted: dict[str, tuple[Decimal | None, Decimal | None]] = {
        claim: (newer.get(claim, cost), paid) for claim, (cost, paid) in old.items()
    }
    wanted["c9"] = (newer["c9"], None)
    assert two_layouts.claims() == wanted
    assert two_layouts.summed() == {
        claim: (cost, paid or Decimal(0)) for claim, (cost, paid) in wanted.items()
    }
    assert dict(
        two_layouts.rows(
            "select claim_id, service_date::text from star.fact_claim where claim_id in ('c0', 'c9')"
        )
    ) == {"c0": "2024-01-02", "c9": None}
    statuses = two_layouts.rows(
        "select distinct p.claim_status from star.fact_claim as f"
        " inner join star.dim_claim_profile as p using (claim_profile_key) where claim_id in ('c0', 'c3', 'c9')"
    )
    assert statuses == [("denied",)]


def shape(made: Made) -> None:
    """Three layouts: both codes and a payment in two parts; one code and one part; neither."""
    made.table("full", "id text, code text, drug text, own numeric, others numeric, codes text[]")
    made.table("some", "id text, drug text, own numeric")
    made.table("bare", "id text, code text")
    made.maps(
        "shape_x__full",
        "select id, code, drug, own, others, codes, batch_id, row_number from source_made.full",
    )
    made.maps("shape_x__some", "select id, drug, own, batch_id, row_number from source_made.some")
    made.maps("shape_x__bare", "select id, code, batch_id, row_number from source_made.bare")
    made.maps(
        "fact_claim",
        "select 'made' as source_system, id as claim_id, coalesce(code, drug) as procedure_id,"
        " own + others as paid_amount, batch_id, row_number from source_made.star_shape_x",
    )
    made.maps(
        "bridge_claim_diagnosis",
        "with named as (select x.id, c.code, c.place, x.batch_id, x.row_number from source_made.star_shape_x as x"
        " left join unnest(x.codes) with ordinality as c (code, place) on true)"
        " select 'made' as source_system, id as claim_id, code as diagnosis_id, place::smallint as position,"
        " 1::numeric as weight, batch_id, row_number from named",
    )


def test_what_is_computed_from_several_columns_is_kept_where_one_is_lacking_and_nothing_comes_out(
    made: Made,
) -> None:
    shape(made)
    paid = "select claim_id, paid_amount from star.fact_claim order by 1"
    code = (
        "select claim_id, procedure_id from star.fact_claim"
        " join star.dim_procedure using (procedure_key) order by 1"
    )
    made.batch("full", ("a", "P1", "D1", 5, 2, ["X1", "X2"]), ("b", "P2", None, 5, 2, ["X1"]))
    made.load()
    # a part of the sum is lacking: there is no sum; a drug is a code
    made.batch("some", ("a", "D2", 9), ("b", None, 9), received="2024-02-01")
    made.load()
    assert made.rows(paid) == [("a", 7), ("b", 7)]
    assert made.rows(code) == [("a", "D2"), ("b", "P2")]
    # no payment and no diagnosis at all
    made.batch("bare", ("a", "P3"), received="2024-03-01")
    made.load()
    assert made.rows(paid) == [("a", 7), ("b", 7)]
    assert made.rows(code) == [("a", "P3"), ("b", "P2")]
    # a layout that has them all counts as it is
    made.batch("full", ("b", None, None, None, None, None), received="2024-03-02")
    made.load()
    assert made.rows(paid) == [("a", 7), ("b", None)]
    assert made.rows(code) == [("a", "P3"), ("b", "unknown")]


def test_diagnoses_stay_when_a_newer_layout_has_none(made: Made) -> None:
    shape(made)
    diagnoses = (
        "select claim_id, diagnosis_id from star.bridge_claim_diagnosis"
        " join star.dim_diagnosis using (diagnosis_key) order by 1, 2"
    )
    both = [("a", "X1"), ("a", "X2"), ("b", "X1")]
    made.batch("full", ("a", "P1", None, 5, 2, ["X1", "X2"]), ("b", "P2", None, 5, 2, ["X1"]))
    made.batch("some", ("a", "D2", 9), received="2024-02-01")
    made.load()
    assert made.rows(diagnoses) == both
    made.batch("bare", ("a", "P3"), ("b", "P4"), ("c", "P5"), received="2024-03-01")
    made.load()
    assert made.rows(diagnoses) == both
    made.batch("full", ("b", None, None, None, None, None), received="2024-04-01")
    made.load()
    assert made.rows(diagnoses) == both[:2]


def test_a_shape_that_reads_a_shape_passes_it_on(made: Made) -> None:
    shape(made)
    made.maps("shape_y", "select *, upper(code) as loud from source_made.star_shape_x")
    made.maps(
        "fact_claim",
        "select 'made' as source_system, id as claim_id, loud as procedure_id, own as paid_amount,"
        " batch_id, row_number from source_made.star_shape_y",
    )
    made.batch("full", ("a", "p1", None, 5, 2, None))
    made.batch("bare", ("a", "p2"), received="2024-02-01")
    made.load()
    assert made.rows(
        "select procedure_id, paid_amount from star.fact_claim join star.dim_procedure using (procedure_key)"
    ) == [("P2", 5)]


def test_feeds_that_a_row_does_not_tell_apart_are_a_fault_with_its_file(
    made: Made, warehouse: psycopg.Connection[Any]
) -> None:
    shape(made)
    made.maps("shape_x__rest", "select id, batch_id, row_number from source_made.full")
    (made.mappings / "bridge_claim_diagnosis.sql").unlink()
    (fault,) = star.mapping_faults(warehouse, "made")
    assert str(fault) == (
        "include/sql/mapping/made/fact_claim.sql:1: its rows do not tell of which file of shape_x they are, for"
        " shape_x__rest.sql is not of one feed alone: give left_out, the columns that the row's layout lacks"
    )
    text = (made.mappings / "fact_claim.sql").read_text()
    made.maps("fact_claim", text.replace(", batch_id", ", '{}'::text[] as left_out, batch_id"))
    assert star.mapping_faults(warehouse, "made") == []


REPEATING = MAPPING.replace(
    '{{ words.listed("claim_status") }} as known on {{ words.spelled("claim.status") }} = known.folded',
    "reference.claim_status as known on lower(claim.status) = lower(known.claim_status)",
)


def test_a_join_that_repeats_rows_is_told_before_anything_is_written(two_layouts: Ledger) -> None:
    two_layouts.write("sql/mapping/ledger/fact_claim.sql", REPEATING)
    forget_files()
    two_layouts.deliver("claims_1.csv", "c1,2024-01-02,5,1,Paid,", "c2,2024-01-02,5,1,Strange,")
    with pytest.raises(star.MappingError) as raised:
        two_layouts.run()
    words = two_layouts.rows(
        "select count(*) from reference.claim_status where lower(claim_status) = 'paid'"
    )[0][0]
    ((batch,),) = two_layouts.rows("select batch_id from landing.batch")
    assert str(raised.value) == (
        f"include/sql/mapping/ledger/fact_claim.sql: gives line 2 of batch {batch} {words} times, and so for"
        " 10 other rows: a join finds several rows for one. Join a select with one row for each key"
    )
    assert two_layouts.rows(
        "select count(*) from star.dim_patient where source_system = 'ledger'"
    ) == [(0,)]
    two_layouts.write("sql/mapping/ledger/fact_claim.sql", MAPPING)
    forget_files()
    two_layouts.run()
    assert sorted(two_layouts.claims()) == ["c1", "c2"]


def test_rows_without_a_key_are_told_before_anything_is_written(two_layouts: Ledger) -> None:
    mapping = MAPPING.replace("claim as claim_id", "nullif(claim, 'c1') as claim_id")
    two_layouts.write("sql/mapping/ledger/fact_claim.sql", mapping)
    forget_files()
    two_layouts.deliver("claims_1.csv", "c1,2024-01-02,5,1,Paid,")
    with pytest.raises(
        star.MappingError, match=r"fact_claim\.sql: claim_id is empty in 1 row of batch"
    ):
        two_layouts.run()

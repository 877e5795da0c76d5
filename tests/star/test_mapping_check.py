"""Mapping files are held against their targets: every fault is named with file and line, nothing is written."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from local import targets as page
from tests.worlds.ledger_source import MAPPING, Ledger
from tests.worlds.made_source import Made

from claimhouse import contracts, ingest, settings, star
from claimhouse.star import targets

FOLDER = "include/sql/mapping/made"
CLAIM = """\
-- The claims.
select
    'made' as source_system,
    number as claim_id,
    cost as total_cost,
    batch_id,
    row_number
from source_made.claims
"""


@pytest.fixture
def claims(made: Made) -> Made:
    """Two feeds of claims."""
    for name in ("columns.yaml", "column_schema.yaml"):
        (settings.INCLUDE / name).symlink_to(settings.PROJECT / "include" / name)
    for feed in ("claims", "newer"):
        made.table(feed, "number text, cost numeric(12, 2), days integer, day date, at timestamptz")
    made.connection.execute(
        "create view source_made.claims_current as select * from source_made.claims"
    )
    return made


def faults(claims: Made) -> list[str]:
    """What is wrong, in one line each."""
    return [str(fault) for fault in star.mapping_faults(claims.connection, "made")]


def test_a_mapping_that_gives_what_is_needed_has_no_faults(claims: Made) -> None:
    claims.maps("fact_claim", CLAIM)
    assert faults(claims) == []
    star.check_mappings(claims.connection, "made")


@pytest.mark.parametrize(
    ("old", "new", "line", "why"),
    [
        ("    batch_id,\n", "", 2, "fact_claim needs batch_id, which the select does not give"),
        (
            "    number as claim_id,\n    cost as total_cost,\n    batch_id,\n    row_number\n",
            "    cost as total_cost\n",
            2,
            "fact_claim needs claim_id, batch_id and row_number, which the select does not give",
        ),
        ("total_cost", "total_costs", 5, "fact_claim has no column total_costs; is it total_cost?"),
        ("cost as total_cost", "number as patient_key", 5, "fact_claim has no column patient_key; give"),
        ("cost as total_cost", "days as patient_id", 5, "patient_id is integer; fact_claim needs text"),
        ("cost as total_cost", "at as service_date", 5, "service_date is timestamp with time zone; "),
        ("cost as total_cost", "number as total_cost", 5, "total_cost is text; fact_claim needs numeric(14,2)"),
        ("cost as total_cost", "days as paid_amount", 0, ""),
        ("'made' as", "'maid' as", 3, "source_system is 'maid'; the mapping is that of 'made'"),
        ("cost as", "costs as", 5, 'column "costs" does not exist'),
        ("from source_made.claims", "from source_made.claim", 8, 'relation "source_made.claim" does not exist'),
        ("select\n", "elect\n", 2, 'syntax error at or near "elect"'),
        ("cost as total_cost", "{{ nothing }} as total_cost", 1, "'nothing' is undefined"),
        ("cost as total_cost", "{% if %} as total_cost", 5, "Expected an expression, got 'end of"),
    ],
)  # fmt: skip
def test_each_fault_has_its_file_and_line(
    claims: Made, old: str, new: str, line: int, why: str
) -> None:
    assert old in CLAIM
    claims.maps("fact_claim", CLAIM.replace(old, new))
    found = faults(claims)
    if not why:
        assert found == []
        return
    (fault,) = found
    assert fault.startswith(f"{FOLDER}/fact_claim.sql:{line}: {why}"), fault


def test_lines_are_those_of_the_file_where_it_is_a_template(claims: Made) -> None:
    template = "{% import 'words.jinja' as words -%}\n{#- of\nclaims -#}\n" + CLAIM.replace(
        "cost as total_cost",
        "{% for name in ['visit_type', 'plan_type'] %}number as {{ name }},\n    {% endfor %}days as total_costs",
    )
    claims.maps("fact_claim", template)
    (fault,) = faults(claims)
    wanted = 1 + template[: template.index("total_costs")].count("\n")
    assert fault.startswith(
        f"{FOLDER}/fact_claim.sql:{wanted}: fact_claim has no column total_costs"
    )


def test_all_faults_of_all_files_are_named_at_once(claims: Made) -> None:
    claims.maps("fact_claim", CLAIM.replace("total_cost", "price").replace("    batch_id,\n", ""))
    claims.maps(
        "dim_patient",
        "select 'made' as source_system, number as patient_id from source_made.claims",
    )
    claims.maps("fact_claims", CLAIM)
    claims.maps("shape_claim", "select nothing from source_made.claims")
    claims.maps("dim_payer", "select number as payer_id from source_made.star_shape_claim")
    with pytest.raises(star.MappingError) as error:
        star.check_mappings(claims.connection, "made")
    lines = str(error.value).splitlines()
    assert [line.split(": ", 1)[0].removeprefix(f"{FOLDER}/") for line in lines] == [
        "dim_patient.sql:1",
        "dim_patient.sql:1",
        "fact_claim.sql:2",
        "fact_claim.sql:5",
        "fact_claims.sql:1",
        "shape_claim.sql:1",
    ]
    assert "dim_patient needs batch_id and row_number" in lines[0]
    assert "dim_patient needs one of first_name" in lines[1]
    assert "the star has no target fact_claims; is it fact_claim?" in lines[4]


def test_a_mapping_of_claims_that_chooses_batches_is_refused(claims: Made) -> None:
    for new, why in {
        "from source_made.claims_current": "source_made.claims_current has the newest version alone",
        "from (select c.number, c.cost, max(c.batch_id) as batch_id, c.row_number from source_made.claims as c"
        " group by c.number, c.cost, c.row_number) as c": "batch_id is computed",
        "from (select c.number, c.cost, b.batch_id, c.row_number from source_made.claims as c"
        " inner join landing.batch_order as b on true) as c": "batch_id is that of landing.batch_order",
    }.items():
        claims.maps("fact_claim", CLAIM.replace("from source_made.claims", new))
        found = faults(claims)
        assert found and all("fact_claim keeps every version" in fault for fault in found), new
        assert any(why in fault for fault in found), found
    claims.maps(
        "fact_claim",
        CLAIM.replace(
            "cost as total_cost,\n    batch_id",
            "cost as total_cost,\n    number::bigint as batch_id",
        ),
    )
    (fault,) = faults(claims)
    assert fault.startswith(f"{FOLDER}/fact_claim.sql:6: batch_id is computed")


def test_a_mapping_that_takes_loaded_batches_alone_is_refused(claims: Made) -> None:
    chosen = (
        "from source_made.claims\n"
        "where batch_id in (select b.batch_id from landing.batch as b where b.state {})\n"
    )
    for states, wanted in (("= 'loaded'", 1), ("in ('checked', 'loaded')", 0), ("<> 'held'", 0)):
        claims.maps("fact_claim", CLAIM.replace("from source_made.claims\n", chosen.format(states)))
        found = faults(claims)
        assert len(found) == wanted, (states, found)
        assert all(
            "fact_claim.sql:9: the batches of a load are 'checked'" in fault for fault in found
        )


def test_a_union_in_one_file_and_a_shape_between_are_no_fault(claims: Made) -> None:
    both = CLAIM.removeprefix("-- The claims.\n")
    claims.maps("fact_claim", f"{both}union all\n{both.replace('made.claims', 'made.newer')}")
    assert faults(claims) == []
    claims.maps(
        "shape_claim__a", "select number, cost, batch_id, row_number from source_made.claims"
    )
    claims.maps("shape_claim__b", "select number, batch_id, row_number from source_made.newer")
    claims.maps("fact_claim", CLAIM.replace("source_made.claims", "source_made.star_shape_claim"))
    assert faults(claims) == []


def test_files_of_one_target_fit_each_other(claims: Made) -> None:
    claims.maps("fact_claim", CLAIM)
    claims.maps("fact_claim__newer", CLAIM)
    assert [fault.split(": ", 1)[1] for fault in faults(claims)] == [
        "fact_claim.sql and fact_claim__newer.sql exclude each other"
    ]
    (claims.mappings / "fact_claim.sql").unlink()
    claims.maps("fact_claim__claims", CLAIM.replace("cost as total_cost", "day as version_at"))
    (fault,) = faults(claims)
    assert fault.startswith(
        f"{FOLDER}/fact_claim__newer.sql:2: fact_claim__claims.sql gives version_at"
    )


def test_nothing_is_written(claims: Made) -> None:
    claims.maps("fact_claim", CLAIM)
    faults(claims)
    assert claims.rows("select 1 from pg_class where relname = 'star_fact_claim'") == []


def test_nothing_lands_until_the_mapping_is_mended(ledger: Ledger) -> None:
    mapping = "sql/mapping/ledger/fact_claim.sql"
    ledger.write(mapping, MAPPING.replace("cost as total_cost", "cost as price"))
    ledger.deliver("claims_1.csv", "c1,2024-01-02,10,5,Paid,")
    with pytest.raises(
        star.MappingError, match=rf"include/{mapping}:7: fact_claim has no column price"
    ):
        ledger.run()
    assert ledger.connection.execute("select count(*) from landing.batch").fetchone() == (0,)
    other = next(source for source in contracts.sources() if source != "ledger")
    ingest.land(other)
    ledger.write(mapping, MAPPING)
    ledger.run()
    cost = "select total_cost from star.fact_claim where claim_id = 'c1'"
    assert ledger.connection.execute(cost).fetchone() == (10,)


def test_what_is_required_is_what_the_tables_refuse_to_lack(
    warehouse: psycopg.Connection[Any],
) -> None:
    claim = targets.read(warehouse, "fact_claim")
    assert claim.required == ["source_system", "claim_id", "batch_id", "row_number"]
    appointment = targets.read(warehouse, "fact_appointment")
    assert set(appointment.required) >= {"completed_count", "no_show_count"}
    assert "replaced_by_id" not in appointment.required
    assert targets.read(warehouse, "bridge_claim_diagnosis").required == [
        "source_system", "claim_id", "diagnosis_id", "position", "weight", "batch_id", "row_number",
    ]  # fmt: skip


def test_every_entry_says_something_of_a_target(warehouse: psycopg.Connection[Any]) -> None:
    known = {name: targets.read(warehouse, name).columns for name in targets.names(warehouse)}
    columns = {column for given in known.values() for column in given}
    assert set(targets.said()) <= columns
    for column, entry in targets.said().items():
        assert all(column in known[target] for target in entry.get("in", {})), column


def test_the_page_is_that_of_today(warehouse: psycopg.Connection[Any]) -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.page(warehouse), "run `make docs`"


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        (b"", 1, "a mapping is one SELECT; this file has no select"),
        (b"-- nothing yet\n", 1, "a mapping is one SELECT; this file has no select"),
        (b"-- x\n\ndelete from source_made.claims", 3, "a mapping is one SELECT; this file has no select"),
        (CLAIM.encode() + b";\n\nselect 1;\n", 11, "a mapping is one SELECT; this file has 2 statements"),
        (CLAIM.encode() + b"\n-- \xe9\n", 10, "not UTF-8"),
    ],
)  # fmt: skip
def test_what_is_no_select_is_said_to_be_none(
    claims: Made, text: bytes, line: int, why: str
) -> None:
    claims.maps("fact_claim", "")
    (claims.mappings / "fact_claim.sql").write_bytes(text)
    assert faults(claims) == [f"{FOLDER}/fact_claim.sql:{line}: {why}"]


def test_a_mapping_may_begin_as_queries_do(claims: Made) -> None:
    select = CLAIM.splitlines()[1:]
    for before, after in (("with c as (select 1)", ""), ("(", ")"), ("/* ; */", ";")):
        claims.maps("fact_claim", "\n".join([before, *select, after]))
        assert faults(claims) == []

"""A mapping that looks at all rows is evaluated once a load, for every step of it."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from tests.worlds.made_source import Made

from claimhouse import star, warehouse
from claimhouse.star import kept

TABLE = "source_made.loading_fact_survey"
# The newest row of a survey; `calls` counts how often the mapping was evaluated for a row.
MAPPING = """
select distinct on (s.number)
    'made' as source_system,
    s.number as encounter_id,
    s.person as patient_id,
    s.day as service_date,
    (s.score + 0 * nextval('source_made.calls'))::smallint as satisfaction_score,
    s.batch_id,
    s.row_number
from source_made.answers as s
order by s.number, s.batch_id desc
"""


@pytest.fixture
def surveys(made: Made) -> Iterator[Made]:
    """Two loaded answers, and a batch with another answer to one of them and a new one."""
    made.table("answers", "number text, person text, day date, score smallint")
    made.connection.execute("create sequence source_made.calls")
    made.maps("fact_survey", MAPPING)
    made.batch("answers", ("s1", "p1", "2024-01-01", 1), ("s2", "p2", "2024-01-01", 2))
    made.load()
    made.batch("answers", ("s2", "p3", "2024-01-02", 4), ("s3", "p4", "2024-01-02", 5))
    made.connection.execute("alter sequence source_made.calls restart")
    yield made


def scores(made: Made) -> list[tuple[object, ...]]:
    return made.rows(
        "select f.encounter_id, p.patient_id, f.satisfaction_score from star.fact_survey as f"
        " inner join star.dim_patient as p using (patient_key) order by 1"
    )


NOW = [("s1", "p1", 1), ("s2", "p3", 4), ("s3", "p4", 5)]


def test_a_mapping_with_a_newest_row_is_evaluated_once_a_load(surveys: Made) -> None:
    star.create_mappings(surveys.connection, "made")
    (batch,) = surveys.rows("select max(batch_id) from landing.batch")[0]
    load = star.Load(surveys.connection, "made", [batch])
    star.check_mapped_rows(load.connection, "made", load.batch_ids)
    star.load_dimensions(load)
    star.load_facts(load)
    star.finish(load)
    assert scores(surveys) == NOW
    # one row for each of three surveys, in one evaluation
    assert surveys.rows("select last_value from source_made.calls") == [(3,)]
    assert surveys.rows(f"select to_regclass('{TABLE}')") == [(None,)]


def test_a_load_that_begins_again_keeps_anew(surveys: Made) -> None:
    (batch,) = surveys.rows("select max(batch_id) from landing.batch")[0]
    star.load_dimensions(star.Load(surveys.connection, "made", [batch]))
    surveys.maps("fact_survey", MAPPING.replace("s.person as", "upper(s.person) as"))
    surveys.load()
    assert scores(surveys) == [("s1", "p1", 1), ("s2", "P3", 4), ("s3", "P4", 5)]


def test_a_mapping_that_reads_the_star_is_evaluated_after_the_dimensions(surveys: Made) -> None:
    named = (
        " left join star.dim_patient as p on p.source_system = 'made' and s.person = p.patient_id"
    )
    surveys.maps(
        "fact_survey",
        MAPPING.replace("s.score +", "case when p.patient_id is null then 0 else s.score end +")
        .replace("from source_made.answers as s", f"from source_made.answers as s{named}"),
    )  # fmt: skip
    surveys.load()  # p3 and p4 are of this load
    assert scores(surveys) == NOW


@pytest.mark.parametrize(
    ("table", "evaluations"),
    [
        pytest.param("dim_facility", 2, id="before and after the described dimensions"),
        pytest.param("dim_patient", 3, id="after the patients that answers name, too"),
        pytest.param("fact_survey", 3, id="before the facts, too"),
    ],
)
def test_a_mapping_that_reads_the_star_is_evaluated_after_what_it_reads(
    surveys: Made, table: str, evaluations: int
) -> None:
    reads = f" cross join (select count(*) as number from star.{table}) as counted"
    surveys.maps(
        "fact_survey",
        MAPPING.replace("s.score +", "s.score + 0 * counted.number +")
        .replace("from source_made.answers as s", f"from source_made.answers as s{reads}"),
    )  # fmt: skip
    surveys.load()
    assert scores(surveys) == NOW
    assert surveys.rows("select last_value from source_made.calls") == [(3 * evaluations,)]


def test_a_described_dimension_that_reads_the_star_does_not_wait_for_chance(made: Made) -> None:
    """It sees the members that facts of earlier loads named, and none that those of its own load name."""
    made.table("answers", "number text, person text, day date, score smallint")
    made.table("places", "place text")
    counted = "(select count(*)::text from star.dim_patient where is_inferred)"
    made.maps(
        "dim_facility",
        f"select 'made' as source_system, p.place as facility_id, {counted} as city, p.batch_id, p.row_number"
        " from source_made.places as p",
    )
    made.maps("fact_survey", MAPPING.replace("0 * nextval('source_made.calls')", "0"))
    found = []
    for day in (1, 2):
        made.batch("answers", *((f"s{day}{n}", f"p{day}{n}", "2024-01-01", 1) for n in range(3)))
        made.batch("places", (f"f{day}",))
        made.load()
        (row,) = made.rows(f"select city from star.dim_facility where facility_id = 'f{day}'")
        found += row
    assert found == ["0", "3"]


def test_what_another_load_left_or_a_crash_emptied_is_not_read(
    surveys: Made, warehouse: psycopg.Connection
) -> None:
    (batch,) = surveys.rows("select max(batch_id) from landing.batch")[0]
    load = star.Load(warehouse, "made", [batch])
    star.load_dimensions(load)
    assert kept.known(load, ["fact_survey"]).kept == {"fact_survey"}
    assert surveys.rows(f"select encounter_id from {TABLE} order by 1") == [("s2",), ("s3",)]
    assert (
        kept.known(star.Load(warehouse, "made", [batch - 1]), ["fact_survey"]).kept == frozenset()
    )
    warehouse.execute(f"truncate {TABLE}".encode())  # as recovery does
    assert kept.known(load, ["fact_survey"]).kept == frozenset()
    star.load_facts(load)
    assert scores(surveys) == NOW
    star.finish(load)
    assert surveys.rows(f"select to_regclass('{TABLE}')") == [(None,)]


def test_a_mapping_of_rows_as_they_are_is_not_kept(made: Made) -> None:
    made.table("answers", "number text, person text, day date, score smallint")
    made.maps("fact_survey", MAPPING.replace("distinct on (s.number)", "").split("order by")[0]
              .replace("(s.score + 0 * nextval('source_made.calls'))::smallint", "s.score"))  # fmt: skip
    batch = made.batch("answers", ("s1", "p1", "2024-01-01", 1))
    star.create_mappings(made.connection, "made")
    assert kept.keep(star.Load(made.connection, "made", [batch])).kept == frozenset()
    assert warehouse.columns(made.connection, "source_made", "loading_fact_survey") == {}

"""Where the columns of a view come from, as the server's own tree of the query says it."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from claimhouse.star import lineage

VIEWS = {
    "as they stand": ("select t.a, b as other from s.t as t", {"a": "t.a", "other": "t.b"}),
    "constants come from nothing": (
        "select 'x' as a, null::date as b, now() as c from s.t",
        {"a": "", "b": "", "c": ""},
    ),
    "expressions": (
        "select coalesce(a, lower(b)) as a, case when n > 1 then 'x' end as n from s.t",
        {"a": "t.a t.b", "n": "t.n"},
    ),
    "a star": ("select * from s.t", {"a": "t.a", "b": "t.b", "n": "t.n", "codes": "t.codes"}),
    "names that need quotes": ('select a as "a (b) {c} \\ d" from s.t', {"a (b) {c} \\ d": "t.a"}),
    "what is looked up comes from what it is looked up by": (
        "select t.a, coalesce(r.name, t.b) as name, r.name as only"
        " from s.t as t left join s.r as r on upper(t.b) = r.code",
        {"a": "t.a", "name": "r.name t.b", "only": "r.name t.b"},
    ),
    "looked up from the right": (
        "select t.a, r.name from s.r as r right join s.t as t on t.b = r.code",
        {"a": "t.a", "name": "r.name t.b"},
    ),
    "using": (
        "select a, b, name from s.t inner join (select code as b, name from s.r) as r using (b)",
        {"a": "t.a", "b": "t.b", "name": "r.name t.b"},
    ),
    "queries within": (
        "with w as (select x.*, row_number() over (partition by a) as place from s.t as x)"
        " select w.b, w.place, (select max(r.name) from s.r as r where r.code = w.a) as name from w",
        {"b": "t.b", "place": "", "name": "r.code r.name t.a"},
    ),
    "groups and unnested lists": (
        "select t.a, c.code, count(t.b) as b from s.t as t"
        " left join unnest(t.codes) with ordinality as c (code, place) on true group by t.a, c.code",
        {"a": "t.a", "code": "t.codes", "b": "t.b"},
    ),
    "unions": (
        "select a, b from s.t union all select name, null from s.r",
        {"a": "r.name t.a", "b": "t.b"},
    ),
    "recursion": (
        "with recursive w as (select a, n from s.t union all select w.a, w.n - 1 from w where w.n > 0)"
        " select a, n from w",
        {"a": "t.a", "n": "t.n"},
    ),
    "values and lists": (
        "select t.a, v.c from s.t as t inner join lateral (values ('x', t.n)) as v (k, c) on v.k = t.b",
        {"a": "t.a", "c": "t.b t.n"},
    ),
    "the row as a whole": ("select r::text as row from s.r as r", {"row": "r.code r.name"}),
}


@pytest.fixture
def tables(warehouse: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    warehouse.execute("create schema s")
    warehouse.execute("create table s.t (gone text, a text, b text, n integer, codes text[])")
    warehouse.execute("alter table s.t drop column gone")
    warehouse.execute("create table s.r (code text, name text)")
    return warehouse


def test_the_columns_of_a_view_come_from_what_its_query_says(
    tables: psycopg.Connection[Any],
) -> None:
    for name, (select, wanted) in VIEWS.items():
        tables.execute(f"create or replace view s.v as {select}")  # type: ignore[arg-type]
        found = lineage.of_view(tables, "s", "v")
        told = {
            column: " ".join(f"{origin.relation}.{origin.column}" for origin in sorted(origins))
            for column, origins in found.items()
        }
        assert told == wanted, name
        tables.execute("drop view s.v")


def test_what_is_no_view_has_no_columns(tables: psycopg.Connection[Any]) -> None:
    assert lineage.of_view(tables, "s", "t") == {}
    assert lineage.of_view(tables, "s", "nothing") == {}

"""Names in the catalog: a column's type is what its name says (docs/glossary.md, "Names")."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from tests.conftest import TEMPLATE, copied
from tests.worlds.client_world import MASTER_KEY

from claimhouse import metrics, reporting

SCHEMAS = ("star", "metrics", "reporting", "landing", "quality", "delivery", "counts")
# Schemas whose ids are the source systems' own; everywhere else an id is a number that we gave.
OF_SOURCES = ("star", "metrics", "reporting", "counts")
# Views of feeds as they came, with the source's own names.
RAW = "raw_"

WHOLE = {"smallint", "integer", "bigint"}
DATE, MOMENT = {"date"}, {"timestamp with time zone"}

# What a name says of its type: the first that fits.
RULES = (
    (r"(.+_)?date_key", {"integer"}),  # a day as YYYYMMDD
    (r".+_key", {"bigint"}),
    (r"(.+_)?batch_id", {"bigint"}),  # a batch is ours in every schema
    (r".+_date", DATE),
    (r".+_at", MOMENT),
    (r".+_count", WHOLE),
    (r".+_amount", {"numeric"}),
    (r"(is|has)_.+", {"boolean"}),
)
# What a type says of the name.
TYPES = {
    "boolean": r"(is|has)_.+",
    "date": r".+_date|date|date_of_service|valid_(from|to)|(service_)?month|as_of_day|.+_starts_on",
    "timestamp with time zone": r".+_at|as_of|period|.+_since",
}
EXCEPTIONS = {
    "record_key": "the key of a row as text, in the words of verification",
    "object_key": "what S3 calls the name of an object",
    "scan_id": "given by Soda, a uuid",
    "subscription_id": "the name in the client's file: <client>/<report>",
    "message_id": "given to a mail, as RFC 5322 has it",
    "server_id": "given by the mail server",
    "run_id": "what Airflow calls a run",
    "detail": "as the client's file calls it",
    "approve_first": "as the client's file calls it",
    "day": "the parameter of a fetch's query",
    "published_as_of": "the as_of of what is published, beside that of the row",
    "since": "when a matter of delivery.needs_a_person began",
}


@dataclass(frozen=True)
class Column:
    """A column in the catalog, and the names beside it."""

    schema: str
    relation: str
    name: str
    type: str
    neighbors: frozenset[str]

    def __str__(self) -> str:
        return f"{self.schema}.{self.relation}.{self.name} {self.type}"


@pytest.fixture(scope="module")
def columns(server: str) -> list[Column]:
    key = json.dumps({"conn_type": "generic", "password": MASTER_KEY})
    with (
        pytest.MonkeyPatch.context() as patch,
        copied(server, TEMPLATE) as address,
        psycopg.connect(address, autocommit=True) as warehouse,
    ):
        patch.setenv("AIRFLOW_CONN_CLAIMHOUSE_PSEUDONYM", key)
        metrics.publish(warehouse)
        reporting.publish(warehouse)
        rows = warehouse.execute(
            "select n.nspname, c.relname, array_agg(a.attname::text),"
            " array_agg(format_type(a.atttypid, null)) from pg_attribute as a"
            " inner join pg_class as c on a.attrelid = c.oid"
            " inner join pg_namespace as n on c.relnamespace = n.oid"
            " where n.nspname = any(%s) and c.relkind in ('r', 'p', 'v') and a.attnum > 0"
            " and not a.attisdropped group by 1, 2",
            (list(SCHEMAS),),
        ).fetchall()
    return [
        Column(schema, relation, name, kind, frozenset(names))
        for schema, relation, names, kinds in rows
        if not relation.startswith(RAW)
        for name, kind in zip(names, kinds, strict=True)
    ]


def breaches(column: Column) -> Iterator[str]:
    """Why *column* has the wrong name for its type, or the wrong type for its name."""
    for pattern, types in RULES:
        if re.fullmatch(pattern, column.name):
            if column.type not in types:
                yield f"{column}: must be {' or '.join(sorted(types))}"
            break
    if not re.fullmatch(TYPES.get(column.type, ".*"), column.name):
        yield f"{column}: a name of another type"
    if column.type == "timestamp without time zone":
        yield f"{column}: a point in time has a time zone"
    if column.name.endswith("_id") and not column.name.endswith("batch_id"):
        if column.schema not in OF_SOURCES:
            if column.type != "bigint":
                yield f"{column}: our own ids are numbers"
        elif column.type != "text" or "source_system" not in column.neighbors:
            yield f"{column}: an id of a source system is text, with source_system beside it"


def test_types_are_what_names_say(columns) -> None:
    assert len(columns) > 800
    assert [
        why for column in columns if column.name not in EXCEPTIONS for why in breaches(column)
    ] == []


def test_every_exception_is_needed(columns) -> None:
    needed = {column.name for column in columns if any(breaches(column))}
    assert needed == set(EXCEPTIONS)


def test_tables_of_the_star_have_their_kind_in_their_name(columns) -> None:
    names = {column.relation for column in columns if column.schema == "star"}
    others = {name for name in names if not re.match(r"(dim|fact|bridge)_", name)}
    assert others == {"member_to_rekey"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("paid_date", "timestamp with time zone"),
        ("paid_at", "date"),
        ("is_paid", "integer"),
        ("paid", "boolean"),
        ("payer_key", "text"),
        ("payer_id", "bigint"),
        ("paid_count", "numeric"),
        ("paid_amount", "double precision"),
        ("paid", "date"),
        ("paid", "timestamp without time zone"),
    ],
)
def test_a_wrong_name_is_found(name: str, kind: str) -> None:
    assert list(breaches(Column("star", "fact_new", name, kind, frozenset({"source_system"}))))

"""The pages of columns, ``docs/star.md`` and ``docs/reports.md``: ``python -m local.columns``.

Tables, keys and types come from a freshly migrated database with every report published, the
sentences and units from ``include/columns.yaml``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from claimhouse import glossary, metrics, reporting, settings, warehouse
from local import diagram, places
from local.dictionary import markdown_table

STAR = places.ROOT / "docs" / "star.md"
REPORTS = places.ROOT / "docs" / "reports.md"

STAR_INTRODUCTION = """\
# The star, column by column

Every table of the schema `star`. `make docs` writes this page from the catalog and from
`include/columns.yaml`; change these, not it. [model.md](model.md) says why the star is as it is.
A column in bold is part of the primary key. Money is in dollars.
"""
REPORTS_INTRODUCTION = """\
# Reports, column by column

Every report of the schema `reporting`. `make docs` writes this page from the published views and from
`include/columns.yaml`; change these, not it. [readers.md](readers.md) says who reads which report. Money is
in dollars. The views `raw_<source>_<feed>`, of a feed's rows as they came, are described by
[dictionary.md](dictionary.md), those of metrics, `metric_<metric>`, by [model.md](model.md).
"""
ROLES = """\
## dim_date in its roles

A view of `dim_date` for each role a date has in a fact. Its columns are those of `dim_date` with the role in their
name: `service_year` and `is_service_holiday` of `dim_service_date`.
"""
# Kinds of tables, in the order of the page.
KINDS = {"fact_": "Facts", "bridge_": "Bridges", "dim_": "Dimensions"}


@dataclass(frozen=True)
class Relation:
    """A table or view: its comment, its columns with their types, its primary key."""

    name: str
    comment: str
    columns: dict[str, str]
    key: frozenset[str]


def star_page(connection: Connection[Any]) -> str:
    """``docs/star.md``, from a migrated warehouse."""
    relations = _relations(connection, "star")
    roles = [name for name in relations if _is_role(name)]
    sections = [STAR_INTRODUCTION]
    for prefix, title in KINDS.items():
        sections.append(f"## {title}")
        sections += [
            _section("star", relation)
            for name, relation in relations.items()
            if name.startswith(prefix) and name not in roles
        ]
    others = [name for name in relations if not name.startswith(tuple(KINDS))]
    sections += ["## Kept by the loader", *(_section("star", relations[name]) for name in others)]
    sections += [ROLES, "\n".join(f"* `{name}`: {relations[name].comment}" for name in roles)]
    return _page(sections)


def reports_page(connection: Connection[Any]) -> str:
    """``docs/reports.md``, from a warehouse with every report published."""
    relations = _relations(connection, "reporting")
    return _page(
        [
            REPORTS_INTRODUCTION,
            *(
                _section("reporting", relation, level=2)
                for name, relation in relations.items()
                if not name.startswith(("raw_", "metric_"))
            ),
        ]
    )


def publish(connection: Connection[Any]) -> None:
    """Publish metrics and every report, under a master key of no meaning."""
    variable = f"AIRFLOW_CONN_{settings.PSEUDONYM_CONNECTION.upper()}"
    os.environ[variable] = json.dumps({"conn_type": "generic", "password": "for documentation"})
    metrics.publish(connection)
    reporting.publish(connection)


@contextmanager
def published_database() -> Iterator[Connection[Any]]:
    """A connection to a temporary warehouse with every report published."""
    with diagram.fresh_database() as connection:
        publish(connection)
        yield connection


def _relations(connection: Connection[Any], schema: str) -> dict[str, Relation]:
    """The tables and views of *schema*, by name."""
    names = [row["name"] for row in warehouse.query(connection, "catalog/relations", schema)]
    return {name: _relation(connection, schema, name) for name in names}


def _relation(connection: Connection[Any], schema: str, name: str) -> Relation:
    row = connection.execute(
        "select obj_description(to_regclass(%s), 'pg_class')", (f"{schema}.{name}",)
    ).fetchone()
    key = warehouse.query(connection, "catalog/key_columns", schema, name)
    return Relation(
        name=name,
        comment=(row and row[0]) or "",
        columns=warehouse.columns(connection, schema, name),
        key=frozenset(column["name"] for column in key),
    )


def _is_role(name: str) -> bool:
    return name.startswith("dim_") and name.endswith("_date") and name != "dim_date"


def _section(schema: str, relation: Relation, level: int = 3) -> str:
    rows = [
        (
            f"**{name}**" if name in relation.key else name,
            f"`{kind}`",
            glossary.meaning_of(schema, relation.name, name),
            glossary.unit_of(name) or "",
        )
        for name, kind in relation.columns.items()
    ]
    parts = [f"{'#' * level} {relation.name}"]
    if relation.comment:
        parts.append(relation.comment + ".")
    return "\n\n".join([*parts, markdown_table(("column", "type", "meaning", "unit"), rows)])


def _page(sections: Sequence[str]) -> str:
    return "\n\n".join(section.strip("\n") for section in sections) + "\n"


def main() -> None:
    """Write both pages."""
    with published_database() as connection:
        STAR.write_text(star_page(connection), encoding="utf-8")
        REPORTS.write_text(reports_page(connection), encoding="utf-8")


if __name__ == "__main__":
    main()

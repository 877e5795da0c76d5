"""The columns of the star and of reports, as ``include/tableau/columns.csv`` keeps them.

The file is made from a migrated warehouse in which every report is published (``python -m local.tableau``), so
that the other files can be made, and compared, without one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from psycopg import Connection

from claimhouse import contracts, settings, warehouse
from claimhouse.reporting import reports

# The schemas that readers read through Tableau.
STAR, REPORTING = "star", "reporting"
# By the name of a relation with its schema, the types of its columns.
Catalog = Mapping[str, Mapping[str, str]]

_HEADER = ("relation", "column", "type")
# Kept by the loader, and of no use to a reader.
_NOT_SHOWN = {"star.member_to_rekey"}


class UnknownRelation(ValueError):
    """A relation or column that the catalog does not have; the message names it."""


def file() -> Path:
    """Where the catalog is kept."""
    return settings.INCLUDE / "tableau" / "columns.csv"


def load(feeds: Iterable[tuple[str, str]] = ()) -> Catalog:
    """The catalog that is kept, and the reports of *feeds* as they came, which their contracts describe.

    Args:
        feeds: each a source system and a feed.
    """
    found: dict[str, dict[str, str]] = {}
    with file().open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            found.setdefault(row["relation"], {})[row["column"]] = row["type"]
    return found | dict(map(_of_feed, feeds))


def read(connection: Connection[Any]) -> Catalog:
    """The columns of every relation of the star and of every report that is published.

    Args:
        connection: to the warehouse, as its owner.
    """
    return {
        f"{schema}.{row['name']}": warehouse.columns(connection, schema, row["name"])
        for schema in (STAR, REPORTING)
        for row in warehouse.query(connection, "catalog/relations", schema)
        if f"{schema}.{row['name']}" not in _NOT_SHOWN
    }


def text(catalog: Catalog) -> str:
    """The content of the file."""
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\n")
    lines.writerow(_HEADER)
    for relation in sorted(catalog):
        if not relation.startswith(f"{REPORTING}.raw_"):
            lines.writerows((relation, *column) for column in catalog[relation].items())
    return written.getvalue()


def columns(catalog: Catalog, schema: str, relation: str) -> Mapping[str, str]:
    """The types of the columns of a relation.

    Raises:
        UnknownRelation: there is no such relation.
    """
    try:
        return catalog[f"{schema}.{relation}"]
    except KeyError:
        raise UnknownRelation(
            f"{file().name} has no {schema}.{relation}: run `make tableau`"
        ) from None


def _of_feed(feed: tuple[str, str]) -> tuple[str, dict[str, str]]:
    """The report of rows as they came, which is published once a file of its feed has arrived."""
    return f"{REPORTING}.{reports.raw_report(*feed)}", {
        "batch_id": "bigint",
        "row_number": "bigint",
        **{column.name: column.physical_type for column in contracts.of(*feed).columns},
        "as_of": "timestamp with time zone",
    }

"""``python -m local.release``: record the schema made by the newest revision as that of this release.

Writes ``include/migrations/releases/<revision>_<release>.csv``, by which ``claimhouse upgrade``
recognizes a warehouse of this release. Run it when a version is released, before its tag.
"""

from __future__ import annotations

import csv
from typing import Any

import psycopg
from psycopg import sql

import claimhouse
from claimhouse import revisions, schema, settings
from local import diagram

OWN_SCHEMAS = (
    "select nspname from pg_namespace"
    " where nspname !~ '^pg_' and nspname not in ('public', 'information_schema') order by 1"
)


def rows(connection: psycopg.Connection[Any]) -> list[list[str]]:
    """Kind, name and definition of every object that the revisions create in a fresh database."""
    for name in schema.VIEW_SCHEMAS:
        for file in (settings.INCLUDE / "sql" / name).glob("*.sql"):
            view = sql.Identifier(name, file.stem)
            connection.execute(sql.SQL("drop view if exists {} cascade").format(view))
    schemas = [row[0] for row in connection.execute(OWN_SCHEMAS)]
    definitions = schema.objects(connection, schemas)
    return [[*name.split(" ", 1), definition] for name, definition in sorted(definitions.items())]


def main() -> None:
    """Write the file of this release; exit with 1 if its revision is part of a release already."""
    head = revisions.head()
    if head in revisions.releases():
        raise SystemExit(f"revision {head} is already part of a release")
    file = revisions.FOLDER / "releases" / f"{head}_{claimhouse.__version__}.csv"
    with diagram.fresh_database() as connection, file.open("w", newline="") as lines:
        csv.writer(lines, lineterminator="\n").writerows(rows(connection))
    print(f"{file} written; run `make freeze`")


if __name__ == "__main__":
    main()

"""The warehouse that measurements read and publish: a database of the embedded server, filled by SQL."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import psycopg
from local import embedded, places

FOLDER = places.VAR / "bench"
FILL = Path(__file__).with_suffix(".sql")


def url(database: str) -> str | None:
    """The URL of a database that an earlier measurement kept; None where there is none."""
    _settings()
    server = embedded.start(FOLDER / "pg")
    with psycopg.connect(server, autocommit=True) as connection:
        known = connection.execute("select 1 from pg_database where datname = %s", (database,))
        return embedded.url_of(server, database) if known.fetchone() else None


def create(database: str) -> str:
    """A database with an empty warehouse, in place of one of that name."""
    _settings()
    server = embedded.start(FOLDER / "pg")
    drop(database)
    os.environ["WAREHOUSE_URL"] = embedded.create_database(server, database)
    from claimhouse import schema

    schema.upgrade()
    return os.environ["WAREHOUSE_URL"]


def drop(database: str) -> None:
    """Remove a database."""
    with psycopg.connect(embedded.start(FOLDER / "pg"), autocommit=True) as connection:
        connection.execute(f"drop database if exists {database} with (force)".encode())


def fill(connection: psycopg.Connection, claims: int) -> None:
    """Fill the star with *claims* claims, and with the other facts in proportion."""
    for statement in FILL.read_text().format(claims=claims).split(";\n"):
        if statement.strip():
            connection.execute(statement.encode())
    connection.execute("vacuum analyze")


def _settings() -> None:
    """What publication needs of its surroundings."""
    sys.path.insert(0, str(places.ROOT / "plugins"))
    os.environ["AIRFLOW_HOME"] = str(FOLDER / "airflow")
    os.environ["AIRFLOW_CONN_CLAIMHOUSE_PSEUDONYM"] = json.dumps(
        {"conn_type": "generic", "password": "for the benchmark"}
    )

"""The warehouse's tables and views: migrated by Alembic, views laid anew after it."""

from __future__ import annotations

from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from claimhouse import settings, warehouse
from claimhouse.star import calendar

# Schemas whose views are files of their own, in the order in which they build on each other.
VIEW_SCHEMAS = ("quality",)


def upgrade(address: str | None = None) -> None:
    """Bring the warehouse at *address* to the newest schema; safe to repeat, also at the same time."""
    engine = create_engine(sqlalchemy_url(address or warehouse.url()))
    config = Config()
    config.set_main_option("script_location", str(settings.INCLUDE / "migrations"))
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(hashtext('claimhouse.schema'))"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        # Past SQLAlchemy, which would take a '%' of the file for a placeholder.
        raw: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
        calendar.fill(raw)
        for schema in VIEW_SCHEMAS:
            for file in sorted((settings.INCLUDE / "sql" / schema).glob("*.sql")):
                warehouse.run(raw, f"{schema}/{file.stem}")
    engine.dispose()


def sqlalchemy_url(address: str) -> str:
    """*address* for SQLAlchemy, with the driver the rest of Claimhouse uses."""
    return address.replace("postgresql://", "postgresql+psycopg://", 1)

"""A source that exists in a test alone: its tables, its mapping files, and batches put in by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from tests.worlds.manifest import enter_file

from claimhouse import settings, star
from claimhouse import warehouse as sql_files
from claimhouse.batches import in_state

SOURCE = "made"


class Made:
    """The source ``made``, whose mapping files a test writes itself."""

    def __init__(
        self, connection: psycopg.Connection[Any], folder: Path, patch: pytest.MonkeyPatch
    ) -> None:
        self.connection = connection
        self.mappings = folder / "sql" / "mapping" / SOURCE
        self.mappings.mkdir(parents=True)
        for entry in (settings.INCLUDE / "sql").iterdir():
            if entry.name != "mapping":
                (folder / "sql" / entry.name).symlink_to(entry)
        patch.setattr(settings, "INCLUDE", folder)
        patch.setattr(
            sql_files._files.loader, "searchpath", [str(settings.CODE), str(folder / "sql")]
        )
        self.forget_files()
        connection.execute(f"create schema source_{SOURCE}")

    def forget_files(self) -> None:
        """Read the SQL files again: a test writes the same name with another text."""
        sql_files._files.cache.clear()  # type: ignore[union-attr]

    def maps(self, target: str, select: str) -> None:
        """Write the mapping file of *target*."""
        self.forget_files()
        (self.mappings / f"{target}.sql").write_text(select)

    def table(self, feed: str, columns: str) -> None:
        """Create the source table of *feed*."""
        self.connection.execute(
            f"create table source_{SOURCE}.{feed}"
            f" (batch_id bigint not null, row_number bigint not null, {columns})"
        )

    def batch(self, feed: str, *rows: tuple[Any, ...], received: str = "2024-01-01") -> int:
        """Put *rows*, checked, into a source table as one batch; its id."""
        file_id = enter_file(self.connection, SOURCE, feed, at=received)
        (batch_id,) = self.connection.execute(
            "insert into landing.batch (file_id, source_system, feed, received_date, state, code_version)"
            " values (%s, %s, %s, %s, 'checked', 'test') returning batch_id",
            (file_id, SOURCE, feed, received),
        ).fetchone()  # type: ignore[misc]
        for number, row in enumerate(rows, start=2):
            self.connection.execute(
                sql.SQL("insert into {} values ({})").format(
                    sql.Identifier(f"source_{SOURCE}", feed),
                    sql.SQL(", ").join(map(sql.Literal, (batch_id, number, *row))),
                )
            )
        return int(batch_id)

    def load(self, *batches: int) -> dict[str, int]:
        """Load *batches*, or all that are checked; the rows written, where there are any."""
        named = list(batches) or in_state(self.connection, SOURCE, "checked")
        star.create_mappings(self.connection, SOURCE)
        load = star.Load(self.connection, SOURCE, named)
        written = star.load_dimensions(load) | star.load_facts(load) | star.finish(load)
        return {name: rows for name, rows in written.items() if rows}

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What *query* finds."""
        return self.connection.execute(query).fetchall()  # type: ignore[arg-type]

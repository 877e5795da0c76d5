"""Reference lists: what codes mean, kept as data in ``include/reference/<name>.csv``.

Each list becomes the table ``reference.<name>``, which mapping files join. Every column is text;
an empty field is NULL.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from psycopg import Connection, sql

from claimhouse import settings, warehouse, word_lists


def digest(folder: Path | None = None) -> str:
    """What tells the content of all lists apart from any other.

    Args:
        folder: where the lists are; ``include/reference`` when left out.
    """
    files = sorted((folder or settings.INCLUDE / "reference").glob("*.csv"))
    content = b"".join(file.name.encode() + file.read_bytes() for file in files)
    return hashlib.sha256(content).hexdigest()


def fill(connection: Connection[Any], folder: Path | None = None) -> list[str]:
    """Make the tables of the schema ``reference`` agree with their files; safe to repeat.

    Args:
        connection: to the warehouse, as the star's owner.
        folder: where the lists are; ``include/reference`` when left out.

    Returns:
        The names of the lists whose table was written.

    Raises:
        word_lists.ListError: a list cannot be used.
    """
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(hashtext('claimhouse.reference'))")
        files = sorted((folder or settings.INCLUDE / "reference").glob("*.csv"))
        known = {
            row["list"]: row["checksum"]
            for row in warehouse.query(connection, "reference/checksums")
        }
        filled = [file.stem for file in files if _fill_list(connection, file, known)]
        for column in warehouse.query(connection, "reference/listed_columns"):
            warehouse.run(connection, "reference/counts_as", **column)
        return filled


def _fill_list(connection: Connection[Any], file: Path, known: Mapping[str, str | None]) -> bool:
    """Write the table of one list, unless it was filled from this very file; whether it was written.

    Args:
        connection: to the warehouse, as the star's owner.
        file: the list.
        known: the checksums of the files from which the lists were filled.
    """
    content = file.read_bytes()
    checksum = hashlib.sha256(content).hexdigest()
    if known.get(file.stem) == checksum:
        return False
    header = word_lists.read(file, content)[0]
    table = sql.Identifier("reference", file.stem)
    warehouse.run(connection, "reference/list", name=file.stem, columns=header)
    names = sql.SQL(", ").join(map(sql.Identifier, header))
    statement = sql.SQL(
        "copy {} ({}) from stdin (format csv, header, encoding 'UTF8', force_null ({}))"
    )
    with (
        connection.cursor() as cursor,
        cursor.copy(statement.format(table, names, names)) as copy,
    ):
        copy.write(content)
    if "code" in header:
        warehouse.run(connection, "reference/index", name=file.stem)
    connection.execute(
        sql.SQL("comment on table {} is {}").format(table, sql.Literal(f"sha256 {checksum}"))
    )
    connection.execute(sql.SQL("analyze {}").format(table))
    return True

"""The manifest for tests: files with a modification time, and deliveries put in by hand."""

from __future__ import annotations

import itertools
import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg

_numbers = itertools.count()


def arrived(path: Path, at: datetime | date | str) -> Path:
    """Let the file at *path* have arrived *at* a time, in UTC; a date is its midnight."""
    if isinstance(at, str):
        at = datetime.fromisoformat(at)
    elif not isinstance(at, datetime):
        at = datetime(at.year, at.month, at.day)
    seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    os.utime(path, (seconds, seconds))
    return path


def enter_file(
    connection: psycopg.Connection[Any],
    source: str,
    feed: str,
    name: str = "f.csv",
    at: date | str = "2024-01-01",
) -> int:
    """Enter a delivery that landed after all others and arrived at *at*; its number."""
    row = connection.execute(
        "insert into landing.file (checksum, size_bytes, source_system, feed, file_name, archive_path,"
        " arrived_at, file_order)"
        " values (%s, 1, %s, %s, %s, '-', %s::timestamp at time zone 'UTC', '') returning file_id",
        (f"checksum {next(_numbers)}", source, feed, name, at),
    ).fetchone()
    assert row is not None
    connection.execute(
        "update landing.file set file_order = ' '"
        " || to_char(arrived_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS')"
        " || '  000000  ' || lpad(file_id::text, 12, '0') where file_id = %s",
        row,
    )
    return int(row[0])

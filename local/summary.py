"""The contents of the warehouse and the mailbox, as text tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from claimhouse import warehouse


def table(titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Format *rows* under *titles*, indented by two; numbers are right-aligned, with thousands separators."""
    body = [[_shown(value) for value in row] for row in rows]
    numeric = [
        bool(body) and all(row[at].replace(",", "").isdigit() for row in body)
        for at in range(len(titles))
    ]
    lines = [list(titles), *body]
    widths = [max(len(line[at]) for line in lines) for at in range(len(titles))]
    shown = (
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        )
        for line in lines
    )
    return "\n".join(f"  {line}".rstrip() for line in shown)


def summary(address: str, mail: Path) -> str:
    """The results of the main job.

    Args:
        address: the warehouse's ``postgresql://`` URL.
        mail: the mailbox folder.
    """
    with warehouse.connect(address) as connection:
        parts = [
            ("Feeds: rows read = accepted + quarantined + dropped", _feeds(connection)),
            ("Issues, open and closed", _issues(connection)),
            ("Star schema", _counts(connection, "star")),
            ("Reports, by client", _clients(connection)),
            ("Deliveries", _counts(connection, "delivery")),
        ]
    parts.append(("Mails", _mails(mail)))
    return "\n\n".join(f"{title}\n{text}" for title, text in parts)


def _feeds(connection: psycopg.Connection[Any]) -> str:
    rows = [
        (
            row["source_system"],
            row["feed"],
            row["files"],
            row["rows_read"] or 0,
            row["accepted"] or 0,
            row["quarantined"] or 0,
            row["dropped"] or 0,
            row["other_states"] or "all loaded",
        )
        for row in _query(connection, "feeds")
    ]
    return table(
        ("source", "feed", "files", "read", "accepted", "quarantined", "dropped", "batches"), rows
    )


def _issues(connection: psycopg.Connection[Any]) -> str:
    rows = _query(connection, "issues")
    return table(
        ("source", "feed", "severity", "rule", "open", "closed"), [tuple(r.values()) for r in rows]
    )


def _counts(connection: psycopg.Connection[Any], schema: str) -> str:
    """The number of rows of every table of *schema*."""
    rows = []
    for relation in _query(connection, "tables", schema):
        name = sql.Identifier(schema, relation["table_name"])
        answer = connection.execute(sql.SQL("select count(*) from {}").format(name)).fetchone()
        rows.append((f"{schema}.{relation['table_name']}", answer[0] if answer else 0))
    return table(("table", "rows"), rows)


def _clients(connection: psycopg.Connection[Any]) -> str:
    rows = _query(connection, "clients")
    return table(("client", "privacy level", "report"), [tuple(r.values()) for r in rows])


def _mails(folder: Path) -> str:
    rows = []
    for file in sorted(folder.glob("*.eml"), key=lambda file: file.stat().st_mtime):
        mail = message_from_bytes(file.read_bytes(), policy=default)
        attached = ", ".join(
            f"{part.get_filename()} ({len(part.get_payload(decode=True) or b'') / 1024:.0f} KiB)"
            for part in mail.iter_attachments()
        )
        rows.append((mail["X-Envelope-To"] or mail["To"], mail["Subject"], attached or "-"))
    return table(("to", "subject", "attached"), rows)


def _query(connection: psycopg.Connection[Any], name: str, *values: Any) -> list[dict[str, Any]]:
    """The rows of ``local/sql/<name>.sql``."""
    with psycopg.RawCursor(connection, row_factory=dict_row) as cursor:
        text = (Path(__file__).parent / "sql" / f"{name}.sql").read_bytes()
        return cursor.execute(text, values).fetchall()


def _shown(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)

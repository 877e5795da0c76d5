"""The contents of the warehouse and the mailbox, as text tables."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from claimhouse import warehouse
from local import places, system

# The summary at the end of the demo.
COLUMNS, INDENT = 80, 13
WIDTHS = (18, 9, 15, 15, 13, 10)
MOST_SOURCES, MOST_MAILS = 6, 2


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


def on_one_screen(address: str, mail: Path) -> str:
    """The results of the main job in a few lines of at most 80 characters.

    Args:
        address: the warehouse's ``postgresql://`` URL.
        mail: the mailbox folder.
    """
    with warehouse.connect(address) as connection:
        sources = _sources(connection)
        issues = _query(connection, "open_issues")
        waiting = _query(connection, "waiting")
    counts = [f"{row['issues']:,} {row['severity']}" for row in issues]
    things = [f"{row['kind']}: {row['things']:,}" for row in waiting]
    parts = [
        sources,
        *_part("Issues open", [", ".join(counts) or "none"]),
        *_part("For a person", _filled(things) or ["nothing"]),
        *_part("Mailed", _newest(mail) or ["nothing"]),
    ]
    return "\n".join(parts)


def _sources(connection: psycopg.Connection[Any]) -> str:
    titles = ("Loaded", "files", "rows read", "accepted", "quarantined", "dropped")
    rows = [tuple(row.values()) for row in _query(connection, "sources")]
    shown = rows if len(rows) <= MOST_SOURCES else rows[: MOST_SOURCES - 1]
    lines = [
        "".join(
            f"{_shown(value)[: width - 1]:{side}{width}}"
            for value, side, width in zip(row, "<>>>>>", WIDTHS, strict=True)
        )
        for row in (titles, *shown)
    ]
    more = len(rows) - len(shown)
    return "\n".join([*lines, f"and {more} more source systems"] if more else lines)


def _newest(folder: Path) -> list[str]:
    """The newest mails of *folder*: to whom and what."""
    files = sorted(folder.glob("*.eml"), key=lambda file: file.stat().st_mtime, reverse=True)
    lines = []
    for file in files[:MOST_MAILS]:
        mail = message_from_bytes(file.read_bytes(), policy=default)
        lines.append(f"{mail['X-Envelope-To'] or mail['To']}: {mail['Subject']}")
    more = len(files) - len(lines)
    return [*lines[:-1], f"and {more + 1} more mails"] if more else lines


def _filled(words: list[str]) -> list[str]:
    """The *words* as lines, with commas."""
    return textwrap.wrap(", ".join(words), COLUMNS - INDENT, max_lines=2, placeholder=" ...")


def _part(title: str, lines: list[str]) -> list[str]:
    """The *lines* beside their title; one that is too long is cut."""
    room = COLUMNS - INDENT
    cut = [line if len(line) <= room else line[: room - 3] + "..." for line in lines]
    return [f"{'' if at else title:<{INDENT}}{line}" for at, line in enumerate(cut)]


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


def main() -> None:
    """Print the summary of the running system."""
    addresses = system.running()
    if addresses is None:
        raise SystemExit("the system is not running: make up")
    print(summary(addresses.warehouse, places.MAIL))


if __name__ == "__main__":
    main()

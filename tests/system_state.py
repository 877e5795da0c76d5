"""The state of a warehouse and its mailbox by natural keys, to compare two systems.

Surrogate keys, batch ids and load times differ between two loads of the same files. Here every
surrogate key is replaced by the natural key it leads to, and what tells one load from another is
left out, so that two systems agree exactly when they hold the same data.
"""

from __future__ import annotations

import io
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import msoffcrypto
import polars as pl
import psycopg
from psycopg import sql

State = dict[str, list[str]]
# What differs between two loads of the same files.
LOAD_COLUMNS = {"batch_id", "row_hash", "is_inferred", "loaded_at", "changed_at"}
# Roles and patients of extracts are named with keys drawn at random for each system.
SECRET_COLUMNS = {"patient_pseudonym", "provider_pseudonym", "as_of"}


def warehouse_state(connection: psycopg.Connection[Any]) -> State:
    """The rows of star, issues, quarantine, batches and published views, each as sorted text."""
    state: State = {}
    for table in _names(connection, "star", "BASE TABLE"):
        state[f"star.{table}"] = _star_rows(connection, table)
    for name, query in QUERIES.items():
        state[name] = _rows(connection, sql.SQL(query))
    for schema in ("summary", "metrics"):
        for view in _names(connection, schema):
            state[f"{schema}.{view}"] = _view_rows(connection, schema, view)
    for role, view in connection.execute(READERS).fetchall():
        with connection.transaction(force_rollback=True):
            connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
            state[f"{role}: {view}"] = _view_rows(connection, "reporting", view)
    return state


QUERIES = {
    "landing.batch": "select f.source_system, f.feed, f.file_name, b.state, b.rows_read,"
    " b.rows_accepted, b.rows_quarantined, b.rows_dropped, b.amounts::text"
    " from landing.batch as b inner join landing.file as f using (file_id)",
    "quality.issue": "select source_system, feed, file_name, row_number, record_key, column_name, rule,"
    " severity, raw_value, message, status from quality.issue",
    "quality.check_result": "select source_system, feed, table_name, check_name, definition, outcome,"
    " severity, measured_value, failing_rows from quality.check_result",
    "quality.quarantine": "select f.source_system, f.feed, f.file_name, q.row_number, q.record_key, q.raw_row"
    " from quality.quarantine as q inner join landing.batch as b using (batch_id)"
    " inner join landing.file as f using (file_id)",
    "delivery.extract": "select o.recipient, o.state, e.row_count, e.column_names"
    " from delivery.outbox as o left join delivery.extract as e using (extract_id)",
}
READERS = (
    "select distinct r.rolname, c.relname from pg_class as c"
    " inner join pg_namespace as n on n.oid = c.relnamespace and n.nspname = 'reporting'"
    " cross join lateral aclexplode(c.relacl) as a"
    " inner join pg_roles as r on r.oid = a.grantee"
    " where c.relkind = 'v' and a.privilege_type = 'SELECT' and not r.rolcanlogin order by 1, 2"
)


def mail_state(folder: Path, passwords: dict[str, str]) -> State:
    """The mails of *folder*: recipients, subject, text and the rows of each encrypted workbook.

    Args:
        folder: the mailbox.
        passwords: the password of each client's extracts, by client.
    """
    state: State = {}
    for file in folder.glob("*.eml"):
        mail = message_from_bytes(file.read_bytes(), policy=default)
        lines = [str(mail["Subject"])]
        for part in mail.iter_attachments():
            name = str(part.get_filename())
            lines += _workbook_lines(
                part.get_payload(decode=True), passwords[name.split(".", maxsplit=1)[0]]
            )
        state[f"mail to {mail['To']}: {mail['Subject']}"] = lines
    return state


def _workbook_lines(content: Any, password: str) -> list[str]:
    opened = io.BytesIO()
    locked = msoffcrypto.OfficeFile(io.BytesIO(content))
    locked.load_key(password=password)
    locked.decrypt(opened)
    sheets = pl.read_excel(opened, sheet_id=0, engine="calamine", has_header=False)
    lines = []
    for name, sheet in sheets.items():
        known = list(sheet.columns)
        lines += [f"{name}: {row}" for row in sheet.select(known).rows()]
    return lines


def _names(connection: psycopg.Connection[Any], schema: str, kind: str = "%") -> list[str]:
    found = connection.execute(
        "select table_name from information_schema.tables"
        " where table_schema = %s and table_type like %s order by 1",
        (schema, kind),
    )
    return [row[0] for row in found]


def _columns(connection: psycopg.Connection[Any], schema: str, table: str) -> list[str]:
    found = connection.execute(
        "select column_name from information_schema.columns"
        " where table_schema = %s and table_name = %s order by ordinal_position",
        (schema, table),
    )
    return [row[0] for row in found]


def _view_rows(connection: psycopg.Connection[Any], schema: str, view: str) -> list[str]:
    shown = [
        sql.Identifier(column)
        for column in _columns(connection, schema, view)
        if column not in SECRET_COLUMNS and not column.endswith("_key")
    ]
    query = sql.SQL("select {} from {}").format(
        sql.SQL(", ").join(shown), sql.Identifier(schema, view)
    )
    return _rows(connection, query)


def _star_rows(connection: psycopg.Connection[Any], table: str) -> list[str]:
    """The rows of a table of the star, surrogate keys replaced by what they lead to."""
    own = f"{table.removeprefix('dim_')}_key"
    parts: list[sql.Composable] = []
    for column in _columns(connection, "star", table):
        if column in LOAD_COLUMNS or column == own or column == "row_number":
            continue
        if column.endswith("_key") and not column.endswith("date_key"):
            parts.append(_natural_key(connection, column))
        else:
            parts.append(sql.SQL("t.{}").format(sql.Identifier(column)))
    query = sql.SQL("select {} from {} as t").format(
        sql.SQL(", ").join(parts), sql.Identifier("star", table)
    )
    return _rows(connection, query)


def _natural_key(connection: psycopg.Connection[Any], column: str) -> sql.Composable:
    dimension = f"dim_{column.removesuffix('_key')}"
    known = _columns(connection, "star", dimension)
    if not known:  # of no dimension: a key of the loader's own
        return sql.SQL("null")
    shown = [name for name in known if not name.endswith("_key") and name not in LOAD_COLUMNS]
    return sql.SQL("(select row({}) from {} as d where d.{} = t.{})::text").format(
        sql.SQL(", ").join(sql.SQL("d.{}").format(sql.Identifier(name)) for name in shown),
        sql.Identifier("star", dimension),
        sql.Identifier(column),
        sql.Identifier(column),
    )


def _rows(connection: psycopg.Connection[Any], query: sql.Composable) -> list[str]:
    return sorted(repr(row) for row in connection.execute(query))

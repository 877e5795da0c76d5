"""The state of a warehouse and its mailbox by natural keys, to compare two systems.

Surrogate keys, batch ids and load times differ between two loads of the same files. Here every
surrogate key is replaced by the natural key it leads to, and what tells one load from another is
left out, so that two systems agree exactly when they hold the same data.
"""

from __future__ import annotations

import io
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

import msoffcrypto
import polars as pl
import psycopg
from psycopg import sql

# Sorted rows as text, by the name of what holds them.
State = dict[str, list[str]]
# Columns that differ between two loads of the same files.
LOAD_COLUMNS = {"batch_id", "row_hash", "is_inferred", "loaded_at", "changed_at"}
# The same in views.
VIEW_COLUMNS = {"as_of", "patient_pseudonym", "provider_pseudonym"}

QUERIES = {
    "landing.batch": "select f.source_system, f.feed, f.file_name, b.state, b.rows_read,"
    " b.rows_accepted, b.rows_quarantined, b.rows_dropped, b.amounts::text"
    " from landing.batch as b inner join landing.file as f using (file_id)",
    "quality.issue": "select source_system, feed, file_name, row_number, record_key, column_name,"
    " rule, severity, raw_value, message, status from quality.issue",
    # Not the definition, which names its batch. The nightly audit may have looked at a source before its
    # load, or after it.
    "quality.check_result": "select distinct c.source_system, c.feed, f.file_name, c.table_name,"
    " c.check_name, c.outcome, c.severity, c.measured_value, c.failing_rows"
    " from quality.check_result as c"
    " left join landing.batch as b using (batch_id) left join landing.file as f using (file_id)",
    "quality.quarantine": "select f.source_system, f.feed, f.file_name, q.row_number, q.record_key,"
    " q.raw_row from quality.quarantine as q inner join landing.batch as b using (batch_id)"
    " inner join landing.file as f using (file_id)",
    "delivery.disclosure": "select recipient, row_count from delivery.disclosure",
    "delivery.outbox": "select o.recipient, o.state, e.row_count, e.column_names"
    " from delivery.outbox as o left join delivery.extract as e using (extract_id)",
}
# The calendar has 73,000 rows: a line for each year tells whether they are the same.
A_YEAR = sql.SQL(
    "select year, count(*), md5(string_agg(day::text, ' ' order by day::text)) from ({}) as day group by year"
)
READERS = (
    "select distinct l.login, l.role_name, c.relname from pg_class as c"
    " inner join pg_namespace as n on n.oid = c.relnamespace and n.nspname = 'reporting'"
    " cross join lateral aclexplode(c.relacl) as a"
    " inner join pg_roles as r on r.oid = a.grantee"
    " inner join security.login as l on l.role_name = r.rolname"
    # What is said of the pipeline itself is of its own times, tries and batches.
    " where c.relkind = 'v' and a.privilege_type = 'SELECT' and l.is_own_role and c.relname not like 'pipeline%'"
    " order by 1, 3"
)


def warehouse_state(connection: psycopg.Connection[Any], *, with_reports: bool = True) -> State:
    """Source tables, star, issues, quarantine, batches, outbox, ledger.

    With reports also count tables, metrics, and each published view as each reader sees it.
    """
    state: State = {}
    for schema in _source_schemas(connection):
        for table in _names(connection, schema, "BASE TABLE"):
            state[f"{schema}.{table}"] = _view_rows(connection, schema, table)
    for table in _names(connection, "star", "BASE TABLE"):
        state[f"star.{table}"] = _star_rows(connection, table)
    for name, query in QUERIES.items():
        state[name] = _rows(connection, sql.SQL(query))
    if not with_reports:
        return state
    for schema, kind in (("counts", "BASE TABLE"), ("metrics", "VIEW")):
        for relation in _names(connection, schema, kind):
            state[f"{schema}.{relation}"] = _view_rows(connection, schema, relation)
    for login, role, view in connection.execute(READERS).fetchall():
        with connection.transaction(force_rollback=True):
            connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
            state[f"{login}: {view}"] = _view_rows(connection, "reporting", view)
    return state


def mail_state(folder: Path, passwords: dict[str, str]) -> State:
    """The mails of *folder*: recipient, subject and the rows of each encrypted workbook.

    Args:
        folder: the mailbox.
        passwords: the password of each client's extracts, by client.
    """
    state: State = {}
    for file in folder.glob("*.eml"):
        mail = cast(EmailMessage, message_from_bytes(file.read_bytes(), policy=default))
        lines = state.setdefault(f"mail to {mail['To']}: {mail['Subject']}", [])
        lines.append("a mail")
        for part in mail.iter_attachments():
            client = str(part.get_filename()).split(".", maxsplit=1)[0]
            lines += _workbook_lines(part.get_payload(decode=True), passwords[client])
    return state


def differences(first: State, second: State) -> list[str]:
    """Up to three rows of each name that only one of two states holds; empty when they agree."""
    found = []
    for name in sorted(first.keys() | second.keys()):
        mine, other = first.get(name, []), second.get(name, [])
        if mine != other:
            found.append(f"{name}: {len(mine)} and {len(other)} rows")
            found += [f"  first: {row}" for row in _without(mine, other)[:3]]
            found += [f"  second: {row}" for row in _without(other, mine)[:3]]
    return found


def _without(rows: list[str], others: list[str]) -> list[str]:
    known = set(others)
    return [row for row in rows if row not in known]


def _workbook_lines(content: Any, password: str) -> list[str]:
    opened = io.BytesIO()
    locked = msoffcrypto.OfficeFile(io.BytesIO(content))
    locked.load_key(password=password)
    locked.decrypt(opened)
    sheets = pl.read_excel(opened, sheet_id=0, engine="calamine", has_header=False)
    return sorted(f"{name}: {row}" for name, sheet in sheets.items() for row in _timeless(sheet))


def _timeless(sheet: pl.DataFrame) -> list[tuple[Any, ...]]:
    """The rows of *sheet* but for the column, or the line of its cover, that says of when it is."""
    heading = sheet.row(0, named=True)
    rows = sheet.drop([column for column, title in heading.items() if title == "As of"]).rows()
    return [row for row in rows if row[0] != "Data as of"]


def _source_schemas(connection: psycopg.Connection[Any]) -> list[str]:
    found = connection.execute(
        "select nspname::text from pg_namespace where starts_with(nspname, 'source_') order by 1"
    )
    return [row[0] for row in found]


def _names(connection: psycopg.Connection[Any], schema: str, kind: str) -> list[str]:
    found = connection.execute(
        "select table_name from information_schema.tables"
        " where table_schema = %s and table_type = %s order by 1",
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
        if column not in VIEW_COLUMNS | LOAD_COLUMNS and not column.endswith("_key")
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
        if column in LOAD_COLUMNS or column in (own, "row_number"):
            continue
        if column.endswith("_key") and not column.endswith("date_key"):
            parts.append(_natural_key(connection, column))
        else:
            parts.append(sql.SQL("t.{}").format(sql.Identifier(column)))
    query = sql.SQL("select {} from {} as t").format(
        sql.SQL(", ").join(parts), sql.Identifier("star", table)
    )
    if table == "dim_date":
        query = A_YEAR.format(query)
    return _rows(connection, query)


def _natural_key(connection: psycopg.Connection[Any], column: str) -> sql.Composable:
    dimension = f"dim_{column.removesuffix('_key')}"
    shown = [
        sql.SQL("d.{}").format(sql.Identifier(name))
        for name in _columns(connection, "star", dimension)
        if not name.endswith("_key") and name not in LOAD_COLUMNS
    ]
    if not shown:  # of no dimension: a key of the loader's own
        return sql.SQL("null")
    return sql.SQL("(select row({})::text from {} as d where d.{} = t.{})").format(
        sql.SQL(", ").join(shown),
        sql.Identifier("star", dimension),
        sql.Identifier(column),
        sql.Identifier(column),
    )


def _rows(connection: psycopg.Connection[Any], query: sql.Composable) -> list[str]:
    return sorted(repr(row) for row in connection.execute(query))

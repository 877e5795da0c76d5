"""The way into the warehouse: one connection, one place where SQL files are found and rendered."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from psycopg import Connection, RawCursor, errors
from psycopg import sql as sql_text
from psycopg.rows import dict_row

from claimhouse import connections, privacy, revisions, settings

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Row = TypeVar("Row", bound="DataclassInstance")

_files = Environment(
    loader=FileSystemLoader([settings.CODE, settings.INCLUDE / "sql"]),
    undefined=StrictUndefined,
    keep_trailing_newline=True,
    autoescape=False,  # noqa: S701 (SQL, not HTML; only names of our own are rendered in)
)
_files.globals.update(privacy_levels=privacy.LEVELS, small_cells=privacy.SMALL_CELLS)


class WarehouseError(RuntimeError):
    """The server refused something; the message names what, and never a value of a row."""


class WrongRevision(WarehouseError):
    """The warehouse is older or newer than this code."""


class Canceled(WarehouseError):
    """A statement took longer than it may, or somebody canceled it."""


def url(name: str = settings.WAREHOUSE_CONNECTION) -> str:
    """The warehouse's address.

    Args:
        name: an Airflow connection. Before that of :data:`settings.WAREHOUSE_CONNECTION` comes ``WAREHOUSE_URL``.

    Raises:
        WarehouseError: it is not set.
    """
    is_default = name == settings.WAREHOUSE_CONNECTION
    if is_default and (address := os.environ.get("WAREHOUSE_URL")):
        return address
    connection = connections.find(name)
    if connection is None:
        either = "WAREHOUSE_URL, or " if is_default else ""
        raise WarehouseError(
            f"no warehouse is configured: set {either}the Airflow connection {name}"
        )
    return str(connection.get_uri()).replace("postgres://", "postgresql://", 1)


# A lock that every connection of a stage holds in shared mode, and an upgrade exclusively.
IN_USE = "hashtextextended('claimhouse.schema in use', 0)"
REVISION = "select version_num from public.schema_version"


@contextmanager
def connect(at: str | None = None) -> Iterator[Connection[Any]]:
    """A transaction in the warehouse: committed when the block ends, rolled back when it raises.

    Args:
        at: a ``postgresql://`` URL; the configured warehouse when left out.

    Raises:
        WarehouseError: in the place of any error of the server.
        WrongRevision: the warehouse is at another revision than this code.
    """
    with (
        without_values(),
        psycopg.connect(at or url(), application_name="claimhouse") as connection,
    ):
        _enter(connection)
        yield connection


@contextmanager
def without_values() -> Iterator[None]:
    """Raise errors of the server as errors whose message has no value of a row.

    Raises:
        Canceled: a statement was canceled.
        WarehouseError: any other error of the server.
    """
    try:
        yield
    except errors.QueryCanceled as error:
        raise Canceled(_without_values(error)) from None
    except psycopg.Error as error:
        raise WarehouseError(_without_values(error)) from None


def check_revision(revision: str | None) -> None:
    """Go on only in a warehouse that is at this code's revision.

    Raises:
        WrongRevision: it is at *revision*, which is another one.
    """
    if revision != revisions.head():
        raise WrongRevision(difference(revision))


def difference(revision: str | None) -> str:
    """What to do about a warehouse at *revision*, which is not this code's."""
    head = revisions.head()
    if revision is None:
        return "the warehouse has no schema yet: run `claimhouse upgrade`"
    if revision in revisions.known():
        return (
            f"the warehouse is at {revisions.described(revision)} and this version needs "
            f"{revisions.described(head)}: run `claimhouse upgrade`"
        )
    is_newer = revision.isdigit() and revision > head
    return (
        f"the warehouse is at revision {revision}, which this version does not know"
        + (f": it is newer than {revisions.described(head)}" if is_newer else "")
        + ". Install the version that upgraded it, or a later one."
    )


def _enter(connection: Connection[Any]) -> None:
    """Keep upgrades away until the connection ends, and check that the schema is this code's."""
    try:
        # Two statements in one round trip: the second sees what an upgrade did meanwhile.
        cursor = connection.execute(f"select pg_advisory_lock_shared({IN_USE});" + REVISION)
    except errors.UndefinedTable:
        raise WrongRevision(difference(None)) from None
    cursor.nextset()
    rows = cursor.fetchall()
    connection.commit()
    check_revision(", ".join(str(row[0]) for row in rows) or None)


def _without_values(error: psycopg.Error) -> str:
    """What happened, fit for a log that people without access to PHI read.

    The server's detail and context quote rows, and so do the messages of data exceptions
    (SQLSTATE class 22); names of tables and constraints do not.
    """
    diagnostics, code = error.diag, error.sqlstate
    if code is None:  # the connection itself: nothing of a row in it
        return f"{type(error).__name__}: {error}"
    what = "" if code.startswith("22") else diagnostics.message_primary
    where = [
        diagnostics.schema_name,
        diagnostics.table_name,
        diagnostics.column_name,
        diagnostics.constraint_name,
    ]
    return " ".join(filter(None, [f"{type(error).__name__} ({code})", what, *where]))


def sql(path: str, **names: Any) -> str:
    """The text of the SQL file *path* with *names* (identifiers of our own) filled in.

    Args:
        path: ``<room>/<file>`` is ``plugins/claimhouse/<room>/sql/<file>.sql``, or, where that room
            is a single module, ``plugins/claimhouse/sql/<room>/<file>.sql``; any other path is
            ``include/sql/<path>.sql``.
        names: what the template calls its parts.

    Raises:
        jinja2.TemplatesNotFound: there is no such file.
    """
    return _files.get_template(_place(path)).render(**names)


@cache
def _place(path: str) -> str:
    """Where the SQL file *path* lies, see :func:`sql`: a load asks for a few files hundreds of times."""
    room, _, file = path.partition("/")
    candidates = [f"{room}/sql/{file}.sql", f"sql/{path}.sql", f"{path}.sql"]
    return str(_files.select_template(candidates).name)


def rendered(file: Path) -> str:
    """The text of a SQL file anywhere, with what it includes of the project's files filled in."""
    return _files.from_string(file.read_text(encoding="utf-8")).render()


def constant(path: str, name: str) -> str:
    """What the Jinja file *path*, of constants and macros, calls *name*: defined once for SQL and Python."""
    return str(getattr(_files.get_template(path).module, name))


def expression(path: str, macro: str, **arguments: str) -> str:
    """What a macro of the Jinja file *path* gives, of those *arguments* that it has; in one line."""
    found = getattr(_files.get_template(path).module, macro)
    given = {name: arguments[name] for name in found.arguments if name in arguments}
    return " ".join(str(found(**given)).split())


def run(connection: Connection[Any], path: str, **names: Any) -> None:
    """Run every statement of the SQL file *path*, see :func:`sql`."""
    connection.execute(sql(path, **names).encode())


def query(
    connection: Connection[Any], path: str, *values: Any, **names: Any
) -> list[dict[str, Any]]:
    """Run the one statement of the SQL file *path* with *values* for ``$1``, ``$2``, ...

    Returns:
        The rows it yields, by column name; none for a statement that yields nothing.
    """
    with RawCursor(connection, row_factory=dict_row) as cursor:
        cursor.execute(sql(path, **names).encode(), values)
        return cursor.fetchall() if cursor.description else []


def query_as(
    connection: Connection[Any], row_type: type[Row], path: str, *values: Any, **names: Any
) -> list[Row]:
    """Like :func:`query`, with each row as an instance of the dataclass *row_type*.

    Raises:
        TypeError: the statement's columns are not the fields of *row_type*, whether it yields
            rows or not; the message names the difference.
    """
    with RawCursor(connection, row_factory=dict_row) as cursor:
        cursor.execute(sql(path, **names).encode(), values)
        columns = {column.name for column in cursor.description or ()}
        fields = {field.name for field in dataclasses.fields(row_type)}
        if columns != fields:
            missing, unknown = sorted(fields - columns), sorted(columns - fields)
            raise TypeError(
                f"{path}.sql does not yield a {row_type.__name__}: it lacks the columns "
                f"{missing}, and {row_type.__name__} lacks {unknown}"
            )
        return [row_type(**row) for row in cursor]


def columns(connection: Connection[Any], schema: str, relation: str) -> dict[str, str]:
    """The columns of a table or view in their order, and their types."""
    found = query(connection, "catalog/columns", schema, relation)
    return {str(row["name"]): str(row["type"]) for row in found}


def view_is_of(connection: Connection[Any], schema: str, view: str, text: str) -> bool:
    """Whether :func:`note_view` noted the view as one of *text*.

    To replace a view, even by itself, takes a lock that waits for everybody who reads it.
    """
    noted = query(connection, "catalog/comment", schema, view)
    return bool(noted) and noted[0]["comment"] == _noted(text)


def note_view(connection: Connection[Any], schema: str, view: str, text: str) -> None:
    """Note in the comment of a view of what text it is: its own, and that of what it follows from."""
    connection.execute(
        sql_text.SQL("comment on view {} is {}").format(
            sql_text.Identifier(schema, view), sql_text.Literal(_noted(text))
        )
    )


def _noted(text: str) -> str:
    return f"sha256 {hashlib.sha256(text.encode()).hexdigest()}"

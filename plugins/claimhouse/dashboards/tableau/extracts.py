"""Hyper extracts of publications, for a Tableau site that cannot read the warehouse itself.

Each holds what the own login of one reader sees of one report, read as that login, and never a restricted
specialty. On the site nothing of the warehouse protects it: it is published to a project of that reader alone,
and keeps what it has until the next publication.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg import Connection, errors, sql

from claimhouse import connections, settings, storage, warehouse
from claimhouse.dashboards.tableau import site
from claimhouse.reporting import readers
from claimhouse.reporting.readers import Reader

if TYPE_CHECKING:
    from tableauhyperapi import SqlType

log = logging.getLogger(__name__)

# What Tableau looks for in an extract.
SCHEMA = TABLE = "Extract"
# The digits that Tableau reads exactly; what has more, or any number, is a double.
_MOST_DIGITS = 18
_NUMERIC = re.compile(r"numeric\((\d+),(\d+)\)")
# Of the process that writes the file; what it does not find room for goes to disk.
_MEMORY = "512m"


class ExtractError(RuntimeError):
    """An extract that cannot be written; the message has no value of a row."""


class Refused(ExtractError):
    """An extract that must not be written."""


def due() -> list[str]:
    """The extracts that readers' files list, as ``<reader>.<report>``; none where no connection to a site exists.

    What a killed run left of others is removed.
    """
    if connections.find(site.CONNECTION) is None:
        return []
    listed = [
        f"{reader.name}.{report}"
        for reader in readers.load_all()
        for report in reader.tableau_extracts
    ]
    folder = _folder()
    if folder.exists():
        for left in folder.iterdir():
            if left.name not in listed:
                shutil.rmtree(left, ignore_errors=True)
    return listed


def publish(extract: str) -> int:
    """Write an extract and publish it to the site, in the place of the one before; safe to repeat.

    Args:
        extract: as :func:`due` lists it.

    Returns:
        How many rows it has.

    Raises:
        ExtractError: the rows cannot be read or written.
        claimhouse.dashboards.tableau.site.SiteError: the site does not take it.
        claimhouse.connections.MissingConnection: there is no connection to a site.
    """
    name, _, report = extract.partition(".")
    reader = next((entry for entry in readers.load_all() if entry.name == name), None)
    if reader is None or report not in reader.tableau_extracts:
        raise Refused(f"no file lists the extract {extract}")
    with _private(extract) as folder:
        # The site's list of data sources has the name of the file.
        path = folder / f"{extract}.hyper"
        count = write(reader, report, path)
        site.publish(path, project=reader.name, name=extract)
    log.info("published %s: %d rows", extract, count)
    return count


def write(reader: Reader, report: str, path: Path) -> int:
    """Write what the own login of *reader* sees of a report, as of one moment.

    Args:
        reader: whose login it is.
        report: a report of the reader.
        path: of the new file, in a folder that only its owner can read.

    Returns:
        How many rows it has.

    Raises:
        Refused: a restricted specialty is open to the login.
        ExtractError: nothing is published for the login yet, or a value fits no extract.
    """
    rows = path.with_suffix(".csv")
    # A connection of its own: a plan that is made for one reader must not be run for another.
    try:
        with warehouse.connect() as connection:
            connection.prepare_threshold = None
            with connection.transaction():
                role = _role(connection, reader)
            with connection.transaction():
                connection.execute("set transaction isolation level repeatable read, read only")
                _hold(connection, role, report)
                # The files are checked too; access may have been published from others, or anew.
                if _role(connection, reader, refuse=True) != role:
                    raise ExtractError(f"{reader.name} is being published: try again")
                connection.execute(_as(role))
                columns = warehouse.columns(connection, "reporting", report)
                _spool(connection, report, columns, rows)
        return _into_hyper(rows, columns, path)
    finally:
        rows.unlink(missing_ok=True)


def _role(connection: Connection[Any], reader: Reader, *, refuse: bool = False) -> str:
    """The database role of a reader's own login; *refuse* one that sees a restricted specialty."""
    found = warehouse.query(connection, "dashboards/tableau_reader", reader.role)
    if not found:
        raise ExtractError(f"{reader.name} reads nothing until the next publication")
    if refuse and found[0]["opens_restricted"]:
        raise Refused(f"{reader.name} sees a restricted specialty, which no extract may hold")
    return str(found[0]["role_name"])


def _hold(connection: Connection[Any], role: str, report: str) -> None:
    """Keep a report as it is, before the first query fixes what is seen: one made anew after that is empty."""
    connection.execute(_as(role))
    try:
        view = sql.Identifier("reporting", report)
        connection.execute(sql.SQL("lock table {} in access share mode").format(view))
    except (errors.UndefinedTable, errors.InsufficientPrivilege):
        raise ExtractError(f"{report} is not published to the reader yet") from None
    connection.execute("set local role none")


def _as(role: str) -> sql.Composed:
    return sql.SQL("set local role {}").format(sql.Identifier(role))


def _spool(connection: Connection[Any], report: str, columns: dict[str, str], path: Path) -> None:
    """Write the rows to a file, as the server sends them: they are never all in memory."""
    named = [{"name": name, "physical_type": kind} for name, kind in columns.items()]
    copy = warehouse.sql("dashboards/tableau_rows", report=report, columns=named)
    connection.execute("set local datestyle = 'ISO'")
    with (
        storage.new_file(path) as file,
        connection.cursor() as cursor,
        cursor.copy(copy.encode()) as lines,
    ):
        for line in lines:
            file.write(line)


def _into_hyper(rows: Path, columns: dict[str, str], path: Path) -> int:
    """Load the file of rows into a new extract, without a log, which would have the statement."""
    from tableauhyperapi import Connection as HyperConnection
    from tableauhyperapi import (
        CreateMode,
        HyperException,
        HyperProcess,
        TableDefinition,
        TableName,
        Telemetry,
        escape_string_literal,
    )

    table = TableDefinition(
        TableName(SCHEMA, TABLE),
        [TableDefinition.Column(name, _type(kind)) for name, kind in columns.items()],
    )
    copy = (
        f"copy {table.table_name} from {escape_string_literal(str(rows))}"
        " with (format csv, null '', delimiter ',', header false)"
    )
    parameters = {"log_config": "", "memory_limit": _MEMORY}
    try:
        with (
            HyperProcess(
                Telemetry.DO_NOT_SEND_USAGE_DATA_TO_TABLEAU, parameters=parameters
            ) as server,
            HyperConnection(server.endpoint, str(path), CreateMode.CREATE) as connection,
        ):
            connection.catalog.create_schema(SCHEMA)
            connection.catalog.create_table(table)
            return int(connection.execute_command(copy) or 0)
    except HyperException as error:  # its message quotes values
        raise ExtractError(
            f"Hyper did not take the rows (context {error.context_id!r}): a value fits no extract,"
            " such as NaN as an amount, or the disk is full"
        ) from None


def _type(postgres: str) -> SqlType:
    """The type of Hyper for a type of Postgres; text for any other."""
    from tableauhyperapi import SqlType

    if match := _NUMERIC.fullmatch(postgres):
        digits, scale = int(match[1]), int(match[2])
        return SqlType.numeric(digits, scale) if digits <= _MOST_DIGITS else SqlType.double()
    types = {
        "boolean": SqlType.bool,
        "date": SqlType.date,
        "smallint": SqlType.small_int,
        "integer": SqlType.int,
        "bigint": SqlType.big_int,
        "numeric": SqlType.double,
        "real": SqlType.double,
        "double precision": SqlType.double,
        "timestamp with time zone": SqlType.timestamp,
        "timestamp without time zone": SqlType.timestamp,
    }
    return types.get(postgres, SqlType.text)()


@contextmanager
def _private(extract: str) -> Iterator[Path]:
    """A folder that only its owner can read, removed at the end; so is what a killed run left of this extract."""
    place = _folder() / extract
    shutil.rmtree(place, ignore_errors=True)
    storage.make_private(place)
    folder = Path(tempfile.mkdtemp(dir=place))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if place.exists() and not os.listdir(place):  # noqa: PTH208
            place.rmdir()


def _folder() -> Path:
    return settings.extract_folder() / "tableau"

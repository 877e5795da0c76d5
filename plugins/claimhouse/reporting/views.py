"""The views of the schema ``reporting``: what readers read of each report."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from psycopg import Connection, sql

from claimhouse import glossary, warehouse
from claimhouse.reporting import roles
from claimhouse.reporting.reports import Report
from claimhouse.reporting.tables import Table

PUBLISHED_OWNER = "reporting_owner"
LIVE_OWNER = "identified_owner"


def create(
    connection: Connection[Any], reports: Mapping[str, Report], tables: Iterable[Table]
) -> list[str]:
    """Create the views of reports. A view that is as it should be is not touched: that would wait for its readers.

    Args:
        connection: a connection of the warehouse's owner.
        reports: all reports, by name.
        tables: the tables of those that are published.

    Returns:
        The names of the views.

    Raises:
        glossary.GlossaryError: a column of a report is not in ``include/columns.yaml``.
    """
    for owner in (PUBLISHED_OWNER, LIVE_OWNER):
        # A publisher who is no superuser drops, comments and grants what these roles own.
        roles.allow_acting_as(connection, owner, inherit=True)
    by_name = {table.report.name: table for table in tables}
    wanted = {
        name: _select(report, by_name)
        for name, report in reports.items()
        if report.is_live or report.reads or (name in by_name and not report.is_part)
    }
    existing = {
        row["view_name"]: row for row in warehouse.query(connection, "reporting/views/existing")
    }
    for name in existing.keys() - wanted.keys():
        connection.execute(sql.SQL("drop view reporting.{}").format(sql.Identifier(name)))
    for name, select in wanted.items():
        state = existing.get(name)
        owner = LIVE_OWNER if reports[name].is_live else PUBLISHED_OWNER
        is_barrier = _is_barrier(reports[name])
        definition = json.dumps([select, owner, reports[name].description, is_barrier])
        if state is None or state["definition"] != definition:
            if state is not None:
                connection.execute(sql.SQL("drop view reporting.{}").format(sql.Identifier(name)))
            _create(connection, reports[name], select, owner, is_barrier=is_barrier)
            warehouse.query(connection, "reporting/views/definition", name, definition)
    return sorted(wanted)


def _select(report: Report, tables: Mapping[str, Table]) -> str:
    """What the view of *report* selects."""
    with_as_of = [name for name, table in tables.items() if table.has_as_of]
    path = report.view or "reporting/views/view"
    table = tables.get(report.name)
    columns = [*table.shown, "as_of"] if table else []
    names = dict(report.names) | {"report": report.name, "fields": columns}
    text = warehouse.sql(path, with_as_of=with_as_of, **names)
    return text.strip().rstrip(";")


def _is_barrier(report: Report) -> bool:
    """Whether the view must keep a reader's conditions from rows that it does not show.

    Published rows are all the reader's own: others' are not in the plan. Readers of the star may read
    all of it. Without a barrier the planner sees that an order or a limit needs an index alone.
    """
    return report.is_live and not report.reads_star


def _create(
    connection: Connection[Any], report: Report, select: str, owner: str, *, is_barrier: bool
) -> None:
    warehouse.run(
        connection,
        "reporting/views/create",
        report=report.name,
        select=select,
        owner=owner,
        is_barrier=is_barrier,
        description=report.description.replace("'", "''"),
    )
    if described := report.names.get("meanings"):
        for column in warehouse.columns(connection, "reporting", report.name):
            meaning = described.get(column) or glossary.meaning_of("reporting", report.name, column)
            connection.execute(
                sql.SQL("comment on column {} is {}").format(
                    sql.Identifier("reporting", report.name, column), sql.Literal(meaning)
                )
            )
    else:
        glossary.comment(connection, "reporting", report.name)

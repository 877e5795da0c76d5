"""Reports: the views of the schema ``reporting``, their owners, and the folders they come from.

A report is a folder of ``include/sql/reporting`` with a ``view.sql``; ``rows.sql`` and
``summary.sql`` beside it are the sheets of an extract. The rows of a feed as they came are a report
without a folder, ``raw_<source system>_<feed>``.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from psycopg import Connection, sql

from claimhouse import contracts, glossary, privacy, settings, warehouse
from claimhouse.contracts import Column
from claimhouse.reporting import roles

# The owner of a report, by the beginning of its name. Row-level security binds all of them.
VIEW_OWNERS = {"identified_": "identified_owner", "raw_": "raw_owner", "": "reporting_owner"}

# Columns of a raw report that its feed does not have.
_ADDED_COLUMNS = ("batch_id", "row_number", "as_of")

_FOLDER = settings.INCLUDE / "sql" / "reporting"


def names() -> list[str]:
    """The reports that have a folder, by name."""
    return sorted(file.parent.name for file in _FOLDER.glob("*/view.sql"))


def folder(report: str) -> Path:
    """The folder of *report*."""
    return _FOLDER / report


def raw_report(source_system: str, feed: str) -> str:
    """The report with the rows of a feed as they came."""
    return f"raw_{source_system}_{feed}"


def create_views(connection: Connection[Any], feeds: Iterable[tuple[str, str]]) -> list[str]:
    """Drop the views of the schema ``reporting`` and create those of the reports of today.

    Args:
        connection: a connection of the warehouse's owner.
        feeds: the feeds, as (source system, feed), that have a raw report once rows have arrived.

    Returns:
        The names of the views.

    Raises:
        glossary.GlossaryError: a column of a report is not in ``include/columns.yaml``.
    """
    for row in warehouse.query(connection, "reporting/reports/views"):
        connection.execute(
            sql.SQL("drop view reporting.{}").format(sql.Identifier(row["view_name"]))
        )
    created = names()
    for name in created:
        warehouse.run(connection, f"reporting/{name}/view")
        glossary.comment(connection, "reporting", name)
    for source, feed in sorted(feeds):
        if warehouse.columns(connection, f"source_{source}", feed):
            created.append(_create_raw_view(connection, source, feed))
    return created


def set_owners(connection: Connection[Any], views: Iterable[str]) -> None:
    """Give each of *views* to its owner. Grants on it stay."""
    for owner in VIEW_OWNERS.values():
        roles.allow_acting_as(connection, owner)
    for view in views:
        owner = next(owner for start, owner in VIEW_OWNERS.items() if view.startswith(start))
        connection.execute(
            sql.SQL("alter view reporting.{} owner to {}").format(
                sql.Identifier(view), sql.Identifier(owner)
            )
        )


def _create_raw_view(connection: Connection[Any], source: str, feed: str) -> str:
    contract = contracts.of(source, feed)
    view = raw_report(source, feed)
    warehouse.run(
        connection,
        "reporting/reports/raw_view",
        view=view,
        source=source,
        schema=f"source_{source}",
        feed=feed,
        description=contract.description,
        columns=[_raw_column(column) for column in contract.columns],
        meanings={
            column: glossary.meaning_of("reporting", view, column) for column in _ADDED_COLUMNS
        },
    )
    return view


def _raw_column(column: Column) -> dict[str, str]:
    return {
        "name": column.name,
        "description": column.description,
        "lowest_level": privacy.lowest_level(column.classification),
    }

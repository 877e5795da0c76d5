"""Rendered SQL: the statements that a template becomes, as they would be run.

``claimhouse show FILE [SOURCE]`` prints them; nothing is run but queries of the catalog.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg
from jinja2 import TemplateNotFound, UndefinedError

from claimhouse import batches, contracts, settings, star, verification, warehouse

# A file of the load, and its text.
Rendered = tuple[str, str]


class ShowError(ValueError):
    """SQL that cannot be shown; the message says why."""


def show(file: str, subject: str | None = None, is_first: bool | None = None) -> list[Rendered]:
    """The SQL files that *file* names, rendered as they would be run.

    Args:
        file: as :func:`claimhouse.warehouse.sql` finds it: ``star/timeline``; or ``star/`` and a
            table of the star, for every statement that loads it: ``star/fact_encounter``.
        subject: the source system; for SQL of a feed, the feed: ``billing.claims``.
        is_first: show the form for a first load, or for a later one; as the star is when left out.

    Returns:
        The name and the text of each file.

    Raises:
        ShowError: there is no such file or source system, the file needs a source system and none
            is named, or the warehouse that the columns come from is not there.
    """
    room = file.partition("/")[0]
    if room == "star":
        return _star(file, _source(file, subject), is_first)
    if room == "verification":
        return [(file, _rendered(file, **verification.names(_contract(file, subject))))]
    return [(file, _rendered(file))]


def _star(file: str, source: str, is_first: bool | None) -> list[Rendered]:
    """The statements of a table, or those of all tables that *file* renders."""
    with _catalog() as connection:
        load = star.Load(connection, source, batches.in_state(connection, source, "checked"))
        if not star.has_mappings(connection, source):
            raise ShowError(
                f"the warehouse has no mapping views of {source}, whose columns the SQL lists: "
                f"load the source once"
            )
        tables = star.tables_of(load)
        table = file.removeprefix("star/")
        shown = [
            (statement.file, statement.text(source, load.batch_ids))
            for name in ([table] if table in tables else tables)
            for statement in star.statements(load, name, is_first)
            if table in tables or statement.file == file
        ]
    if not shown:
        raise ShowError(
            f"{source} loads nothing by {file}; its tables are "
            + ", ".join(f"star/{name}" for name in tables)
        )
    return shown


def _source(file: str, subject: str | None) -> str:
    sources = contracts.sources()
    if subject not in sources:
        raise ShowError(f"{file} needs a source system: {', '.join(sources)}")
    return subject


def _contract(file: str, subject: str | None) -> contracts.Contract:
    source, _, feed = (subject or "").partition(".")
    for contract in contracts.load_all():
        if (contract.source_system, contract.feed) == (source, feed):
            return contract
    raise ShowError(f"{file} needs a feed, such as billing.claims")


def _rendered(file: str, **names: Any) -> str:
    try:
        return warehouse.sql(file, **names)
    except TemplateNotFound:
        raise ShowError(f"there is no SQL file {file}") from None
    except UndefinedError as error:
        raise ShowError(f"{file} is rendered by its room alone: {error.message}") from None

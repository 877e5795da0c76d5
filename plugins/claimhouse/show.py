"""Rendered SQL: what a template becomes for one source system, as it would be run.

``claimhouse show FILE [SOURCE]`` prints it and runs nothing. The columns of the star's statements
come from the catalog, so these need the warehouse, with the source's mapping views in it.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from typing import Any

from jinja2 import TemplateNotFound, UndefinedError

from claimhouse import batches, contracts, star, verification, warehouse

# A SQL file, and its text.
Rendered = tuple[str, str]

_FOR_LINTERS = re.compile(r"^-- (?:sqlfluff:|noqa).*\n|  -- noqa.*$", re.MULTILINE)


class ShowError(ValueError):
    """SQL that cannot be shown; the message says why."""


def show(file: str, subject: str | None = None, is_first: bool | None = None) -> list[Rendered]:
    """The SQL files that *file* names, rendered.

    Args:
        file: as :func:`claimhouse.warehouse.sql` finds it, ``star/timeline``; or a table of the
            star, for all statements that load it, ``star/fact_encounter``.
        subject: a source system; for SQL of a feed, the feed: ``billing.claims``.
        is_first: show the form for a first load, or for a later one; as the star is when left out.

    Returns:
        The name and the text of each file.

    Raises:
        ShowError: there is no such file, source system or feed, or what renders it is missing.
    """
    room = file.partition("/")[0]
    if room == "star":
        return _of_star(file, subject, is_first)
    if room == "verification":
        return [(file, _render(file, **verification.names(_contract(file, subject))))]
    return [(file, _render(file))]


def as_text(rendered: Sequence[Rendered]) -> str:
    """Rendered files one below the other, each under its name, without what only linters read."""
    return "\n".join(
        f"-- {file}\n{_FOR_LINTERS.sub('', text).strip()}\n" for file, text in rendered
    )


def _of_star(file: str, source: str | None, is_first: bool | None) -> list[Rendered]:
    """The statements of one table, or those of all tables that *file* renders."""
    if source not in contracts.sources():
        raise ShowError(f"{file} needs a source system: {', '.join(contracts.sources())}")
    with warehouse.connect() as connection:
        load = star.Load(connection, source, batches.in_state(connection, source, "checked"))
        try:
            tables = star.tables_of(load)
            name = file.removeprefix("star/")
            rendered = [
                (statement.file, statement.text(source, load.batch_ids))
                for table in ([name] if name in tables else tables)
                for statement in star.statements(load, table, is_first)
                if name in tables or statement.file == file
            ]
        except star.MissingMapping as error:
            raise ShowError(str(error)) from None
    if not rendered:
        raise ShowError(
            f"no load of {source} runs {file}; it loads "
            + ", ".join(f"star/{table}" for table in tables)
        )
    return rendered


def _contract(file: str, feed: str | None) -> contracts.Contract:
    known = {contract.name: contract for contract in contracts.sound()}
    if feed not in known:
        raise ShowError(f"{file} needs a feed: {', '.join(known)}")
    return known[feed]


def _render(file: str, **names: Any) -> str:
    try:
        return warehouse.sql(file, **names)
    except TemplateNotFound:
        raise ShowError(f"there is no SQL file {file}") from None
    except UndefinedError as error:
        raise ShowError(f"{file} cannot be rendered by itself: {error.message}") from None


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: ``claimhouse show FILE [SOURCE] [--first | --later]``."""
    parser = argparse.ArgumentParser(
        prog="claimhouse show",
        description="Print a SQL file as it would be run for a source system; nothing is run.",
    )
    parser.add_argument(
        "file",
        help="star/fact_claim (what loads the table), star/timeline, mapping/billing/dim_patient,"
        " verification/table",
    )
    parser.add_argument("source", nargs="?", help="a source system, or a feed: billing.claims")
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--first", dest="is_first", action="store_true", default=None, help="for a first load"
    )
    form.add_argument("--later", dest="is_first", action="store_false", help="for a later load")
    given = parser.parse_args(arguments)
    try:
        rendered = show(given.file, given.source, given.is_first)
    except (ShowError, warehouse.WarehouseError) as error:
        parser.exit(1, f"claimhouse show: {error}\n")
    sys.stdout.write(as_text(rendered))


if __name__ == "__main__":
    main()

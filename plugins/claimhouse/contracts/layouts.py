"""How the files of a feed are laid out, as its contract says: one dialect, or a list of them."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Any

from claimhouse.contracts.cursor import Properties
from claimhouse.contracts.model import Column
from claimhouse.reading import Dialect, fold
from claimhouse.severity import SEVERITIES


def dialects(feed: Properties, columns: Sequence[Column]) -> list[Dialect]:
    """How a feed's files are written.

    Args:
        feed: its custom properties.
        columns: the contract's.

    Raises:
        YamlError: an option is not for the format, or contradicts another.
    """
    value = feed.get("dialect", {})
    ways = value if isinstance(value, list) and value else [value]
    return [_dialect(way, feed, columns) for way in ways]


def _dialect(options: dict[str, Any], feed: Properties, columns: Sequence[Column]) -> Dialect:
    try:
        codecs.lookup(options.get("encoding", Dialect.encoding))
    except LookupError:
        raise feed.error("dialect", f"encoding '{options['encoding']}' is not known") from None
    stated = dict(options)
    if "header" in options and options.get("format", "csv") != "csv":
        raise feed.error("dialect", "header is for csv")
    if "columns" in options and options.get("header") != "none":
        raise feed.error("dialect", "columns are for a file with 'header: none'")
    if options.get("header") == "none":
        stated["columns"] = _columns(options, feed, columns)
    if options.get("header") == "search":
        stated["names"] = [
            fold(name) for column in columns for name in (column.name, *column.aliases)
        ]
    return Dialect.of(stated)


def _columns(options: dict[str, Any], feed: Properties, columns: Sequence[Column]) -> list[str]:
    """The columns of a file without a header, by place."""
    known = {column.name: column for column in columns}
    names: list[str] = options.get(
        "columns", [column.name for column in columns if not column.from_file_name]
    )
    stated = [name for name in names if name]
    for name in stated:
        if name not in known:
            raise feed.error("dialect", f"columns: '{name}' is not a column")
    if twice := {name for name in stated if stated.count(name) > 1}:
        raise feed.error("dialect", f"columns: '{min(twice)}' occurs twice")
    missing = [name for name, column in known.items() if name not in stated and _is_needed(column)]
    if missing:
        raise feed.error("dialect", f"columns lack what each row needs: {', '.join(missing)}")
    return names


def _is_needed(column: Column) -> bool:
    is_needed = column.required and SEVERITIES[column.missing].quarantines_row
    return is_needed and not column.from_file_name

"""How the files of a feed are laid out, as its contract says: one dialect, or a list of them."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from claimhouse.contracts.cursor import Properties
from claimhouse.contracts.model import Column
from claimhouse.reading import Dialect, Records, Spot, fold
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
    records = _records(options, feed, columns)
    stated["records"] = records and asdict(records)
    if "header" in options and options.get("format", "csv") != "csv":
        raise feed.error("dialect", "header is for csv")
    if "columns" in options and options.get("header") != "none":
        raise feed.error("dialect", "columns are for a file with 'header: none'")
    if options.get("header") == "none":
        taken = records.columns_taken if records else ()
        stated["columns"] = _columns(options, feed, columns, taken)
    if options.get("header") == "search":
        stated["names"] = [
            fold(name) for column in columns for name in (column.name, *column.aliases)
        ]
    return Dialect.of(stated)


def _columns(
    options: dict[str, Any], feed: Properties, columns: Sequence[Column], taken: Sequence[str]
) -> list[str]:
    """The columns of a file without a header, by place; those *taken* are in other lines."""
    known = {column.name: column for column in columns}
    own = [
        name for name, column in known.items() if not column.from_file_name and name not in taken
    ]
    names: list[str] = options.get("columns", own)
    stated = [name for name in names if name]
    for name in stated:
        if name not in known:
            raise feed.error("dialect", f"columns: '{name}' is not a column")
    if twice := {name for name in [*stated, *taken] if [*stated, *taken].count(name) > 1}:
        raise feed.error("dialect", f"columns: '{min(twice)}' occurs twice")
    there = {*stated, *taken}
    missing = [name for name, column in known.items() if name not in there and _is_needed(column)]
    if missing:
        raise feed.error("dialect", f"columns lack what each row needs: {', '.join(missing)}")
    return names


def _is_needed(column: Column) -> bool:
    is_needed = column.required and SEVERITIES[column.missing].quarantines_row
    return is_needed and not column.from_file_name


def _records(
    options: dict[str, Any], feed: Properties, columns: Sequence[Column]
) -> Records | None:
    """The kinds of lines of a file that has several."""
    stated = options.get("records")
    if stated is None:
        return None
    form = options.get("format", "csv")
    if form not in ("csv", "fixed"):
        raise feed.error("dialect", "records are for csv and fixed")

    def spot(value: int | dict[str, int], name: str) -> Spot:
        if isinstance(value, dict) != (form == "fixed"):
            wanted = "{start: 1, length: 3}" if form == "fixed" else "the place of a field, from 1"
            raise feed.error("dialect", f"records: {name} must be {wanted} in a file of {form}")
        return (value["start"], value["length"]) if isinstance(value, dict) else (value,)

    records = Records(
        type=spot(stated["type"], "type"),
        rows=tuple(stated.get("rows", ())),
        header=stated.get("header", ""),
        trailer=stated.get("trailer", ""),
        others=tuple(stated.get("others", ())),
        count=spot(stated["count"], "count") if "count" in stated else (),
        counted=stated.get("counted", "rows"),
        sums=tuple((name, spot(value, "sums")) for name, value in stated.get("sums", {}).items()),
        taken=tuple(
            (kind, name, spot(value, "from"))
            for kind, spots in stated.get("from", {}).items()
            for name, value in spots.items()
        ),
    )
    _check_records(records, feed, columns)
    return records


def _check_records(records: Records, feed: Properties, columns: Sequence[Column]) -> None:
    """Refuse kinds of lines that contradict each other, and columns that are none."""
    kinds = [*records.rows, *records.others, records.header, records.trailer]
    kinds = [kind for kind in kinds if kind]
    if twice := {kind for kind in kinds if kinds.count(kind) > 1}:
        raise feed.error("dialect", f"records: '{min(twice)}' is given two meanings")
    for kind, _, _ in records.taken:
        if kind in (*records.rows, records.trailer):
            raise feed.error("dialect", f"records: from: '{kind}' is no kind above the rows")
    if (records.count or records.sums) and not records.trailer:
        raise feed.error("dialect", "records: count and sums are in a trailer; say which lines are")
    if records.counted != "rows" and not records.count:
        raise feed.error("dialect", "records: counted is of a count; say where the trailer has it")
    known = {column.name: column for column in columns}
    for name in (*(name for name, _ in records.sums), *records.columns_taken):
        if name not in known:
            raise feed.error("dialect", f"records: '{name}' is not a column")
    for name, _ in records.sums:
        if known[name].type not in ("decimal", "integer"):
            raise feed.error("dialect", f"records: sums: '{name}' is no number")
    if len(set(records.columns_taken)) < len(records.taken):
        raise feed.error("dialect", "records: from: a column is taken from two places")

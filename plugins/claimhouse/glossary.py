"""What the columns of the star and of the reports mean, from ``include/columns.yaml``.

A column has one sentence and one unit wherever it is; a table can have a sentence of its own for
it. The sentences are the columns' comments in the database, and make ``docs/star.md`` and
``docs/reports.md``. ``include/column_schema.yaml`` lists what the file can say.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection, sql

from claimhouse import settings, strict_yaml, warehouse

# Words that are spelled.
_INITIALS = {"id", "npi", "zip", "url"}
# A view of dim_date for one role of a date: dim_service_date has service_year and is_service_holiday.
_ROLE = re.compile(r"dim_(\w+)_date")


class GlossaryError(ValueError):
    """Columns without a meaning; the message names them."""


@dataclass(frozen=True)
class Entry:
    """What a column name means.

    Attributes:
        meaning: one sentence, without a period.
        unit: of a number: ``money``, ``count``, ``days``, ...; ``None`` for anything else.
        exceptions: the meaning in some relations, by ``<schema>.<relation>``.
    """

    meaning: str
    unit: str | None = None
    exceptions: Mapping[str, str] = field(default_factory=dict)


@functools.cache
def entries() -> Mapping[str, Entry]:
    """All entries, by column name.

    Raises:
        YamlError: the file says something it may not; the message names file and line.
    """
    document = strict_yaml.read(
        settings.INCLUDE / "columns.yaml", settings.INCLUDE / "column_schema.yaml"
    )
    return {
        name: Entry(entry["meaning"], entry.get("unit"), entry.get("in", {}))
        for name, entry in document.data.items()
    }


def title(column: str) -> str:
    """The name of a column, or of a cut, in plain words: ``claim_id`` is ``Claim ID``."""
    words = column.replace("_", " ").capitalize().split(" ")
    return " ".join(word.upper() if word.lower() in _INITIALS else word for word in words)


def unit_of(column: str) -> str | None:
    """The unit of a number, see :class:`Entry`; ``None`` where *column* has none or is unknown."""
    entry = entries().get(column)
    return entry.unit if entry else None


def meaning_of(schema: str, relation: str, column: str) -> str:
    """The sentence about *column* of ``<schema>.<relation>``.

    Raises:
        GlossaryError: there is none.
    """
    entry = entries().get(_without_role(relation, column))
    if entry is None:
        raise GlossaryError(f"include/columns.yaml has no {column}, of {schema}.{relation}")
    return entry.exceptions.get(f"{schema}.{relation}", entry.meaning)


def comment(connection: Connection[Any], schema: str, relation: str) -> int:
    """Make the comments of a relation's columns agree with the glossary; safe to repeat.

    Returns:
        How many comments were written.

    Raises:
        GlossaryError: a column has no meaning.
    """
    columns = warehouse.query(connection, "catalog/columns", schema, relation)
    missing = [column["name"] for column in columns if not _is_known(relation, column["name"])]
    if missing:
        raise GlossaryError(
            f"include/columns.yaml lacks columns of {schema}.{relation}: {', '.join(missing)}"
        )
    return _write(connection, schema, relation, columns)


def comment_star(connection: Connection[Any]) -> int:
    """:func:`comment` for every table and view of the star, without columns that nobody knows.

    Returns:
        How many comments were written.
    """
    written = 0
    for row in warehouse.query(connection, "catalog/relations", "star"):
        columns = warehouse.query(connection, "catalog/columns", "star", row["name"])
        known = [column for column in columns if _is_known(row["name"], column["name"])]
        written += _write(connection, "star", row["name"], known)
    return written


def _write(
    connection: Connection[Any], schema: str, relation: str, columns: Iterable[dict[str, Any]]
) -> int:
    """Write the comments that differ, for each one locks the relation; how many those were."""
    written = 0
    for column in columns:
        meaning = meaning_of(schema, relation, column["name"])
        if column["comment"] != meaning:
            connection.execute(
                sql.SQL("comment on column {} is {}").format(
                    sql.Identifier(schema, relation, column["name"]), sql.Literal(meaning)
                )
            )
            written += 1
    return written


def _is_known(relation: str, column: str) -> bool:
    return _without_role(relation, column) in entries()


def _without_role(relation: str, column: str) -> str:
    """The column of ``dim_date`` that *column* of one of its roles is; any other as it is."""
    role = _ROLE.fullmatch(relation)
    if role is None:
        return column
    return re.sub(rf"^(is_)?{role[1]}_", r"\1", column)

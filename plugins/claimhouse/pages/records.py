"""What a page shows of a row: its fields, what is wrong with them, the rules, and other versions of the record."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import polars as pl
from psycopg import Connection

from claimhouse import contracts, review, warehouse
from claimhouse.contracts import Column, Contract
from claimhouse.pages.masking import Mask, Value
from claimhouse.severity import SEVERITIES
from claimhouse.verification import names
from claimhouse.verification.judge import judge
from claimhouse.verification.rules import rules

TYPES = {
    "string": "text",
    "integer": "a whole number",
    "decimal": "a number",
    "boolean": "true or false",
    "date": "a date",
    "timestamp": "a date with a time",
}
# Rules that are no rule of a column: what they ask for.
OTHER_RULES = {
    "field_count": "Each row has as many fields as the header.",
    "conflicting_copy": "A record occurs once in a file. Of copies with different values the newest is kept.",
    "identical_copy": "A record occurs once in a file. Of identical copies one is kept.",
    "total_row": "Each row is a record. A total of other rows would count their money twice.",
    "lost_zeros": "The value has a fixed width; zeros that a spreadsheet took away are put back.",
    "misspelling": "The contract lists known misspellings, and what each means.",
    "money_format": "An amount is written without currency sign and separators.",
    "misread_encoding": "Text is UTF-8; what was read as another encoding is put right.",
    "digits_lost": "A workbook keeps 15 digits of a number; longer ones are text.",
    "version_in_future": "The version of a record is not later than the day after its file arrived.",
}


@dataclass(frozen=True)
class Field:
    """A field of a row.

    Attributes:
        value: None where there is none.
        problems: what is wrong with it, as sentences.
        severity: of the worst of them; empty where there is none.
    """

    column: Column
    value: Value | None
    problems: tuple[str, ...] = ()
    severity: str = ""


@dataclass(frozen=True)
class Version:
    """Another row of the same record.

    Attributes:
        what: ``accepted`` or ``quarantined``.
        values: by column, as :class:`Value`; None where there is none.
        differing: the columns in which it differs from the row.
        whole: the row as it came, where it could not be split into fields.
    """

    what: str
    batch_id: int
    row_number: int
    file_name: str
    day: Any
    issue_id: int | None
    values: dict[str, Value | None]
    differing: frozenset[str]
    whole: Value | None = None


def contract_of(source: str, feed: str | None) -> Contract | None:
    """The contract of a feed; None where there is none (any more), or it cannot be used."""
    with contextlib.suppress(contracts.ContractError):
        return next((known for known in contracts.of_source(source) if known.feed == feed), None)
    return None


def in_words(contract: Contract | None, issue: dict[str, Any]) -> list[str]:
    """The rule that an issue is about, in sentences."""
    rule, columns = issue["rule"], (issue["column_name"] or "").split("|")
    if contract is None:
        return [OTHER_RULES[rule]] if rule in OTHER_RULES else []
    for row_rule in contract.row_rules:
        if row_rule.name == rule:
            return [f"Between {' and '.join(row_rule.columns)}: {row_rule.expression}."]
    sentences = [OTHER_RULES[rule]] if rule in OTHER_RULES else []
    for column in contract.columns:
        if column.name in columns:
            sentences += _of_column(column)
    return sentences


def _of_column(column: Column) -> list[str]:
    """What the contract says of a column."""
    needed = "It is required. " if column.required else ""
    description = f"{column.description.rstrip('.')}. " if column.description else ""
    sentences = [f"{column.name}: {description}{needed}It is {TYPES[column.type]}."]
    for failure, _ in rules(column):
        if failure.rule != "required":
            sentences.append(f"Wrong where {failure.message[0].lower()}{failure.message[1:]}")
    return sentences


def values(row: dict[str, Any] | None, contract: Contract | None) -> dict[str, str] | None:
    """The values of a quarantined row by column; None where it cannot be split into fields."""
    if row is None or contract is None:
        return None
    found: dict[str, str] | None = None
    with suppress(review.ReviewError):
        found = _split(
            contract.source_system, contract.feed, row["batch_id"], row["row_number"], row["raw_row"],
            *(row[name] for name in ("sheet_name", "archive_path", "checksum", "size_bytes", "file_name")),
        )  # fmt: skip
    return found or _as_json(row["raw_row"])


@lru_cache(maxsize=512)
def _split(
    source: str, feed: str, batch_id: int, row_number: int, raw_row: str, sheet_name: str | None,
    archive_path: str, checksum: str, size_bytes: int, file_name: str,
) -> dict[str, str]:  # fmt: skip
    """See :func:`claimhouse.review.fields`; the archived file is read once for a row that is looked at."""
    row = {
        "batch_id": batch_id, "row_number": row_number, "raw_row": raw_row, "sheet_name": sheet_name,
        "archive_path": archive_path, "checksum": checksum, "size_bytes": size_bytes,
        "file_name": file_name,
    }  # fmt: skip
    return review.fields(contracts.of(source, feed), row)


def _as_json(raw_row: str) -> dict[str, str] | None:
    """The values of a row that was quarantined as it had been loaded."""
    try:
        found = json.loads(raw_row)
    except ValueError:
        return None
    return _texts(found) if isinstance(found, dict) else None


def _texts(row: dict[str, Any]) -> dict[str, str]:
    return {
        name: "" if value is None else str(value).lower() if value in (True, False) else str(value)
        for name, value in row.items()
    }


def row_fields(
    contract: Contract, row: dict[str, str], issues: Sequence[dict[str, Any]], mask: Mask
) -> list[Field]:
    """The fields of a row in the contract's order, with what is wrong with each."""
    found = []
    for column in contract.columns:
        problems = [
            issue for issue in issues if column.name in (issue["column_name"] or "").split("|")
        ]
        severities = {issue["severity"] for issue in problems}
        worst = "error" if "error" in severities else "warning" if severities else ""
        value = mask.value(contract, column.name, row.get(column.name))
        messages = tuple(dict.fromkeys(issue["message"] for issue in problems))
        found.append(Field(column, value, messages, worst))
    return found


def accepted_row(
    connection: Connection[Any], contract: Contract, batch_id: int, row_number: int
) -> dict[str, str] | None:
    """A row as it was accepted; None where it was not."""
    rows = warehouse.query(
        connection, "pages/accepted_row", batch_id, row_number, **names(contract)
    )
    return _texts(rows[0]["fields"]) if rows else None


def versions(
    connection: Connection[Any],
    contract: Contract,
    issue: dict[str, Any],
    row: dict[str, str] | None,
    mask: Mask,
) -> list[Version]:
    """The other rows of an issue's record: the accepted ones, then those in quarantine, the newest first."""
    key = issue["record_key"]
    if key is None:
        return []
    found = [
        _version("accepted", contract, _texts(other["fields"]), row, other, mask)
        for other in _accepted(connection, contract, key)
        if (other["batch_id"], other["row_number"]) != (issue["batch_id"], issue["file_row"])
    ]
    quarantined = warehouse.query(
        connection, "pages/quarantined_of_record",
        contract.source_system, contract.feed, key, issue["batch_id"], issue["file_row"],
    )  # fmt: skip
    found += [
        _version("quarantined", contract, values(other, contract), row, other, mask)
        for other in quarantined
    ]
    return found


def _version(
    what: str,
    contract: Contract,
    own: dict[str, str] | None,
    row: dict[str, str] | None,
    other: dict[str, Any],
    mask: Mask,
) -> Version:
    shown = own or {}
    return Version(
        what,
        other["batch_id"],
        other["row_number"],
        other["file_name"],
        other["received_date"],
        other.get("issue_id"),
        {
            column.name: mask.value(contract, column.name, shown.get(column.name))
            for column in contract.columns
        },
        frozenset(
            column.name
            for column in contract.columns
            if row is not None
            and not _is_same(column, row.get(column.name, ""), shown.get(column.name, ""))
        ),
        mask.value(contract, "", other.get("raw_row")) if own is None else None,
    )


def _is_same(column: Column, raw: str, other: str) -> bool:
    """Whether a field as received has the value *other*, which may be spelled as received or as loaded."""
    if raw == other:
        return True
    value = _loaded(column, raw)
    return value is not None and value in (_loaded(column, other), _as_loaded(column, other))


def _loaded(column: Column, raw: str) -> Any:
    """What verification makes of a field; None where it makes nothing of it."""
    judged = judge(column, pl.Series("raw", [raw or None], dtype=pl.String))
    return judged.each("value")[0]


def _as_loaded(column: Column, text: str) -> Any:
    """A value of the source table by its text in JSON."""
    kinds: dict[str, Callable[[str], Any]] = {
        "decimal": Decimal,
        "integer": int,
        "boolean": lambda flag: flag == "true",
        "date": date.fromisoformat,
        "timestamp": datetime.fromisoformat,
    }
    try:
        return kinds.get(column.type, str)(text)
    except (ValueError, ArithmeticError):
        return None


def _accepted(connection: Connection[Any], contract: Contract, key: str) -> list[dict[str, Any]]:
    parts = key.split("|")
    types = {column.name: column.physical_type for column in contract.columns}
    if len(parts) != len(contract.key):
        return []
    fit = all(
        warehouse.query(connection, "pages/is_valid", part, types[name])[0]["is_valid"]
        for name, part in zip(contract.key, parts, strict=True)
    )
    if not fit:
        return []
    return warehouse.query(
        connection, "pages/accepted_of_record", key, *parts, types=types, **names(contract)
    )


def check_of(connection: Connection[Any], issue: dict[str, Any]) -> dict[str, Any] | None:
    """The newest outcome of the check that an issue is about; None where it is about none."""
    rule = str(issue["rule"])
    if not rule.startswith("soda:"):
        return None
    found = warehouse.query(
        connection, "pages/check",
        issue["source_system"], issue["batch_id"], rule.removeprefix("soda:"),
    )  # fmt: skip
    return found[0] if found else None


def failing_rows(
    connection: Connection[Any], contract: Contract | None, check: dict[str, Any] | None, mask: Mask
) -> dict[str, Any]:
    """Examples of the rows that made a check fail: the names of their columns, and the rows."""
    rows = (
        warehouse.query(connection, "pages/failing_rows", check["check_result_id"]) if check else []
    )
    columns = list(dict.fromkeys(name for row in rows for name in row["failing_row"]))
    return {
        "columns": columns,
        "rows": [
            [mask.value(contract, name, row["failing_row"].get(name)) for name in columns]
            for row in rows
        ],
        "are_masked": any(mask.covers(contract, [name]) for name in columns) and bool(rows),
    }


def changed(row: dict[str, str], given: dict[str, str]) -> dict[str, str]:
    """The *given* values that are others than those of *row*; the others stay as they came."""
    return {
        name: value
        for name, value in given.items()
        if value != row.get(name, "").replace("\r\n", "\n")
    }


def still_wrong(contract: Contract, row: dict[str, str]) -> dict[str, str]:
    """By column, why the values of a row would keep it out again."""
    found: dict[str, str] = {}
    for column in contract.columns:
        judged = judge(column, pl.Series("raw", [row.get(column.name) or None], dtype=pl.String))
        for failure in judged.failures:
            if SEVERITIES[failure.severity].quarantines_row and not failure.is_correction:
                found.setdefault(column.name, failure.message)
    return found

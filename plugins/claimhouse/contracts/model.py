"""What a contract says, as data: every later room reads these instead of the YAML file."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

from claimhouse.reading import Dialect
from claimhouse.severity import ERROR
from claimhouse.word_lists import WordList

# What a value can reveal about a person, after the identifiers of 45 CFR 164.514(b)(2).
CLASSIFICATIONS = {
    "public": "nothing about a person",
    "identifier": "a number or code that stands for one person, claim or visit",
    "name": "a person's name, or part of it",
    "street": "an address, or a place finer than a ZIP code",
    "city": "any other place smaller than a state",
    "state": "a state",
    "zipcode": "a ZIP code",
    "date": "a day in a person's life or treatment",
    "birth_date": "the date of birth",
    "clinical": "health, race, sex, marital status",
    "financial": "money charged or paid for a person",
    "free_text": "written by hand: may hold any of the above",
}
# The types of a column in Postgres, and the logical type of each.
TYPES = {
    "text": "string",
    "date": "date",
    "timestamptz": "timestamp",
    "integer": "integer",
    "bigint": "integer",
    "smallint": "integer",
    "numeric": "decimal",
    "boolean": "boolean",
}

# How the name of a reviewer's correction begins: the batch and the row that it stands for.
CORRECTED_ROW = re.compile(r"batch[0-9]+_row[0-9]+")


@dataclass(frozen=True)
class NumberFormat:
    """How the numbers of a column are written; what it does not say is an issue, or no number.

    Attributes:
        decimal_mark: what stands before the decimals.
        group_mark: what may stand between groups of three digits; empty for nothing.
        implied_decimals: how many of the last digits are decimals, where no mark says so.
        overpunched: whether the last digit also has the sign, as in ``1234{``.
        negative: other ways to write a negative number than a hyphen before it: ``parentheses``,
            ``trailing``, ``CR``.
        currency: what may stand before or after a number.
    """

    decimal_mark: str = "."
    group_mark: str = ""
    implied_decimals: int = 0
    overpunched: bool = False
    negative: tuple[str, ...] = ()
    currency: str = ""

    @property
    def is_own(self) -> bool:
        """Whether a text that looks like a number means another one, or none, in this format."""
        return self.decimal_mark != "." or self.implied_decimals > 0 or self.overpunched


@dataclass(frozen=True)
class Column:
    """One column of a feed, and every rule for its values.

    Attributes:
        type: string, date, timestamp, integer, decimal or boolean.
        physical_type: its type in Postgres.
        aliases: other headers that mean this column.
        required: whether a value must be there.
        missing: the severity of an absent value, where the column is required.
        invalid: the severity of a value that breaks a rule, see :mod:`claimhouse.severity`.
        word_list: the closed list of the words it can hold, a file of ``include/reference``.
        date_formats: accepted formats, as strptime patterns.
        century: the first of the hundred years that a two-digit year is one of.
        time_zone: the zone of local times; times without one are UTC.
        no_value: words that mean no value, in any case.
        translations: the source's own right words, and the valid values that they mean; no issue.
        number: how its numbers are written, where not as digits and a point.
        corrections: known misspellings and what they mean; a correction is a warning.
        restore_zeros: the width to which lost leading zeros are restored; 0 for never.
        restore_from: the fewest digits a value may have left to be restored.
        from_file_name: a regular expression with one group, searched in the file's name: the
            value of every row of a file without this column.
        repair_encoding: whether misread UTF-8 is repaired; a repair is a warning.
        is_money: whether ``$`` and thousands separators are removed, with a warning.
        is_amount: money that must reconcile from the file to the star.
        classification: what it reveals about a person, see :data:`CLASSIFICATIONS`.
        kind: what it holds, see :mod:`claimhouse.contracts.plausibility`; empty where nothing tells.
        unchecked: rules of what is plausible that do not hold for it, and why.
    """

    name: str
    type: str
    physical_type: str
    description: str = ""
    aliases: tuple[str, ...] = ()
    required: bool = False
    missing: str = ERROR
    invalid: str = ERROR
    pattern: str | None = None
    word_list: WordList | None = None
    enum: tuple[str, ...] = ()
    minimum: str | None = None
    maximum: str | None = None
    max_length: int | None = None
    date_formats: tuple[str, ...] = ()
    century: int | None = None
    time_zone: str | None = None
    no_value: tuple[str, ...] = ()
    translations: dict[str, str] = field(default_factory=dict)
    number: NumberFormat | None = None
    true_values: tuple[str, ...] = ("true",)
    false_values: tuple[str, ...] = ("false",)
    corrections: dict[str, str] = field(default_factory=dict)
    restore_zeros: int = 0
    restore_from: int = 0
    from_file_name: str | None = None
    repair_encoding: bool = False
    is_money: bool = False
    is_amount: bool = False
    classification: str = "public"
    kind: str = ""
    unchecked: dict[str, str] = field(default_factory=dict)

    @property
    def scale(self) -> int:
        """Digits after the decimal point."""
        match = re.search(r",\s*(\d+)", self.physical_type)
        return int(match.group(1)) if match else 0

    @property
    def precision(self) -> int:
        """Digits in all; 38 where the type sets no limit."""
        match = re.search(r"\((\d+)", self.physical_type)
        return int(match.group(1)) if match else 38


@dataclass(frozen=True)
class Reference:
    """*column* holds keys of *to_column* in the feed *to_feed* of the same source system."""

    column: str
    to_feed: str
    to_column: str


@dataclass(frozen=True)
class RowRule:
    """What must hold between the columns of one row; a row that lacks a value breaks no rule.

    Attributes:
        name: the rule of the issues it raises.
        expression: SQL over the columns, as Polars reads it: ``stopped_at >= started_at``.
        columns: the columns it reads, in the contract's order.
        severity: what a row that breaks it costs, see :mod:`claimhouse.severity`.
        message: a sentence for a person.
    """

    name: str
    expression: str
    columns: tuple[str, ...]
    severity: str
    message: str


@dataclass(frozen=True)
class FileOrder:
    """Which of two deliveries of a feed is the newer one.

    Attributes:
        kind: ``arrival``; or ``date`` or ``number``, which is in the file's name.
        pattern: the regular expression that finds it in the name; empty for the last number.
        is_declared: whether the contract says so. If it does not, signals that contradict each
            other are reported.
    """

    kind: str = "arrival"
    pattern: str = ""
    is_declared: bool = False

    @property
    def text(self) -> str:
        """What the manifest remembers of it, to see when the contract has changed."""
        return f"{self.kind} {self.pattern}".strip()


@dataclass(frozen=True)
class Contract:
    """Everything known about one feed.

    Attributes:
        file: the YAML file it was read from.
        file_pattern: which files are the feed's, by name; empty where the content decides.
        dialect: how its files are written; the first one where there are several.
        other_dialects: the others; the content of a file tells which one applies.
        is_by_content: whether files are recognized by header and content, whatever their name.
        key: the names of the key columns, in order.
        version_column: the column that tells the newer of two versions of a record.
        freshness_days: after how many days without a new file a check warns.
        has_key_index: whether its source table is indexed by key.
        fetch_connection: the Airflow connection of the database the feed is fetched from, if any.
        latest_version: while a file is verified, the last day that a row's version can have: the
            day after the file arrived.
        file_order: which of two of its files is the newer one.
        rows_are_transactions: whether the rows of one key add up; otherwise a row is the record as
            it stands, and replaces what was known.
        is_draft: whether a person has yet to finish it; it claims no file until then.
        unchecked: rules of what is plausible that do not hold for the feed, and why.
        content_hash: what tells this version of it from any other.
        content: its text, and that of the lists it uses.
    """

    source_system: str
    feed: str
    file: Path
    version: str
    description: str
    file_pattern: str
    dialect: Dialect
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    version_column: str | None
    references: tuple[Reference, ...]
    freshness_days: int | None
    row_rules: tuple[RowRule, ...] = ()
    has_key_index: bool = True
    fetch_connection: str | None = None
    other_dialects: tuple[Dialect, ...] = ()
    is_by_content: bool = False
    is_draft: bool = False
    rows_are_transactions: bool = False
    file_order: FileOrder = FileOrder()
    latest_version: date | None = None
    unchecked: dict[str, str] = field(default_factory=dict)
    content_hash: str = ""
    content: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """``<source system>.<feed>``."""
        return f"{self.source_system}.{self.feed}"

    @property
    def amounts(self) -> tuple[Column, ...]:
        """The columns whose sums must reconcile."""
        return tuple(column for column in self.columns if column.is_amount)

    def of_kinds(self, *kinds: str) -> tuple[Column, ...]:
        """The columns of some kinds, by kind and then in the contract's order."""
        return tuple(
            column
            for kind in kinds
            for column in self.columns
            if column.kind and column.kind == kind
        )

    @property
    def summed(self) -> tuple[Column, ...]:
        """The columns whose sums are known of a file: amounts, and what its trailer sums up."""
        records = self.dialect.records
        stated = [name for name, _ in records.sums] if records else []
        return tuple(column for column in self.columns if column.is_amount or column.name in stated)

    @property
    def may_be_reversed(self) -> bool:
        """Whether an accepted row can take back an amount though rows are states."""
        return not self.rows_are_transactions and any(
            column.minimum is None or Decimal(column.minimum) < 0 for column in self.amounts
        )

    def from_name(self, file_name: str) -> dict[str, str]:
        """The columns whose value is in the name of a file, and the value."""
        matches = {
            column.name: re.search(column.from_file_name, file_name)
            for column in self.columns
            if column.from_file_name
        }
        return {name: match.group(1) for name, match in matches.items() if match}

    def told_by_name(self, file_name: str) -> str:
        """What the name of a file adds to its content; files that differ in it are different.

        Two transactions may be corrected to the same values: the name says which one is meant.
        """
        values = [f"{name}={value}" for name, value in self.from_name(file_name).items()]
        if self.rows_are_transactions and (row := CORRECTED_ROW.search(file_name)):
            values.append(row[0])
        return ",".join(values)

    def claims(self, file_name: str) -> bool:
        """Whether a file called *file_name* is of this feed; never where the content decides."""
        return not self.is_by_content and any(
            fnmatch.fnmatch(file_name, pattern) for pattern in self.file_pattern.split("|")
        )


def share_files(feeds: Sequence[Contract]) -> bool:
    """Whether *feeds*, which all claim a file by its name, each read another part of it.

    That is a sheet of its own, or lines of a kind of its own.
    """
    if len({contract.file_pattern for contract in feeds}) > 1:
        return False
    parts = [_part(contract.dialect) for contract in feeds]
    of_one_kind = len({bool(sheet) for sheet, _ in parts}) == 1
    return all(map(any, parts)) and of_one_kind and len(set(parts)) == len(parts)


def _part(dialect: Dialect) -> tuple[str, tuple[str, ...]]:
    """The sheet, or the kinds of lines, that a dialect says it reads; empty where it says none."""
    return dialect.sheet or "", dialect.records.rows if dialect.records else ()

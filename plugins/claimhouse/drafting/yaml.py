"""A draft contract as YAML, doubts as comments.

Names and values come from files and people, so every one of them passes :func:`as_yaml`: a header
named ``NULL``, ``no`` or ``1e3`` is text, and stays text whatever reads the YAML.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import yaml

from claimhouse.contracts import Column, NumberFormat
from claimhouse.counted import counted
from claimhouse.drafting.guess import Guess
from claimhouse.drafting.sample import Table
from claimhouse.reading import Dialect, Records, Spot
from claimhouse.verification import fold

# Words that YAML 1.1 or 1.2 reads as a boolean or null, in whatever case.
SPECIAL_WORDS = {"y", "yes", "n", "no", "true", "false", "on", "off", "null"}
# Text that no version of YAML reads as a number, date or syntax: words with single separators.
PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*([ ./*-][A-Za-z0-9_]+)*")


class _Dumper(yaml.SafeDumper):
    """Writes text between double quotes unless it is plain beyond doubt."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """A string as YAML."""
        is_plain = PLAIN.fullmatch(text) and text.lower() not in SPECIAL_WORDS
        return self.represent_scalar("tag:yaml.org,2002:str", text, None if is_plain else '"')


_Dumper.add_representer(str, _Dumper.represent_text)


@dataclass(frozen=True)
class Draft:
    """Everything a draft says.

    Attributes:
        file_name: the name of the file it is drafted from.
        is_by_content: whether the source's files are recognized by content.
        key: the names of the key columns.
        key_doubt: a sentence about the key; empty for none.
        closest: a sentence about the contract that is most like the file.
        rows: how many rows the guesses come from.
        has_names: whether the file names its columns; otherwise they are numbered.
        table: what the draft is of.
        layouts: how many drafts the file has.
        layout_doubt: a sentence about its lines; empty for none.
        taken: the columns whose values are in lines above the row.
    """

    source: str
    feed: str
    file_name: str
    dialect: Dialect
    is_by_content: bool
    guesses: Sequence[Guess]
    key: Sequence[str]
    key_doubt: str
    closest: str
    rows: int
    has_names: bool = True
    table: Table | None = None
    layouts: int = 1
    layout_doubt: str = ""
    taken: Sequence[str] = ()


def as_yaml(value: object) -> str:
    """A value as YAML of one line, which reads back as the same value."""
    listed = yaml.dump(
        [value],
        Dumper=_Dumper,
        default_flow_style=True,
        width=float("inf"),
        allow_unicode=True,
        sort_keys=False,
    )
    return listed.strip()[1:-1]


def write_draft(draft: Draft) -> str:
    """The whole contract."""
    return "\n".join(_lines(draft)) + "\n"


def _lines(draft: Draft) -> Iterator[str]:
    source, feed = as_yaml(draft.source), as_yaml(draft.feed)
    guessed = f"# A draft, guessed from {counted(draft.rows, 'row')} at the beginning of one file."
    yield f"{guessed} {draft.closest}".strip()
    if not draft.has_names:
        yield "# The first row of the file looks like a record and not like names of columns: it is not"
        yield "# shown here, and the columns are numbered. Name them as the sender describes the file."
    if draft.layouts > 1:
        several = "kinds of lines" if draft.dialect.records else "layouts on its sheets"
        yield f"# The file has {draft.layouts} {several}: each is a feed with its own draft."
    yield "# To finish it: answer the comments and delete them, describe every column, decide what"
    yield "# wrong and missing values cost, add rules; then set the status to active and move it to"
    yield f"# {as_yaml(f'include/schemas/{draft.source}/{draft.feed}.yaml')}."
    yield "# docs/contracts.md lists what a contract can say."
    yield "apiVersion: v3.2.0"
    yield "kind: DataContract"
    yield f"id: {as_yaml(f'urn:claimhouse:{draft.source}:{draft.feed}')}"
    yield f"name: {as_yaml(draft.feed.replace('_', ' ').capitalize())}"
    yield "version: 0.1.0"
    yield "status: draft"
    yield f"domain: {source}"
    yield "description:"
    yield "  purpose: TODO"
    yield "customProperties:"
    if draft.is_by_content:
        yield "  - {property: recognize, value: content}"
    else:
        yield f"  - {{property: filePattern, value: {as_yaml(_file_pattern(draft.file_name))}}}"
    if draft.layout_doubt:
        yield f"  # {draft.layout_doubt}"
    yield f"  - {{property: dialect, value: {as_yaml(_options(draft.dialect))}}}"
    yield "schema:"
    yield f"  - name: {feed}"
    yield "    logicalType: object"
    yield "    physicalType: table"
    yield "    dataGranularityDescription: TODO"
    yield "    properties:"
    if draft.key_doubt:
        yield f"      # {draft.key_doubt}"
    for guess in draft.guesses:
        yield from _column_lines(guess, draft.key)


def _file_pattern(file_name: str) -> str:
    """A pattern for files like this one: each number may be another."""
    # '|' separates patterns and cannot be escaped.
    return re.sub(r"\d+", "*", glob.escape(file_name)).replace("|", "?")


def _options(dialect: Dialect) -> dict[str, object]:
    """The options that are not the default, and always the format."""
    options = {
        option.name: getattr(dialect, option.name)
        for option in fields(Dialect)
        if option.name == "format" or getattr(dialect, option.name) != option.default
    }
    # Without a header the fields are the columns of the contract, unless one is not read.
    if all(dialect.columns):
        options.pop("columns", None)
    for name in ("columns", "widths"):
        if name in options:
            options[name] = [list(item) if name == "widths" else item for item in options[name]]
    if dialect.records:
        options["records"] = _records(dialect.records)
    return options


def _records(records: Records) -> dict[str, object]:
    """The kinds of lines, as a contract says them."""

    def place(spot: Spot) -> object:
        return spot[0] if len(spot) == 1 else {"start": spot[0], "length": spot[1]}

    giving: dict[str, dict[str, object]] = {}
    for kind, name, spot in records.taken:
        giving.setdefault(kind, {})[name] = place(spot)
    options: dict[str, object] = {
        "type": place(records.type),
        "rows": list(records.rows),
        "from": giving,
        "header": records.header,
        "trailer": records.trailer,
        "others": [kind for kind in records.others if kind not in giving],
        "count": records.count and place(records.count),
        "sums": {name: place(spot) for name, spot in records.sums},
    }
    return {name: value for name, value in options.items() if value}


def _column_lines(guess: Guess, key: Sequence[str]) -> Iterator[str]:
    column = guess.column
    for doubt in guess.doubts:
        yield f"      # {doubt}"
    yield f"      - name: {as_yaml(column.name)}"
    yield "        description: TODO"
    yield f"        logicalType: {'number' if column.type == 'decimal' else column.type}"
    yield f"        physicalType: {column.physical_type}"
    if column.name in key:
        yield "        primaryKey: true"
        yield f"        primaryKeyPosition: {key.index(column.name) + 1}"
    if column.required:
        yield "        required: true"
    options = {"pattern": column.pattern, "minimum": column.minimum, "maximum": column.maximum}
    if given := {name: value for name, value in options.items() if value is not None}:
        yield f"        logicalTypeOptions: {as_yaml(given)}"
    if column.enum:
        yield f"        enum: {as_yaml([{'value': value} for value in column.enum])}"
    if column.name not in key:
        metrics = ["invalidValues", *(["missingValues"] if column.required else [])]
        rules = [{"metric": metric, "mustBe": 0, "severity": "warning"} for metric in metrics]
        yield f"        quality: {as_yaml(rules)}"
    if column.is_amount:
        yield "        tags: [amount]"
    yield f"        classification: {column.classification}"
    if fold(guess.header) != fold(column.name):
        yield f"        synonyms: {as_yaml([{'synonym': guess.header}])}"
    yield from _custom_lines(guess)


def _zeros(column: Column) -> dict[str, int]:
    """The width of a code whose zeros are restored, and the fewest digits that it may have left."""
    if not column.restore_zeros:
        return {}
    return {"width": column.restore_zeros, "atLeast": column.restore_from}


def _number(form: NumberFormat | None) -> dict[str, object]:
    """How numbers are written, as a contract says it: what is not the default."""
    if form is None:
        return {}
    options = {
        "decimalMark": form.decimal_mark if form.decimal_mark != "." else "",
        "groupMark": form.group_mark,
        "impliedDecimals": form.implied_decimals,
        "overpunched": form.overpunched,
        "negative": list(form.negative),
        "currency": form.currency,
    }
    return {name: value for name, value in options.items() if value}


def _custom_lines(guess: Guess) -> Iterator[str]:
    column = guess.column
    custom: dict[str, object] = {
        "dateFormats": list(guess.formats),
        "century": column.century,
        "noValue": list(column.no_value),
        "number": _number(column.number),
        "trueValues": list(column.true_values) if column.type == "boolean" else [],
        "falseValues": list(column.false_values) if column.type == "boolean" else [],
        "money": column.is_money,
        "restoreZeros": _zeros(column),
    }
    if any(custom.values()):
        yield "        customProperties:"
        for name, value in custom.items():
            if value:
                yield f"          - {{property: {name}, value: {as_yaml(value)}}}"

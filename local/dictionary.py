"""The data dictionary, made from the contracts: ``python -m local.dictionary [--check]``.

The contracts as a page for people. ``--check`` fails if the page in ``docs/`` is not what the
contracts give now.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from claimhouse.contracts import (
    CLASSIFICATIONS,
    Column,
    Contract,
    NumberFormat,
    Reference,
    date_format,
    load_all,
)
from claimhouse.reading import Dialect, Records, Spot
from claimhouse.severity import SEVERITIES
from local import places

PAGE = places.ROOT / "docs" / "dictionary.md"
# Longer lists are cut.
MAX_SHOWN = 12

INTRODUCTION = """\
# Data dictionary

Every column of every feed. `make docs` makes this page from the contracts in `include/schemas/`;
change them, not it. [contracts.md](contracts.md) explains what a contract can say. The table of a
feed is `source_<source>.<feed>`; `source_<source>.<feed>_current` has the newest row of each record.

The **PHI class** of a column is what it reveals about a person (after 45 CFR 164.514(b)(2)), which
decides who may see it:
"""


def page(contracts: Sequence[Contract]) -> str:
    """The whole dictionary, as Markdown."""
    in_use = [contract for contract in contracts if not contract.is_draft]
    parts = [
        INTRODUCTION,
        markdown_table(("class", "the column holds"), CLASSIFICATIONS.items()),
    ]
    parts.append(_contents(in_use))
    for source, feeds in groupby(in_use, key=lambda contract: contract.source_system):
        parts.append(f"## {source}")
        parts += [_feed(contract) for contract in feeds]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _contents(contracts: Iterable[Contract]) -> str:
    rows = [
        (
            contract.source_system,
            f"[{contract.feed}](#{contract.source_system}{contract.feed})",
            contract.description,
        )
        for contract in contracts
    ]
    return markdown_table(("source system", "feed", "what it is"), rows)


def _feed(contract: Contract) -> str:
    """One feed: its files and keys, then its columns, then the rules between them."""
    parts = [
        f"### {contract.name}",
        contract.description + ".",
        "\n".join(f"* {fact}" for fact in _facts(contract)),
    ]
    references = {reference.column: _target(reference) for reference in contract.references}
    rows = [
        (
            f"**{column.name}**" if column.name in contract.key else column.name,
            f"`{column.physical_type}`",
            column.description,
            column.classification,
            _lines(_rules(column, column.name in contract.key, references.get(column.name))),
            _lines(_accepted(column)),
            _lines(_costs(column)),
        )
        for column in contract.columns
    ]
    titles = ("column", "type", "meaning", "PHI class", "rules", "accepted", "if it fails")
    parts.append(markdown_table(titles, rows))
    if contract.row_rules:
        rules = [
            (
                f"`{rule.name}`",
                f"`{rule.expression}`",
                rule.message,
                SEVERITIES[rule.severity].row_effect,
            )
            for rule in contract.row_rules
        ]
        parts.append(
            markdown_table(("rule of a row", "must hold", "meaning", "if it fails"), rules)
        )
    return "\n\n".join(parts)


def _facts(contract: Contract) -> Iterable[str]:
    yield f"contract version {contract.version}"
    if contract.is_by_content:
        yield "files: recognized by header and content, whatever their name"
    else:
        yield f"files: {_codes(contract.file_pattern.split('|'))}"
    for dialect in (contract.dialect, *contract.other_dialects):
        written = [dialect.format, dialect.encoding]
        if dialect.format == "csv":
            written.append(f"delimiter {dialect.delimiter!r}")
        if dialect.compression:
            written.append(dialect.compression)
        if dialect.sheet:
            written.append(f"sheet {dialect.sheet!r}")
        yield "format: " + ", ".join(written)
        yield from _layout(dialect)
    if contract.rows_are_transactions:
        yield "rows are transactions: those of a key add up"
    yield f"key: {_codes(contract.key)}"
    if contract.version_column:
        yield f"newest row of a key: by `{contract.version_column}`"
    if contract.amounts:
        yield f"amounts that must reconcile: {_codes(column.name for column in contract.amounts)}"
    if contract.freshness_days is not None:
        yield f"warning after {contract.freshness_days} days without a new file"
    yield from _unchecked(contract.unchecked)


def _layout(dialect: Dialect) -> Iterable[str]:
    """Where the columns of a file are, and which of its lines are rows."""
    if dialect.format == "csv" and not dialect.quote:
        yield "quotes have no meaning"
    if dialect.header == "search":
        yield "header: below lines of titles"
    if dialect.header == "none":
        named = [f"{place} {name}" for place, name in enumerate(dialect.columns, 1) if name]
        yield f"header: none; columns by place: {_codes(named) if named else 'those of the table'}"
    if dialect.widths:
        named = [f"{name} {start}-{start + length - 1}" for name, start, length in dialect.widths]
        yield f"columns by character: {_codes(named)}"
    if dialect.records:
        yield from _lines_of_kinds(dialect.records)


def _lines_of_kinds(records: Records) -> Iterable[str]:
    """The kinds of lines of a file, and what a trailer states."""
    kinds = f"the kind of a line: {_spot(records.type)}; rows: "
    kinds += _codes(records.rows) if records.rows else "whatever is no other kind"
    named = {"header": records.header, "trailer": records.trailer}
    kinds += "".join(f"; {name}: {_codes([kind])}" for name, kind in named.items() if kind)
    yield kinds + (f"; others: {_codes(records.others)}" if records.others else "")
    for kind, column, spot in records.taken:
        yield f"`{column}`: {_spot(spot)} of the last line {_codes([kind])} above"
    if records.count:
        yield f"the trailer counts the {records.counted}: {_spot(records.count)}"
    for column, spot in records.sums:
        yield f"the trailer sums up `{column}`: {_spot(spot)}"


def _spot(spot: Spot) -> str:
    """Where something is in a line."""
    if len(spot) == 1:
        return f"field {spot[0]}"
    start, length = spot
    return f"characters {start}-{start + length - 1}"


def _target(reference: Reference) -> str:
    return f"{reference.to_feed}.{reference.to_column}"


def _rules(column: Column, is_key: bool, reference: str | None) -> Iterable[str]:
    """What a value must be."""
    if is_key:
        yield "key"
    if column.required:
        yield "required"
    if column.enum:
        yield f"one of {_codes(column.enum)}"
    if column.word_list:
        yield f"a word of [{column.word_list.name}](../include/reference/{column.word_list.name}.csv)"
    if column.pattern:
        yield f"like `{column.pattern}`"
    if column.minimum is not None:
        yield f"at least {column.minimum}"
    if column.maximum is not None:
        yield f"at most {column.maximum}"
    if column.max_length is not None:
        yield f"at most {column.max_length} characters"
    if column.is_amount:
        yield "must reconcile"
    if reference:
        yield f"a key of {reference}"
    if column.kind:
        yield f"[plausible](contracts.md#what-is-plausible) as {column.kind.replace('_', ' ')}"
    yield from _unchecked(column.unchecked)


def _unchecked(rules: Mapping[str, str]) -> Iterable[str]:
    """The rules of what is plausible that do not hold, and why."""
    for rule, reason in rules.items():
        yield f"not `{rule}`: {reason}"


def _accepted(column: Column) -> Iterable[str]:
    """How a value may be written, and what is corrected."""
    yield from _dates(column)
    if column.number:
        yield from _numbers(column.number)
    if column.no_value:
        yield f"no value: {_codes(column.no_value)}"
    if column.translations:
        known = [f"{word} → {meant}" for word, meant in column.translations.items()]
        yield f"translated: {_codes(known)}"
    if column.type == "boolean":
        yield f"true: {_codes(column.true_values)}; false: {_codes(column.false_values)}"
    if column.is_money:
        yield "`$` and thousands separators are removed"
    if column.restore_zeros:
        yield (
            f"lost leading zeros are restored to {column.restore_zeros} digits, "
            f"where {column.restore_from} are left"
        )
    if column.repair_encoding:
        yield "misread UTF-8 is repaired"
    if column.corrections:
        known = [f"{wrong} → {right}" for wrong, right in column.corrections.items()]
        yield f"corrected: {_codes(known)}"
    if column.aliases:
        yield f"header also {_codes(column.aliases)}"
    if column.from_file_name:
        yield f"or from the file's name: `{column.from_file_name}`"


def _dates(column: Column) -> Iterable[str]:
    """How dates and times are written."""
    if column.date_formats:
        yield " or ".join(f"`{date_format(pattern)}`" for pattern in column.date_formats)
    if column.century:
        yield f"two digits are years from {column.century}"
    if column.time_zone:
        yield f"times of {column.time_zone}"


def _numbers(form: NumberFormat) -> Iterable[str]:
    """How numbers are written, where not as digits and a point."""
    if form.decimal_mark != ".":
        yield f"decimals after `{form.decimal_mark}`"
    if form.group_mark:
        yield f"digits grouped by `{form.group_mark}`"
    if form.implied_decimals:
        yield f"the last {form.implied_decimals} digits are decimals"
    if form.overpunched:
        yield "the last digit has the sign"
    if form.negative:
        yield f"negative also {_codes(form.negative)}"
    if form.currency:
        yield f"with `{form.currency}`"


def _costs(column: Column) -> Iterable[str]:
    """What happens if a value is missing or wrong."""
    if column.word_list:
        yield "another word: loaded as received, with a warning"
    if column.required and column.missing == column.invalid:
        yield f"missing or wrong: {SEVERITIES[column.invalid].value_effect}"
        return
    if column.required:
        yield f"missing: {SEVERITIES[column.missing].value_effect}"
    yield f"wrong: {SEVERITIES[column.invalid].value_effect}"


def _codes(values: Iterable[str]) -> str:
    """*values* as code; of a long list, the first."""
    listed = list(values)
    shown = ", ".join(f"`{value}`" for value in listed[:MAX_SHOWN])
    rest = len(listed) - MAX_SHOWN
    return shown if rest <= 0 else f"{shown} and {rest} more"


def _lines(parts: Iterable[str]) -> str:
    return "<br>".join(parts)


def markdown_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; a bar inside a cell is escaped."""
    body = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return "\n".join(
        ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles), *body],
    )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main(arguments: Sequence[str]) -> None:
    """Write the page; with ``--check``, only compare it with what would be written.

    Raises:
        SystemExit: the page is stale.
    """
    text = page(load_all())
    if "--check" not in arguments:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text:
        sys.exit(f"{PAGE.relative_to(places.ROOT)} is stale: run `make docs`")


if __name__ == "__main__":
    main(sys.argv[1:])
